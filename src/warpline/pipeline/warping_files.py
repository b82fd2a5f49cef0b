"""Which files the analyses of warping need, and what each of their figures reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from warpline.pipeline.files import Files
from warpline.pipeline.paths import join_seeds

__all__ = ["Figure", "Warping"]

FIGURES: dict[str, dict[str, str]] = {
    "static": {"static": "a circle under the metric of a feedforward network"},
    "decision": {
        "schematic": "a manifold of inputs, the manifold of states above it",
        "decision": "a decision with two populations",
    },
    "context": {
        "context_task": "task, outputs, decoder",
        "context_manifolds": "manifolds of states, fixed points, geodesics",
        "context_metric": "the metric over inputs and over time",
        "context_alignment": "alignment with the weight update, tangent statistics",
    },
    "memory": {
        "memory_metric": "the metric of each item, warping or turning",
        "memory_torus": "curvature and topology of the states",
    },
    "learning": {"learning": "the metric over learning, beside the dissimilarities"},
}
"""Figures of each experiment by the names of their scripts, with their labels in the report."""


@dataclass(frozen=True)
class Figure:
    """A figure of an analysis.

    Attributes
    ----------
    analysis, script, shows : str
        The analysis, the figure's script (without ``warping_``), its label in the report.
    inputs : dict of str to list of str
        Files by the option of the script that takes them.
    """

    analysis: str
    script: str
    shows: str
    inputs: dict[str, list[str]]


class Warping:
    """Paths of the analyses, ``results/<name>/warping``.

    Parameters
    ----------
    files : warpline.pipeline.files.Files
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.plan = files.plan
        self.root = (files.layout.root / "warping").as_posix()
        config = files.plan.config
        self.analyses = {name: config.warping[name] for name in config.run.warping}

    def networks(self, analysis: str, seeds: str) -> list[str]:
        """Return the checkpoints of the networks of a block of seeds."""
        entry = self.analyses[analysis]
        return self.files.networks(entry.taskset, entry.architecture, entry.curriculum, seeds)

    def _found(self, analysis: str, suffix: str) -> list[str]:
        pattern = self.files.layout.warping(suffix)
        return [
            pattern.format(analysis=analysis, seeds=join_seeds(block)) for block in self.plan.blocks
        ]

    def numbers(self, analysis: str) -> list[str]:
        """Return the tables of numbers of an analysis, a file per block of seeds."""
        return self._found(analysis, "csv")

    def dissimilarities(self, analysis: str) -> list[str]:
        """Return the dissimilarities over learning of the same networks."""
        entry = self.analyses[analysis]
        return self.files.learning_tables("over", entry.taskset, entry.architecture)

    def summary(self, analysis: str) -> str:
        """Return the table of numbers over seeds."""
        return f"{self.root}/{analysis}/summary.csv"

    def relations(self, analysis: str) -> str:
        """Return the table of what moves with accuracy over learning."""
        return f"{self.root}/{analysis}/relations.csv"

    def figures(self) -> Iterator[Figure]:
        """Yield the figures of all analyses."""
        for name, entry in self.analyses.items():
            for script, shows in FIGURES[entry.experiment].items():
                inputs = {"arrays": self._found(name, "nc"), "summary": [self.summary(name)]}
                if entry.experiment == "learning":
                    inputs |= {
                        "numbers": self.numbers(name),
                        "over": self.dissimilarities(name),
                        "relations": [self.relations(name)],
                    }
                yield Figure(name, script, shows, inputs)

    def path(self, figure: Figure) -> str:
        """Return where a figure goes, without its suffix."""
        return f"{self.root}/{figure.analysis}/figures/{figure.script}"

    def all_warping(self) -> list[str]:
        """Return every table and figure of the analyses."""
        wanted = [self.summary(name) for name in self.analyses]
        for figure in self.figures():
            wanted += [f"{self.path(figure)}.{suffix}" for suffix in ("svg", "png")]
        return wanted
