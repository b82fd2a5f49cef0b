"""What is made again after a change, and what is not: real Snakemake on a finished run."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack

import numpy as np
import pytest
from checkouts import Checkout

from warpline.core import result_files
from warpline.pipeline.verification import verify

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# Jobs of tests/workflow/tiny.yaml: five networks and one pretraining in two seeds, two measures.
FIGURES = {
    "draw_after_learning": 1,
    "draw_curriculum_matrix": 1,
    "draw_hyperparameters": 1,
    "draw_learning_curves": 3,
    "draw_over_learning": 1,
    "draw_task_trial": 1,
    "draw_trajectories": 1,
    "draw_within_learning": 1,
}
AFTER_COMPARISONS = {
    name: count
    for name, count in FIGURES.items()
    if name not in ("draw_learning_curves", "draw_task_trial", "draw_trajectories")
} | {"compute_statistics": 1, "judge_claims": 1, "write_explorer": 1}
COMPARE = {"compare_networks": 4, "compare_architectures": 4} | AFTER_COMPARISONS
ONE_MEASURE = COMPARE | {"compare_networks": 2, "compare_architectures": 2}
AFTER_TRAJECTORIES = COMPARE | {"draw_trajectories": 1}
AFTER_TRAINING = AFTER_TRAJECTORIES | {"compute_trajectories": 10, "draw_learning_curves": 3}
TRAIN = AFTER_TRAINING | {"train": 10, "pretrain": 2}
ALL_COMPUTE = (
    TRAIN | {"generate_trials": 2, "generate_evaluation_trials": 1} | {"draw_task_trial": 1}
)

REMADE = ("tables", "figures", "claims", "published_means", "explorer")
"""Results over all seeds, by the beginning of their paths."""

SRC = "src/warpline"
HARMLESS = {
    "progress every 5 s": (
        f"{SRC}/console/progress.py",
        "LOG_SECONDS = 10.0",
        "LOG_SECONDS = 5.0",
    ),
    "another TensorBoard tag": (
        f"{SRC}/console/tensorboard.py",
        '("loss", "accuracy", "gradient_norm")',
        '("loss", "accuracy", "gradient_norm", "ideal")',
    ),
    "help of a command line": (
        f"{SRC}/console/script.py",
        'help="a JSON object, or @file.json"',
        'help="JSON, or @file.json"',
    ),
    "another package in the sidecar": (
        f"{SRC}/console/provenance.py",
        '("warpline", "numpy",',
        '("warpline", "pandas", "numpy",',
    ),
    "wording of a plug-in error": (
        f"{SRC}/core/plugins.py",
        "expected an importable module before the colon",
        "no module of that name",
    ),
    "wording of a damaged file": (
        f"{SRC}/core/result_files.py",
        "delete it and run again to make it anew",
        "delete it",
    ),
    "wording of a log message": (
        f"{SRC}/training/loop.py",
        "loss or gradient is not finite after update %d: diverged",
        "diverged after update %d",
    ),
    "a pattern for a new kind of file": (
        f"{SRC}/pipeline/stages/trajectories.py",
        "class ComputeTrajectories(Stage):",
        'class Other(Stage):\n    outputs = {"other": "other/{taskset}.nc"}\n\n\n'
        "class ComputeTrajectories(Stage):",
    ),
    "a rate of the forecast": (
        f"{SRC}/pipeline/stages/sizes.py",
        "START_SECONDS = 8.0",
        "START_SECONDS = 9.0",
    ),
    "a new function that nothing calls": (
        f"{SRC}/core/random_streams.py",
        "def generator(",
        "def brand_new(root: int) -> int:\n    return root\n\n\ndef generator(",
    ),
    "a new method that nothing calls": (
        f"{SRC}/training/run.py",
        "    def at(self",
        "    def brand_new(self) -> int:\n        return self.step\n\n    def at(self",
    ),
    "an import for type checkers": (
        f"{SRC}/models/checkpoints.py",
        "if TYPE_CHECKING:\n",
        "if TYPE_CHECKING:\n    from pathlib import PurePath\n\n",
    ),
    "a docstring": (f"{SRC}/similarity/cka.py", '"""Linear', '"""The linear'),
    "a comment": (f"{SRC}/training/loop.py", "@torch.no_grad()", "# Why.\n@torch.no_grad()"),
    "a key of the configuration": (
        f"{SRC}/pipeline/config/schema.py",
        "    gpu: bool = False\n",
        "    gpu: bool = False\n    brand_new: int = 3\n",
    ),
    "a caption": ("workflow/report/over_learning.rst", ".", "!"),
}
"""Edits that change no byte of a result: file, old text, new text."""

EDITS = {
    "the loss": (
        f"{SRC}/training/loop.py",
        "return 0.5 * (losses",
        "return 0.50001 * (losses",
        TRAIN,
    ),
    "a threshold of CKA": (f"{SRC}/similarity/cka.py", "np.pi / 2", "np.pi / 2.0001", ONE_MEASURE),
    "an error that becomes a status": (
        f"{SRC}/similarity/states.py",
        "expected finite states, got NaN or infinity",
        "expected finite states",
        COMPARE,
    ),
    "random streams": (f"{SRC}/core/random_streams.py", "<u4", ">u4", ALL_COMPUTE),
    "the checkpoint format": (
        f"{SRC}/models/checkpoints.py",
        "{step:08d}/",
        "{step:09d}/",
        TRAIN,
    ),
    "one model": (
        f"{SRC}/models/leaky_gru.py",
        "torch.sigmoid(",
        "torch.special.expit(",
        # The comparisons within architectures are of the leaky RNN.
        {
            "train": 2,
            "compute_trajectories": 2,
            "compare_architectures": 4,
            "draw_hyperparameters": 1,
            "draw_learning_curves": 1,
            "compute_statistics": 1,
            "judge_claims": 1,
            # These read tables that are written with that of the runs.
            "draw_after_learning": 1,
            "draw_curriculum_matrix": 1,
            "draw_over_learning": 1,
            "write_explorer": 1,
        },
    ),
    "threads of a job": (
        f"{SRC}/core/process.py",
        'os.environ[variable] = "1"',
        'os.environ[variable] = "2"',
        ALL_COMPUTE | FIGURES,
    ),
    "the style of figures": (
        f"{SRC}/figures/plotting.py",
        '"legend.frameon": False',
        '"legend.frameon": True',
        FIGURES,
    ),
    "a script of the explorer": (
        f"{SRC}/explorer/assets/scene.js",
        "const REACH = 12;",
        "const REACH = 13;",
        {"write_explorer": 1},
    ),
    "principal components": (
        f"{SRC}/comparison/hidden_states.py",
        "total <= 1e-20",
        "total <= 1e-19",
        AFTER_TRAJECTORIES | {"compute_trajectories": 10},
    ),
}


@pytest.fixture(scope="module")
def table(finished, tmp_path_factory) -> Checkout:
    """Return a copy of the finished run in which each edit is put back."""
    root = tmp_path_factory.mktemp("table") / "checkout"
    shutil.copytree(finished.root, root, symlinks=True)
    return Checkout(root)


def re_run(checkout, edits, *targets):
    """Return what runs again after all of some edits, and if anything does, after which of them."""
    with ExitStack() as stack:
        for edit in edits.values():
            stack.enter_context(checkout.edited(*edit))
        if not checkout.planned(*targets):
            return {}
    guilty = {}
    for name, edit in edits.items():
        with checkout.edited(*edit):
            guilty[name] = checkout.planned(*targets)
    return {name: jobs for name, jobs in guilty.items() if jobs} or "all edits together"


def test_edits_that_change_no_byte_re_run_nothing(table):
    assert re_run(table, HARMLESS) == {}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_re_runs_what_it_can_change_and_nothing_else(table, edit):
    file, old, new, expected = EDITS[edit]
    with table.edited(file, old, new):
        assert table.planned() == expected


def test_touching_every_file_re_runs_nothing(checkout):
    assert checkout.planned() == {}
    later = time.time() + 100
    for path in checkout.root.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (later, later))
    assert checkout.planned() == {}


def test_touching_a_result_over_one_megabyte_re_runs_nothing(checkout):
    """Snakemake's default compares checksums only below 1 MB."""
    checkout.configure(
        tasksets__PDM__trials={"train": 9000, "validation": 32, "evaluation_repeats": 2},
        jobs={"replace": True},
        run__seeds=[1],
        run__grid=[{"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["master"]}],
    )
    assert checkout.planned("training") == {"generate_trials": 1, "train": 1, "training": 1}
    checkout.snakemake("training")
    big = max(
        checkout.root.glob("results/tiny/trials/*/*/*.nc"), key=lambda path: path.stat().st_size
    )
    assert big.stat().st_size > 2**20
    later = time.time() + 100
    os.utime(big, (later, later))
    assert checkout.planned("training") == {}


# --- the configuration ----------------------------------------------------------------------------------

CONFIGURED = {
    "a colour": ({"figures": {"palette": "tol-bright"}}, FIGURES | {"write_explorer": 1}),
    "the size of the explorer": ({"explorer": {"megabytes": 9}}, {"write_explorer": 1}),
    "a new catalogue entry": (
        {
            "architectures__other": {"model": "leaky_rnn", "units": 9},
            "curricula__other": {"pretrain": ["Basic"]},
        },
        {},
    ),
    "a removed seed": (
        {"run__seeds": [1]},
        # Figures and tables over seeds; no network, no trajectory, no comparison.
        {
            name: n
            for name, n in FIGURES.items()
            if name not in ("draw_task_trial", "draw_trajectories")
        }
        | {"compute_statistics": 1, "judge_claims": 1, "write_explorer": 1},
    ),
    "seeds of training in blocks": (
        # The pretrained networks of a block are input files of its curriculum.
        {"jobs": {"seeds_per_training_job": 2}},
        None,
    ),
    "seeds of comparisons in blocks": (
        {"jobs": {"seeds_per_job": 2}},
        AFTER_TRAJECTORIES
        | {"compute_trajectories": 5, "compare_networks": 2, "compare_architectures": 2},
    ),
}


@pytest.mark.parametrize("change", CONFIGURED)
def test_a_change_of_the_configuration_re_runs_what_uses_it(checkout, change):
    changes, expected = CONFIGURED[change]
    checkout.configure(**changes)
    planned = checkout.planned()
    if expected is not None:
        assert planned == expected
        return
    assert planned["train_1_2"] == 1
    assert not {"train", "pretrain", "pretrain_1_2", "generate_trials"} & set(planned)


def test_a_new_module_re_runs_nothing(checkout):
    (checkout.root / "src/warpline/models/mine.py").write_text("class Network:\n    pass\n")
    assert checkout.planned() == {}


def test_a_new_seed_trains_that_seed_alone(checkout):
    checkout.configure(run__seeds=[1, 2, 3])
    planned = checkout.planned()
    assert (
        planned["train"] == 5 and planned["pretrain"] == 1 and planned["compute_trajectories"] == 5
    )
    assert planned["compare_networks"] == 2 and planned["compare_architectures"] == 2
    assert "generate_trials" not in planned
    before = checkout.outputs()
    checkout.snakemake("comparisons")
    after = checkout.outputs()
    kept = [name for name in before if not name.startswith(REMADE)]
    assert all(before[name] == after[name] for name in kept)
    assert any("seed~3" in name for name in after)
    assert checkout.planned("comparisons") == {}


def test_a_new_measure_and_then_a_new_rank_redo_that_measure_alone(checkout):
    checkout.configure(run__measures=["cka", "procrustes", "dsa"])
    assert checkout.planned()["compare_networks"] == 2
    checkout.snakemake("comparisons")
    checkout.configure(measures__dsa={"n_delays": 3, "rank": 2, "max_starts": 2})
    planned = checkout.planned("comparisons")
    assert set(planned) - {"comparisons"} == {"compare_networks", "compare_architectures"}
    assert planned["compare_networks"] == 2 and planned["compare_architectures"] == 2


def test_stochastic_shapes_take_the_trials_of_a_condition_as_repeats(checkout):
    checkout.configure(run__measures=["cka", "procrustes", "shape_energy", "shape_gaussian"])
    checkout.snakemake("comparisons")
    compare = checkout.root / "results" / "tiny" / "compare"
    for measure in ("shape_energy", "shape_gaussian"):
        # The second seed has the pairs across seeds, too.
        after, controls = (
            result_files.read_table(compare / f"{table}/{measure}/PDM/leaky_rnn/seed~2.csv")
            for table in ("after", "controls")
        )
        assert set(after["status"]) <= {"converged", "uncertain", "max_steps"}
        itself = (after["seeds"] == "same") & (after["curriculum_a"] == after["curriculum_b"])
        assert itself.any() and (after.loc[itself, "dissimilarity"] < 1e-6).all()
        assert (after.loc[~itself, "dissimilarity"] > 0).any()
        # With two repeats a half has one: a row that says so.
        halves = controls[controls["control"] == "split_half"]
        assert halves["status"].str.startswith("failed: expected at least two trials").all()
        assert (controls.loc[controls["control"] == "shuffled_time", "dissimilarity"] > 0).all()


# --- a user's own code ----------------------------------------------------------------------------------

MODEL = """
import torch
from helper import scale
import installed_helper


class Mine(torch.nn.Module):
    input_weights = ("weight_in",)

    def __init__(self, n_inputs, n_outputs, dt, settings, generator):
        super().__init__()
        shape = (settings["units"], n_inputs)
        self.weight_in = torch.nn.Parameter(scale() * torch.randn(shape, generator=generator))
        shape = (n_outputs, settings["units"])
        self.weight_out = torch.nn.Parameter(
            installed_helper.GAIN * torch.randn(shape, generator=generator)
        )

    def forward(self, inputs, generator=None):
        states = torch.tanh(inputs @ self.weight_in.T).cumsum(1) / 10
        return states @ self.weight_out.T, states
"""
HELPER = "from deeper import FACTOR\n\n\ndef scale():\n    return 0.1 * FACTOR\n\n\ndef unused():\n    return 1\n"
MINE = {"train": 2, "training": 1}

HARMLESS_USER_EDITS = {
    "an unrelated class": (
        "mine/model.py",
        "\nclass Mine",
        "\nclass Other(torch.nn.Module):\n    def forward(self, x):\n        return x\n\n\nclass Mine",
    ),
    "a comment": ("mine/model.py", "        states =", "        # Why.\n        states ="),
    "a function of the helper that nothing calls": (
        "mine/helper.py",
        "return 1",
        "return 2",
    ),
}
USER_EDITS = {
    "the class": ("mine/model.py", "torch.tanh(", "torch.relu(", MINE),
    "the helper beside it": ("mine/helper.py", "return 0.1 *", "return 0.2 *", MINE),
    "the helper of the helper": ("mine/deeper.py", "FACTOR = 1.0", "FACTOR = 2.0", MINE),
    "an installed module": ("installed/installed_helper.py", "GAIN = 0.1", "GAIN = 0.2", MINE),
}


@pytest.fixture(scope="module")
def users(finished, tmp_path_factory) -> Checkout:
    """Return a finished run with a model of the user's, which imports modules beside it and installed."""
    root = tmp_path_factory.mktemp("users") / "checkout"
    shutil.copytree(finished.root, root, symlinks=True)
    checkout = Checkout(root, python_path=root / "installed")
    for name, text in {
        "mine/model.py": MODEL,
        "mine/helper.py": HELPER,
        "mine/deeper.py": "FACTOR = 1.0\n",
        "installed/installed_helper.py": "GAIN = 0.1\n",
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    checkout.configure(
        architectures__mine={"model": "mine/model.py:Mine", "units": 8, "batch_size": 32},
        run__grid__1__architectures=["leaky_gru", "mamba_d8_l1", "mine"],
    )
    checkout.snakemake("training")
    return checkout


def test_edits_of_a_user_s_file_that_change_no_byte_re_run_nothing(users):
    assert re_run(users, HARMLESS_USER_EDITS, "training") == {}


@pytest.mark.parametrize("edit", USER_EDITS)
def test_an_edit_of_a_user_s_file_re_runs_what_it_reaches(users, edit):
    file, old, new, expected = USER_EDITS[edit]
    with users.edited(file, old, new):
        assert users.planned("training") == expected


# --- hidden states that are not kept --------------------------------------------------------------------


def test_a_figure_is_drawn_again_without_hidden_states(checkout):
    """Drawn from the means that are kept: of hidden states, all that was made of them would be made anew."""
    network = "PDM/leaky_rnn/master/seed~1.nc"
    results, figure = (
        checkout.root / "results/tiny",
        "results/tiny/figures/PDM/leaky_rnn/trajectories.svg",
    )
    states = result_files.read_dataset(results / "trajectories" / network)
    block = {"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["master"]}
    checkout.configure(jobs={"keep_trajectories": False}, run__grid=[block])
    checkout.snakemake(figure)
    assert not (results / "trajectories" / network).exists()
    means = result_files.read_dataset(results / "mean_states" / network)
    assert np.array_equal(means["mean_states"], states["mean_states"], equal_nan=True)
    # The sidecar that Snakemake leaves is no damage.
    assert (results / "trajectories" / f"{network}.provenance.json").exists()
    assert verify(results).errors == {}
    checkout.edit("scripts/figures/trajectories.py", "ms=3", "ms=4")
    assert checkout.planned(figure) == {"draw_trajectories": 1}


# --- lost and fresh -------------------------------------------------------------------------------------


LOST = (
    "training/PDM/leaky_rnn/master/seed~1",
    "trajectories/PDM/leaky_gru/master/seed~2.nc",
    "condition_states/PDM/leaky_gru/master/seed~2.nc",
    "compare",
    "tables",
    "figures",
    "claims.csv",
    "claims.html",
    "published_means.csv",
    "explorer.html",
)


def test_lost_files_are_made_again_with_the_same_bytes(checkout):
    """Results of every kind; trials and all networks are compared in `test_a_job_of_several_seeds...`."""
    before = checkout.outputs()
    for name in LOST:
        path = checkout.root / "results" / "tiny" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert len(checkout.outputs()) < len(before) / 2
    # What follows from a lost network is still there: it is made again when it is asked for.
    assert checkout.planned("training")["train"] == 1
    checkout.snakemake("training")
    checkout.snakemake()
    after = checkout.outputs()
    assert set(after) == set(before)
    assert [name for name in after if after[name] != before[name]] == []
