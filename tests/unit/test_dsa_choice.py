"""Parameters of DSA left to the trained networks: configuration, jobs, tables, and what cannot be chosen."""

from __future__ import annotations

import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from warpline.comparison.chosen_parameters import (
    summarised_parameters,
    with_choice,
    with_parameters,
)
from warpline.comparison.dsa_choice import choose
from warpline.comparison.network_systems import System
from warpline.core import result_files
from warpline.figures.words import parameters_label
from warpline.pipeline import run_status
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import forecast
from warpline.pipeline.stages import Pipeline

PDM = {"measure": "dsa", "taskset": "PDM"}
COMPARED = {**PDM, "architecture": "leaky_rnn", "seeds": "1"}


@pytest.fixture
def pipeline(raw_config, tmp_path):
    def make(**dsa):
        raw_config["measures"]["dsa"] = {"measure": "dsa", **dsa}
        return Pipeline(Plan(load(raw_config), tmp_path / "results"))

    return make


# --- configuration ----------------------------------------------------------------------------------


def test_a_setting_is_a_number_or_auto(raw_config):
    raw_config["measures"]["dsa"] = {"measure": "dsa", "n_delays": 4, "rank": "auto"}
    assert load(raw_config).measures["dsa"].automatic == ["rank"]
    for value, says in (
        ("automatic", "input should be 'auto', got 'automatic'"),
        (0, "equal to 1, got 0"),
    ):
        raw_config["measures"]["dsa"]["rank"] = value
        with pytest.raises(ConfigError, match=f"measures.dsa.rank: .*{says}") as caught:
            load(raw_config)
        assert len(caught.value.faults) == 1


def test_validation_systems_take_numbers(raw_config):
    raw_config["attractors"] = {
        "measures": {"dsa": {"measure": "dsa", "n_delays": 33, "rank": "auto"}}
    }
    with pytest.raises(ConfigError, match="expected a number for rank, got 'auto'"):
        load(raw_config)


def test_the_shortest_candidates_fit_the_window(raw_config):
    raw_config["dsa_choice"] = {"n_delays": [38, 50], "horizons": [2, 99]}
    load(raw_config)
    raw_config["dsa_choice"]["horizons"] = [3]
    with pytest.raises(ConfigError, match="38 delays of 1 steps and a horizon of 3 steps need"):
        load(raw_config)


# --- jobs -------------------------------------------------------------------------------------------


def test_numbers_need_no_choice(pipeline):
    p = pipeline(n_delays=5, rank=20)
    assert list(p.choice.jobs()) == [] and p.choice.measures == []
    assert "choice" not in p.comparisons.inputs(COMPARED)
    assert "choose_dsa" not in set(forecast(p.plan)["rule"])
    assert not any(path.endswith("dsa_choice") for path in p._taskset_figures.paths())


@pytest.mark.parametrize("dsa", [{"n_delays": "auto", "rank": 9}, {"n_delays": 4, "rank": "auto"}])
def test_comparisons_read_the_choice_of_their_task_set(pipeline, dsa):
    p = pipeline(**dsa)
    assert list(p.choice.jobs()) == [PDM]
    (path,) = p.comparisons.inputs(COMPARED)["choice"]
    assert path == p.choice.path("choice", **PDM) and path.endswith("dsa/dsa/PDM/choice.csv")
    assert p.architectures.inputs({**PDM, "seeds": "1"})["choice"] == [path]
    assert "choice" not in p.comparisons.inputs({**COMPARED, "measure": "cka"})
    assert p.comparisons.cost(COMPARED).seconds > 0 and p.choice.cost(PDM).seconds > 0
    assert any(path.endswith("PDM/dsa_choice") for path in p._taskset_figures.paths())


def test_trained_networks_of_the_first_seeds_are_asked(pipeline, raw_config):
    raw_config["jobs"] = {"seeds_per_job": 3}
    p = pipeline(n_delays="auto", rank="auto")
    paths = p.choice.inputs(PDM)["trajectories"]
    assert len(paths) == 4 and not any("untrained" in path for path in paths)
    assert all(path.endswith("seed~1+2+3.nc") for path in paths)
    assert p.choice.chosen_seeds(PDM) == "1 2"
    # `warpline status` looks at them, too.
    (job,) = (job for job in run_status._stage_jobs(p.choice) if job.rule == "choose_dsa")
    assert job.parameters[2] == "1 2"


def test_a_new_seed_changes_no_choice(pipeline, raw_config):
    def told():
        p = pipeline(n_delays="auto", rank="auto")
        return p.choice.inputs(PDM), p.choice.settings(PDM), p.choice.chosen_seeds(PDM)

    before = told()
    raw_config["run"]["seeds"].append(9)
    assert told() == before


