"""What is tried before the first job: results that stand, and the files and code of the user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from warpline.pipeline.dataset_check import dataset_faults
from warpline.pipeline.earlier_networks import replaced_networks
from warpline.pipeline.plugin_check import plugin_faults
from warpline.pipeline.weights_check import weights_faults

if TYPE_CHECKING:
    from warpline.pipeline.stages import Pipeline

__all__ = ["faults_before_work"]


def faults_before_work(
    pipeline: Pipeline,
    passed: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> list[str]:
    """Return what is wrong with results that stand, recordings, weights and plug-ins, one message each.

    Parameters
    ----------
    pipeline : Pipeline
    passed : Path, optional
        Folder that remembers the plug-ins that passed (`warpline.pipeline.plugin_check.plugin_faults`).
    say : callable, optional
        Called with a line on each recording that can be read.
    """
    plan = pipeline.plan
    faults = [*replaced_networks(pipeline), *dataset_faults(plan, say), *weights_faults(plan)]
    # Plug-ins are tried on these files.
    return faults or plugin_faults(pipeline, passed=passed)
