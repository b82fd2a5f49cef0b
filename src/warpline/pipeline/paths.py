"""The results folder of a configuration, and seeds as they stand in a path.

Each stage (`warpline.pipeline.stages`) states the patterns of its own files, with named fields: Snakemake
takes the fields as wildcards, Python code fills them in with `str.format`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = ["ResultsFolder", "join_seeds", "split_seeds"]


def join_seeds(seeds: tuple[int, ...]) -> str:
    """Return a block of seeds as it stands in a path: ``1`` or ``1+2``."""
    return "+".join(str(seed) for seed in seeds)


def split_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a block from its path (see `join_seeds`)."""
    return tuple(int(seed) for seed in text.split("+"))


@dataclass(frozen=True)
class ResultsFolder:
    """The results folder of one configuration, ``results/<name>``."""

    root: Path

    def problem(self) -> str | None:
        """Say why nothing can be written to the folder, None where it can."""
        nearest = self.root
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        if os.access(nearest, os.W_OK | os.X_OK):
            return None
        return f"cannot write to {self.root}: expected a folder to write to, {nearest} is read-only"

    def at(self, pattern: str) -> str:
        """Return a pattern below the folder."""
        return f"{self._prefix}/{pattern}"

    @cached_property
    def _prefix(self) -> str:
        # Thousands of paths are made for a plan: the folder's text is made once.
        return self.root.as_posix()
