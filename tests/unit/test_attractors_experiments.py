import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from warpline.attractors import experiments, motifs
from warpline.core import random_streams
from warpline.figures import attractor_panels
from warpline.pipeline import attractor_slices as slices
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.config.attractors import Attractors
from warpline.pipeline.plan import Plan

BENCH = {
    "seed": 7,
    "paired": True,
    "n_trials": 10,
    "n_steps": 40,
    "dt": 0.01,
    "s": 10.0,
    "b": 2.667,
    "families": {"one": [0.25, 0.5], "two": [5.0, 10.0]},
    "motifs": {"curve": 0.5, "patterns": [5.0, 15.0]},
}
NOISE = {"seed": 7, "noise": {"levels": [0.1, 0.0], "shares": [1.0, 0.5]}}
CKA = {"measure": "cka", "name": "cka"}


@pytest.fixture(scope="module")
def dataset():
    """Return the systems as the workflow's first job writes them."""
    lorenz, parts = motifs.families(BENCH), motifs.motifs(BENCH)
    of = motifs.family_names(BENCH)
    names = [*lorenz, *parts]
    return xr.Dataset(
        {
            "states": (
                ("system", "trial", "time", "unit"),
                np.stack([*lorenz.values(), *parts.values()]),
            ),
            "kind": ("system", ["family"] * len(lorenz) + ["motif"] * len(parts)),
            "family": ("system", [of[name][0] if name in of else "" for name in names]),
        },
        coords={"system": names},
    )


def test_families_are_paired_with_themselves_and_each_other(dataset):
    frame = experiments.compare(experiments.families(dataset, {}), CKA, 0)
    assert len(frame) == 10
    assert frame["within"].sum() == 6
    matrix, names = attractor_panels.matrix(frame)
    assert names == ["r=0.25", "r=0.5", "r=5", "r=10"]
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(np.diag(matrix), 0, atol=1e-12)


def test_all_pairs_of_sequences_are_there_once(dataset):
    found = experiments.sequences(dataset, {"sequence": 3})
    assert len(found.systems) == 60
    assert len(found.pairs) == 1770
    assert all(states.shape == (10, 40, 3) for states in found.systems.values())
    counts = Counter(pair["unordered"] for pair in found.pairs)
    # 10 selections of 3 motifs, 6 orders each: 15 pairs within a selection.
    assert counts[3] == 150
    # A selection shares 2 motifs with 6 others: 30 pairs of selections, 36 pairs of orders.
    assert counts[2] == 30 * 36
    # Three places, two other motifs for each sequence.
    assert sum(pair["ordered"] == 2 for pair in found.pairs) == 60 * 6 // 2


def test_sampled_pairs_are_even_and_their_weights_count_all(dataset):
    pairs = experiments.sequences(dataset, {"sequence": 3}).pairs
    stream = random_streams.generator(1, "pairs")
    drawn = experiments.sample_pairs(pairs, 200, stream)
    assert 190 <= len(drawn) <= 200
    assert len({(pair["system_a"], pair["system_b"]) for pair in drawn}) == len(drawn)
    assert sum(pair["weight"] for pair in drawn) == pytest.approx(1770)
    counts = Counter((pair["ordered"], pair["unordered"]) for pair in drawn)
    assert max(counts.values()) - min(counts.values()) <= 2
    again = experiments.sample_pairs(pairs, 200, random_streams.generator(1, "pairs"))
    assert drawn == again
    every = experiments.sample_pairs(pairs, 10_000, random_streams.generator(1, "pairs"))
    assert len(every) == 1770
    assert {pair["weight"] for pair in every} == {1.0}


def test_noise_experiment_has_every_share_at_every_level(dataset):
    found = experiments.noise(dataset, NOISE)
    # Two levels, five motifs: each alone, and with four others in two shares.
    assert len(found.pairs) == 2 * 5 * (1 + 4 * 2)
    epochs = Counter(pair["epoch"] for pair in found.pairs)
    assert epochs == {1: 25, 2: 25, 0: 40}
    for pair in found.pairs:
        if pair["level"] == 0 and pair["share"] == 0:
            a, b = (found.systems[pair[f"system_{end}"]] for end in "ab")
            np.testing.assert_array_equal(a, b)
        if pair["level"] == 0 and pair["share"] == 1:
            other = dataset["states"].sel(system=pair["other"]).values
            np.testing.assert_allclose(found.systems[pair["system_b"]], other, atol=1e-12)


