"""CKA and Procrustes against closed forms, independent implementations and their invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

import warpline
from warpline.similarity import cka, cka_debiased, procrustes

MEASURES = ["cka", "cka_debiased", "procrustes"]
SEEDS = st.integers(0, 10_000)


def states(seed, units=5, trials=6, steps=10):
    return np.random.default_rng(seed).normal(size=(trials, steps, units))


def dissimilarity(measure, x, y):
    return warpline.compare(x, y, measure=measure)["dissimilarity"]


def gram_cka(x, y):
    """CKA from the kernels, as Kornblith et al. write it."""
    x, y = (a.reshape(-1, a.shape[-1]) for a in (x, y))
    n = len(x)
    h = np.eye(n) - 1 / n
    k, m = h @ x @ x.T @ h, h @ y @ y.T @ h
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


def unbiased_hsic_naive(x, y):
    """Song et al. 2012, eq. 5, with the kernels formed."""
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    n = len(k)
    one = np.ones(n)
    value = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / (n - 1) / (n - 2)
    return (value - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3))


def netrep_angle(x, y):
    """netrep's LinearMetric(alpha=1): centre, normalise, align by SciPy's Procrustes, arc cosine."""
    x, y = (a.reshape(-1, a.shape[-1]) for a in (x, y))
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(a, [(0, 0), (0, width - a.shape[1])]) for a in (x, y))
    x, y = (a - a.mean(axis=0) for a in (x, y))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    rotation, _ = orthogonal_procrustes(x, y)
    return np.arccos(np.clip(np.sum((x @ rotation) * y), -1, 1))


@given(SEEDS, st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_cka_is_the_kernel_formula(seed, p, q):
    x, y = states(seed, p), states(seed + 1, q)
    result = warpline.compare(x, y, measure="cka")
    assert result["similarity"] == pytest.approx(gram_cka(x, y), abs=1e-12)
    assert result["dissimilarity"] == pytest.approx(
        np.arccos(gram_cka(x, y)) / (np.pi / 2), abs=1e-10
    )


@given(SEEDS, st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_unbiased_hsic_is_the_formula_with_kernels(seed, p, q):
    x, y = (s.reshape(-1, s.shape[-1]) for s in (states(seed, p), states(seed + 1, q)))
    assert cka_debiased.unbiased_hsic(x, y) == pytest.approx(unbiased_hsic_naive(x, y), abs=1e-10)


@given(SEEDS, st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_procrustes_is_netrep_s_angle(seed, p, q):
    x, y = states(seed, p), states(seed + 1, q)
    assert dissimilarity("procrustes", x, y) == pytest.approx(
        netrep_angle(x, y) / (np.pi / 2), abs=1e-8
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_self_dissimilarity_is_zero(measure):
    for seed in range(5):
        assert dissimilarity(measure, states(seed), states(seed)) < 1e-7
    # The arc cosine alone would leave 1e-8 here.
    if measure != "cka_debiased":
        assert dissimilarity(measure, states(1), states(1)) < 1e-13


@pytest.mark.parametrize("measure", ["cka", "procrustes"])
def test_small_differences_keep_their_digits(measure):
    x = states(0)
    direction = states(1)
    small = [dissimilarity(measure, x, x + size * direction) for size in (1e-6, 1e-7, 1e-8)]
    assert small[0] / small[1] == pytest.approx(10, rel=1e-3)
    assert small[1] / small[2] == pytest.approx(10, rel=1e-2)


def test_procrustes_sees_a_small_component_outside_the_narrower_one():
    """y = [x, e z]: the angle is e |z| / |x| to first order, however small e is."""
    x, z = states(0, units=3), states(1, units=1)
    x, z = x - x.mean(axis=(0, 1)), z - z.mean(axis=(0, 1))
    z -= x @ np.linalg.lstsq(x.reshape(-1, 3), z.reshape(-1, 1), rcond=None)[0]
    for size in (1e-4, 1e-7, 1e-9):
        expected = size * np.linalg.norm(z) / np.linalg.norm(x) / (np.pi / 2)
        found = dissimilarity("procrustes", x, np.concatenate([x, size * z], axis=-1))
        assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("measure", ["cka", "procrustes"])
def test_both_formulas_agree_where_they_meet(measure):
    """The accurate formula takes over near 1: there is no step."""
    x, direction = states(0), states(1)
    sizes = np.linspace(0.02, 0.12, 200)
    values = np.array([dissimilarity(measure, x, x + size * direction) for size in sizes])
    curvature = np.diff(values, 2)
    assert np.abs(curvature).max() < 1e-4


@pytest.mark.parametrize("measure", MEASURES)
@given(SEEDS, st.floats(1e-3, 1e3), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_invariances(measure, seed, scale, shift):
    x, y = states(seed), states(seed + 1)
    value = dissimilarity(measure, x, y)
    rotation = ortho_group.rvs(5, random_state=seed)
    order = np.random.default_rng(seed).permutation(5)
    flips = np.random.default_rng(seed).choice([-1, 1], size=5)
    for changed in (y @ rotation, scale * y, y + shift, y[..., order], y * flips):
        assert dissimilarity(measure, x, changed) == pytest.approx(value, abs=1e-7)
    assert dissimilarity(measure, y, x) == pytest.approx(value, abs=1e-7)


@pytest.mark.parametrize("measure", MEASURES)
@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_same_reordering_of_trials_and_steps_changes_nothing(measure, seed):
    x, y = states(seed), states(seed + 1)
    rng = np.random.default_rng(seed)
    trials, steps = rng.permutation(6), rng.permutation(10)
    moved = [a[trials][:, steps] for a in (x, y)]
    assert dissimilarity(measure, *moved) == pytest.approx(dissimilarity(measure, x, y), abs=1e-9)


def test_unpaired_trials_are_not_the_same_thing():
    x = states(0)
    for measure in MEASURES:
        assert dissimilarity(measure, x, x[::-1]) > 0.1


def test_closed_forms():
    """Two orthogonal signals: CKA 0; of two equal signals one is kept: cos is 1/sqrt 2."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    sine, cosine = np.sin(t)[None, :, None], np.cos(t)[None, :, None]
    both = np.concatenate([sine, cosine], axis=-1)
    assert dissimilarity("cka", sine, cosine) == pytest.approx(1, abs=1e-10)
    assert dissimilarity("procrustes", sine, cosine) == pytest.approx(1, abs=1e-10)
    assert warpline.compare(sine, both, measure="cka")["similarity"] == pytest.approx(
        1 / np.sqrt(2)
    )
    assert dissimilarity("procrustes", sine, both) == pytest.approx(0.5)


