"""Golden tests against the package dsa-metric 2.0.2."""

import numpy as np
import pytest

pytest.importorskip("DSA")

from warpline.similarity.dsa import compare_pairs, fit_operator, represent
from warpline.similarity.dsa.reference import (
    reference_alignment,
    reference_operator,
    reference_wasserstein,
)
from warpline.similarity.dsa.wasserstein import eigenvalues


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before[0])
    assert torch.get_default_dtype() == before[1]


def lorenz(r, n_trials=40, n_times=120, seed=0, dt=0.01):
    """Euler steps of the Lorenz system, scaled to the unit interval."""
    x = np.random.default_rng(seed).uniform(-10, 10, (n_trials, 3))
    x[:, 2] += 10
    states = np.empty((n_trials, n_times, 3))
    for t in range(n_times):
        states[:, t] = x
        u, v, w = x.T
        x = x + dt * np.stack([10 * (v - u), r * u - v - u * w, u * v - 2.667 * w], axis=1)
    low, high = states.min((0, 1)), states.max((0, 1))
    return (states - low) / (high - low)


@pytest.mark.parametrize("ridge", [0.0, 1e-8, 0.5])
@pytest.mark.parametrize(
    ("r", "n_delays", "interval", "rank"), [(0.5, 10, 2, 8), (10, 20, 4, 20), (40, 20, 4, 30)]
)
def test_operators_are_those_of_the_reference(r, n_delays, interval, rank, ridge):
    states = lorenz(r)
    arguments = {"n_delays": n_delays, "delay_interval": interval, "rank": rank, "ridge": ridge}
    ours = fit_operator(states, **arguments)
    theirs, singular_values = reference_operator(states, **arguments)
    condition = singular_values[0] / singular_values[rank - 1]
    np.testing.assert_allclose(
        ours.singular_values, singular_values[:rank], rtol=1e-14 * condition**2
    )
    # Directions turn into each other in proportion to eps * condition^2 (gram) or eps * condition
    # (qr), over the relative gap to the next singular value.
    power = 2 if ours.method == "gram" else 1
    gaps = np.diff(np.log(singular_values[: rank + 1]))
    tolerance = 1e-15 * condition**power / np.abs(gaps).min() + 1e-12
    assert tolerance < 1e-6
    np.testing.assert_allclose(ours.matrix, theirs, atol=tolerance)


def test_wasserstein_is_that_of_the_reference():
    settings = {"n_delays": 10, "delay_interval": 2, "rank": 8, "score": "wasserstein"}
    operators = [represent(lorenz(r), settings=settings) for r in (0.5, 10, 40)]
    pairs = [(0, 1), (1, 2), (2, 0), (1, 1)]
    rows = compare_pairs(operators, pairs, settings=settings)
    theirs = compare_pairs(operators, pairs, settings={**settings, "solver": "reference"})
    for (i, j), row, other in zip(pairs, rows, theirs, strict=True):
        golden = reference_wasserstein(*(eigenvalues(operators[k].matrix) for k in (i, j)))
        assert row["dissimilarity"] == pytest.approx(golden, abs=1e-12)
        assert other["dissimilarity"] == golden


def test_wasserstein_of_unequal_ranks_is_that_of_the_package_s_own_class():
    """Its class DSA, from states to score: it hands eigenvalues on, and pads nothing."""
    from DSA import DSA

    states = [lorenz(r) for r in (10, 40)]
    operators = [
        represent(x, settings={"n_delays": 10, "delay_interval": 2, "rank": rank})
        for x, rank in zip(states, (5, 8), strict=True)
    ]
    row = compare_pairs(operators, [(0, 1)], settings={"score": "wasserstein"})[0]
    package = DSA(*states, n_delays=10, delay_interval=2, rank=[5, 8], score_method="wasserstein")
    # The package works in single precision.
    assert row["dissimilarity"] == pytest.approx(package.fit_score(), rel=1e-4)
    golden = reference_wasserstein(*(eigenvalues(operator.matrix) for operator in operators))
    assert row["dissimilarity"] == pytest.approx(golden, abs=1e-12)


@pytest.mark.slow
def test_the_angle_is_not_above_that_of_the_reference():
    settings = {"n_delays": 10, "delay_interval": 2, "rank": 8}
    operators = [represent(lorenz(r), settings=settings) for r in (0.5, 10, 40)]
    pairs = [(0, 1), (1, 2), (0, 0)]
    rows = compare_pairs(operators, pairs, settings=settings)
    slow = {**settings, "solver": "reference", "iterations": 150}
    theirs = compare_pairs(operators, pairs, settings=slow)
    for row, other in zip(rows, theirs, strict=True):
        assert row["dissimilarity"] <= other["dissimilarity"] + 1e-4
        assert row["lower_bound"] == other["lower_bound"]
        assert other["status"] == "max_steps"
        assert other["gradient_norm"] > row["gradient_norm"]


def test_the_reference_wrapper_agrees_with_its_own_score():
    import torch
    from DSA.simdist import SimilarityTransformDist

    a, b = np.random.default_rng(0).standard_normal((2, 5, 5))
    ours = reference_alignment(a, b, iterations=30, seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        score = SimilarityTransformDist(iters=30, lr=0.01, score_method="angular").fit_score(
            a.copy(), b.copy()
        )
    assert ours.angle == pytest.approx(float(score), abs=1e-4)
    np.testing.assert_allclose(ours.rotation @ ours.rotation.T, np.eye(5), atol=1e-12)


def test_reference_rows_do_not_depend_on_the_order_of_a_pair():
    settings = {"n_delays": 5, "rank": 5, "solver": "reference", "iterations": 20}
    operators = [represent(lorenz(r), settings=settings) for r in (10, 40)]
    one, two = compare_pairs(operators, [(0, 1), (1, 0)], settings=settings)
    assert one["dissimilarity"] == pytest.approx(two["dissimilarity"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [20, 40])
def test_long_runs_of_the_reference_stay_above(rank):
    settings = {"n_delays": 20, "delay_interval": 4, "rank": rank}
    operators = [represent(lorenz(r), settings=settings) for r in (10, 15, 30, 50)]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    rows = compare_pairs(operators, pairs, settings=settings)
    theirs = compare_pairs(
        operators, pairs, settings={**settings, "solver": "reference", "iterations": 1000}
    )
    for row, other in zip(rows, theirs, strict=True):
        assert row["dissimilarity"] <= other["dissimilarity"] + 1e-4
