"""The public functions and the measure: labels, padding, rows, errors, lazy imports."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import warpline.similarity.dsa as measure
from warpline.pipeline.reachable_modules import closure
from warpline.similarity.dsa import (
    DimensionError,
    DSAInputError,
    Operator,
    SettingsError,
    compare_pairs,
    dsa,
    dsa_matrix,
    represent,
)
from warpline.similarity.dsa.wasserstein import eigenvalues, wasserstein

SETTINGS = {"n_delays": 3, "delay_interval": 1, "rank": 6, "ridge": 0.0}
COLUMNS = {"dissimilarity", "status", "lower_bound", "gradient_norm", "n_starts", "rank_used"}
COLUMNS |= {"chance_of_better"}


def noisy_walk(seed, shape=(10, 25, 4)):
    return np.random.default_rng(seed).standard_normal(shape).cumsum(axis=1)


def random_orthogonal(seed, n):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def test_importing_does_not_import_the_heavy_packages():
    code = (
        "import sys, warpline.similarity.dsa;"
        "heavy = {'torch', 'DSA', 'ot', 'xarray', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    path = next(iter(measure.__path__)).rsplit("/warpline/", 1)[0]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})


def test_no_job_reaches_what_is_for_notebooks(project):
    script = project / "scripts" / "compare_networks.py"
    names = {name for name in closure(script, ["warpline.similarity.dsa"]) if ".dsa" in name}
    assert "warpline.similarity.dsa.trust_region" in names
    assert "warpline.similarity.dsa.interface" not in names
    assert set(dir(measure)) <= {name for name in measure.__all__ if hasattr(measure, name)}
    with pytest.raises(AttributeError, match="no attribute 'api'"):
        _ = measure.api


def test_a_rotated_recording_is_at_zero():
    x = noisy_walk(0)
    result = dsa(x, x @ random_orthogonal(1, 4), n_delays=3, rank=6)
    assert result.dissimilarity <= 1e-6
    assert result.lower_bound <= result.dissimilarity + 1e-12
    assert result.status == "converged"
    assert result.rank_used == 6


@pytest.mark.slow
def test_labelled_recordings_may_come_in_any_order():
    x, y = noisy_walk(1), noisy_walk(2)
    plain = dsa(x, y, n_delays=3, rank=6).dissimilarity
    for name, order in [("unit", (2, 0, 1)), ("component", (1, 2, 0)), ("channel", (0, 1, 2))]:
        dims = ("trial", "time", name)
        labelled = xr.DataArray(x, dims=dims).transpose(*(dims[k] for k in order))
        assert dsa(labelled, y, n_delays=3, rank=6).dissimilarity == pytest.approx(plain, abs=1e-9)


def test_a_single_trial_may_come_without_its_axis():
    x, y = noisy_walk(3, (1, 60, 3)), noisy_walk(4, (1, 60, 3))
    full = dsa(x, y, n_delays=2, rank=4).dissimilarity
    assert dsa(x[0], y[0], n_delays=2, rank=4).dissimilarity == pytest.approx(full, abs=1e-9)
    labelled = xr.DataArray(x[0].T, dims=("unit", "time"))
    assert dsa(labelled, y, n_delays=2, rank=4).dissimilarity == pytest.approx(full, abs=1e-9)


@pytest.mark.parametrize(
    "dims", [("trial", "time", "neuron"), ("trial", "unit", "channel"), ("a", "b", "c")]
)
def test_unknown_dimensions_are_refused(dims):
    with pytest.raises(DimensionError, match="unit, component, channel"):
        dsa(xr.DataArray(noisy_walk(0), dims=dims), noisy_walk(0), n_delays=2, rank=2)


def test_different_numbers_of_units_and_trials_are_allowed():
    result = dsa(noisy_walk(5, (8, 30, 3)), noisy_walk(6, (1, 90, 7)), n_delays=3, rank=6)
    assert 0 < result.dissimilarity < np.pi


def test_a_matrix_agrees_with_its_pairs():
    recordings = [noisy_walk(k) for k in range(4)]
    matrix = dsa_matrix(recordings, n_delays=3, rank=6)
    np.testing.assert_array_equal(matrix.dissimilarity, matrix.dissimilarity.T)
    np.testing.assert_array_equal(np.diag(matrix.dissimilarity), 0)
    assert (matrix.lower_bound <= matrix.dissimilarity + 1e-12).all()
    assert (matrix.status == "converged").all()
    pair = dsa(recordings[1], recordings[3], n_delays=3, rank=6)
    assert matrix.dissimilarity[1, 3] == pytest.approx(pair.dissimilarity, abs=1e-9)
    assert len(matrix.operators) == 4


def test_rows_have_the_columns_of_the_measure_in_order():
    operators = [represent(noisy_walk(k), settings=SETTINGS) for k in range(3)]
    assert all(isinstance(operator, Operator) for operator in operators)
    pairs = [(2, 0), (1, 1), (0, 2)]
    seen = []

    class Progress:
        def update(self, n=1):
            seen.append(n)

    rows = compare_pairs(operators, pairs, settings=SETTINGS, seed=3, progress=Progress())
    assert [set(row) for row in rows] == [COLUMNS] * 3
    assert sum(seen) == 3
    assert rows[1]["dissimilarity"] <= 1e-6
    assert rows[0]["dissimilarity"] == pytest.approx(rows[2]["dissimilarity"], abs=1e-6)
    assert {type(v) for row in rows for v in row.values()} == {float, str, int}
    assert compare_pairs(operators, [], settings=SETTINGS) == []


def test_the_seed_and_other_pairs_do_not_change_a_row():
    operators = [represent(noisy_walk(k), settings=SETTINGS) for k in range(4)]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    all_rows = compare_pairs(operators, pairs, settings=SETTINGS, seed=7)
    (alone,) = compare_pairs(operators[1:3], [(1, 0)], settings=SETTINGS, seed=7)
    assert alone["dissimilarity"] == pytest.approx(
        all_rows[pairs.index((2, 1))]["dissimilarity"], abs=1e-9
    )


def test_rank_used_is_the_lower_one_and_padding_is_reported():
    thin = np.cos(np.arange(40)[None, :, None] * 0.3 + np.arange(6)[:, None, None])
    operators = [represent(x, settings=SETTINGS) for x in (thin, noisy_walk(1))]
    (row,) = compare_pairs(operators, [(0, 1)], settings=SETTINGS)
    assert row["rank_used"] == operators[0].rank_used == 2
    with pytest.raises(ValueError, match="rank 2"):
        represent(thin, settings={**SETTINGS, "strict": True})


def test_operators_of_different_rank_are_padded():
    x = noisy_walk(1)
    operators = [represent(x, settings={**SETTINGS, "rank": rank}) for rank in (3, 6)]
    (row,) = compare_pairs(operators, [(0, 1)], settings=SETTINGS)
    assert row["dissimilarity"] > 0.01
    assert row["status"] in ("converged", "uncertain")


def test_few_starts_are_uncertain_and_many_are_not():
    rng = np.random.default_rng(0)
    first = represent(noisy_walk(1), settings=SETTINGS)
    operators = [replace(first, matrix=rng.standard_normal((12, 12)), rank=12) for _ in range(4)]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    by_cap = {
        cap: compare_pairs(operators, pairs, settings={"max_starts": cap}) for cap in (6, 400)
    }
    assert {row["status"] for row in by_cap[6]} == {"uncertain"}
    assert {row["status"] for row in by_cap[400]} == {"converged"}
    for few, many in zip(by_cap[6], by_cap[400], strict=True):
        assert many["dissimilarity"] <= few["dissimilarity"] + 1e-9
        assert many["chance_of_better"] <= 0.003 < few["chance_of_better"] <= 1


def test_a_lower_accepted_chance_takes_more_starts_and_is_what_the_status_says():
    rng = np.random.default_rng(0)
    first = represent(noisy_walk(1), settings=SETTINGS)
    operators = [replace(first, matrix=rng.standard_normal((12, 12)), rank=12) for _ in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]

    def rows(**settings):
        return compare_pairs(operators, pairs, settings={"max_starts": 200, **settings})

    for usual, careful in zip(rows(accepted_chance=0.01), rows(), strict=True):
        assert careful["chance_of_better"] <= 0.003 < usual["chance_of_better"] <= 0.01
        assert careful["n_starts"] > usual["n_starts"]
        assert careful["dissimilarity"] <= usual["dissimilarity"] + 1e-9
    short = rows(accepted_chance=0.0005, max_starts=48)
    assert {row["status"] for row in short} == {"uncertain"}
    with pytest.raises(ValueError, match="accepted_chance between 0 and 1"):
        rows(accepted_chance=1.0)


def test_nothing_is_better_than_a_perfect_alignment():
    operator = represent(noisy_walk(1), settings=SETTINGS)
    (row,) = compare_pairs([operator, operator], [(0, 1)], settings={"max_starts": 6})
    assert row["chance_of_better"] == 0
    assert row["status"] == "converged"


def test_a_broken_operator_is_a_row_that_says_so():

    good = represent(noisy_walk(1), settings=SETTINGS)
    broken = replace(good, matrix=np.full((6, 6), np.nan))
    empty = replace(good, matrix=np.zeros((6, 6)))
    rows = compare_pairs([good, broken, empty], [(0, 1), (0, 0), (2, 0)], settings=SETTINGS)
    assert [row["status"] for row in rows] == [
        "failed: operator is not finite",
        "converged",
        "failed: operator is zero",
    ]
    assert np.isnan(rows[0]["dissimilarity"])
    assert np.isnan(rows[2]["dissimilarity"])


def test_wasserstein_is_the_optimal_transport_cost():
    pytest.importorskip("ot")
    one, two = np.diag([1.0, 2.0, 5.0]), np.diag([2.5, 1.0, 4.0])
    assert wasserstein(eigenvalues(one), eigenvalues(two)) == pytest.approx((0 + 0.25 + 1) / 3)
    rows = compare_pairs(
        [represent(noisy_walk(k), settings=SETTINGS) for k in range(2)],
        [(0, 1), (0, 0)],
        settings={**SETTINGS, "score": "wasserstein"},
    )
    assert rows[0]["dissimilarity"] > 0
    assert rows[1]["dissimilarity"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(rows[0]["lower_bound"])


@pytest.mark.parametrize("distance", [1e-8, 1e-4, 1.0])
def test_wasserstein_is_exact_for_spectra_that_nearly_agree(rng, distance):
    first = 1 + rng.standard_normal((5, 2))
    second = first + distance * np.array([0.6, 0.8])
    assert wasserstein(first, second) == pytest.approx(distance**2, rel=1e-6, abs=0)


def test_wasserstein_goes_by_the_square_of_the_scale(rng):
    pytest.importorskip("ot")
    one, two = rng.standard_normal((4, 2)), rng.standard_normal((6, 2))
    expected = wasserstein(one, two)
    assert wasserstein(1e-8 * one, 1e-8 * two) == pytest.approx(1e-16 * expected, rel=1e-9, abs=0)


def test_wasserstein_of_unequal_ranks_by_hand():
    """Each eigenvalue of a spectrum of n weighs 1/n; the plan splits the weight of the one."""
    pytest.importorskip("ot")
    one, two = eigenvalues(np.diag([0.9])), eigenvalues(np.diag([0.9, 0.5]))
    assert wasserstein(one, two) == pytest.approx(0.4**2 / 2)
    assert wasserstein(two, one) == pytest.approx(0.4**2 / 2)
    # Repeated eigenvalues are the same distribution; an eigenvalue at 0 counts.
    assert wasserstein(one, eigenvalues(np.diag([0.9, 0.9]))) == pytest.approx(0, abs=1e-15)
    assert wasserstein(one, eigenvalues(np.diag([0.9, 0.0]))) == pytest.approx(0.9**2 / 2)


def test_root_wasserstein_is_a_distance_between_spectra_of_any_ranks(rng):
    pytest.importorskip("ot")
    spectra = [eigenvalues(rng.standard_normal((n, n)) / np.sqrt(n)) for n in (1, 2, 3, 5, 8, 8)]
    for a in spectra:
        for b in spectra:
            for c in spectra:
                ab, bc, ac = (np.sqrt(wasserstein(x, y)) for x, y in ((a, b), (b, c), (a, c)))
                assert ac <= ab + bc + 1e-12


def test_wasserstein_depends_on_no_other_pair_and_on_no_padding():
    """A larger operator in the same call, or a larger rank that the data do not carry."""
    pytest.importorskip("ot")
    own = {**SETTINGS, "score": "wasserstein"}
    walks = [noisy_walk(k, (10, 25, 2)) for k in range(3)]
    small, other = (represent(x, settings=own) for x in walks[:2])
    large = represent(walks[2], settings={**own, "n_delays": 8, "rank": 12})
    alone = compare_pairs([small, other], [(0, 1)], settings=own)[0]
    beside = compare_pairs([small, other, large], [(0, 1), (0, 2)], settings=own)
    assert beside[0] == pytest.approx(alone, nan_ok=True)
    padded = represent(walks[0], settings={**own, "rank": 20})
    assert (padded.rank, padded.rank_used) == (20, 6)
    for solver in ("newton", "reference"):
        rows = compare_pairs([padded, other], [(0, 1)], settings={**own, "solver": solver})
        assert rows[0]["dissimilarity"] == pytest.approx(alone["dissimilarity"], abs=1e-10)


@pytest.mark.parametrize("missing", ["n_delays", "rank"])
def test_missing_settings_are_named(missing):
    settings = {k: v for k, v in SETTINGS.items() if k != missing}
    with pytest.raises(SettingsError, match=missing):
        represent(noisy_walk(0), settings=settings)


def test_unknown_choices_are_refused():
    with pytest.raises(DSAInputError, match="newton, reference"):
        dsa(noisy_walk(0), noisy_walk(1), n_delays=2, rank=2, solver="adam")
    with pytest.raises(DSAInputError, match="angle, wasserstein"):
        dsa(noisy_walk(0), noisy_walk(1), n_delays=2, rank=2, score="euclidean")


def test_misspelt_options_are_refused():
    with pytest.raises(DSAInputError, match="max_starts"):
        dsa(noisy_walk(0), noisy_walk(1), n_delays=2, rank=2, max_start=3)


def test_a_ridge_that_leaves_nothing_of_the_operator_is_refused():
    with pytest.raises(DSAInputError, match="an operator that is not 0; got one of norm 0"):
        represent(noisy_walk(1), settings={**SETTINGS, "ridge": 1e200})
