"""Stochastic shape distances: closed forms, netrep's values, a general optimiser, noise and repeats."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist

import warpline
from warpline.comparison.network_systems import System
from warpline.comparison.pair_tables import compare
from warpline.comparison.pairs import Comparison, controls
from warpline.similarity import shape_energy, shape_gaussian
from warpline.similarity.input_errors import DimensionError, InputError, SettingsError, TrialError

C, T, N = 6, 4, 5
RAW = {"normalise": False, "max_steps": 5000, "tolerance": 1e-12}
MODULES = {"shape_gaussian": shape_gaussian, "shape_energy": shape_energy}


def drawn(seed, repeats=20, scale=0.4):
    """Gaussian responses with a mean and a covariance for each condition and time."""
    rng, noise = np.random.default_rng(seed), np.random.default_rng(seed + 100)
    means, factors = rng.normal(size=(C, T, N)), rng.normal(size=(C, T, N, N)) * scale
    draws = noise.normal(size=(C, T, repeats, N))
    return means[:, :, None] + np.einsum("ctij,ctrj->ctri", factors, draws)


def as_trials(responses):
    """Return (trial, time, unit) and the condition of each trial."""
    n_conditions, n_times, repeats, n_units = responses.shape
    states = responses.transpose(0, 2, 1, 3).reshape(-1, n_times, n_units)
    return states, np.repeat(np.arange(n_conditions), repeats)


def distance(module, x, y, **options):
    chosen = {**RAW, **options}
    representations = [
        module.represent(states, settings=chosen, conditions=conditions)
        for states, conditions in map(as_trials, (x, y))
    ]
    (row,) = module.compare_pairs(representations, [(0, 1)], settings=chosen)
    assert row["status"] in ("converged", "uncertain")
    return row["dissimilarity"]


def rotation(seed, n=N):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


# netrep at its commit 0186b8a, on these data: GaussianStochasticMetric(alpha, niter=5000, tol=1e-12) from
# the alignment of the means, and EnergyStochasticMetric(niter=2000, tol=1e-12).
NETREP = {
    (1, 2): {1.0: 2.6115125958927097, 2.0: 3.0295166945831338, "energy": 0.8479425797571168},
    (1, 3): {1.0: 2.9667640784959377, 2.0: 3.649256693515405, "energy": 1.0052278202027658},
    (4, 5): {1.0: 2.8016004577129645, 2.0: 3.1662152617163857, "energy": 0.8814193342164859},
}
# Where netrep's fit has other weights than its distance, or many minima: it is an upper bound.
NETREP_ABOVE = {
    (1, 2): {0.0: 1.8735134572730896, 0.5: 2.331674141305016},
    (1, 3): {0.0: 1.8477094513725831, 0.5: 2.514399024928369},
    (4, 5): {0.0: 2.099324037199924, 0.5: 2.6493492636283156},
}


@pytest.mark.slow
@pytest.mark.parametrize("seeds", NETREP)
def test_values_are_those_of_netrep_or_lower(seeds):
    x, y = map(drawn, seeds)
    for alpha in (1.0, 2.0):
        value = distance(shape_gaussian, x, y, alpha=alpha)
        assert value == pytest.approx(NETREP[seeds][alpha], rel=1e-8)
    assert distance(shape_energy, x, y) == pytest.approx(NETREP[seeds]["energy"], rel=1e-8)
    for alpha, bound in NETREP_ABOVE[seeds].items():
        assert distance(shape_gaussian, x, y, alpha=alpha) <= bound * (1 + 1e-8)


def written_gaussian(x, y, alpha):
    """The squared distance of two systems as defined, without a rotation."""
    total = 0.0
    for a, b in zip(x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:]), strict=True):
        sigma, lambda_ = np.cov(a.T), np.cov(b.T)
        root = sqrtm(sigma).real
        bures = np.trace(sigma + lambda_ - 2 * sqrtm(root @ lambda_ @ root).real)
        total += alpha * ((a.mean(0) - b.mean(0)) ** 2).sum() + (2 - alpha) * bures
    return total / (x.shape[0] * x.shape[1])


def written_energy(x, y, _):
    total = 0.0
    for a, b in zip(x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:]), strict=True):
        total += cdist(a, b).mean() - (pdist(a).mean() + pdist(b).mean()) / 2
    return total / (x.shape[0] * x.shape[1])


@pytest.mark.parametrize(
    ("module", "written", "options"),
    [
        (shape_gaussian, written_gaussian, {"alpha": 1.0}),
        (shape_gaussian, written_gaussian, {"alpha": 0.5}),
        (shape_energy, written_energy, {}),
    ],
)
def test_a_general_optimiser_finds_nothing_lower(module, written, options):
    """Two units: rotations and reflections by one angle are searched on a grid, then polished."""
    x, y = (drawn(seed, repeats=6)[:3, :2, :, :2] for seed in (1, 2))
    alpha = options.get("alpha")

    def loss(angle, sign):
        c, s = np.cos(angle), np.sin(angle)
        return written(x, y @ np.array([[c, -s * sign], [s, c * sign]]), alpha)

    best = np.inf
    for sign in (1, -1):
        grid = np.linspace(0, 2 * np.pi, 40)
        start = grid[np.argmin([loss(angle, sign) for angle in grid])]
        end = minimize(lambda a, sign=sign: loss(a[0], sign), [start], method="Nelder-Mead",
                       options={"xatol": 1e-7, "fatol": 1e-12})  # fmt: skip
        best = min(best, end.fun)
    assert distance(module, x, y, **options) ** 2 == pytest.approx(best, rel=1e-6)


def test_closed_form_of_means_alone_and_of_isotropic_noise():
    """Repeats that all deviate alike: the distance is Procrustes'. Scaled noise: a difference of deviations."""
    rng = np.random.default_rng(0)
    means, other = rng.normal(size=(2, C, T, N))
    draws = rng.normal(size=(1, 1, 8, N))
    draws -= draws.mean(axis=2, keepdims=True)
    same = (means[:, :, None] + 1e-9 * draws, other[:, :, None] + 1e-9 * draws)
    singular = np.linalg.svd(means.reshape(-1, N).T @ other.reshape(-1, N), compute_uv=False).sum()
    procrustes = np.sqrt(((means**2).sum() + (other**2).sum() - 2 * singular) / (C * T))
    assert distance(shape_gaussian, *same) == pytest.approx(procrustes, rel=1e-6)
    wide, narrow = (means[:, :, None] + scale * draws for scale in (0.5, 0.2))
    spread = np.sqrt(np.trace(np.cov(draws[0, 0].T)))
    assert distance(shape_gaussian, wide, narrow) == pytest.approx(0.3 * spread, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
@settings(max_examples=6, deadline=None)
def test_rotation_translation_and_scale_do_not_matter(name, seed, scale):
    x = drawn(1, repeats=6)
    moved = scale * (x @ rotation(seed)) + np.random.default_rng(seed).normal(size=N)
    value = distance(MODULES[name], x, moved, normalise=True)
    # Energy distances of a finite sample to itself are below 0, which counts as 0.
    assert value < 1e-4
    y = drawn(2, repeats=6)
    plain, turned = (distance(MODULES[name], a, y, normalise=True) for a in (x, moved))
    assert turned == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_order_of_a_pair_of_trials_and_of_conditions_does_not_matter(name):
    module, x, y = MODULES[name], drawn(1, repeats=6), drawn(2, repeats=6)
    assert distance(module, x, y) == distance(module, y, x)
    order = np.random.default_rng(0).permutation(C * 6)
    (states, conditions), (other, of_other) = as_trials(x), as_trials(y)
    shuffled = warpline.compare(
        states[order], other, name, conditions=(conditions[order], of_other), **RAW
    )
    assert shuffled["dissimilarity"] == pytest.approx(distance(module, x, y), rel=1e-7)


@pytest.mark.slow
def test_gaussian_distances_obey_the_triangle_inequality():
    systems = [drawn(seed, repeats=10) for seed in range(4)]
    d = np.array([[0 if i == j else distance(shape_gaussian, systems[i], systems[j])
                   for j in range(4)] for i in range(4)])  # fmt: skip
    for i, j, k in np.ndindex(4, 4, 4):
        assert d[i, k] <= d[i, j] + d[j, k] + 1e-6


@pytest.mark.parametrize("name", MODULES)
def test_noise_is_seen_where_means_are_equal(name):
    """What CKA of means cannot see: equal means, other shape of the noise."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(C, T, 1, N))
    stretched = np.diag([2.0, 0.1, 0.1, 0.1, 0.1])
    round_ = means + 0.9 * rng.normal(size=(C, T, 40, N))
    again = means + 0.9 * rng.normal(size=(C, T, 40, N))
    long = means + rng.normal(size=(C, T, 40, N)) @ stretched
    assert distance(MODULES[name], round_, long) > 1.5 * distance(MODULES[name], round_, again)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_units_and_numbers_of_repeats_may_differ(name):
    x, y = drawn(1, repeats=8), drawn(2, repeats=8)
    wide = np.concatenate([y, np.zeros((C, T, 8, 2))], axis=-1) @ rotation(3, N + 2)
    # The space of rotations is larger: more starts find the same minimum.
    values = [distance(MODULES[name], x, other, max_starts=24) for other in (y, wide)]
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    # Conditions with fewer repeats: the oracle gets them one by one.
    states, conditions = as_trials(x)
    keep = ~((conditions == 2) & (np.arange(len(conditions)) % 8 > 3))
    other, of_other = as_trials(y)
    fewer = warpline.compare(
        states[keep], other, name, conditions=(conditions[keep], of_other), **RAW
    )
    assert fewer["status"] in ("converged", "uncertain") and np.isfinite(fewer["dissimilarity"])
    parts = [
        warpline.compare(
            states[m1], other[m2], name, conditions=(conditions[m1], of_other[m2]), **RAW
        )
        for m1, m2 in (
            (keep & (conditions == 2), of_other == 2),
            (keep & (conditions != 2), of_other != 2),
        )
    ]
    # One rotation for all is no better than one for each part.
    mean = (parts[0]["dissimilarity"] ** 2 + 5 * parts[1]["dissimilarity"] ** 2) / 6
    assert fewer["dissimilarity"] ** 2 >= mean - 1e-9


@pytest.mark.parametrize("name", MODULES)
def test_what_cannot_be_compared(name):
    module, (states, conditions) = MODULES[name], as_trials(drawn(1, repeats=4))
    with pytest.raises(TrialError, match="a condition for each of 24 trials"):
        module.represent(states, settings={})
    with pytest.raises(
        TrialError, match=r"at least two trials of each condition.* got 1 of condition 9"
    ):
        module.represent(states, settings={}, conditions=[9, *conditions[1:]])
    with pytest.raises(ValueError, match="states that vary"):
        module.represent(np.ones_like(states), settings={}, conditions=conditions)
    representation = module.represent(states, settings={}, conditions=conditions)
    other = module.represent(states, settings={}, conditions=conditions + 1)
    with pytest.raises(TrialError, match=r"2 in one alone \(0, 6\)"):
        module.compare_pairs([representation, other], [(0, 1)], settings={})
    shorter = module.represent(states[:, :3], settings={}, conditions=conditions)
    with pytest.raises(DimensionError, match=r"(4 and 3|3 and 4)"):
        module.compare_pairs([representation, shorter], [(0, 1)], settings={})
    with pytest.raises(SettingsError, match="max_starts"):
        module.compare_pairs([representation, representation], [(0, 1)], settings={"max_starts": 0})


@pytest.mark.parametrize("name", MODULES)
def test_a_system_of_other_conditions_fails_alone(name):
    systems = {seed: as_trials(drawn(seed, repeats=4)) for seed in (1, 2, 3)}
    states = {f"s{seed}": trials for seed, (trials, _) in systems.items()}
    conditions = {f"s{seed}": labels + (seed == 3) for seed, (_, labels) in systems.items()}
    matrix = warpline.compare(states, measure=name, conditions=conditions)
    alone = warpline.compare(
        states["s1"], states["s2"], name, conditions=(conditions["s1"], conditions["s2"])
    )
    assert matrix.dissimilarity[0, 1] == alone["dissimilarity"]
    assert matrix.status[0, 1] == alone["status"]
    for other in (0, 1):
        assert np.isnan(matrix.dissimilarity[other, 2])
        assert matrix.status[other, 2].startswith("failed: expected the same conditions")


@pytest.mark.parametrize("name", MODULES)
def test_far_states_and_odd_units_are_right_or_refused(name):
    (x, conditions), (y, _) = (as_trials(drawn(seed)) for seed in (1, 2))

    def row(x, y, **options):
        return warpline.compare(x, y, measure=name, conditions=conditions, **options)

    expected = row(x, y)["dissimilarity"]
    for scale, shift in ((1e-300, 0), (1e300, 0), (1, 1e9)):
        found = row(x * scale + shift, y * scale + shift)["dissimilarity"]
        assert found == pytest.approx(expected, rel=1e-5)
        with pytest.raises(InputError, match="with normalise off"):
            row(x * scale + shift, y * scale + shift, normalise=False)
    assert row(x + 1e4, x + 1e4, normalise=False)["dissimilarity"] < 1e-5


@pytest.mark.parametrize("name", MODULES)
def test_a_small_noise_is_seen_in_states_far_from_0(name):
    """At 9e4 deviations from 0 and a noise of a thousandth of them, the energy distance was 8 % too large."""
    rng = np.random.default_rng(1)
    means = rng.standard_normal((3, 1, 4, 4))
    (x, conditions), (y, _) = (
        as_trials((means + size * rng.standard_normal((3, 10, 4, 4))).swapaxes(1, 2))
        for size in (0.001, 0.002)
    )
    near, far = (
        warpline.compare(x + shift, y + shift, name, conditions=conditions, normalise=False)
        for shift in (np.array([distance, 0, 0, 0]) for distance in (1e3, 9e4))
    )
    assert far["dissimilarity"] == pytest.approx(near["dissimilarity"], rel=1e-3)


def test_a_number_and_its_text_are_one_condition():
    (states, numbers), (other, _) = (as_trials(drawn(seed, repeats=4)) for seed in (1, 2))
    texts = [str(number) for number in numbers]
    both = warpline.compare(states, other, "shape_energy", conditions=(numbers, texts))
    alike = warpline.compare(states, other, "shape_energy", conditions=(numbers, numbers))
    assert both == alike
    # Not where two texts write one number.
    odd = np.where(numbers == 0, "1.0", texts)
    with pytest.raises(TrialError, match="the same conditions in both systems"):
        warpline.compare(states, other, "shape_energy", conditions=(numbers, odd))


@pytest.mark.slow
def test_few_conditions_let_the_search_fit_the_noise_of_many_repeats():
    # Two systems of other means and covariances, in three conditions at one time.
    rng = np.random.default_rng(0)
    means = rng.normal(size=(2, 3, 1, 10))
    factors = 0.6 * rng.normal(size=(2, 3, 1, 10, 10))
    noise = rng.normal(size=(2, 3, 1, 200, 10))
    x, y = means[..., None, :] + np.einsum("sctij,sctrj->sctri", factors, noise)
    with_30, with_200 = (
        distance(shape_energy, x[:, :, :n], y[:, :, :n], normalise=True, max_steps=1000)
        for n in (30, 200)
    )
    assert with_30 == 0 < with_200


def test_the_largest_gaussian_distance():
    """Noise in one condition alone, another in each system: no rotation helps. Two repeats: sqrt(2 * 2 / 1)."""
    first = np.zeros((4, 1, 2))
    first[:2, 0, 0] = 1, -1
    row = warpline.compare(first, first[::-1], "shape_gaussian", conditions=[0, 0, 1, 1])
    assert row["dissimilarity"] == pytest.approx(2)


def test_bad_alpha_and_a_search_that_is_cut():
    x, y = drawn(1, repeats=4), drawn(2, repeats=4)
    with pytest.raises(SettingsError, match="alpha in"):
        distance(shape_gaussian, x, y, alpha=3)
    (states, conditions), (other, of_other) = as_trials(x), as_trials(y)
    row = warpline.compare(
        states, other, "shape_gaussian", conditions=(conditions, of_other), max_steps=2
    )
    assert row["status"] == "max_steps"


@pytest.mark.parametrize("module", [shape_gaussian, shape_energy])
def test_a_minimum_that_few_starts_find_is_uncertain(module):
    """With three conditions at one time there are many minima; with 24 samples the starts agree."""
    rng = np.random.default_rng(0)

    def status(n_conditions, max_starts):
        systems = []
        for _ in range(2):
            means = rng.normal(size=(n_conditions, 1, 6))
            states = np.repeat(means, 20, axis=0) + 0.3 * rng.normal(size=(20 * n_conditions, 1, 6))
            conditions = np.repeat(np.arange(n_conditions), 20)
            systems.append(module.represent(states, settings={}, conditions=conditions))
        (row,) = module.compare_pairs(systems, [(0, 1)], settings={"max_starts": max_starts})
        return row["status"]

    assert [status(3, 8) for _ in range(10)].count("uncertain") >= 5
    assert [status(3, 96) for _ in range(10)].count("converged") >= 6
    assert [status(24, 96) for _ in range(10)].count("converged") == 10
    # Four starts are too few to agree.
    assert status(24, 4) == "uncertain"


@pytest.mark.parametrize("module", [shape_gaussian, shape_energy])
def test_a_system_and_itself_converge_with_one_start(module):
    rng = np.random.default_rng(0)
    states, conditions = rng.normal(size=(60, 3, 5)), np.repeat(np.arange(3), 20)
    turned = states @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    systems = [module.represent(x, settings={}, conditions=conditions) for x in (states, turned)]
    (row,) = module.compare_pairs(systems, [(0, 1)], settings={"max_starts": 1})
    assert row["dissimilarity"] < 1e-7 and row["status"] == "converged"


@pytest.mark.parametrize("module", [shape_gaussian, shape_energy])
def test_copies_are_one_system_where_means_leave_directions_open(module):
    """Two conditions at one time, in 20 units: the noise alone tells most of the rotation."""
    rng = np.random.default_rng(0)
    conditions = np.repeat(np.arange(2), 30)
    for _ in range(5):
        means = np.repeat(rng.normal(size=(2, 1, 20)), 30, axis=0)
        states = means + rng.normal(size=(60, 1, 20)) @ (0.5 * rng.normal(size=(20, 20)))
        turned = states @ np.linalg.qr(rng.normal(size=(20, 20)))[0]
        systems = [
            module.represent(x, settings={}, conditions=conditions)
            for x in (states, states.copy(), turned)
        ]
        for row in module.compare_pairs(systems, [(0, 1), (0, 2)], settings={}):
            assert row["dissimilarity"] < 1e-6 and row["status"] == "converged"


def test_the_pipeline_hands_over_the_conditions():
    def system(seed, conditions=None):
        states, own = as_trials(drawn(seed, repeats=4))
        return System("rnn", "master", seed, 1, 1.0, 1.0, 1.0, "converged", states,
                      conditions=own if conditions is None else conditions)  # fmt: skip

    x, y, alone = system(1), system(2), system(3, np.arange(24))
    pairs = {"after": [Comparison(x, y, {}), Comparison(x, alone, {})]}
    # Repeats alternate, so that both halves hold each condition twice.
    repeat = np.arange(24) % 4
    pairs["controls"] = controls({("master", 1): [x]}, ["master"], [1], repeat, 0, {})
    tables = compare(pairs, {"measure": "shape_energy"}, seed=0)
    table = tables["after"]
    expected = warpline.compare(x.states, y.states, "shape_energy", conditions=x.conditions)
    assert table["dissimilarity"][0] == pytest.approx(expected["dissimilarity"])
    assert table["status"][0] == expected["status"]
    assert table["status"][1].startswith("failed: expected at least two trials of each condition")
    assert tables["controls"]["control"].tolist() == ["split_half", "shuffled_time"]
    assert tables["controls"]["status"].isin(["converged", "uncertain"]).all()


def test_a_turned_copy_is_as_far():
    """Twenty repeats, where all starts end in one minimum: from another place the search ends there too."""
    x, y = drawn(1), drawn(2)
    best = distance(shape_gaussian, x, y)
    assert best**2 < written_gaussian(x, y, 1.0)
    for seed in range(4):
        assert distance(shape_gaussian, x, y @ rotation(seed)) == pytest.approx(best, rel=1e-6)


def test_a_search_that_converged_can_be_far_too_high():
    """What docs/measures.md concedes: twelve starts can agree on a distance that is far from the lowest."""
    n_conditions, n_units, n_repeats = 4, 6, 40
    rng = np.random.default_rng([5, 7])
    means = rng.standard_normal((n_conditions, 1, n_units))
    axes = rng.standard_normal((n_conditions, 2, n_units))

    def trials():
        shared = rng.standard_normal((n_conditions, n_repeats, 1, 2))
        correlated = 2 * np.einsum("crtk,cku->crtu", shared, axes)
        own = 0.5 * rng.standard_normal((n_conditions, n_repeats, 1, n_units))
        return (0.5 * means[:, None] + correlated + own).reshape(-1, 1, n_units)

    first, second = trials(), trials()
    second = second @ np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    conditions = np.repeat(np.arange(n_conditions), n_repeats)
    systems = [
        shape_energy.represent(states, settings={}, conditions=conditions)
        for states in (first, second)
    ]
    rows = [
        shape_energy.compare_pairs(systems, [(0, 1)], settings={}, seed=seed)[0]
        for seed in range(40)
    ]
    lowest = min(row["dissimilarity"] for row in rows)
    errors = [
        row["dissimilarity"] / lowest - 1
        for row in rows
        if row["status"] == "converged" and row["dissimilarity"] > 1.00001 * lowest
    ]
    page = (Path(__file__).resolve().parents[2] / "docs" / "measures.md").read_text()
    stated = (
        f"{len(errors)} of 40 searches by `shape_energy` said `converged` {100 * max(errors):.0f} %"
    )
    assert stated in page
