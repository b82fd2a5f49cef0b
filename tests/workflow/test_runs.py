"""What a run makes, how it fails, and what a user meets on the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import warpline
from warpline.console import provenance
from warpline.core import result_files, tensor_files
from warpline.models.checkpoints import CheckpointFile
from warpline.pipeline.command_line import PROVENANCE
from warpline.pipeline.config.load import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import forecast

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_the_demo_holds_few_jobs_and_those_that_are_forecast(fresh):
    """Each starts Python, and most torch: that is half of what the demo takes."""
    planned = fresh.planned("figures", config="config/demo.yaml")
    assert sum(planned.values()) <= 41
    planned = fresh.planned(config="config/demo.yaml")
    assert sum(planned.values()) + 1 <= 77
    root = fresh.root / "config"
    expected = forecast(Plan(load_files([root / "config.yaml", root / "demo.yaml"])))
    found = Counter()
    for rule, count in planned.items():
        # A rule for a block of seeds (train_1_2) counts as the rule that it is made from.
        name = re.sub(r"(_\d+)+$", "", rule)
        kind = re.match("draw_(warping_|attractor_|)", name)
        found[f"{kind[0]}*" if kind else name] += count
    assert found == dict(zip(expected["rule"], expected["jobs"], strict=True))


@pytest.mark.parametrize("config", ["config/paper.yaml", "config/config.yaml"])
def test_other_configurations_plan(fresh, config):
    if config == "config/paper.yaml":
        # The paper's grid plans in minutes: here its first architecture stands for all.
        text = (fresh.root / config).read_text()
        for many, one in (
            ("[relu, leaky_relu, tanh, softplus]", "[tanh]"),
            ("[128, 256]", "[128]"),
        ):
            text = text.replace(many, one)
        (fresh.root / config).write_text(
            text.replace("[0.001, 0.0003]", "[0.001]").replace("[64, 128]", "[64]")
        )
    planned = fresh.planned(config=config)
    assert sum(count for rule, count in planned.items() if rule.startswith("train")) >= 25


def test_every_result_is_there_and_says_where_it_comes_from(finished):
    names = set(finished.outputs())
    assert "training/PDM/leaky_rnn/pretrain_anti_frozen/seed~2/history.csv" in names
    assert "compare/architectures/cka/PDM/seed~1.csv" in names
    assert "figures/PDM/leaky_rnn/over_learning.svg" in names
    for name in names:
        path = finished.root / "results" / "tiny" / name
        if path.suffix == ".csv":
            assert "code" in result_files.read_table_metadata(path)
        if path.suffix == ".safetensors":
            assert tensor_files.read_tensor_metadata(path)["device"] == "cpu"
        if path.suffix not in (".csv", ".nc", ".safetensors"):
            continue
        # In the file what can change it, beside it what cannot; `warpline provenance` prints both.
        inside = PROVENANCE[path.suffix](path)
        beside = json.loads(provenance.sidecar_path(path).read_text())
        assert {"settings", "code"} <= set(inside)
        assert beside["path"] == f"results/tiny/{name}" and beside["device"] == "cpu"
        assert {"commit", "dirty"} == set(beside["git"]) and beside["packages"]["numpy"]
        over_seeds = name.startswith(("tables/", "claims", "published_means"))
        assert "seeds" in inside or "seed" in inside["settings"] or over_seeds


def test_the_package_opens_what_the_workflow_made(finished):
    results = finished.root / "results"
    runs = warpline.list_runs("tiny", results)
    # Five networks and one pretrained one, in two seeds.
    assert len(runs) == 12
    pretrained = warpline.open_run("tiny", "PDM", "leaky_rnn", "pretraining Anti", 1, results)
    assert pretrained in runs and pretrained.task == "Anti"
    assert pretrained.model().weight_hh.shape == (8, 8)
    run = warpline.open_run("tiny", "PDM", "leaky_rnn", "pretrain_anti_frozen", 2, results)
    assert run.steps[0] == 0 and run.steps[-1] == 20
    assert run.history()["step"].iloc[-1] == 20
    trajectories = run.trajectories()
    assert {"checkpoint", "trial", "time", "component"} <= set(trajectories["states"].dims)
    assert trajectories.sizes["time"] == 10
    model = run.model()
    first, last = run.weights(0), run.weights()
    assert (first["weight_in"] != last["weight_in"]).any()
    assert np.array_equal(first["weight_hh"], last["weight_hh"])
    assert np.array_equal(model.weight_in.detach().numpy(), last["weight_in"])
    assert set(warpline.load_table("tiny", "PDM", "runs", results)["status"]) == {
        "untrained",
        "max_steps",
    }
    with pytest.raises(
        FileNotFoundError,
        match=r"no run PDM/leaky_rnn/mastre/seed 1.*there are.*: .*PDM/leaky_rnn/master/seed 1",
    ):
        warpline.open_run("tiny", "PDM", "leaky_rnn", "mastre", 1, results)
    with pytest.raises(KeyError, match="expected a step among"):
        run.weights(9)


def test_trajectories_are_the_network_s_states(finished):
    """The stored components span the same distances as the states, computed here from the weights."""
    import torch

    results = finished.root / "results"
    run = warpline.open_run("tiny", "PDM", "leaky_rnn", "master", 1, results)
    trials = run.trials()
    with torch.no_grad():
        states = run.model()(torch.from_numpy(trials["inputs"].values))[1].numpy()
    start = trials["start"].sel(period="stimulus").values
    window = np.stack([row[s : s + 10] for row, s in zip(states, start, strict=True)]).reshape(
        -1, 8
    )
    stored = run.trajectories()["states"].sel(checkpoint=1.0).values.reshape(len(window), -1)
    first, second = (np.linalg.norm(a[:-1] - a[1:], axis=1) for a in (window, stored))
    np.testing.assert_allclose(first, second, rtol=0.1, atol=0.01 * first.max())


def test_a_curriculum_from_pretraining_starts_where_it_ended(finished):
    root = finished.root / "results" / "tiny"
    pretrained = CheckpointFile(
        root / "pretraining/PDM/leaky_rnn/Anti/seed~1/checkpoints.safetensors"
    ).weights()
    run = warpline.open_run(
        "tiny", "PDM", "leaky_rnn", "pretrain_anti_frozen", 1, finished.root / "results"
    )
    for name, value in run.weights(0).items():
        assert np.array_equal(value, pretrained[name])


def test_tables_tell_same_from_cross_seed(finished):
    table = result_files.read_table(
        finished.root / "results/tiny/compare/after/cka/PDM/leaky_rnn/seed~2.csv"
    )
    own = table[(table["curriculum_a"] == table["curriculum_b"]) & (table["seeds"] == "same")]
    assert len(own) == 3 and (own["dissimilarity"] < 1e-9).all()
    cross = table[table["seeds"] == "cross"]
    assert len(cross) == 9 and set(cross["seed_a"]) == {1} and set(cross["seed_b"]) == {2}
    assert cross["dissimilarity"].between(0, 1).all()


def test_a_job_of_several_seeds_makes_the_files_of_jobs_of_one(finished, fresh):
    """A rule per block, seeds that are left over by themselves; on a CPU, the same bytes from a fresh start."""
    fresh.configure(jobs={"seeds_per_training_job": 2}, run__seeds=[1, 2, 3])
    planned = fresh.planned("training")
    assert {rule: planned[rule] for rule in ("pretrain_1_2", "pretrain", "train_1_2", "train")} == {
        "pretrain_1_2": 1,
        "pretrain": 1,
        "train_1_2": 5,
        "train": 5,
    }
    fresh.snakemake("training")
    made = fresh.outputs()
    for name, content in finished.outputs().items():
        learned = name.startswith("trials/") and not name.endswith("evaluation.nc")
        if learned or name.startswith(("training/", "pretraining/")):
            assert made[name] == content, name
    assert any("seed~3" in name for name in made)


def test_example_runs(finished, project):
    example = [
        sys.executable,
        str(project / "examples" / "compare_two_networks.py"),
        "results",
        "tiny",
    ]
    done = subprocess.run(example, cwd=finished.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "procrustes: 0." in done.stdout and "dsa: " in done.stdout


def test_bad_configuration_stops_before_the_graph(fresh):
    fresh.configure(training__max_step=5)
    done = fresh.snakemake("--dry-run", check=False)
    assert done.returncode != 0
    assert "training.max_step: unknown key; did you mean 'max_steps'?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr and "Building DAG" not in done.stderr


def test_a_diverging_run_is_a_row_and_the_rest_goes_on(checkout):
    checkout.configure(
        architectures__leaky_gru={"units": 8, "batch_size": 32, "learning_rate": 1e38},
        jobs={"replace": True},
    )
    assert checkout.planned("training")["train"] == 2
    checkout.snakemake("tables", "comparisons")
    runs = result_files.read_table(checkout.root / "results/tiny/tables/PDM/runs.csv").set_index(
        ["architecture", "curriculum"]
    )
    assert set(runs.loc[("leaky_gru", "master"), "status"]) == {"diverged"}
    assert set(runs.loc[("leaky_rnn", "master"), "status"]) == {"max_steps"}
    between = result_files.read_table(
        checkout.root / "results/tiny/compare/architectures/cka/PDM/seed~1.csv"
    )
    lost = (between[["architecture_a", "architecture_b"]] == "leaky_gru").any(axis=1)
    assert set(between[lost]["status"]) == {"diverged"}
    assert between[lost]["dissimilarity"].isna().all()
    assert len(between[~lost]) == 1 and between[~lost]["dissimilarity"].notna().all()


def test_an_error_of_a_job_reaches_its_log_and_leaves_no_output(fresh):
    fresh.configure(tasksets__PDM__parameters={"dim_ring": 3})
    done = fresh.snakemake("trials", check=False)
    assert done.returncode != 0
    logs = list((fresh.root / "logs/tiny").rglob("*.log"))
    assert any("stopped by an error" in path.read_text() for path in logs)
    assert not list((fresh.root / "results/tiny/trials").rglob("*.nc"))


def test_a_damaged_input_is_named(checkout):
    path = checkout.root / "results/tiny/trajectories/PDM/leaky_rnn/master/seed~1.nc"
    path.write_bytes(path.read_bytes()[:2000])
    checkout.configure(measures__cka={"measure": "cka_debiased"})
    done = checkout.snakemake("comparisons", check=False)
    assert "master/seed~1.nc is damaged" in done.stdout + done.stderr
    assert "delete it and run again" in done.stdout + done.stderr


def test_a_measure_of_driven_systems_gets_the_inputs_of_the_trials(checkout):
    measure = {"measure": "dsa_input", "rank": 3, "max_starts": 4}
    checkout.configure(run__measures=["dsa_input"], measures__dsa_input=measure)
    assert "compute_trajectories" not in checkout.planned("comparisons")
    names = ("after_learning", "over_learning")
    figures = [f"results/tiny/figures/PDM/leaky_rnn/{name}.svg" for name in names]
    checkout.snakemake("comparisons", *figures)
    assert all("InputDSA" in (checkout.root / figure).read_text() for figure in figures)
    root = checkout.root / "results/tiny/compare"
    frame = pd.concat(
        result_files.read_table(path)
        for path in sorted((root / "controls/dsa_input/PDM/leaky_rnn").glob("*.csv"))
    )
    drives = frame[frame["control"].str.endswith("noise")]
    assert len(drives) and drives["status"].isin(["converged", "uncertain"]).all()
    assert (drives[["state_score", "control_score", "joint_score", "rank"]].notna()).all(axis=None)
    assert (drives["dissimilarity"] == drives["joint_score"]).all()
    between = pd.concat(map(result_files.read_table, (root / "architectures").rglob("*.csv")))
    assert len(between) and between["dissimilarity"].notna().all()


def test_a_task_set_of_one_s_own_is_one_class_and_one_entry(fresh):
    (fresh.root / "my_tasks.py").write_text(
        "import numpy as np\n"
        "from neurogym.core import TrialEnv\n"
        "from neurogym.utils import spaces\n"
        "from warpline.tasks.base import RuleTask\n\n"
        "class Louder(TrialEnv):\n"
        "    def __init__(self, dt, timing, levels):\n"
        "        super().__init__(dt=dt)\n"
        "        self.timing, self.levels, self.choices = timing, levels, [1, 2]\n"
        "        name = {'fixation': 0, 'tone': [1, 2]}\n"
        "        self.observation_space = spaces.Box(-np.inf, np.inf, shape=(3,), dtype=np.float32, name=name)\n"
        "        self.action_space = spaces.Discrete(3)\n\n"
        "    def _new_trial(self, **kwargs):\n"
        "        trial = {'ground_truth': self.rng.choice(self.choices), 'level': self.rng.choice(self.levels)}\n"
        "        trial.update(kwargs)\n"
        "        self.add_period(['fixation', 'stimulus', 'delay', 'decision'])\n"
        "        self.add_ob(trial['level'], 'stimulus', where=trial['ground_truth'])\n"
        "        self.set_groundtruth(trial['ground_truth'], 'decision')\n"
        "        return trial\n\n\n"
        "class LouderSet(RuleTask, Louder):\n"
        "    def factors(self):\n"
        "        return {'ground_truth': self.choices, 'level': self.levels}\n\n"
        "    def opposite(self, action):\n"
        "        return 3 - action\n"
    )
    fresh.configure(
        tasksets__Louder={
            "env": "my_tasks.py:LouderSet",
            "tasks": {"Basic": {}, "Anti": {"anti": True}},
            "target": "Anti",
            "dt": 100,
            "timing": {"fixation": 100, "stimulus": 600, "decision": 200, "delay": 0},
            "input_noise": 0.5,
            "parameters": {"levels": [0.5, 1.0]},
            "trials": {"train": 64, "validation": 32, "evaluation_repeats": 4},
        },
        run__grid=[
            {
                "tasksets": ["Louder"],
                "architectures": ["leaky_rnn"],
                "curricula": ["master", "pretrain_basic_frozen"],
            }
        ],
    )
    fresh.snakemake()
    runs = pd.read_csv(fresh.root / "results/tiny/tables/Louder/runs.csv", comment="#")
    assert len(runs) == 4
    before = fresh.planned()
    assert before == {}
    fresh.edit("my_tasks.py", "3 - action", "-action + 3")
    assert fresh.planned()["generate_trials"] > 0


def test_one_untrained_network_runs_to_the_end_and_figures_say_what_they_cannot_show(fresh):
    """One curriculum, untrained, in one architecture with one seed."""
    fresh.configure(
        run__seeds=[1],
        run__measures=["cka"],
        run__grid=[
            {"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["untrained"]}
        ],
        comparison__over__references=["untrained"],
    )
    fresh.snakemake()
    root = fresh.root / "results/tiny"
    expected = {
        "figures/PDM/leaky_rnn/learning_curves": "None of the networks was trained here",
        "figures/PDM/leaky_rnn/over_learning": "Each network has one checkpoint",
        "figures/PDM/leaky_rnn/within_learning": "Each network has one checkpoint",
        "figures/PDM/leaky_rnn/trajectories": "untrained",
        "figures/PDM/task_trial": "AntiDelayResponse",
    }
    drawn = {path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.svg")}
    assert drawn == set(expected)
    for name, text in expected.items():
        assert text in (root / f"{name}.svg").read_text(), name
    assert pd.read_csv(root / "tables/PDM/runs.csv", comment="#")["status"].tolist() == [
        "untrained"
    ]
    assert fresh.planned() == {}


def test_a_model_that_breaks_its_interface_stops_before_any_work(fresh):
    model = fresh.root / "my_model.py"
    model.write_text(
        "from my_base import Network\n\n\n"
        "class Mine(Network):\n"
        "    def forward(self, inputs, generator=None):\n"
        "        outputs, states = super().forward(inputs.transpose(0, 1), generator)\n"
        "        return outputs, states\n"
    )
    (fresh.root / "my_base.py").write_text("from warpline.models.leaky_rnn import Network\n")
    fresh.configure(
        architectures__mine={"model": "my_model.py:Mine", "units": 8, "batch_size": 32},
        run__grid__1__architectures=["leaky_gru", "mine"],
    )
    done = fresh.snakemake("training", check=False)
    assert done.returncode
    assert (
        "architectures.mine (my_model.py:Mine): expected outputs (trial, time, output)"
        in done.stderr
    )
    assert "time is first" in done.stderr
    assert not (fresh.root / "results/tiny").exists() and not (fresh.root / "logs").exists()

    # Mended, it is tried once: a start whose check passed before starts no process for it.
    fresh.edit("my_model.py", "inputs.transpose(0, 1)", "inputs")
    assert fresh.planned("training")["train"] == 10
    passed = fresh.root / ".snakemake/warpline_plugins"
    assert len(passed.read_text().split()) == 1
    process = fresh.root / "src/warpline/pipeline/plugin_process.py"
    process.write_text(
        process.read_text().replace(
            "    path, seconds =", "    raise SystemExit\n    path, seconds ="
        )
    )
    done = fresh.snakemake("--dry-run", "training", check=False)
    assert "expected a plug-in that runs, got a process that ended" in done.stdout + done.stderr


def test_the_slurm_profile_plans(fresh):
    """`snakemake --profile slurm`, literally, beside profiles/default."""
    fresh.configure(jobs={"gpu": True, "seeds_per_training_job": 2, "max_runtime": 4})
    done = fresh.snakemake("training", "--dry-run", "--printshellcmds", "--profile", "slurm")
    assert "Using profiles slurm and workflow specific profile profiles/default" in done.stderr
    text = done.stdout + done.stderr
    assert "Job stats:" in text
    found = dict(re.findall(r"rule (\w+):\n(?:    .*\n)*?    resources: (.*)", text))
    # A rule for a block of seeds goes where the profile sends the rule that it is made from.
    for name in ("train_1_2", "pretrain_1_2"):
        assert "slurm_partition=gpu" in found[name] and "gpu=1" in found[name]
        assert "runtime=4" in found[name]
    commands = re.findall(r'python "\$WARPLINE_SCRIPTS/train_network.py".*', text)
    assert commands and all(" --gpu " in command for command in commands)
    assert "slurm_partition=cpu" in found["generate_trials"]
    assert "gpu=" not in found["generate_trials"]


def test_lint_graph_and_report(finished, project):
    assert "digraph" in finished.snakemake("--rulegraph").stdout
    graph = finished.snakemake("--rulegraph", "mermaid-js", config="config/demo.yaml").stdout
    sys.path.insert(0, str(project / "scripts"))
    try:
        from write_rulegraph import update
    finally:
        sys.path.pop(0)
    page = (project / "docs" / "workflow.md").read_text()
    assert update(page, graph) == page, "make schema writes the rules into docs/workflow.md"
    lint = finished.snakemake("--lint")
    assert "Congratulations" in lint.stdout + lint.stderr
