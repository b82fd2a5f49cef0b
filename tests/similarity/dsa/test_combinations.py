"""Combinations of maxima: planted reversals, and what is no combination."""

import numpy as np
import pytest
import torch

from warpline.similarity.dsa import halving
from warpline.similarity.dsa.alignment import align_pairs
from warpline.similarity.dsa.canonical import Problems, to_canonical
from warpline.similarity.dsa.combinations import best_distinct, combination_starts
from warpline.similarity.dsa.search import AlignmentSettings
from warpline.similarity.dsa.starts import pad


def reversed_axes(size, sets):
    """A problem whose axes hardly mix, and the maxima near some reversals of them, as ascents."""
    rng = np.random.default_rng(size)
    matrix = np.diag(np.linspace(-1, 1, size)) + 0.06 * rng.standard_normal((size, size))
    operator = to_canonical(matrix)
    problems = Problems.of_pairs([operator], [operator])
    basis = operator.basis[:size, :size]
    flips = [np.diag(np.where(np.isin(np.arange(size), axes), -1.0, 1.0)) for axes in sets]
    starts = pad(torch.from_numpy(np.stack([basis.T @ f @ basis for f in flips])), operator.padded)
    return problems, ascend(problems, starts)


def ascend(problems, starts):
    which = torch.zeros(len(starts), dtype=int)
    maxima = halving._ascend(problems, which, starts.contiguous(), 1e-6, 5000)
    return halving.Ascents(maxima.rotation[None], maxima.aligned[None], maxima.value[None])


@pytest.mark.parametrize("size", [9, 12])
def test_three_maxima_lead_to_a_fourth(size):
    """Reversals {0}, {3} and {0, 3} are maxima; what they have in common is the best one, none."""
    problems, maxima = reversed_axes(size, [[0], [3], [0, 3]])
    assert float(maxima.value.max()) < 1 - 1e-4
    starts, exist = combination_starts(problems, best_distinct(maxima), 1)
    assert exist.tolist() == [[True]]
    assert float(ascend(problems, starts[0]).value.max()) == pytest.approx(1, abs=1e-9)


def test_two_maxima_and_many_ascents_to_one_have_no_combination():
    problems, maxima = reversed_axes(10, [[0], [3], [3], [0]])
    distinct = best_distinct(maxima)
    assert int((distinct.value > -torch.inf).sum()) == 2
    _, exist = combination_starts(problems, distinct, 3)
    assert not exist.any()


def test_a_combination_is_none_of_the_maxima_nor_another_combination():
    # All four are known, so that each three of them lead back to the fourth.
    problems, maxima = reversed_axes(10, [[0], [3], [0, 3], []])
    _, exist = combination_starts(problems, best_distinct(maxima), 3)
    assert not exist.any()
    problems, maxima = reversed_axes(10, [[0], [3], [6], [0, 3]])
    starts, exist = combination_starts(problems, best_distinct(maxima), 3)
    assert exist.all()
    aligned = starts @ problems.target @ starts.mT
    distances = torch.cdist(aligned.flatten(-2), aligned.flatten(-2))[0]
    assert float((distances + torch.eye(3)).min()) > 0.05


def test_distinct_maxima_are_the_best_of_all_rounds():
    _, maxima = reversed_axes(10, [[k] for k in range(8)])
    values = maxima.value[0].sort(descending=True).values
    apart = maxima.select(torch.tensor([0]))
    first = best_distinct(
        halving.Ascents(apart.rotation[:, :2], apart.aligned[:, :2], apart.value[:, :2])
    )
    both = best_distinct(first, maxima)
    kept = both.value[0]
    assert kept.numpy() == pytest.approx(values[: len(kept)].numpy(), abs=1e-6)
    assert torch.allclose(first.value[0, :2], maxima.value[0, :2].float().sort(descending=True)[0])
    assert bool((first.value[0, 2:] == -torch.inf).all())


def test_with_a_linear_term_a_combination_takes_the_sign_that_the_term_prefers():
    problems, maxima = reversed_axes(10, [[0], [3], [0, 3]])
    # The term prefers -C at every maximum near the identity.
    problems.linear = -torch.eye(10, dtype=torch.float64)[None]
    starts, exist = combination_starts(problems, best_distinct(maxima), 1)
    assert exist.all()
    assert float((problems.linear[:, None] * starts).sum()) > 0


def test_few_first_starts_leave_room_for_combinations_later():
    operators = [to_canonical(m) for m in np.random.default_rng(2).standard_normal((2, 12, 12))]
    for first_starts in (1, 2, 7):
        settings = AlignmentSettings(first_starts=first_starts, max_starts=30)
        (result,) = align_pairs(operators, [(0, 1)], settings=settings)
        assert result.converged
        assert first_starts < result.n_starts <= 30
