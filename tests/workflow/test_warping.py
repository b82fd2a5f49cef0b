"""The analyses of metric warping as the workflow runs them, on networks of a few units."""

from __future__ import annotations

import pandas as pd
import pytest

from warpline.core import result_files

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

ANALYSES = ["static", "decision", "context", "memory", "pdm_learning"]
FIGURES = {
    "static": ["static"],
    "decision": ["decision", "schematic"],
    "context": ["context_alignment", "context_manifolds", "context_metric", "context_task"],
    "memory": ["memory_metric", "memory_torus"],
    "pdm_learning": ["learning"],
}
FEW = {"train": 64, "validation": 32, "evaluation_repeats": 2}


def configure(checkout):
    checkout.configure(
        run__warping=ANALYSES,
        jobs={"seeds_per_job": 2, "seeds_per_training_job": 2},
        tasksets__CircleSign={"trials": FEW},
        tasksets__DecisionLine={"trials": FEW, "dt": 50},
        tasksets__Context={"trials": FEW, "dt": 50},
        tasksets__SequenceMemory={"trials": FEW, "dt": 100},
        architectures__circle_mlp={"batch_size": 32},
        architectures__decision_ei={"units": 10, "batch_size": 32},
        architectures__context_rnn={"units": 24, "batch_size": 32},
        architectures__memory_rnn={"units": 24, "batch_size": 32},
        warping__static={"points": 40, "gridlines": 8},
        warping__decision={"points": 7, "fixed_points": 5, "starts": 1},
        warping__context={"points": 5, "fixed_points": 5, "gridlines": 5},
        warping__memory={"points": 8, "landmarks": 50, "samples": 1},
        warping__pdm_learning={"points": 5, "timing": {"delay": 200}},
    )


def test_the_analyses_run_and_are_made_again_only_where_they_must(fresh):
    configure(fresh)
    planned = fresh.planned("warping")
    # Only the networks that the analyses name, and for learning those that they are compared with.
    assert planned["analyse_warping"] == planned["summarise_warping"] == len(ANALYSES)
    assert "draw_hyperparameters" not in planned
    fresh.snakemake("warping")
    root = fresh.root / "results" / "tiny" / "warping"
    for name in ANALYSES:
        summary = result_files.read_table(root / name / "summary.csv")
        assert (summary["n"] + summary["left_out"] == 2).all() and len(summary) > 3
        arrays = result_files.read_dataset(root / name / "seed~1+2.nc")
        assert arrays["seed"].values.tolist() == [1, 2]
        assert result_files.provenance_of(arrays)["settings"]["analysis"] == name
        for figure in FIGURES[name]:
            for suffix in ("svg", "png"):
                assert (root / name / "figures" / f"{figure}.{suffix}").stat().st_size > 5000
    relations = result_files.read_table(root / "pdm_learning" / "relations.csv")
    assert {"accuracy", "cka", "procrustes", "metric"} <= set(relations["name"])
    assert isinstance(relations, pd.DataFrame) and fresh.planned("warping") == {}

    fresh.edit(
        "src/warpline/geometry/riemannian/curvature.py", "torch.einsum", "1.0 * torch.einsum"
    )
    figures = {f"draw_warping_memory_{figure}" for figure in FIGURES["memory"]}
    planned = fresh.planned("warping")
    assert set(planned) - {"warping"} == {"analyse_warping", "summarise_warping", *figures}
    assert planned["analyse_warping"] == 1
    fresh.edit(
        "src/warpline/geometry/riemannian/curvature.py", "1.0 * torch.einsum", "torch.einsum"
    )
    assert fresh.planned("warping") == {}

    fresh.configure(warping__context={"points": 5, "fixed_points": 5, "gridlines": 6})
    assert fresh.planned("warping")["analyse_warping"] == 1
    fresh.configure(
        warping__context={"points": 5, "fixed_points": 5, "gridlines": 5},
        figures={"palette": "tol-bright"},
    )
    drawn = {f"draw_warping_{name}_{figure}" for name in ANALYSES for figure in FIGURES[name]}
    assert set(fresh.planned("warping")) - {"warping"} == drawn


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"run__warping": ["contxt"]},
            "run.warping: unknown name 'contxt'; did you mean 'context'?",
        ),
        (
            {"run__warping": ["memory"], "warping__memory": {"timing": {}}},
            "",
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
            {"run__warping": ["pdm_learning"], "warping__pdm_learning": {"timing": {"delai": 3.0}}},
            "warping.pdm_learning.timing: unknown name 'delai'; did you mean 'delay'?",
        ),
    ],
)
def test_a_wrong_analysis_stops_before_the_work(fresh, change, message):
    if not message:
        # A catalogue adds up: the delay that the default fixes stays fixed.
        fresh.configure(**change)
        assert fresh.planned("warping")["analyse_warping"] == 2
        return
    fresh.configure(**change)
    failed = fresh.snakemake("--dry-run", "warping", check=False)
    assert failed.returncode and message in failed.stdout + failed.stderr
