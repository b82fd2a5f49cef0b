"""Every stage at its smallest: the bytes that it makes, and what a change of analyses or attractors re-runs."""

from __future__ import annotations

import json
import shutil

import golden_run
import numpy as np
import pytest
from checkouts import Checkout, copy_project

import warpline
from warpline.core import result_files, tensor_files
from warpline.core.figure_files import FIGURE_SUFFIXES

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

ANALYSES = {
    "static": ["static"],
    "decision": ["decision", "schematic"],
    "context": [
        "context_alignment",
        "context_levels",
        "context_manifolds",
        "context_metric",
        "context_task",
        "context_update",
    ],
    "memory": ["memory_maps", "memory_metric", "memory_shape", "memory_tests", "memory_torus"],
    "pdm_learning": ["learning"],
}
ATTRACTOR_FIGURES = (
    "systems",
    "motifs",
    "elementary",
    "families",
    "composition",
    "noise",
    "hyperparameters",
    "best",
)


@pytest.fixture(scope="module")
def golden(project, tmp_path_factory) -> Checkout:
    """Return a checkout in which the golden configuration has run to its end. Not to be changed."""
    root = tmp_path_factory.mktemp("golden") / "checkout"
    checkout = copy_project(project, root, "tests/golden/golden.yaml")
    checkout.snakemake()
    return checkout


@pytest.fixture
def checkout(golden, tmp_path) -> Checkout:
    """Return a copy of the golden run, to change."""
    shutil.copytree(golden.root, tmp_path / "checkout", symlinks=True)
    return Checkout(tmp_path / "checkout", golden.config)


def test_no_byte_of_a_result_has_changed(golden):
    """The record holds on the kind of machine that made it; elsewhere the numbers' sizes are compared."""
    record = json.loads(golden_run.RECORD.read_text())
    found = golden_run.content(golden.root / "results" / "golden")
    assert set(found) == set(record["results"])
    if golden_run.machine() == record["machine"]:
        assert golden_run.differences(record["results"], found) == []
        return
    compared = 0
    for name, entry in found.items():
        # Trained weights, and what follows from them, drift apart; trials and systems do not.
        if name.startswith(("trials/", "attractors/systems/")):
            np.testing.assert_allclose(
                entry["sizes"], record["results"][name]["sizes"], rtol=1e-4, err_msg=name
            )
            compared += 1
        elif name.startswith("training/") and entry["sizes"]:
            count, size = entry["sizes"]
            expected_count, expected_size = record["results"][name]["sizes"]
            assert count == expected_count and size == pytest.approx(expected_size, rel=0.05)
            compared += 1
    assert compared > 20


def test_a_difference_is_seen(golden):
    """What compares the bytes would see one number change by one bit."""
    path = next((golden.root / "results/golden/training").rglob("checkpoints.safetensors"))
    tensors, provenance = tensor_files.read_tensors(path)
    before = golden_run._digest(tensors)
    name = next(iter(tensors))
    changed = {**tensors, name: np.nextafter(tensors[name], np.float32(1))}
    assert golden_run._digest(changed) != before and golden_run._digest(dict(tensors)) == before
    assert provenance["status"]


def test_analyses_leave_tables_and_figures(golden):
    root = golden.root / "results" / "golden" / "warping"
    for name, figures in ANALYSES.items():
        summary = result_files.read_table(root / name / "summary.csv")
        assert (summary["n"] + summary["left_out"] == 2).all() and len(summary) > 3
        arrays = result_files.read_dataset(root / name / "seed~1+2.nc")
        assert arrays["seed"].values.tolist() == [1, 2]
        assert result_files.provenance_of(arrays)["settings"]["analysis"] == name
        for figure in figures:
            for suffix in FIGURE_SUFFIXES:
                assert (root / name / "figures" / f"{figure}.{suffix}").stat().st_size > 5000
    relations = result_files.read_table(root / "pdm_learning" / "relations.csv")
    assert {"accuracy", "cka", "procrustes", "metric"} <= set(relations["name"])
    assert golden.planned() == {}


def test_networks_of_analyses_alone_are_opened_with_their_inputs(golden):
    results = golden.root / "results"
    listed = warpline.list_runs("golden", results)
    runs = {run.taskset: run for run in listed if not run.curriculum.startswith("pretraining")}
    assert {"CircleSign", "DecisionLine", "Context", "SequenceMemory", "PDM"} <= set(runs)
    for taskset, run in runs.items():
        fixed = {"delay": 400.0} if taskset in ("PDM", "SequenceMemory") else {}
        condition = {"context": 1} if taskset == "Context" else {}
        manifold = run.input_manifold(fixed, **condition)
        kappa = manifold.grid(*[2] * len(manifold.coordinates))
        outputs, states = run.model().double()(manifold.sequence(kappa))
        assert len(outputs) == len(kappa) and np.isfinite(states.detach().numpy()).all()