def test_noise_draws_are_independent_and_do_not_hang_together(dataset):
    one = experiments.noise(dataset, NOISE)
    longer = experiments.noise(
        dataset, {**NOISE, "noise": {"levels": [0.2, 0.1], "shares": [1.0, 0.5, 0.25]}}
    )
    name = "line e=0.1"
    np.testing.assert_array_equal(one.systems[name], longer.systems[name])
    clean = np.sqrt(1 - 0.01) * dataset["states"].sel(system="line").values
    first, again = one.systems[name] - clean, one.systems[f"{name} again"] - clean
    assert abs(np.corrcoef(first.ravel(), again.ravel())[0, 1]) < 0.1


def test_a_system_that_cannot_be_represented_is_a_row_that_says_why(dataset):
    found = experiments.motifs(dataset, {})
    broken = {**found.systems, "line": np.full((10, 40, 3), np.nan)}
    frame = experiments.compare(experiments.Experiment(broken, found.pairs), CKA, 0)
    lost = (frame["system_a"] == "line") | (frame["system_b"] == "line")
    assert len(frame) == 15
    assert frame.loc[lost, "dissimilarity"].isna().all()
    assert frame.loc[lost, "status"].str.startswith("failed: expected finite").all()
    assert (frame.loc[~lost, "status"] == "converged").all()


def test_comparison_is_deterministic_and_blind_to_the_other_pairs(dataset):
    found = experiments.motifs(dataset, {})
    whole = experiments.compare(found, CKA, 0)
    part = experiments.compare(experiments.Experiment(found.systems, found.pairs[3:7]), CKA, 0)
    np.testing.assert_array_equal(part["dissimilarity"], whole["dissimilarity"][3:7])


# --- configuration ----------------------------------------------------------------------------------


def test_the_sweep_has_at_least_sixty_combinations_that_fit():
    bench = Attractors()
    cells = bench.cells()
    assert len(set(cells)) == len(cells) >= 60
    assert all((n - 1) * interval + 2 <= bench.n_steps for n, interval, _ in cells)
    assert all(rank <= 3 * n for n, _, rank in cells)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"n_steps": 100}, "33 delays of 6 steps need n_steps of at least 194, got 100"),
        ({"families": {"a": [1.0, 2.0], "b": [2.0, 3.0]}}, "families: expected each r once"),
        ({"noise": {"levels": [0.1, 0.2]}}, "noise.levels: expected falling values"),
        ({"noise": {"level": [0.1]}}, "did you mean 'levels'"),
        ({"measures": {"x": {"measure": "no_such.py:Name"}}}, "expected a Python file at"),
    ],
)
def test_a_bench_that_cannot_be_made_is_refused(section, message):
    root = Path(__file__).resolve().parents[2]
    raw = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=message):
        load({**raw, "attractors": section})


def test_every_pair_of_motifs_is_mixed_in_both_directions(dataset):
    pairs = experiments.noise(dataset, NOISE).pairs
    mixed = {(pair["motif"], pair["other"]) for pair in pairs if pair["other"]}
    assert mixed == set(itertools.permutations(motifs.MOTIFS, 2))


# --- what jobs are told -----------------------------------------------------------------------------


def told(section):
    """Return the slice of every job of the bench, by job."""
    root = Path(__file__).resolve().parents[2]
    raw = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    plan = Plan(load({**raw, "attractors": section}))
    jobs = {kind: slices.systems_slice(plan, kind) for kind in ("families", "motifs")}
    jobs |= {
        f"{experiment} {measure}": slices.comparison_slice(plan, experiment, measure)
        for experiment in experiments.EXPERIMENTS
        for measure in plan.config.attractors.measures
    }
    jobs |= {f"sweep {k}": slices.sweep_slice(plan, k) for k in slices.intervals(plan)}
    return jobs


@pytest.mark.parametrize(
    ("section", "again"),
    [
        (
            {"noise": {"shares": [1.0, 0.25]}},
            {"noise cka", "noise dsa", "noise procrustes"},
        ),
        ({"hyperparameters": {"delay_intervals": [1, 2, 4, 6, 8, 11, 13]}}, set()),
        ({"hyperparameters": {"best": 3}}, set()),
        ({"paired": False}, {"families", "motifs"}),
        ({"families": {"a": [1.0, 2.0], "b": [3.0, 4.0]}}, {"families"}),
    ],
)
def test_a_change_reaches_only_the_jobs_that_use_it(section, again):
    before, after = told({}), told(section)
    assert {job for job in before if before[job] != after[job]} == again


def test_without_dsa_there_is_no_sweep():
    assert not [job for job in told({"measures": {"cka": {"measure": "cka"}}}) if "sweep" in job]