def test_architectures_that_are_only_compared_with_each_other_count(pipeline, raw_config):
    raw_config["run"]["grid"][0]["comparisons"] = ["learning", "architectures"]
    raw_config["run"]["grid"].append(
        {
            "tasksets": ["PDM"],
            "architectures": ["leaky_gru"],
            "curricula": ["master"],
            "comparisons": ["architectures"],
        }
    )
    paths = pipeline(n_delays="auto", rank="auto").choice.inputs(PDM)["trajectories"]
    assert sum("/leaky_gru/" in path for path in paths) == 1 and len(paths) == 5


def test_untrained_networks_stand_in_where_none_is_trained(pipeline, raw_config):
    raw_config["run"]["grid"][0]["curricula"] = ["untrained"]
    raw_config["comparison"]["over"]["references"] = ["untrained"]
    (path,) = pipeline(n_delays="auto", rank="auto").choice.inputs(PDM)["trajectories"]
    assert "/untrained/" in path


def test_candidates_reach_the_choice_and_no_comparison(pipeline, raw_config):
    before = pipeline(n_delays="auto", rank="auto")
    raw_config["dsa_choice"] = {"ranks": [3, 4]}
    after = pipeline(n_delays="auto", rank="auto")
    assert before.choice.settings(PDM) != after.choice.settings(PDM)
    assert before.comparisons.settings(COMPARED) == after.comparisons.settings(COMPARED)


def test_candidates_of_a_setting_that_is_a_number_choose_nothing(pipeline, raw_config):
    before = pipeline(n_delays="auto", rank="auto")
    raw_config["dsa_choice"] = {"delay_intervals": [1, 3]}
    after = pipeline(n_delays="auto", rank="auto")
    assert before.choice.settings(PDM) == after.choice.settings(PDM)


def test_recordings_are_compared_anew_only_by_what_is_chosen(pipeline, raw_config):
    raw_config["run"] |= {"datasets": ["a", "b"], "measures": ["cka", "dsa"]}
    raw_config["datasets"] = {name: {"file": f"{name}.npz"} for name in "ab"}
    raw_config["dataset_comparison"] = {"single_trials": ["cka", "dsa"]}
    before = pipeline(n_delays="auto", rank=10).dataset_comparisons
    raw_config["dsa_choice"] = {"ranks": [3, 4]}
    ranks = pipeline(n_delays="auto", rank=10).dataset_comparisons
    raw_config["dsa_choice"] = {"n_delays": [1, 2]}
    delays = pipeline(n_delays="auto", rank=10).dataset_comparisons
    for measure, same in (("cka", True), ("dsa", False)):
        job = {"measure": measure}
        assert before.settings(job) == ranks.settings(job)
        assert (before.settings(job) == delays.settings(job)) is same


def test_what_compares_no_checkpoints_depends_on_no_fractions(pipeline, raw_config):
    raw_config["comparison"]["controls"] = {"drives": ["fresh_noise"]}
    before = pipeline(n_delays=7, rank=10)
    raw_config["comparison"]["controls"]["time_constant"] = 50.0
    raw_config["comparison"]["over"]["fractions"] = [0.0, 1.0]
    after = pipeline(n_delays=7, rank=10)
    between = {**PDM, "part": "_architectures"}
    assert before.around.settings(between) == after.around.settings(between)
    of_one = {**PDM, "part": "leaky_rnn"}
    assert before.around.settings(of_one) != after.around.settings(of_one)
    network = {"taskset": "PDM", "architecture": "leaky_rnn", "curriculum": "master", "seeds": "1"}
    assert before.trajectories.settings(network) == after.trajectories.settings(network)


# --- tables -----------------------------------------------------------------------------------------

CANDIDATES = {
    "n_delays": [1, 2],
    "delay_intervals": [1],
    "ranks": [1, 2, 3],
    "horizons": [1, 4],
    "keep": 0.95,
    "longest": 0.333,
}
MEASURE = {
    "name": "dsa",
    "n_delays": "auto",
    "delay_interval": 1,
    "rank": "auto",
    "ridge": 0.0,
    "offset": False,
    "rank_tolerance": None,
}


def system(states, seed=1, status="converged"):
    return System("leaky_rnn", "master", seed, 20, 1.0, 1.0, 0.9, status, states)


@pytest.fixture
def rotations(rng):
    """Two networks that rotate, seen in both coordinates."""
    time = 0.3 * np.arange(30)
    phases = rng.uniform(0, 2 * np.pi, (2, 30, 1))
    return [np.stack([np.cos(time + p), np.sin(time + p)], -1) for p in phases]


