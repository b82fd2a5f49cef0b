"""Ranks beyond what the data carry: the size at which a pair is compared."""

import numpy as np
import pytest

from warpline.similarity import dsa_input
from warpline.similarity.dsa import SettingsError, compare_pairs, dsa, represent, represent_held_out
from warpline.similarity.dsa.alignment import align_pairs
from warpline.similarity.dsa.canonical import to_canonical
from warpline.similarity.dsa.held_out import compare_held_out
from warpline.similarity.dsa.padding import carried_size, pairs_by_size


def walk(seed, shape=(6, 20, 2)):
    return np.random.default_rng(seed).standard_normal(shape).cumsum(axis=1)


def rows_at(rank, **settings):
    """Rows of two systems of 2 delays x 2 units, and of one of 3 delays x 3 units, at a rank."""
    settings = {"n_delays": 2, "rank": rank, **settings}
    operators = [represent(walk(k), settings=settings) for k in range(2)]
    operators.append(represent(walk(2, (6, 20, 3)), settings={**settings, "n_delays": 3}))
    assert [operator.rank for operator in operators] == [rank] * 3
    assert [operator.rank_used for operator in operators] == [4, 4, 9]
    return compare_pairs(operators, [(0, 1), (0, 2)], settings=settings)


@pytest.mark.slow
def test_a_rank_far_beyond_delays_times_units_changes_nothing():
    """The pair of 4 and 4 directions is compared at 8, that of 4 and 9 at 13, however high the rank."""
    enough = rows_at(13)
    for rank in (130, 1300):
        for row, reference in zip(rows_at(rank), enough, strict=True):
            assert row["dissimilarity"] == pytest.approx(reference["dissimilarity"], abs=1e-12)
            assert row["lower_bound"] == pytest.approx(reference["lower_bound"], abs=1e-12)
            assert row["rank_used"] == 4 and row["status"] == reference["status"]


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 2), (2, 3), (3, 3)])
def test_zeros_beyond_the_sum_of_both_ranks_change_no_angle(a, b):
    """Solved at the sum and, by the solver itself, at sizes above it."""
    rng = np.random.default_rng(10 * a + b)
    matrices = [rng.standard_normal((n, n)) for n in (a, b)]
    angles = []
    for size in (a + b, a + b + 1, a + b + 4):
        operators = [to_canonical(np.pad(m, (0, size - len(m)))) for m in matrices]
        (solved,) = align_pairs(operators, [(0, 1)])
        angles.append(solved.angle)
    np.testing.assert_allclose(angles, angles[0], atol=1e-9)


def test_fewer_zeros_do_change_the_angle():
    """1 and -1: opposite at size 1; at size 2, C turns one into the kernel of the other."""
    for size, angle in ((1, np.pi), (2, np.pi / 2), (3, np.pi / 2)):
        operators = [to_canonical(np.pad([[x]], (0, size - 1))) for x in (1.0, -1.0)]
        (solved,) = align_pairs(operators, [(0, 1)])
        assert solved.angle == pytest.approx(angle, abs=1e-7)


def test_the_warning_and_rank_used_stay_and_the_rotation_aligns():
    x, y = walk(3), walk(4)
    with pytest.warns(UserWarning, match=r"rank 400, got a lower rank for X \(4\), Y \(4\)"):
        result = dsa(x, y, n_delays=2, rank=400, rotation=True)
    assert result.rank_used == 4 and result.operators[0].rank == 400
    a, b = (operator.matrix for operator in result.operators)
    aligned = result.rotation @ b @ result.rotation.T
    cosine = (a * aligned).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert np.arccos(cosine) == pytest.approx(result.dissimilarity, abs=1e-7)


def test_held_out_and_driven_operators_of_a_higher_rank_give_the_same_rows():
    trials = [walk(k, (8, 20, 2)) for k in (5, 6)]
    rows = {}
    for rank in (8, 80):
        settings = {"n_delays": 2, "rank": rank, "max_starts": 4}
        held_out = [represent_held_out(x[:4], x[4:], settings=settings) for x in trials]
        inputs = np.random.default_rng(7).standard_normal((8, 20, 1))
        driven = [dsa_input.represent(x, inputs=inputs, settings=settings) for x in trials]
        rows[rank] = (
            compare_held_out(held_out, [(0, 1)], settings=settings)
            + dsa_input.compare_pairs(driven, [(0, 1)], settings=settings)
        )  # fmt: skip
    # To the last bits: sums over held-out trials run over arrays of another layout.
    for row, other in zip(rows[8], rows[80], strict=True):
        assert row.pop("status") == other.pop("status")
        assert row == pytest.approx(other, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("fit", [
    lambda x, **settings: represent(x, settings=settings),
    lambda x, **settings: represent_held_out(x[:3], x[3:], settings=settings),
    lambda x, **settings: dsa_input.represent(x, inputs=x[..., :1], settings=settings),
])  # fmt: skip
def test_a_rank_whose_zeros_fill_the_memory_is_refused(fit):
    with pytest.raises(SettingsError, match=r"at most delays x units, 4, .* got 100000"):
        fit(walk(8), n_delays=2, rank=10**5)


def test_sizes_of_pairs():
    matrix = np.zeros((5, 5))
    assert carried_size(matrix) == 0
    matrix[1, 2] = np.nan
    assert carried_size(matrix) == 3
    assert carried_size(matrix, np.eye(5)[:, :1]) == 3
    assert carried_size(matrix, np.eye(5)) == 5
    carried = {0: 0, 1: 3, 2: 4}
    pairs = [(1, 2), (0, 0), (2, 2), (1, 1), (2, 1)]
    assert pairs_by_size(carried, pairs, dict.fromkeys(carried, 7)) == {
        1: [1],
        6: [3],
        7: [0, 2, 4],
    }
    assert pairs_by_size(carried, pairs, {0: 7, 1: 3, 2: 5}) == {1: [1], 3: [3], 5: [0, 2, 4]}


def test_a_third_system_of_higher_rank_does_not_change_a_pair():
    """Of operators 1 and -1, which zeros would bring from 180 to 90 degrees; and the map has the pair's size."""
    trials = [np.cumprod(np.full((1, 30, 1), factor), axis=1) for factor in (0.9, -0.9)]
    settings = {"n_delays": 1, "rotation": True}
    operators = [represent(x, settings={**settings, "rank": 1}) for x in trials]
    operators.append(represent(walk(9), settings={**settings, "rank": 2}))
    (row,) = compare_pairs(operators[:2], [(0, 1)], settings=settings)
    in_a_set = compare_pairs(operators, [(0, 1), (0, 2)], settings=settings)
    assert row["dissimilarity"] == pytest.approx(np.pi, abs=1e-7)
    assert in_a_set[0]["dissimilarity"] == row["dissimilarity"]
    assert [one["rotation"].shape for one in in_a_set] == [(1, 1), (2, 2)]

    inputs = np.random.default_rng(10).standard_normal((6, 20, 1))
    driven = [
        dsa_input.represent(walk(k), inputs=inputs, settings={"rank": rank, "n_delays": 2})
        for k, rank in ((11, 2), (12, 2), (13, 4))
    ]
    (row,) = dsa_input.compare_pairs(driven[:2], [(0, 1)], settings={})
    assert dsa_input.compare_pairs(driven, [(0, 1), (0, 2)], settings={})[0] == row
