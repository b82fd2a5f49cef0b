"""Resume files: an interrupted training run continues from its last saved state."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from warpline.core import result_files
from warpline.training.run import Evaluation, TrainingRun, Weights, none_for_nan

__all__ = ["Resume"]

log = logging.getLogger(__name__)


def _nan_for_none(row: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `warpline.training.run.none_for_nan` in a row of the history."""
    return {name: math.nan if value is None else value for name, value in row.items()}


class Resume:
    """The file that holds the state of one unfinished run.

    Parameters
    ----------
    path : pathlib.Path
    key : str
        Hash of everything that the run depends on. A file with another key is not used.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key

    def save(
        self, run: TrainingRun, model: nn.Module, adam: torch.optim.Adam, noise: torch.Generator
    ) -> None:
        """Write the state of an unfinished run, atomically."""
        tensors: Weights = {"noise": noise.get_state().numpy()}
        for name, parameter in model.named_parameters():
            tensors[f"weight/{name}"] = parameter.detach().cpu().numpy()
            for entry, value in adam.state.get(parameter, {}).items():
                tensors[f"adam/{entry}/{name}"] = value.detach().cpu().numpy()
        for step, weights in run.checkpoints.items():
            for name, value in weights.items():
                tensors[f"checkpoint/{step}/{name}"] = value
        history = [
            {name: none_for_nan(value) for name, value in vars(row).items()} for row in run.history
        ]
        state = {"key": self.key, "step": run.step, "streak": run.streak, "history": history}
        result_files.write_tensors(tensors, self.path, state, sidecar=False)

    def load(
        self, model: nn.Module, adam: torch.optim.Adam, noise: torch.Generator
    ) -> TrainingRun | None:
        """Restore an interrupted run; return None (and log why) if there is none.

        Parameters
        ----------
        model : torch.nn.Module
        adam : torch.optim.Adam
        noise : torch.Generator
            Restored in place, to the last bit.
        """
        # A file that cannot be used costs time only: training starts from its first update.
        if not self.path.is_file():
            return None
        try:
            tensors, state = result_files.read_tensors(self.path)
        except result_files.DamagedFileError as error:
            log.warning("starting afresh: %s", error)
            return None
        if state["key"] != self.key:
            log.warning(
                "starting afresh: %s is of other parameters, code or trials; it is discarded",
                self.path,
            )
            return None

        # Weights and Adam's moments; Adam has none for a parameter that does not learn.
        noise.set_state(torch.from_numpy(tensors["noise"]))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(tensors[f"weight/{name}"]))
                entries = {
                    key.split("/")[1]: torch.from_numpy(value)
                    for key, value in tensors.items()
                    if key.startswith("adam/") and key.split("/", 2)[2] == name
                }
                if entries:
                    adam.state[parameter] = {
                        entry: value.to(parameter.device) for entry, value in entries.items()
                    }

        # The file sorts tensors by name, so that step 10 stands before step 2: restore their order.
        run = TrainingRun(step=state["step"], streak=state["streak"])
        run.history = [Evaluation(**_nan_for_none(row)) for row in state["history"]]
        for key, value in tensors.items():
            if key.startswith("checkpoint/"):
                _, step, name = key.split("/", 2)
                run.checkpoints.setdefault(int(step), {})[name] = value
        run.checkpoints = dict(sorted(run.checkpoints.items()))
        log.info("going on from update %d of %s", run.step, self.path)
        return run
