"""Ranks that are said to be doubtful: above what the data carry, of as few transitions, within a tie."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warpline
from warpline.similarity import dsa
from warpline.similarity.dsa_input import fit_driven_operator

X = np.random.default_rng(0).normal(size=(4, 10, 3))


def test_a_rank_beyond_what_the_data_carry_is_said():
    flat = X[..., :1] * np.ones(3)
    for call in (
        lambda: warpline.compare(flat, X, measure="dsa", n_delays=1, rank=3),
        lambda: warpline.compare([flat, X], measure="dsa", n_delays=1, rank=3),
        lambda: dsa.dsa(flat, X, n_delays=1, rank=3),
        lambda: dsa.dsa_matrix([flat, X], n_delays=1, rank=3),
    ):
        with pytest.warns(UserWarning, match="carry rank 3, got a lower rank for .*Ask for rank 1"):
            call()


def white(rng, n_trials, n_times):
    """States of four units and inputs of two channels: whatever is fitted, is noise."""
    return rng.normal(size=(n_trials, n_times, 4)), rng.normal(size=(n_trials, n_times, 2))


@pytest.mark.parametrize(
    "measure, settings, n_regressors",
    [
        ("dsa", {"n_delays": 1, "rank": 4}, 4),
        ("dsa", {"n_delays": 2, "rank": 7}, 7),
        ("dsa", {"n_delays": 1, "rank": 3, "offset": True}, 4),
        ("dsa_input", {"rank": 4}, 7),
        ("dsa_input", {"rank": 3, "offset": False}, 5),
        ("dsa_input", {"rank": 4, "n_input_delays": 2}, 9),
    ],
)
@pytest.mark.parametrize("n_trials", [1, 2, 3])
def test_as_few_transitions_as_regressors_are_said(measure, settings, n_regressors, n_trials, rng):
    """Up to so many the regression leaves no error, and beyond it does."""
    lost = max(settings.get("n_delays", 1), settings.get("n_input_delays", 1))
    for spare in (0, 1):
        n_times = lost + -(-(n_regressors + spare) // n_trials)
        n_transitions = n_trials * (n_times - lost)
        systems = [white(rng, n_trials, n_times) for _ in range(2)]
        (x, u), (y, v) = systems
        inputs = {"inputs": (u, v)} if measure == "dsa_input" else {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warpline.compare(x, y, measure=measure, **settings, **inputs)
        said = [str(w.message) for w in caught if "more transitions" in str(w.message)]
        assert len(said) == (n_transitions <= n_regressors)
        for message in said:
            assert f"({n_transitions} for {n_regressors})" in message


def test_few_transitions_of_a_notebook_call_and_of_windows_are_said(rng):
    (x, u), (y, v) = white(rng, 1, 8), white(rng, 1, 8)
    with pytest.warns(UserWarning, match=r"more transitions.*X \(3 for 3\)"):
        dsa.dsa(x, y, n_delays=5, rank=3)
    windows = {"measure": "dsa_input", "backend": "subspace", "n_delays": 2, "rank": 2}
    with pytest.warns(UserWarning, match=r"more transitions.*\(4 for 25\)"):
        warpline.compare(x, y, **windows, inputs=(u, v))


def test_few_transitions_of_either_half_are_said(rng):
    x, y = rng.normal(size=(2, 6, 6, 4))
    with pytest.warns(UserWarning, match=r"more transitions.*\(9 for 9\)"):
        warpline.compare(x, y, measure="dsa", n_delays=3, rank=9, split="halves")


def with_singular_values(values, rng):
    """Return states (trial, time, unit) with given singular values, and without means."""
    n = len(values)
    left = np.linalg.qr(np.c_[np.ones(2000), rng.normal(size=(2000, n))])[0][:, 1:]
    turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return (left * values @ turn).reshape(20, 100, n)


@pytest.mark.parametrize("n_units", [8, 120])
def test_equal_singular_values_at_the_rank_are_said(rng, n_units):
    values = np.linspace(2, 1, n_units)
    values[5] = values[4]
    x, y = (with_singular_values(values, rng) for _ in range(2))
    inputs = rng.normal(size=(20, 100, 2))
    said = "larger than the next, got equal ones for .*rank 5.* whitened"
    for call in (
        lambda rank: warpline.compare(x, y, measure="dsa", n_delays=1, rank=rank),
        lambda rank: dsa.dsa(x, y, n_delays=1, rank=rank),
        lambda rank: warpline.compare(x, y, measure="dsa_input", rank=rank, inputs=inputs),
    ):
        with pytest.warns(UserWarning, match=said):
            call(5)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="expected a singular value")
            call(4)
            call(6)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_the_gap_is_that_of_the_singular_values(seed):
    rng = np.random.default_rng(seed)
    n_units, rank = int(rng.integers(2, 150)), int(rng.integers(1, 20))
    values = np.sort(rng.uniform(0.2, 1, n_units) ** rng.uniform(1, 4))[::-1].copy()
    rank = min(rank, n_units - 1)
    if rng.random() < 0.5:
        values[rank] = values[rank - 1]
    found = dsa.fit_operator(with_singular_values(values, rng), n_delays=1, rank=rank).gap
    gap = 1 - values[rank] / values[rank - 1]
    assert abs(found - gap) < (0.02 if gap > 0.004 else 1e-9)
    whole = dsa.fit_operator(with_singular_values(values, rng), n_delays=1, rank=n_units)
    assert whole.gap == 1


def test_equal_singular_values_of_training_trials_are_said(rng):
    """Trials that are alike leave the tie to those that are not held out."""
    values = np.linspace(2, 1, 8)
    values[5] = values[4]
    x, y = (
        np.tile(with_singular_values(values, rng).reshape(1, -1, 8), (5, 1, 1)) for _ in range(2)
    )
    with pytest.warns(UserWarning, match="got equal ones for .*rank 5"):
        warpline.compare(x, y, measure="dsa", n_delays=1, rank=5, split=0.2)


def test_the_gap_of_a_subspace_is_that_of_its_coordinates(rng):
    x = with_singular_values(np.linspace(2, 1, 6), rng)
    inputs = rng.normal(size=(20, 100, 2))
    own = {"n_delays": 3, "backend": "subspace"}
    lower = fit_driven_operator(x, inputs, rank=4, **own)
    values = fit_driven_operator(x, inputs, rank=5, **own).singular_values
    assert lower.gap == pytest.approx(1 - values[4] / values[3], abs=1e-9)
