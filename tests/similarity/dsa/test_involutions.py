"""Neighbours of a maximum: planted involutions, and what a neighbour is."""

import numpy as np
import pytest
import torch

from warpline.similarity.dsa import alignment, halving
from warpline.similarity.dsa.canonical import Problems, to_canonical
from warpline.similarity.dsa.starts import involution_starts, pad


def neighbours(problems, rotation, size, n_reversed, seed=0):
    aligned = rotation @ problems.target @ rotation.mT
    generators = [np.random.default_rng(seed + p) for p in range(len(rotation))]
    return involution_starts(generators, problems, rotation, aligned, size, np.array(n_reversed))


def value(problems, rotation):
    """<A, C B C^T> + <L, C> of each problem, from full matrices."""
    half = problems.frequencies.shape[-1]
    operator = problems.symmetric.clone()
    index = torch.arange(half)
    operator[:, index, index + half] -= problems.frequencies
    operator[:, index + half, index] += problems.frequencies
    total = (operator * (rotation @ problems.target @ rotation.mT)).sum((-1, -2))
    return total if problems.linear is None else total + (problems.linear * rotation).sum((-1, -2))


def weakly_coupled(rng, size):
    """An operator whose axes hardly mix: each reversal of axes is near a maximum of its own."""
    return np.diag(np.linspace(-1, 1, size)) + 0.02 * rng.standard_normal((size, size))


@pytest.mark.parametrize("size", [5, 10, 20])
@pytest.mark.parametrize("k", [1, 2])
def test_reversed_axes_are_found(size, k):
    """The maximum with k axes reversed looks converged; reversing k directions leads to the best one."""
    rng = np.random.default_rng(size + k)
    matrix = weakly_coupled(rng, size)
    operator = to_canonical(matrix)
    problems = Problems.of_pairs([operator], [operator])
    axes = rng.permutation(size)[:k]
    flip = np.diag(np.where(np.isin(np.arange(size), axes), -1.0, 1.0))
    basis = operator.basis[:size, :size]
    start = pad(torch.from_numpy(basis.T @ flip @ basis)[None], operator.padded)
    first = torch.zeros(1, dtype=int)
    lesser = halving._ascend(problems, first, start, 1e-6, 5000)
    assert lesser.converged
    assert lesser.value < 1 - 1e-4
    # Eight rounds of two neighbours.
    starts = [neighbours(problems, lesser.rotation, size, [[k] * 2], seed)[0] for seed in range(8)]
    ends = halving._ascend(problems, first.expand(16), torch.cat(starts), 1e-6, 5000)
    assert float(ends.value.max()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("size", [4, 7, 12])
def test_a_neighbour_reverses_so_many_directions(size):
    rng = np.random.default_rng(size)
    first, second = (to_canonical(matrix) for matrix in rng.standard_normal((2, size, size)))
    problems = Problems.of_pairs([first], [second])
    start = torch.from_numpy(np.linalg.qr(rng.standard_normal((1, size, size)))[0])
    start = pad(start, size % 2 == 1)
    # At a maximum most reversals lose, and the padding dimension, which loses nothing, must not be taken.
    rotation = halving._ascend(problems, torch.zeros(1, dtype=int), start, 1e-6, 5000).rotation
    counts = list(range(1, size // 2 + 1))
    starts = [neighbours(problems, rotation, size, [[k, k]])[0] for k in counts]
    for k, start in zip(np.repeat(counts, 2), torch.cat(starts), strict=True):
        involution = (start @ rotation[0].T).numpy()
        assert involution == pytest.approx(involution.T, abs=1e-6)
        eigenvalues = np.linalg.eigvalsh(involution)
        expected = np.where(np.arange(len(involution)) < k, -1.0, 1.0)
        assert eigenvalues == pytest.approx(expected, abs=1e-6)
        if size % 2:
            assert involution[-1] == pytest.approx(np.eye(size + 1)[-1], abs=1e-12)


def test_a_neighbour_is_better_than_random_reversals():
    """Of 200 random pairs of directions, hardly one loses less than the pair that was searched for."""
    rng = np.random.default_rng(3)
    size, k = 12, 2
    first, second = (to_canonical(matrix) for matrix in rng.standard_normal((2, size, size)))
    problems = Problems.of_pairs([first], [second])
    best = alignment.align_pairs([first, second], [(0, 1)])
    assert best[0].converged
    rotation = torch.from_numpy(first.basis.T @ best[0].rotation @ second.basis)[None]
    found = value(problems, neighbours(problems, rotation, size, [[k]])[:, 0])
    planes = np.linalg.qr(rng.standard_normal((200, size, k)))[0]
    flips = torch.from_numpy(np.eye(size) - 2 * planes @ planes.swapaxes(-1, -2))
    random = torch.stack([value(problems, flip @ rotation)[0] for flip in flips])
    assert float((random > found).double().mean()) <= 0.01


def test_with_a_linear_term_a_neighbour_takes_the_sign_that_the_term_prefers():
    rng = np.random.default_rng(4)
    size = 6
    first, second = (to_canonical(matrix) for matrix in rng.standard_normal((2, size, size)))
    problems = Problems.of_pairs([first], [second])
    rotation = torch.from_numpy(np.linalg.qr(rng.standard_normal((1, size, size)))[0])
    # The term prefers -C, and no reversal of up to three directions comes near it.
    problems.linear = -rotation
    starts = neighbours(problems, rotation, size, [[1, 2]])[0]
    assert bool(((problems.linear * starts).sum((-1, -2)) >= 0).all())


def test_operators_without_a_trace_free_part_stay_finite():
    operator = to_canonical(np.eye(4))
    problems = Problems.of_pairs([operator], [operator])
    starts = neighbours(problems, torch.eye(4, dtype=torch.float64)[None], 4, [[1, 2]])
    assert bool(torch.isfinite(starts).all())
