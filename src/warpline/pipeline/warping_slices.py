"""What each job of the analyses is told of the configuration: the keys that it uses, and no others."""

from __future__ import annotations

from typing import Any

from warpline.pipeline.plan import Plan
from warpline.pipeline.slices import network_slice, taskset_slice

__all__ = ["analysis_slice", "figure_slice", "summary_slice"]

Slice = dict[str, Any]

NETWORKS = {"taskset", "architecture", "curriculum", "timing", "experiment"}


def analysis_slice(plan: Plan, name: str) -> Slice:
    """Return what `scripts/analyse_warping.py` needs for an analysis."""
    entry = plan.config.warping[name]
    taskset = plan.config.tasksets[entry.taskset]
    settings: Slice = entry.model_dump(exclude=NETWORKS)
    if entry.experiment == "learning":
        settings["fractions"] = plan.config.trajectories.fractions
    return {
        "seed": plan.config.seed,
        "analysis": name,
        "experiment": entry.experiment,
        "task": taskset.target,
        "window": taskset.window,
        "timing": entry.timing,
        "taskset": taskset_slice(plan, entry.taskset, taskset.target),
        "architecture": network_slice(plan, entry.architecture),
        "settings": settings,
    }


def summary_slice(plan: Plan) -> Slice:
    """Return what the jobs that summarise over seeds need."""
    return {
        "seed": plan.config.seed,
        "confidence": plan.config.statistics.confidence,
        "min_seeds": plan.config.statistics.min_seeds,
    }


def figure_slice(plan: Plan, name: str) -> Slice:
    """Return what a figure script of an analysis needs."""
    entry = plan.config.warping[name]
    return {
        "style": plan.config.figures.model_dump(),
        "measures": plan.measures(entry.taskset) if entry.experiment == "learning" else [],
        "curriculum": entry.curriculum,
        "statistics": plan.config.statistics.model_dump(),
    }
