"""What the analyses of metric warping cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from warpline.pipeline.costs.sizes import SIDECAR_MB, START_MB, START_SECONDS, Cost, Names, Sizes
from warpline.pipeline.paths import join_seeds, split_seeds

__all__ = ["analyse", "analyses", "figures", "relations", "small", "summaries"]

# Of one network at the default settings: seconds, MB on disk.
EXPERIMENTS = {
    "static": (1.0, 0.06),
    "decision": (1.0, 0.27),
    "context": (84.0, 0.36),
    "memory": (50.0, 0.03),
    "learning": (2.0, 0.23),
}
GROWTH: dict[str, Callable[[Any], float]] = {
    "static": lambda entry: entry.points / 720,
    "decision": lambda entry: entry.points / 41,
    "context": lambda entry: (entry.points / 21) ** 2,
    "memory": lambda entry: (entry.landmarks / 200) ** 2 * entry.samples / 2,
    "learning": lambda entry: (entry.points / 11) ** 2 * len(entry.conditions),
}
"""How an experiment grows with its settings."""


def analyse(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of an analysis of the networks of a block of seeds."""
    entry = sizes.warping.analyses[names["analysis"]]
    seconds, disk = EXPERIMENTS[entry.experiment]
    growth = GROWTH[entry.experiment](entry)
    n_seeds = len(split_seeds(names["seeds"]))
    return Cost(
        seconds=START_SECONDS + n_seeds * seconds * growth,
        memory=START_MB + 350 * max(1.0, growth**0.5),
        disk=n_seeds * disk * growth + 2 * SIDECAR_MB,
    )


def analyses(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the analyses, a job per block of seeds."""
    for name in sizes.warping.analyses:
        for block in sizes.plan.blocks:
            yield {"analysis": name, "seeds": join_seeds(block)}


def summaries(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the analyses, each once."""
    yield from ({"analysis": name} for name in sizes.warping.analyses)


def relations(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the analyses over learning."""
    for name, entry in sizes.warping.analyses.items():
        if entry.experiment == "learning":
            yield {"analysis": name}


def small(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of a table of numbers over seeds."""
    return Cost(START_SECONDS + 2, START_MB, 0.01 + SIDECAR_MB)


def figures(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the figures of the analyses."""
    yield from ({"figure": sizes.warping.path(figure)} for figure in sizes.warping.figures())
