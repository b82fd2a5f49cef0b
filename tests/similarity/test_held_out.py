"""Maps fitted to some trials and judged on others, and the aligning matrix of DSA."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

import warpline
from warpline.similarity import procrustes
from warpline.similarity.dsa import (
    SettingsError,
    compare_held_out,
    dsa,
    fit_operator,
    represent_held_out,
)
from warpline.similarity.dsa.hankel import delay_embed
from warpline.similarity.input_errors import RankError, TrialError


def walk(seed, shape=(12, 25, 4)):
    return np.random.default_rng(seed).standard_normal(shape).cumsum(axis=1)


def random_orthogonal(seed, n):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def angle(a, b):
    return np.arccos(np.clip((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))


# --- the aligning matrix ---------------------------------------------------------------------------


def test_the_rotation_aligns_the_operators():
    x = walk(0)
    result = dsa(x, x @ random_orthogonal(1, 4), n_delays=2, rank=5, rotation=True)
    a, b = (operator.matrix for operator in result.operators)
    c = result.rotation
    np.testing.assert_allclose(c @ c.T, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(a, c @ b @ c.T, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["newton", "reference"])
@pytest.mark.parametrize("seeds", [(2, 3), (3, 2)])
def test_the_angle_is_that_after_the_rotation(solver, seeds):
    result = dsa(
        *map(walk, seeds), n_delays=2, rank=5, rotation=True, solver=solver, iterations=200
    )
    a, b = (operator.matrix for operator in result.operators)
    aligned = result.rotation @ b @ result.rotation.T
    assert angle(a, aligned) == pytest.approx(result.dissimilarity, abs=1e-6)


def test_rotation_of_padded_operators_and_of_sets():
    two = walk(4, (12, 25, 2))
    result = dsa(two, walk(5), n_delays=1, rank=4, rotation=True)
    a, b = (operator.matrix for operator in result.operators)
    assert not a[2:].any() and result.rotation.shape == (4, 4)
    aligned = result.rotation @ b @ result.rotation.T
    assert angle(a, aligned) == pytest.approx(result.dissimilarity, abs=1e-6)
    table = warpline.compare(
        [two, walk(5), walk(6)], measure="dsa", n_delays=1, rank=4, rotation=True
    ).table
    np.testing.assert_allclose(table["rotation"][0], result.rotation, atol=1e-6)


def test_there_is_no_rotation_unless_asked_for_and_none_between_spectra():
    assert dsa(walk(0), walk(1), n_delays=1, rank=3).rotation is None
    with pytest.raises(SettingsError, match="score angle"):
        dsa(walk(0), walk(1), n_delays=1, rank=3, rotation=True, score="wasserstein")


# --- DSA on held-out trials ------------------------------------------------------------------------

SETTINGS = {"n_delays": 2, "rank": 5}


def naive_held_out(train, test, ridge=0.0):
    """Both operators in the whitened coordinates of the training trials, by a whole decomposition."""
    rows = [delay_embed(np.stack(x), 2, 1) for x in (train, test)]
    width = rows[0].shape[-1]
    _, values, right = np.linalg.svd(rows[0].reshape(-1, width), full_matrices=False)
    operators = []
    for block in rows:
        scale = np.sqrt(len(rows[0]) / len(block))
        v = block @ (right[:5].T / values[:5]) * scale
        past, future = v[:, :-1].reshape(-1, 5), v[:, 1:].reshape(-1, 5)
        operators.append(np.linalg.solve(past.T @ past + ridge * np.eye(5), past.T @ future).T)
    return operators


@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_held_out_operators_are_those_in_the_training_basis(ridge):
    train, test = walk(0), walk(1, (5, 25, 4))
    representation = represent_held_out(train, test, settings={**SETTINGS, "ridge": ridge})
    expected = naive_held_out(train, test, ridge)
    for matrix, naive in zip(
        (representation.matrix, representation.held_out), expected, strict=True
    ):
        # Up to the signs of the training directions, which both share.
        np.testing.assert_allclose(np.abs(matrix), np.abs(naive), atol=1e-9)
    signs = np.sign(representation.matrix[0] * expected[0][0])
    np.testing.assert_allclose(
        signs[:, None] * representation.held_out * signs, expected[1], atol=1e-9
    )
    plain = fit_operator(train, **SETTINGS, ridge=ridge)
    np.testing.assert_allclose(representation.matrix, plain.matrix, atol=1e-12)


def test_the_training_trials_held_out_give_the_plain_dissimilarity():
    x, y = walk(0), walk(1)
    representations = [represent_held_out(states, states, settings=SETTINGS) for states in (x, y)]
    (row,) = compare_held_out(representations, [(0, 1)], settings=SETTINGS)
    plain = dsa(x, y, **SETTINGS)
    assert row["dissimilarity_train"] == pytest.approx(plain.dissimilarity, abs=1e-12)
    assert row["dissimilarity"] == pytest.approx(plain.dissimilarity, abs=1e-7)
    assert row["status"] == plain.status and "lower_bound" not in row


def linear(seed, matrix, n_trials=20, noise=0.0):
    rng = np.random.default_rng(seed)
    states = [rng.standard_normal((n_trials, len(matrix)))]
    for _ in range(20):
        states.append(states[-1] @ matrix.T)
    x = np.stack(states, axis=1)
    return x + noise * rng.standard_normal(x.shape)


def test_equal_systems_without_noise_are_at_zero_on_held_out_trials():
    matrix = 0.98 * random_orthogonal(0, 4)
    x, y = linear(1, matrix), linear(1, matrix) @ random_orthogonal(2, 4)
    for split in ("halves", 0.25):
        row = warpline.compare(x, y, "dsa", n_delays=1, rank=4, split=split)
        assert row["dissimilarity"] < 1e-6 and row["dissimilarity_train"] < 1e-6


def test_the_search_for_an_alignment_flatters_the_training_trials():
    """Systems of noise alone, with few trials: what aligns their operators does not hold for other trials."""
    systems = [walk(k, (8, 12, 4)) for k in range(4)]
    table = warpline.compare(systems, measure="dsa", n_delays=2, rank=8, split="halves").table
    assert (table["dissimilarity"] > table["dissimilarity_train"]).all()


@pytest.mark.slow
def test_halves_are_the_mean_of_both_ways():
    x, y = walk(0), walk(1)
    row = warpline.compare(x, y, "dsa", **SETTINGS, split="halves", seed=3)
    from warpline.similarity.dsa.prediction import split_trials

    train, test = split_trials(len(x), 0.5, 3)
    values = []
    for first, second in ((train, test), (test, train)):
        representations = [
            represent_held_out(states[first], states[second], settings=SETTINGS)
            for states in (x, y)
        ]
        values += compare_held_out(representations, [(0, 1)], settings=SETTINGS, seed=3)
    assert row["dissimilarity"] == pytest.approx(np.mean([v["dissimilarity"] for v in values]))


# --- Procrustes on held-out trials -----------------------------------------------------------------


@pytest.mark.parametrize("units", [(4, 4), (4, 6), (6, 4)])
def test_procrustes_fits_on_training_and_scores_on_held_out_trials(units):
    x, y = walk(0, (10, 15, units[0])), walk(1, (10, 15, units[1]))
    x_train, x_test, y_train, y_test = x[:6], x[6:], y[:6], y[6:]
    representations = [
        procrustes.represent_held_out(*states, settings={})
        for states in ((x_train, x_test), (y_train, y_test))
    ]
    (row,) = procrustes.compare_held_out(representations, [(0, 1)], settings={})

    def flat(states, of):
        width = max(units)
        centred = states.reshape(-1, states.shape[-1]) - of.reshape(-1, of.shape[-1]).mean(axis=0)
        return np.pad(centred, [(0, 0), (0, width - centred.shape[1])])

    q, _ = orthogonal_procrustes(flat(y_train, y_train), flat(x_train, x_train))
    expected = angle(flat(x_test, x_train), flat(y_test, y_train) @ q) / (np.pi / 2)
    assert row["dissimilarity"] == pytest.approx(expected, abs=1e-9)
    assert row["dissimilarity_train"] < row["dissimilarity"]
    assert row["similarity"] == pytest.approx(np.cos(expected * np.pi / 2))


def test_a_rotated_copy_is_at_zero_on_held_out_trials():
    x = walk(0)
    row = warpline.compare(x, x @ random_orthogonal(1, 4), "procrustes", split=0.3)
    assert row["dissimilarity"] < 1e-12 and row["dissimilarity_train"] < 1e-7
    opposite = [np.concatenate([x[:1], sign * x[:1]]) for sign in (1, -1)]
    flipped = warpline.compare(*opposite, "procrustes", split="halves")
    assert flipped["dissimilarity"] > 1


def test_what_cannot_be_split():
    x, y = walk(0), walk(1)
    with pytest.raises(SettingsError, match="dsa, procrustes, to hold out trials; got cka"):
        warpline.compare(x, y, "cka", split="halves")
    with pytest.raises(SettingsError, match=r"'halves' or a share in \(0, 1\)"):
        warpline.compare(x, y, "procrustes", split="thirds")
    with pytest.raises(TrialError, match="at least two trials of x"):
        warpline.compare(x[:1], y[:1], "procrustes", split=0.5)


def test_settings_of_dsa_count_with_held_out_trials_too():
    """A delay_axis and strict were dropped without a word."""
    x, y = walk(6), walk(7)
    settings = {"measure": "dsa", "n_delays": 2, "rank": 5}
    with pytest.raises(SettingsError, match="delays along time, because trials are held out"):
        warpline.compare(x, y, **settings, delay_axis="trial", split="halves")
    with pytest.raises(SettingsError, match="rotation False with held-out trials"):
        warpline.compare(x, y, **settings, rotation=True, split="halves")
    settings["rank"] = 20
    with pytest.raises(RankError, match=r"training and held-out trials that carry rank 20.*rank 8"):
        warpline.compare(x, y, **settings, strict=True, split="halves")
    with pytest.warns(UserWarning, match="lower rank"):
        warpline.compare(x, y, **settings, split="halves")


def test_delays_along_trials_in_a_notebook():
    """The door for arrays made recordings of them, which this setting did not take."""
    x, y = walk(8, (20, 25, 4)), walk(9, (20, 25, 4))
    settings = {"measure": "dsa", "n_delays": 2, "rank": 5}
    found = warpline.compare(x, y, **settings, delay_axis="trial")["dissimilarity"]
    swapped = (states.swapaxes(0, 1) for states in (x, y))
    assert found == warpline.compare(*swapped, **settings)["dissimilarity"]
    unequal = [trial[: 20 + k] for k, trial in enumerate(x[:5])]
    with pytest.raises(TrialError, match="trials of equal length"):
        warpline.compare(unequal, y, **settings, delay_axis="trial")
