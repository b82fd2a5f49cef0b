"""What each job of the bench is told of the configuration: the keys that it uses, and no others."""

from __future__ import annotations

from typing import Any

from warpline.pipeline.config.base import DSA
from warpline.pipeline.plan import Plan
from warpline.pipeline.slices import measure_slice

__all__ = [
    "comparison_slice",
    "figure_slice",
    "intervals",
    "scores_slice",
    "sweep_slice",
    "systems_slice",
]

Slice = dict[str, Any]


def systems_slice(plan: Plan, kind: str) -> Slice:
    """Return what `scripts/simulate_attractors.py` needs for ``families`` or ``motifs``."""
    bench = plan.config.attractors
    keys = {"paired", "n_trials", "n_steps", "dt", "s", "b"}
    made: dict[str, Slice] = {
        "families": bench.model_dump(include={"families"}),
        "motifs": {"motifs": bench.motifs.model_dump(include={"curve", "patterns"})},
    }
    return {"seed": plan.config.seed, **bench.model_dump(include=keys), **made[kind]}


def comparison_slice(plan: Plan, experiment: str, measure: str) -> Slice:
    """Return what `scripts/compare_attractors.py` needs for an experiment and a measure."""
    bench = plan.config.attractors
    further: dict[str, Slice] = {
        "composition": {"sequence": bench.motifs.sequence},
        "noise": {"noise": bench.noise.model_dump()},
    }
    return {
        "seed": plan.config.seed,
        "experiment": experiment,
        "measure": measure_slice(measure, bench.measures[measure]),
        **further.get(experiment, {}),
    }


def _swept(plan: Plan) -> DSA | None:
    """Return the DSA whose hyperparameters are swept: the first of the measures."""
    entries = plan.config.attractors.measures.values()
    return next((entry for entry in entries if isinstance(entry, DSA)), None)


def intervals(plan: Plan) -> list[int]:
    """Return the delay intervals of the sweep, a job each; none where DSA is not on the bench."""
    if _swept(plan) is None:
        return []
    return sorted({interval for _, interval, _ in plan.config.attractors.cells()})


def sweep_slice(plan: Plan, interval: int) -> Slice:
    """Return what `scripts/sweep_hyperparameters.py` needs for one delay interval."""
    bench = plan.config.attractors
    swept = _swept(plan)
    assert swept is not None, "no delay intervals without DSA"
    return {
        "seed": plan.config.seed,
        "sequence": bench.motifs.sequence,
        "max_pairs": bench.hyperparameters.max_pairs,
        "measure": swept.model_dump(exclude={"n_delays", "delay_interval", "rank"}),
        "cells": [
            {"n_delays": n_delays, "delay_interval": delay_interval, "rank": rank}
            for n_delays, delay_interval, rank in bench.cells()
            if delay_interval == interval
        ],
    }


def scores_slice(plan: Plan, experiment: str) -> Slice:
    """Return what `scripts/score_attractors.py` needs for an experiment."""
    if experiment == "hyperparameters":
        return {"experiment": experiment}
    return {
        "experiment": experiment,
        "seed": plan.config.seed,
        "bootstrap": plan.config.attractors.bootstrap,
        "confidence": plan.config.statistics.confidence,
    }


def figure_slice(plan: Plan, *keys: str) -> Slice:
    """Return what a figure script of the bench needs: the style, and further entries by name."""
    bench = plan.config.attractors
    entries = {
        "measures": list(bench.measures),
        "families": list(bench.families),
        "levels": bench.noise.levels,
        "shares": bench.noise.shares,
        "best": bench.hyperparameters.best,
    }
    return {"style": plan.config.figures.model_dump(), **{key: entries[key] for key in keys}}
