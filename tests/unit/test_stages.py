"""What each stage is told, what it costs and which jobs it has."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from warpline.core.result_files import DamagedFileError
from warpline.pipeline.command_line import render_forecast
from warpline.pipeline.config import load
from warpline.pipeline.expansion import NetworkSpec, Plan
from warpline.pipeline.forecast import compare_with_run, efficiency, forecast
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import alternatives
from warpline.pipeline.stages.sizes import Sizes

MASTER = vars(NetworkSpec("PDM", "leaky_rnn", "master"))
MAMBA = vars(NetworkSpec("PDM", "mamba_d8_l2", "master"))
TRIALS = {"taskset": "PDM", "task": "Basic"}


@pytest.fixture
def pipeline(raw_config, tmp_path):
    def make(**jobs):
        raw_config["jobs"] = jobs
        return Pipeline(Plan(load(raw_config), tmp_path / "results"))

    return make


# --- recordings -----------------------------------------------------------------------------------------


def test_a_recording_is_read_anew_by_its_content(pipeline, raw_config, tmp_path):
    """Not by its time stamp alone: a file that takes the place of another may be older."""
    recording, table = tmp_path / "a.npz", tmp_path / "a.csv"
    raw_config["run"] |= {"datasets": ["a", "b"]}
    files = {"file": str(recording), "trials": str(table)}
    raw_config["datasets"] = {"a": files, "b": {"file": str(tmp_path / "none.npz")}}
    raw_config["dataset_comparison"] = {"single_trials": raw_config["run"]["measures"]}
    seen = []
    for content, row in ((b"1", "x"), (b"1", "y"), (b"2", "y"), (b"2", "y")):
        recording.write_bytes(content)
        table.write_text(row)
        # Ever older.
        for path in (recording, table):
            os.utime(path, (1e9 - 100 * len(seen),) * 2)
        seen.append(pipeline().datasets.settings({"dataset": "a"}))
    assert len(set(seen[:3])) == 3 and seen[3] == seen[2]
    # What is missing is said elsewhere.
    assert json.loads(pipeline().datasets.settings({"dataset": "b"}))["sha256"] == {}


# --- figures --------------------------------------------------------------------------------------------


def test_a_figure_is_drawn_anew_only_by_what_it_shows(pipeline, raw_config):
    raw_config["run"]["warping"] = ["context"]
    raw_config["run"]["grid"][0] |= {
        "architectures": ["leaky_rnn", "leaky_gru"],
        "comparisons": ["architectures"],
    }

    def settings():
        figures = pipeline().figures_by_part
        drawn = {one.rule: one for part in ("figures", "warping") for one in figures[part]}
        wildcards = {"taskset": "PDM", "architecture": "leaky_rnn"}
        return [
            drawn[rule].settings_json(wildcards)
            for rule in (
                "draw_hyperparameters",
                "draw_warping_context_context_metric",
                "draw_after_learning",
            )
        ]

    before = settings()
    # Intervals and tests are in the tables.
    raw_config["statistics"] = {"family_error": 0.06}
    assert settings() == before
    raw_config["statistics"] = {"min_seeds": 7}
    assert [a == b for a, b in zip(settings(), before, strict=True)] == [True, True, False]
    del raw_config["statistics"]
    # Of an analysis alone.
    raw_config["architectures"]["context_rnn"]["learning_rate"] = 0.123
    assert settings() == before
    raw_config["architectures"]["leaky_rnn"]["learning_rate"] = 0.123
    assert settings()[0] != before[0]


# --- wildcards ------------------------------------------------------------------------------------------

GRID = [
    f"leaky_{cell}-{units}-{activation}-lr0.00{rate}"
    for cell in ("rnn", "gru")
    for units in (64, 128)
    for activation in ("relu", "leaky_relu", "tanh")
    for rate in ("1", "03")
]


@pytest.mark.parametrize(
    "names", [GRID, ["a", "ab", "abb"], ["1", "10", "2"], ["x.y", "x-y", "x+y"], ["one"], []]
)
def test_a_constraint_matches_the_names_and_no_others(names):
    constraint = alternatives(names)
    near = {
        name[:k] + letter + name[k + 1 :]
        for name in names
        for k in range(len(name))
        for letter in ("", "1", ".")
    }
    near |= {f"{name}{name}" for name in names} | {f"{name}b" for name in names} | {"", "x_y"}
    for name in near | set(names):
        assert bool(re.fullmatch(constraint, name)) == (name in names), name


def test_a_constraint_does_not_grow_with_every_name_of_a_grid():
    assert len(alternatives(GRID)) < len("|".join(GRID)) / 5
    # Sets have no order: one constraint, whatever the order.
    assert alternatives(GRID) == alternatives(reversed(GRID))


# --- parameters -----------------------------------------------------------------------------------------


def test_parameters_are_json_and_hold_no_lists_of_what_is_run(pipeline):
    p = pipeline()
    pretraining = {"taskset": "PDM", "architecture": "leaky_rnn", "pretraining": "Anti+Basic"}
    parts = [
        p.trials.parameters(TRIALS | {"task": "Anti"}),
        p.training.parameters(MASTER),
        p.pretraining.parameters(pretraining),
        p.trajectories.parameters(MASTER),
        p.comparisons.parameters({"measure": "cka"}),
    ]
    for part in parts:
        text = json.dumps(part)
        assert '"seeds"' not in text and "master_frozen" not in text


def test_comparisons_of_driven_systems_read_the_trials_and_know_the_drives(
    raw_config, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    raw_config["run"]["measures"] = ["cka", "dsa_input"]
    comparisons = Pipeline(Plan(load(raw_config))).comparisons
    job = {"taskset": "PDM", "architecture": "leaky_rnn", "seeds": "1", "measure": "dsa_input"}
    (trials,) = comparisons.inputs(job)["trials"]
    assert trials.endswith("trials/PDM/AntiDelayResponse/evaluation.nc")
    inputs = comparisons.parameters(job)["inputs"]
    assert inputs["period"] == "stimulus"
    assert inputs["drives"] == comparisons.trajectories.parameters(MASTER)["drives"]
    assert comparisons.cost(job).seconds > comparisons.cost(job | {"measure": "cka"}).seconds
    # A measure of the user's own that needs inputs gets them, and no setting for it.
    raw_config["measures"]["mine"] = {"measure": "mine.py:Mine", "needs_inputs": True}
    (Path("mine.py")).write_text("class Mine: NEEDS_INPUTS = True")
    mine = Pipeline(Plan(load(raw_config))).comparisons
    assert mine.inputs(job | {"measure": "mine"})["trials"] == [trials]
    parameters = mine.parameters(job | {"measure": "mine"})
    assert parameters["inputs"] == inputs
    assert parameters["measure"] == {"name": "mine", "measure": "mine.py:Mine"}
    # Other measures read no trials, and do not run again when drives change.
    assert "trials" not in comparisons.inputs(job | {"measure": "cka"})
    assert "inputs" not in comparisons.parameters(job | {"measure": "cka"})


def figure_settings(pipeline):
    return pipeline.figures_by_part["figures"][0].settings({})


CHANGES = {
    "seed added": (lambda r: r["run"]["seeds"].append(9), set()),
    "seed removed": (lambda r: r["run"]["seeds"].pop(), set()),
    "colour": (lambda r: r.update(figures={"palette": "tol-bright"}), {"figure"}),
    "DSA rank": (lambda r: r["measures"]["dsa"].update(rank=7), {"dsa"}),
    "learning rate": (
        lambda r: r["architectures"]["leaky_rnn"].update(learning_rate=0.01),
        {"training"},
    ),
    "units": (
        lambda r: r["architectures"]["leaky_rnn"].update(units=99),
        {"training", "trajectories"},
    ),
    "layer": (
        lambda r: r["architectures"]["mamba_d8_l2"].update(layer=1),
        {"mamba trajectories"},
    ),
    "states of a Mamba": (
        lambda r: r["architectures"]["mamba_d8_l2"].update(d_state=8),
        {"mamba training", "mamba trajectories"},
    ),
    "another architecture": (lambda r: r["architectures"]["leaky_gru"].update(units=99), set()),
    "curriculum added": (lambda r: r["curricula"].update(new={}), set()),
    "noise": (
        lambda r: r["tasksets"]["PDM"].update(input_noise=2.0),
        {"trials", "evaluation trials"},
    ),
    "evaluation repeats": (
        lambda r: r["tasksets"]["PDM"].update(trials={"evaluation_repeats": 4}),
        {"evaluation trials"},
    ),
    "confidence": (lambda r: r.update(statistics={"confidence": 0.9}), {"statistics"}),
    "root seed": (
        lambda r: r.update(seed=3),
        # The default compares this RNN over learning, and so under other drives, and no Mamba.
        # A figure states the root seed.
        {"trials", "evaluation trials", "training", "trajectories", "mamba training", "cka", "dsa"}
        | {"figure"},
    ),
    "other drives": (
        lambda r: r["comparison"].update(controls={"drives": ["fresh_noise"]}),
        {"trajectories"},
    ),
    "time constant of noise": (
        lambda r: r["comparison"].update(controls={"time_constant": 50}),
        {"trajectories"},
    ),
    "seeds per job": (lambda r: r.update(jobs={"seeds_per_job": 3}), set()),
    "seeds per training job": (lambda r: r.update(jobs={"seeds_per_training_job": 3}), set()),
    "within": (lambda r: r["comparison"]["within"].update(fractions=[0.0, 1.0]), {"cka", "dsa"}),
}

PARAMETERS = {
    "trials": lambda p: p.trials.parameters(TRIALS),
    "evaluation trials": lambda p: p.evaluation_trials.parameters(TRIALS),
    "training": lambda p: p.training.parameters(MASTER),
    "trajectories": lambda p: p.trajectories.parameters(MASTER),
    "mamba training": lambda p: p.training.parameters(MAMBA),
    "mamba trajectories": lambda p: p.trajectories.parameters(MAMBA),
    "cka": lambda p: p.comparisons.parameters({"measure": "cka"}),
    "dsa": lambda p: p.comparisons.parameters({"measure": "dsa"}),
    "statistics": lambda p: p.statistics.parameters({"taskset": "PDM"}),
    "figure": figure_settings,
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("stage", PARAMETERS)
def test_a_change_reaches_the_jobs_that_use_it_and_no_others(raw_config, change, stage):
    apply, reached = CHANGES[change]
    before = PARAMETERS[stage](Pipeline(Plan(load(raw_config))))
    apply(raw_config)
    after = PARAMETERS[stage](Pipeline(Plan(load(raw_config))))
    assert (before != after) is (stage in reached)


def test_streams_differ_by_what_they_belong_to(pipeline):
    runs = [
        tuple(pipeline().training.parameters(MASTER | {"curriculum": name})["run"])
        for name in ("untrained", "master", "master_frozen")
    ]
    assert len(set(runs)) == 3


def test_untrained_takes_no_updates(pipeline):
    parameters = pipeline().training.parameters(MASTER | {"curriculum": "untrained"})
    assert parameters["training"]["max_steps"] == 0


def test_seeds_that_are_trained_together_count_on_a_gpu_alone(pipeline):
    """There the last bits of a network depend on the others; on a CPU they do not."""
    for gpu, together in ((True, ["", "1+2+3", "4+5"]), (False, ["", "", ""])):
        blocks = pipeline(gpu=gpu, seeds_per_training_job=3).training.blocks()
        assert [block.together for block in blocks] == together
        assert [block.rule_name for block in blocks] == ["train", "train_1_2_3", "train_4_5"]


# --- jobs -----------------------------------------------------------------------------------------------


def test_every_stage_states_all_about_itself(pipeline):
    for stage in pipeline(seeds_per_job=2).stages:
        assert stage.rule and stage.heading
        for job in list(stage.jobs())[:2]:
            assert stage.cost(job).seconds > 0
            if stage.rule.startswith("draw_"):
                continue
            assert set(re.findall(r"\{(\w+)\}", stage.job_name)) <= {*job, "seed"}
            assert json.loads(stage.settings(job))
            assert re.fullmatch(r"[0-9a-f]{16}", stage.code(job))
            assert all(
                isinstance(files, list) for files in stage.inputs({**job, "seed": "1"}).values()
            )


def test_every_rule_that_submits_jobs_is_a_stage(pipeline, project):
    text = "".join(path.read_text() for path in (project / "workflow" / "rules").glob("*.smk"))
    named = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    plan = pipeline()
    # The audit has its own instances of the stages, and two stages that others have not.
    audit = {"audit_compare_networks", Audit(plan).effects.rule, Audit(plan).table.rule}
    stages = {stage.rule for stage in plan.stages if not stage.rule.startswith("draw_")}
    assert named == (stages - {"pretrain", "train"}) | audit
    # Every rule takes its memory and time from its stage, none states a number.
    assert text.count("    resources:\n") == text.count(".resources,\n") > 10
    assert not re.search(r"(mem_mb|runtime)=\d", text)


def test_jobs_are_those_of_the_configuration(pipeline):
    p = pipeline()
    assert len(list(p.training.jobs())) == len(p.training.all_networks()) == 25
    # pretrain_frozen and pretrain_unfrozen share theirs.
    assert len(list(p.pretraining.jobs())) == 5
    assert len(list(p.comparisons.jobs())) == 15
    assert {job["task"] for job in p.evaluation_trials.jobs()} == {"AntiDelayResponse"}
    assert len(p.trials.files()) == len(p.trials.files("train")) + len(p.trials.files("validation"))


def test_what_a_stage_reads_is_what_another_makes(pipeline):
    """Every input of every job is an output of some job."""
    p = pipeline(seeds_per_job=2)
    made = {
        stage.path(name, **job, **({"seed": seed} if "{seed}" in stage.pattern(name) else {}))
        for stage in p.stages
        if stage.outputs
        for job in stage.jobs()
        for name in stage.outputs
        for seed in p.plan.seeds
    }
    for stage in p.stages:
        for job in stage.jobs():
            read = stage.inputs({**job, "seed": "1"}) if stage.outputs else {}
            for files in read.values():
                assert set(files) <= made, stage.rule


# --- cost -----------------------------------------------------------------------------------------------


def test_a_job_that_was_killed_asks_for_more_up_to_the_limit(pipeline):
    train = pipeline().training
    memory = [train.memory_mb(MASTER, attempt) for attempt in (1, 2, 3)]
    minutes = [train.runtime(MASTER, attempt) for attempt in (1, 2, 3)]
    assert memory[1] >= 1.9 * memory[0] and memory[2] >= 1.9 * memory[1]
    assert minutes == [minutes[0], 2 * minutes[0], 4 * minutes[0]]
    limited = pipeline(max_memory=memory[0] + 1, max_runtime=minutes[0] + 1).training
    assert limited.memory_mb(MASTER, 3) == memory[0] + 1
    assert limited.runtime(MASTER, 3) == minutes[0] + 1


def test_costs_grow_with_the_job(raw_config):
    def cost(**changes):
        for key, value in changes.items():
            section, _, name = key.partition("__")
            raw_config[section] = {**raw_config[section], **({name: value} if name else value)}
        return Pipeline(Plan(load(raw_config))).training.cost(MASTER)

    base = cost()
    assert base.longest > base.seconds > 0 and base.memory > 500 and base.disk > 0
    more = cost(training__max_steps=30000)
    assert more.longest > 5 * base.longest
    wide = cost(architectures__leaky_rnn={"model": "leaky_rnn", "units": 1024})
    assert wide.seconds > 3 * base.seconds and wide.disk > 30 * base.disk
    assert wide.memory > base.memory
    training = Pipeline(Plan(load(raw_config))).training
    assert training.cost(MASTER | {"curriculum": "untrained"}).longest < 30


def test_the_disk_of_training_is_that_of_the_kept_checkpoints(raw_config):
    def disk(stage, keep):
        raw_config[stage]["checkpoints"]["keep"] = keep
        return sum(
            row["disk"]
            for row in forecast(Plan(load(raw_config))).to_dict("records")
            if row["rule"] == {"training": "train", "pretraining": "pretrain"}[stage]
        )

    twentieths = [n / 20 for n in range(21)]
    assert disk("training", twentieths) < 0.7 * disk("training", "all")
    assert disk("pretraining", []) < 0.4 * disk("pretraining", "all")


def test_frozen_networks_without_pretraining_are_expected_to_run_to_the_end(pipeline):
    train = pipeline().training
    hopeless = train.cost(MASTER | {"curriculum": "master_frozen"})
    assert hopeless.seconds == pytest.approx(hopeless.longest)
    assert train.cost(MASTER | {"curriculum": "pretrain_frozen"}).seconds < hopeless.seconds


def test_blocks_of_seeds_are_one_job(pipeline):
    one, block = (pipeline(gpu=True, seeds_per_training_job=n).training for n in (1, 5))
    assert len(list(one.jobs())) == 25 and len(list(block.jobs())) == 5
    apart, together = one.cost(MASTER), block.cost(MASTER | {"n_seeds": "5"})
    assert together.disk == pytest.approx(5 * apart.disk)
    assert 4 * apart.longest < together.longest < 5 * apart.longest
    assert together.memory > apart.memory
    assert block.blocks()[1].cost(MASTER) == together


def test_every_model_has_a_size(raw_config):
    raw_config["architectures"]["other"] = {"model": "mamba", "d_model": 8, "n_layers": 2}
    raw_config["run"]["grid"][0]["architectures"] = ["other"]
    sizes = Sizes(Plan(load(raw_config)))
    # This network has 2,699 parameters and 2 x 16 x 16 states.
    assert sizes.hidden("other") == 512
    assert sizes.weights("other") == pytest.approx(2699, rel=0.15)


def test_hidden_states_that_pass_leave_what_figures_show(pipeline):
    kept, passing = (pipeline(keep_trajectories=keep).trajectories for keep in (True, False))
    assert (kept.temporary, passing.temporary) == ((), ("trajectories",))
    assert set(passing.outputs) - set(kept.outputs) == {"mean_states"}
    costs = [stage.cost(MASTER | {"seeds": "1"}) for stage in (kept, passing)]
    assert costs[0].passing == 0 and costs[1].disk < 0.5 * costs[0].disk
    assert costs[0].disk == pytest.approx(costs[1].passing, rel=0.01)
    # A figure reads the states where they stay, and their means where they do not.
    for stage, folder in ((kept, "trajectories"), (passing, "mean_states")):
        files = stage.shown("PDM", "leaky_rnn")
        assert len(files) == 5 and all(f"/{folder}/PDM/leaky_rnn/" in file for file in files)
    text = render_forecast(passing.plan)
    assert "GB more while jobs need them" in text
    assert "more while jobs" not in render_forecast(kept.plan)


def test_forecast_says_what_is_on_gpus(pipeline):
    plan = pipeline(gpu=True).plan
    frame = forecast(plan).set_index("rule")
    assert set(frame[frame["device"] == "gpu"].index) == {"pretrain", "train"}
    assert "no GPU was measured" in render_forecast(plan)
    assert set(forecast(pipeline().plan)["device"]) == {"cpu"}
    slow = forecast(pipeline(time_factor=2.0).plan)
    assert slow["hours"].sum() == pytest.approx(2 * frame["hours"].sum())


def test_forecast_of_a_run_that_was_not_made(pipeline, tmp_path):
    found = compare_with_run(pipeline().plan)
    assert (found["jobs"] == 0).all() and found["measured_disk"].sum() == 0
    with pytest.raises(ValueError, match="expected benchmarks with resources"):
        efficiency(tmp_path)


def test_only_compared_networks_with_input_noise_run_under_other_drives(raw_config):
    def drives(taskset="PDM", architecture="leaky_rnn", curriculum="master"):
        plan = Plan(load(raw_config))
        return Pipeline(plan).trajectories.drives(taskset, architecture, curriculum)

    assert drives() == ["fresh_noise", "weak_noise", "strong_noise", "autocorrelated_noise"]
    assert drives(architecture="mamba_d8_l1") == drives(taskset="GoNogo") == []
    with_drives = Pipeline(Plan(load(raw_config))).trajectories.cost(MASTER | {"seeds": "1"})
    raw_config["comparison"]["controls"] = {"drives": ["weak_noise"]}
    assert drives() == ["weak_noise"]
    fewer = Pipeline(Plan(load(raw_config))).trajectories.cost(MASTER | {"seeds": "1"})
    assert fewer.seconds < with_drives.seconds and fewer.disk < with_drives.disk
    raw_config["tasksets"]["PDM"]["input_noise"] = 0.0
    assert drives() == []


def test_a_drive_named_twice_is_refused(raw_config):
    raw_config["comparison"]["controls"] = {"drives": ["weak_noise", "weak_noise"]}
    with pytest.raises(ValueError, match="expected each entry once, got weak_noise more than once"):
        load(raw_config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"s\tmax_rss\n\xe4\t1\n", "not UTF-8"),
        (b"s\tmax_rss\n1\n", "cut short"),
        (b"s\th\n1\t2\n", "expected columns s and max_rss, got s, h"),
        (b"s\tmax_rss\nsoon\t2\n", "expected finite seconds from 0"),
        (b"s\tmax_rss\ninf\t2\n", "expected finite seconds from 0"),
        (b"s\tmax_rss\n-1\t2\n", "expected finite seconds from 0"),
        (None, "expected a file, got a pipe"),
    ],
)
def test_run_times_that_snakemake_did_not_write_count_in_no_mean(content, message, tmp_path):
    path = tmp_path / "benchmarks" / "train" / "x.tsv"
    path.parent.mkdir(parents=True)
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=message):
        efficiency(tmp_path)


def test_steps_of_the_reference_solver_concern_no_other(raw_config):
    def settings():
        pipeline = Pipeline(Plan(load(raw_config)))
        stages = (pipeline.comparisons, pipeline.around, pipeline.validation, pipeline.sweep)
        return [
            stage.settings(job)
            for stage in stages
            for job in stage.jobs()
            if job.get("measure", "dsa") == "dsa"
        ]

    dsa = raw_config["measures"]["dsa"]
    of_attractors = {"measure": "dsa", "n_delays": 4, "rank": 4}
    raw_config["attractors"] = {"measures": {"dsa": of_attractors}}
    before = settings()
    for entry in (dsa, of_attractors):
        entry |= {"iterations": 7, "lr": 0.5}
    assert settings() == before and len(before) > 3
    for entry in (dsa, of_attractors):
        entry["solver"] = "reference"
    assert all('"iterations": 7' in text and '"lr": 0.5' in text for text in settings())
    # The protocol can choose the solver, too.
    for entry in (dsa, of_attractors):
        del entry["solver"]
    raw_config["protocol"] = {"dsa": {"solver": "reference"}}
    assert '"iterations": 7' in settings()[0]


def test_settings_around_have_a_bound_of_their_own(raw_config):
    def settings():
        around = Pipeline(Plan(load(raw_config))).around
        return [around.settings(job) for job in around.jobs()]

    before = settings()
    raw_config["measures"]["dsa"]["bound"] = "dual"
    assert settings() == before and before
