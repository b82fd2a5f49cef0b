import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from warpline.attractors import experiments, systems
from warpline.core import random_streams
from warpline.figures import attractor_panels
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.config.attractors import Attractors
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

SETTINGS = {
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
    """Return the Lorenz systems and the motifs, in one dataset."""
    simulated = [
        systems.simulate({key: value for key, value in SETTINGS.items() if key != left_out})
        for left_out in ("motifs", "families")
    ]
    return xr.concat(simulated, "system")


def test_families_are_paired_with_themselves_and_each_other(dataset):
    frame = experiments.compare_systems(experiments.families(dataset, {}), CKA, 0)
    assert len(frame) == 10
    assert frame["within"].sum() == 6
    matrix, names = attractor_panels.dissimilarity_matrix(frame)
    assert names == ["r=0.25", "r=0.5", "r=5", "r=10"]
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(np.diag(matrix), 0, atol=1e-12)


def test_every_pair_of_sequences_occurs_once(dataset):
    experiment = experiments.composition(dataset, {"sequence": 3})
    assert len(experiment.systems) == 60
    assert len(experiment.pairs) == 1770
    assert all(states.shape == (10, 40, 3) for states in experiment.systems.values())
    counts = Counter(pair["unordered"] for pair in experiment.pairs)
    # 10 selections of 3 motifs, 6 orders each: 15 pairs within a selection.
    assert counts[3] == 150
    # A selection shares 2 motifs with 6 others: 30 pairs of selections, 36 pairs of orders.
    assert counts[2] == 30 * 36
    # Three positions, two other motifs for each sequence.
    assert sum(pair["ordered"] == 2 for pair in experiment.pairs) == 60 * 6 // 2


def test_sampled_pairs_are_even_and_their_weights_count_all(dataset):
    pairs = experiments.composition(dataset, {"sequence": 3}).pairs
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
    experiment = experiments.noise(dataset, NOISE)
    # Two levels, five motifs: each alone, and with four others in two shares.
    assert len(experiment.pairs) == 2 * 5 * (1 + 4 * 2)
    epochs = Counter(pair["epoch"] for pair in experiment.pairs)
    assert epochs == {1: 25, 2: 25, 0: 40}
    for pair in experiment.pairs:
        if pair["level"] == 0 and pair["share"] == 0:
            a, b = (experiment.systems[pair[f"system_{end}"]] for end in "ab")
            np.testing.assert_array_equal(a, b)
        if pair["level"] == 0 and pair["share"] == 1:
            other = dataset["states"].sel(system=pair["other"]).values
            np.testing.assert_allclose(experiment.systems[pair["system_b"]], other, atol=1e-12)


def test_noise_is_independent_and_does_not_change_with_the_levels(dataset):
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
    experiment = experiments.motifs(dataset, {})
    broken = {**experiment.systems, "line": np.full((10, 40, 3), np.nan)}
    frame = experiments.compare_systems(experiments.Experiment(broken, experiment.pairs), CKA, 0)
    failed = (frame["system_a"] == "line") | (frame["system_b"] == "line")
    assert len(frame) == 15
    assert frame.loc[failed, "dissimilarity"].isna().all()
    assert frame.loc[failed, "status"].str.startswith("failed: expected finite").all()
    assert (frame.loc[~failed, "status"] == "converged").all()


def test_a_comparison_does_not_depend_on_the_other_pairs(dataset):
    experiment = experiments.motifs(dataset, {})
    every = experiments.compare_systems(experiment, CKA, 0)
    subset = experiments.Experiment(experiment.systems, experiment.pairs[3:7])
    some = experiments.compare_systems(subset, CKA, 0)
    np.testing.assert_array_equal(some["dissimilarity"], every["dissimilarity"][3:7])


# --- configuration ----------------------------------------------------------------------------------


def test_the_sweep_has_at_least_sixty_combinations_that_fit():
    validation = Attractors()
    cells = validation.cells()
    assert len(set(cells)) == len(cells) >= 60
    assert all((n - 1) * interval + 2 <= validation.n_steps for n, interval, _ in cells)
    assert all(rank <= 3 * n for n, _, rank in cells)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"n_steps": 100}, "33 delays of 6 steps need n_steps of at least 194, got 100"),
        ({"families": {"a": [1.0, 2.0], "b": [2.0, 3.0]}}, "families: expected each r once"),
        ({"noise": {"levels": [0.1, 0.2]}}, "noise.levels: expected falling values"),
        ({"noise": {"shares": [0.5, 0.25]}}, "noise.shares: expected 1.0 first"),
        ({"noise": {"level": [0.1]}}, "did you mean 'levels'"),
        ({"measures": {"x": {"measure": "no_such.py:Name"}}}, "expected a Python file at"),
    ],
)
def test_settings_that_cannot_be_simulated_are_refused(section, message):
    root = Path(__file__).resolve().parents[2]
    raw = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=message):
        load({**raw, "attractors": section})


def test_every_pair_of_motifs_is_mixed_in_both_directions(dataset):
    pairs = experiments.noise(dataset, NOISE).pairs
    mixed = {(pair["motif"], pair["other"]) for pair in pairs if pair["other"]}
    assert mixed == set(itertools.permutations(systems.MOTIFS, 2))


# --- parameters of the jobs ---------------------------------------------------------------------------


def parameters(section):
    """Return the parameters of every job of the validation but the scores, by job."""
    root = Path(__file__).resolve().parents[2]
    raw = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    pipeline = Pipeline(Plan(load({**raw, "attractors": section})))
    return {
        " ".join(job.values()): stage.parameters(job)
        for stage in (pipeline.systems, pipeline.validation, pipeline.sweep)
        for job in stage.all_jobs()
    }


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
    before, after = parameters({}), parameters(section)
    assert {job for job in before if before[job] != after[job]} == again


def test_without_dsa_there_is_no_sweep():
    jobs = parameters({"measures": {"cka": {"measure": "cka"}}})
    assert set(jobs) == {"families", "motifs"} | {f"{name} cka" for name in experiments.EXPERIMENTS}


# --- whole jobs ---------------------------------------------------------------------------------------


def test_an_experiment_is_run_by_its_name(dataset):
    frame = experiments.run_experiment(
        dataset, {"experiment": "motifs", "measure": {**CKA, "name": "my_cka"}, "seed": 0}
    )
    assert frame.columns[0] == "measure"
    assert set(frame["measure"]) == {"my_cka"}
    expected = experiments.compare_systems(experiments.motifs(dataset, {}), CKA, 0)
    np.testing.assert_array_equal(frame["dissimilarity"], expected["dissimilarity"])


def test_the_sweep_compares_the_same_pairs_with_each_combination(dataset):
    cells = [{"n_delays": n, "delay_interval": 1, "rank": 3} for n in (2, 3)]
    measure = {"measure": "dsa", "max_starts": 1}
    frame = experiments.sweep_hyperparameters(
        dataset, {"seed": 7, "sequence": 2, "max_pairs": 6, "measure": measure, "cells": cells}
    )
    assert frame.columns[:3].tolist() == ["n_delays", "delay_interval", "rank"]
    pairs = [
        list(zip(group["system_a"], group["system_b"], strict=True))
        for _, group in frame.groupby("n_delays")
    ]
    assert pairs[0] == pairs[1]
    assert 1 <= len(pairs[0]) <= 6
    assert frame["dissimilarity"].notna().all()
