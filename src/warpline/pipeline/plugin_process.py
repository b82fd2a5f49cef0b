"""Try plug-ins in a process of their own, which a plug-in may crash, end or hang.

``python -m warpline.pipeline.plugin_process RESULTS SECONDS`` reads a list of checks (JSON) from standard
input and appends a line (JSON: the fault, or null) to RESULTS after each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from warpline.analyses.analysis_check import check_analysis
from warpline.core.plugins import ContractError, calling
from warpline.models.model_check import check_model
from warpline.similarity.measure_check import check_measure
from warpline.tasks.taskset_check import check_task
from warpline.tasks.trials import make_environment

__all__ = ["try_plugin"]


def _check_model(architecture: Mapping[str, Any], taskset: Mapping[str, Any], task: str) -> None:
    with calling(f"the environment of {task}"):
        environment = make_environment(taskset, task)
    n_inputs, n_outputs = len(environment.channel_names()), environment.n_outputs
    check_model(architecture, n_inputs, n_outputs, float(taskset["dt"]))


CHECKS: Mapping[str, Callable[..., None]] = {
    "task": check_task,
    "model": _check_model,
    "measure": check_measure,
    "analysis": check_analysis,
}


def try_plugin(kind: str, arguments: Mapping[str, Any]) -> str | None:
    """Run one check; returns the fault, None where there is none."""
    try:
        with calling("a plug-in that runs"):
            CHECKS[kind](**arguments)
    except ContractError as error:
        return str(error)
    return None


def main() -> None:
    """Run the checks one after the other; the alarm ends the process where one takes too long."""
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    torch.set_num_threads(1)
    process = os.getpid()
    for check in json.load(sys.stdin):
        # Without a handler the alarm ends the process, whatever it is busy with.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        fault = try_plugin(check["kind"], check["arguments"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.getpid() != process:
            # A plug-in split the process: a second line would stand for another check.
            os._exit(0)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fault) + "\n")


if __name__ == "__main__":
    main()