def test_a_change_re_runs_the_analyses_that_it_reaches(checkout):
    curvature = "src/warpline/geometry/riemannian/curvature.py"
    with checkout.edited(curvature, "torch.einsum", "1.0 * torch.einsum"):
        planned = checkout.planned("warping")
    memory = {f"draw_warping_memory_{figure}" for figure in ANALYSES["memory"]}
    assert set(planned) - {"warping"} == {"analyse_warping", "summarise_warping", *memory}
    assert planned["analyse_warping"] == 1

    # A new method of the input manifold changes no result, though every analysis reaches its class.
    manifold = "src/warpline/geometry/derivatives/input_manifold.py"
    method = "    def brand_new(self) -> int:\n        return len(self.names)\n\n"
    place = "    def check(self, kappa: Tensor)"
    with checkout.edited(manifold, place, method + place):
        assert checkout.planned("warping") == {}
    with checkout.edited(manifold, "count + 1", "count + 2"):
        assert checkout.planned("warping")["analyse_warping"] == len(ANALYSES)

    checkout.configure(warping__context={"points": 5, "fixed_points": 5, "gridlines": 6})
    assert checkout.planned("warping")["analyse_warping"] == 1
    checkout.configure(
        warping__context={"points": 5, "fixed_points": 5, "gridlines": 5},
        figures={"palette": "tol-bright"},
    )
    drawn = {f"draw_warping_{name}_{one}" for name, many in ANALYSES.items() for one in many}
    assert set(checkout.planned("warping")) - {"warping"} == drawn


def test_attractors_leave_scores_and_figures(golden):
    root = golden.root / "results" / "golden" / "attractors"
    for figure in ATTRACTOR_FIGURES:
        for suffix in FIGURE_SUFFIXES:
            assert (root / "figures" / f"attractor_{figure}.{suffix}").stat().st_size > 5000
    for experiment in ("families", "composition", "noise", "hyperparameters"):
        assert (root / "scores" / f"{experiment}.csv").read_text().count("\n") > 2


def test_a_change_re_runs_the_attractors_that_it_reaches(checkout):
    checkout.configure(attractors__noise={"levels": [0.1, 0.0]})
    noise = {"compare_attractors": 2, "score_attractors": 1, "draw_attractor_noise": 1}
    assert checkout.planned("attractors") == {**noise, "attractors": 1}
    checkout.configure(attractors__noise={})

    checkout.configure(attractors__hyperparameters__delay_intervals=[1, 2, 3])
    planned = checkout.planned("attractors")
    assert planned["sweep_hyperparameters"] == 1 and "compare_attractors" not in planned
    checkout.configure(attractors__hyperparameters__delay_intervals=[1, 2])

    checkout.configure(attractors__families={"low": [0.3, 0.6], "high": [20.0, 25.0]})
    planned = checkout.planned("attractors")
    assert (planned["simulate_attractors"], planned["compare_attractors"]) == (1, 2)
    assert "sweep_hyperparameters" not in planned


def test_touched_results_of_moved_code_are_up_to_date(checkout):
    """What ``make moved`` does once the bytes are found equal."""
    with checkout.edited("src/warpline/core/random_streams.py", "<u4", "<u4" + '" + "'):
        assert checkout.planned()["generate_trials"] == 6
        checkout.snakemake("--touch")
        assert checkout.planned() == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"run__warping": ["contxt"]},
            "run.warping: unknown name 'contxt'; did you mean 'context'?",
        ),
        (
            {"run__warping": ["context"], "warping__context": {"taskset": "Contex"}},
            "warping.context.taskset: unknown name 'Contex'; did you mean 'Context'?",
        ),
        (
            {"run__warping": ["other"], "warping__other": {"experiment": "contexts"}},
            "expected an entry with `experiment:` and one of static, decision, context",
        ),
        (
            {
                "run__warping": ["other"],
                "warping__other": {
                    "experiment": "mine.py:Mine",
                    "taskset": "PDM",
                    "architecture": "leaky_rnn",
                },
            },
            "warping.other.experiment: expected a Python file at 'mine.py', found none",
        ),
        (
            {"run__warping": ["pdm_learning"], "warping__pdm_learning": {"timing": {"delai": 3.0}}},
            "warping.pdm_learning.timing: unknown name 'delai'; did you mean 'delay'?",
        ),
    ],
)
def test_a_wrong_analysis_stops_before_the_work(fresh, change, message):
    fresh.configure(**change)
    failed = fresh.snakemake("--dry-run", "warping", check=False)
    assert failed.returncode and message in failed.stdout + failed.stderr


def test_the_default_fixes_the_duration_that_varies(fresh):
    # A catalogue adds up: the delay that the default fixes stays fixed.
    fresh.configure(run__warping=["memory"], warping__memory={"timing": {}})
    assert fresh.planned("warping")["analyse_warping"] == 2