def test_debiased_cka_is_unbiased_where_cka_is_not():
    rng = np.random.default_rng(0)
    values = [
        [
            warpline.compare(rng.normal(size=(1, 30, 20)), rng.normal(size=(1, 30, 20)), measure=m)[
                "similarity"
            ]
            for _ in range(150)
        ]
        for m in ("cka", "cka_debiased")
    ]
    assert np.mean(values[0]) > 0.3
    assert abs(np.mean(values[1])) < 3 * np.std(values[1]) / np.sqrt(150) + 0.01
    assert min(values[1]) < 0


def test_negative_debiased_cka_is_clipped_for_the_angle_and_kept_raw():
    rng = np.random.default_rng(0)
    results = [
        warpline.compare(
            rng.normal(size=(1, 20, 9)), rng.normal(size=(1, 20, 9)), measure="cka_debiased"
        )
        for _ in range(20)
    ]
    negative = [r for r in results if r["similarity"] < 0]
    assert negative and all(r["dissimilarity"] == 1 for r in negative)


@pytest.mark.parametrize("module", [cka, cka_debiased, procrustes])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((3, 4, 5)), "expected states that vary, got constant"),
        (np.full((3, 4, 5), 7.0), "expected states that vary, got constant"),
        (np.full((3, 4, 5), np.nan), "expected finite states"),
        (np.zeros(3), r"expected a non-empty array of states .* got shape \(3,\)"),
    ],
)
def test_bad_states_are_refused(module, bad, message):
    with pytest.raises(ValueError, match=message):
        module.represent(bad, settings={})


@pytest.mark.parametrize("measure", MEASURES)
def test_different_numbers_of_samples_are_refused(measure):
    with pytest.raises(ValueError, match="the same trials in all systems"):
        warpline.compare(states(0), states(1, trials=7), measure=measure)


def test_data_arrays_in_any_order_of_dimensions():
    xr = pytest.importorskip("xarray")
    x, y = states(0), states(1)
    a = xr.DataArray(x, dims=("trial", "time", "unit")).transpose("unit", "time", "trial")
    assert warpline.compare(a, y) == warpline.compare(x, y)
    with pytest.raises(
        ValueError,
        match=r"expected dimensions trial \(optional\), time and one of unit.* got a, b, c",
    ):
        warpline.compare(xr.DataArray(x, dims=("a", "b", "c")), y)
    with pytest.raises(ValueError, match=r"the same trials in all systems.* got 1 in x"):
        warpline.compare(x[0], y)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="expected settings of cka among none; got n_delays"):
        warpline.compare(states(0), states(1), measure="cka", n_delays=3)
    with pytest.raises(
        ValueError, match=r"expected settings of dsa among n_delays, rank.*; got rnak"
    ):
        warpline.compare(states(0), states(1), measure="dsa", n_delays=2, rank=2, rnak=3)


def test_a_setting_for_all_that_no_measure_takes_is_refused():
    own = {"dsa": {"n_delays": 1, "rank": 2}}
    with pytest.raises(ValueError, match=r"rank for all measures, or .* got rank=3 beside .* dsa"):
        warpline.compare(states(0), states(1), measures=own, rank=3)
    with pytest.raises(ValueError, match="one measure, or several as measures; got 'dsa' beside"):
        warpline.compare(states(0), states(1), measure="dsa", measures=["cka"])
    # One of two has its own.
    two = {**own, "dsa_input": {"n_delays": 1}}
    inputs = np.random.default_rng(2).normal(size=(*states(0).shape[:2], 1))
    result = warpline.compare(states(0), states(1), measures=two, rank=3, inputs=inputs)
    assert {name: row["rank_used"] for name, row in result.items()} == {"dsa": 2, "dsa_input": 3}
