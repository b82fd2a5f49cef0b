"""What is made again after a change, and what is not: real Snakemake on a finished run."""

from __future__ import annotations

import os
import time

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FIGURES = {
    "draw_after_learning",
    "draw_curriculum_matrix",
    "draw_hyperparameters",
    "draw_learning_curves",
    "draw_over_learning",
    "draw_task_trial",
    "draw_trajectories",
    "draw_within_learning",
}
FIGURES_OF_COMPARISONS = FIGURES - {"draw_learning_curves", "draw_task_trial", "draw_trajectories"}
COMPUTE = {"generate_trials", "pretrain", "train", "compute_trajectories"}


def test_second_run_has_nothing_to_do(checkout):
    assert checkout.planned() == {}


def test_touching_every_file_re_runs_nothing(checkout):
    later = time.time() + 100
    for path in checkout.root.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (later, later))
    assert checkout.planned() == {}


def test_touching_a_result_over_one_megabyte_re_runs_nothing(checkout):
    """Snakemake's default compares checksums only below 1 MB."""
    checkout.configure(
        tasksets__PDM__trials={"train": 9000, "validation": 32, "evaluation_repeats": 2}
    )
    checkout.snakemake("trials")
    big = max(
        checkout.root.glob("results/tiny/trials/*/*/*.nc"), key=lambda path: path.stat().st_size
    )
    assert big.stat().st_size > 2**20
    before = checkout.planned()
    assert before["train"] > 0
    checkout.snakemake()
    later = time.time() + 100
    os.utime(big, (later, later))
    assert checkout.planned() == {}


def test_new_colour_redraws_figures_alone(checkout):
    checkout.configure(figures={"palette": "tol-bright"})
    assert set(checkout.planned()) == FIGURES


def test_new_caption_redoes_nothing(checkout):
    checkout.edit("workflow/report/over_learning.rst", "Top: accuracy.", "Above: accuracy.")
    assert checkout.planned() == {}


def test_editing_a_measure_redoes_that_measure_and_figures(checkout):
    checkout.edit("src/warpline/similarity/cka.py", "np.pi / 2", "np.pi / 2.0")
    # The same numbers in other code still count as other code.
    planned = checkout.planned()
    assert (
        set(planned)
        == {"compare_networks", "compare_architectures", "compute_statistics"}
        | FIGURES_OF_COMPARISONS
    )
    assert planned["compare_networks"] == 2 and planned["compare_architectures"] == 2
    jobs = checkout.snakemake("--dry-run").stdout
    assert (
        "compare/after/cka/" in jobs
        and "output: results/tiny/compare/after/procrustes/" not in jobs
    )


def test_comment_docstring_and_layout_of_a_module_redo_nothing(checkout):
    checkout.edit("src/warpline/similarity/cka.py", '"""Linear centred', '"""The linear centred')
    checkout.edit(
        "src/warpline/training/resume.py", "class Resume:", "# A comment.\n\n\nclass Resume:"
    )
    assert checkout.planned() == {}


def test_editing_the_training_loop_retrains_and_regenerates_no_trials(checkout):
    checkout.edit(
        "src/warpline/training/run.py", 'status: str = "running"', 'status: str = str("running")'
    )
    planned = checkout.planned()
    assert planned["train"] == 10 and planned["pretrain"] == 2
    assert "generate_trials" not in planned


def test_editing_one_model_retrains_that_model(checkout):
    checkout.edit("src/warpline/models/leaky_gru.py", "torch.sigmoid(", "torch.special.expit(")
    planned = checkout.planned()
    assert planned["train"] == 2 and "pretrain" not in planned


def test_editing_the_plotting_style_redraws_figures_alone(checkout):
    checkout.edit(
        "src/warpline/figures/plotting.py", '"legend.frameon": False', '"legend.frameon": True'
    )
    assert set(checkout.planned()) == FIGURES


def test_a_new_module_and_a_new_catalogue_entry_redo_nothing(checkout):
    (checkout.root / "src/warpline/models/mine.py").write_text(
        "OFFERS = True\n\n\nclass Network:\n    pass\n"
    )
    checkout.configure(
        architectures__other={"model": "leaky_rnn", "units": 9},
        curricula__other={"pretrain": ["Basic"]},
    )
    assert checkout.planned() == {}


def test_a_new_key_of_the_configuration_redoes_nothing(checkout):
    checkout.edit(
        "src/warpline/pipeline/config/schema.py",
        "    gpu: bool = False\n",
        "    gpu: bool = False\n    brand_new: int = 3\n",
    )
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
    checkout.snakemake()
    after = checkout.outputs()
    kept = [name for name in before if not name.startswith(("tables", "figures"))]
    assert all(before[name] == after[name] for name in kept)
    assert any("seed~3" in name for name in after)
    assert checkout.planned() == {}


def test_a_new_measure_and_then_a_new_rank_redo_that_measure_alone(checkout):
    checkout.configure(run__measures=["cka", "procrustes", "dsa"])
    assert checkout.planned()["compare_networks"] == 2
    checkout.snakemake("comparisons")
    checkout.configure(measures__dsa={"n_delays": 3, "rank": 2, "max_starts": 2})
    planned = checkout.planned("comparisons")
    assert set(planned) - {"comparisons"} == {"compare_networks", "compare_architectures"}
    assert planned["compare_networks"] == 2 and planned["compare_architectures"] == 2


def test_a_lost_file_is_made_again_with_the_same_bytes(checkout):
    before = checkout.outputs()
    for pattern in ("training/PDM/leaky_rnn/master/seed~1/*", "compare/over/cka/PDM/*/seed~2.csv"):
        for path in (checkout.root / "results/tiny").glob(pattern):
            path.unlink()
    # What follows from a lost file is still there: it is made again when it is asked for.
    assert checkout.planned("training")["train"] == 1
    checkout.snakemake("training", "comparisons")
    assert checkout.outputs() == before


def test_two_fresh_runs_make_the_same_bytes(finished, fresh):
    fresh.snakemake()
    ours, theirs = fresh.outputs(), finished.outputs()
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