def test_tables_of_a_choice(rotations):
    networks = [system(states, seed) for seed, states in enumerate(rotations)]
    diverged = system(np.full((30, 30, 2), np.nan), 7, "diverged")
    tables = choose([*networks, diverged], MEASURE, CANDIDATES, 3)
    (row,) = tables["choice"].to_dict("records")
    assert (row["n_delays"], row["delay_interval"], row["rank"]) == (1, 1, 2)
    assert row["status"] == "better than persistence"
    assert set(tables["sweep"]["n_systems"]) == {2}
    assert row["automatic"] == "n_delays rank" and row["measure"] == "dsa"
    assert set(tables["networks"]["seed"]) == {0, 1} and "architecture" in tables["networks"]
    assert tables["sweep"]["chosen"].sum() == 1


def test_a_fixed_parameter_stays(rotations):
    measure = {**MEASURE, "n_delays": 2}
    tables = choose([system(rotations[0])], measure, CANDIDATES, 3)
    assert tables["choice"].loc[0, "n_delays"] == 2
    assert set(tables["sweep"]["n_delays"]) == {2}
    assert tables["choice"].loc[0, "automatic"] == "rank"


@pytest.mark.parametrize("systems", [[], [system(np.ones((30, 30, 2)))]])
def test_without_a_usable_network_the_choice_says_so(systems):
    tables = choose(systems, MEASURE, CANDIDATES, 3)
    (row,) = tables["choice"].to_dict("records")
    assert row["status"].startswith("failed: no network")
    assert (row["n_delays"], row["rank"]) == (1, 1)
    assert tables["sweep"].empty


def test_what_was_chosen_stands_for_auto(tmp_path, rotations):
    path = tmp_path / "choice.csv"
    tables = choose([system(rotations[0])], MEASURE, CANDIDATES, 3)
    result_files.write_table(tables["choice"], path, {"settings": {}, "code": ""})
    settings = with_choice({**MEASURE, "measure": "dsa"}, path)
    assert (settings["n_delays"], settings["delay_interval"], settings["rank"]) == (1, 1, 2)
    fixed = {**MEASURE, "measure": "dsa", "n_delays": 7, "rank": 5}
    assert with_choice(fixed, None) == fixed
    with pytest.raises(ValueError, match=r"--choice\) for n_delays, rank, got none"):
        with_choice({**MEASURE, "measure": "dsa"}, None)


def test_every_row_holds_the_parameters():
    rows = pd.DataFrame({"dissimilarity": [0.1, np.nan], "status": ["converged", "diverged"]})
    dsa = with_parameters(
        rows, {"name": "d", "measure": "dsa", "n_delays": 4, "delay_interval": 1, "rank": 9}
    )
    assert dsa[["measure", "n_delays", "rank"]].to_numpy().tolist() == [["d", 4, 9]] * 2
    cka = with_parameters(rows, {"name": "cka", "measure": "cka"})
    assert list(cka) == ["measure", "dissimilarity", "status"]

    summary = pd.DataFrame({"measure": ["cka", "d", "d"], "mean": [1.0, 2.0, 3.0]})
    table = summarised_parameters(summary, pd.concat([cka, dsa]))
    assert table["mean"].tolist() == [1, 2, 3]
    assert table["rank"].isna().tolist() == [True, False, False] and table["rank"].iloc[1] == 9
    assert summarised_parameters(summary, cka) is summary
    assert parameters_label(dsa) == "4 delays, rank 9" and parameters_label(cka) == ""


def test_two_measures_share_a_legend(project, tmp_path):
    """Two legends at one place stood on each other."""
    settings = ["n_delays", "delay_interval", "rank"]
    numbers = {"error_ratio_1": 0.5, "aic": -1.0, "spectral_radius": 1.0, "non_normality": 0.2}
    files = {"sweep": [], "networks": []}
    for measure, tried in (("dsa", [(1, 1, 2), (3, 1, 4)]), ("own", [(3, 1, 4), (3, 2, 4)])):
        sweep = pd.DataFrame(tried, columns=settings).assign(**numbers, comparable=True)
        sweep = sweep.assign(measure=measure, chosen=[False, True])
        networks = sweep.assign(architecture="rnn", curriculum="master", seed=1)
        for name, table in (("sweep", sweep), ("networks", networks)):
            files[name].append(tmp_path / f"{measure}_{name}.csv")
            result_files.write_table(table, files[name][-1], {})
    make = runpy.run_path(str(project / "scripts/figures/dsa_choice.py"))["make"]
    figure = make(SimpleNamespace(**files), {"style": {"colormap": "viridis"}})
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "1 delay",
        "3 delays",
        "chosen for DSA: 3 delays, rank 4",
        "persistence: nothing changes",
        "networks, chosen setting",
        "3 delays, interval 2",
        "chosen for own: 3 delays, interval 2, rank 4",
    ]
    # An embedding has one colour in the panels of all measures.
    colours = [
        {line.get_label(): line.get_color() for line in panel.lines}["3 delays"]
        for panel in figure.axes[::6]
    ]
    assert len(colours) == 2 and tuple(colours[0]) == tuple(colours[1])
