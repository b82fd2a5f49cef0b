"""Where each result lies: one pattern per kind of file, with named fields.

The workflow uses the patterns as they are (their fields are Snakemake wildcards); Python code fills them
in with `str.format`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["COMPARISON_TABLES", "STATISTICS_TABLES", "Layout", "join_seeds", "split_seeds"]

COMPARISON_TABLES = ("after", "over", "within", "controls")
"""The matrices that one comparison job makes: they share fitted representations."""

STATISTICS_TABLES = ("runs", "summary", "tests", "controls")

RUN = "{taskset}/{architecture}/{curriculum}/seed~{seed}"
PRETRAINING = "{taskset}/{architecture}/{pretraining}/seed~{seed}"
BLOCK = "{taskset}/{architecture}/{curriculum}/seed~{seeds}"


def join_seeds(seeds: tuple[int, ...]) -> str:
    """Return a block of seeds as it stands in a path: ``1`` or ``1+2``."""
    return "+".join(str(seed) for seed in seeds)


def split_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a block from its path (see `join_seeds`)."""
    return tuple(int(part) for part in text.split("+"))


@dataclass(frozen=True)
class Layout:
    """The results folder of one configuration, ``results/<name>``."""

    root: Path

    def problem(self) -> str | None:
        """Say why nothing can be written to the folder, None where it can."""
        place = self.root
        while not place.exists() and place != place.parent:
            place = place.parent
        if os.access(place, os.W_OK | os.X_OK):
            return None
        return f"cannot write to {self.root}: expected a folder to write to, {place} is read-only"

    def _at(self, pattern: str) -> str:
        return (self.root / pattern).as_posix()

    @property
    def trials(self) -> str:
        """Trials of one task and split (netCDF)."""
        return self._at("trials/{taskset}/{task}/{split}.nc")

    def _network(self, stage: str, file: str, folder: str = "") -> str:
        """Return a file of a trained network; `stage` is ``pretraining`` or ``training``."""
        run = PRETRAINING if stage == "pretraining" else RUN
        return self._at(f"{folder}{stage}/{run}/{file}")

    def checkpoints(self, stage: str) -> str:
        """Weights of all checkpoints of a network (safetensors)."""
        return self._network(stage, "checkpoints.safetensors")

    def history(self, stage: str) -> str:
        """Loss and accuracy over training (CSV)."""
        return self._network(stage, "history.csv")

    def resume(self, stage: str) -> str:
        """State of an unfinished network; no rule's output."""
        return self._network(stage, "state.safetensors", folder="resume/")

    @property
    def trajectories(self) -> str:
        """Hidden states of the chosen checkpoints (netCDF)."""
        return self._at(f"trajectories/{BLOCK}.nc")

    def comparison(self, kind: str) -> str:
        """Dissimilarities (CSV): after, over and within learning, and controls."""
        return self._at(
            f"compare/{kind}/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.csv"
        )

    @property
    def architectures(self) -> str:
        """Dissimilarities between architectures (CSV)."""
        return self._at("compare/architectures/{measure}/{taskset}/seed~{seeds}.csv")

    def table(self, name: str) -> str:
        """Return a table of statistics of a task set (CSV)."""
        return self._at(f"tables/{{taskset}}/{name}.csv")

    def warping(self, suffix: str) -> str:
        """Return what an analysis of warping found in a block of seeds: arrays (nc), numbers (csv)."""
        return self._at(f"warping/{{analysis}}/seed~{{seeds}}.{suffix}")

    def figure(self, name: str, per_architecture: bool) -> str:
        """Return a figure without its suffix."""
        folder = "figures/{taskset}/{architecture}" if per_architecture else "figures/{taskset}"
        return self._at(f"{folder}/{name}")
