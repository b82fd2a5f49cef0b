"""Resume files: an interrupted training run continues from its last saved state."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from warpline.core import result_files, tensor_files
from warpline.training.checkpoint_schedule import checkpoint_steps
from warpline.training.run import Evaluation, TrainingRun, Weights, none_for_nan

__all__ = ["Resume"]

log = logging.getLogger(__name__)


def _nan_for_none(row: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `warpline.training.run.none_for_nan` in a row of the history."""
    return {name: math.nan if value is None else value for name, value in row.items()}


MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam keeps of a parameter."""


def _expect(holds: bool, expected: str, got: Any) -> None:
    """Raise a ValueError that says what a state should be, where it is not."""
    if not holds:
        raise ValueError(f"expected {expected}, got {got!r:.200}")


def _check_counters(state: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Check update, streak and history of a state against the settings of its loop."""
    names = {"key", "step", "streak", "history", "moments"}
    _expect(state.keys() == names, f"the entries {sorted(names)}", sorted(state))
    step, streak, history = state["step"], state["streak"], state["history"]
    saved = range(settings["resume_every"], settings["max_steps"], settings["resume_every"])
    _expect(type(step) is int and step in saved, f"an update of {saved}", step)
    streaks = range(settings["sustained"])
    _expect(type(streak) is int and streak in streaks, f"a streak of {streaks}", streak)

    # A row per task at every update that was evaluated.
    columns = {field.name for field in fields(Evaluation)}
    _expect(
        type(history) is list
        and all(type(row) is dict and row.keys() == columns for row in history),
        f"a history with the columns {sorted(columns)}",
        history,
    )
    for row in history:
        numbers = [value for name, value in row.items() if name != "task"]
        _expect(
            type(row["task"]) is str
            and all(type(value) in (int, float, type(None)) for value in numbers),
            "a task and numbers in a row of the history",
            row,
        )
        # A run whose loss or gradient is not finite has ended, and leaves no state.
        needed = ["loss", "gradient_norm"] if row["step"] else ["loss"]
        _expect(
            all(row[name] is not None for name in needed),
            f"a finite {' and '.join(needed)} in a row of the history",
            row,
        )
    steps = {*_kept_steps(settings, step), *range(0, step + 1, settings["evaluate_every"])}
    tasks = [row["task"] for row in history if row["step"] == 0]
    expected = [(evaluated, task) for evaluated in sorted(steps) for task in tasks]
    evaluations = [(row["step"], row["task"]) for row in history]
    _expect(
        bool(tasks) and evaluations == expected,
        f"evaluations after the updates {sorted(steps)}",
        evaluations,
    )


def _kept_steps(settings: Mapping[str, Any], step: int) -> list[int]:
    """Return the steps with a checkpoint up to a step."""
    schedule = checkpoint_steps(settings["checkpoints"], settings["max_steps"])
    return [kept for kept in schedule if kept <= step]


def _check_tensors(
    tensors: Weights,
    state: Mapping[str, Any],
    model: nn.Module,
    noise: torch.Generator,
    steps: Sequence[int],
) -> None:
    """Check names, shapes, types and values of the tensors of a state, and how often Adam has stepped.

    Parameters
    ----------
    tensors : dict of str to ndarray
    state : mapping
        Its ``moments`` names the parameters for which Adam has moments: those that got a gradient.
    model : torch.nn.Module
    noise : torch.Generator
    steps : sequence of int
        Steps with a checkpoint.
    """
    weights = {name: value.detach().cpu().numpy() for name, value in model.named_parameters()}
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    moments = state["moments"]
    _expect(
        type(moments) is list and learning.issuperset(moments),
        f"moments of {sorted(learning)}",
        moments,
    )
    like = {"noise": noise.get_state().numpy()}
    for name, value in weights.items():
        for prefix in ("weight", *(f"checkpoint/{step}" for step in steps)):
            like[f"{prefix}/{name}"] = value
        if name in moments:
            like[f"adam/step/{name}"] = np.zeros((), np.float32)
            like[f"adam/exp_avg/{name}"] = like[f"adam/exp_avg_sq/{name}"] = value
    _expect(
        tensors.keys() == like.keys(),
        "the tensors that the network has",
        f"others: {sorted(tensors.keys() ^ like.keys())}",
    )
    for name, value in like.items():
        layout, got = (value.shape, value.dtype), (tensors[name].shape, tensors[name].dtype)
        _expect(layout == got, f"{name} of shape and type {layout}", got)
        n_odd = int((~np.isfinite(tensors[name])).sum())
        _expect(n_odd == 0, f"finite numbers in {name}", f"{n_odd} that are NaN or infinite")
    for name in moments:
        count = float(tensors[f"adam/step/{name}"])
        _expect(
            count.is_integer() and 1 <= count <= state["step"],
            f"1 to {state['step']} steps of Adam for {name}",
            count,
        )
        least = float(tensors[f"adam/exp_avg_sq/{name}"].min(initial=0))
        _expect(least >= 0, f"squares of 0 or more in adam/exp_avg_sq/{name}", least)


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
        moments = []
        for name, parameter in model.named_parameters():
            tensors[f"weight/{name}"] = parameter.detach().cpu().numpy()
            # None for a parameter that does not learn.
            if entries := adam.state.get(parameter):
                moments.append(name)
                for entry in MOMENTS:
                    tensors[f"adam/{entry}/{name}"] = entries[entry].detach().cpu().numpy()
        for step, weights in run.checkpoints.items():
            for name, value in weights.items():
                tensors[f"checkpoint/{step}/{name}"] = value
        history = [
            {name: none_for_nan(value) for name, value in vars(row).items()} for row in run.history
        ]
        state = {
            "key": self.key,
            "step": run.step,
            "streak": run.streak,
            "history": history,
            "moments": moments,
        }
        tensor_files.write_tensors(tensors, self.path, state, sidecar=False)

    def load(
        self,
        model: nn.Module,
        adam: torch.optim.Adam,
        noise: torch.Generator,
        settings: Mapping[str, Any],
    ) -> TrainingRun | None:
        """Restore an interrupted run; return None (and log why) if there is none, or none that is fit.

        A state that is damaged, of another run, or in any way not what `save` writes is discarded as a
        whole: nothing is restored of it, and training starts from its first update.

        Parameters
        ----------
        model : torch.nn.Module
        adam : torch.optim.Adam
        noise : torch.Generator
            Restored in place, to the last bit.
        settings : mapping
            Of the loop, as for `warpline.training.loop.train`.
        """
        if not self.path.is_file():
            return None
        try:
            tensors, state = tensor_files.read_tensors(self.path)
        except result_files.DamagedFileError as error:
            log.warning("starting afresh: the state of the unfinished run is discarded: %s", error)
            return None
        if state.get("key") != self.key:
            log.warning(
                "starting afresh: %s is of other parameters, code or trials; it is discarded",
                self.path,
            )
            return None
        try:
            _check_counters(state, settings)
            steps = _kept_steps(settings, state["step"])
            _check_tensors(tensors, state, model, noise, steps)
            # A generator takes no state that it cannot have had; it raises a RuntimeError.
            noise.set_state(torch.from_numpy(tensors["noise"]))
        except (ValueError, RuntimeError) as error:
            log.warning("starting afresh: %s is unfit (%s); it is discarded", self.path, error)
            return None

        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(tensors[f"weight/{name}"]))
                if name in state["moments"]:
                    adam.state[parameter] = {
                        entry: torch.from_numpy(tensors[f"adam/{entry}/{name}"]).to(
                            parameter.device
                        )
                        for entry in MOMENTS
                    }
        run = TrainingRun(step=state["step"], streak=state["streak"])
        run.history = [Evaluation(**_nan_for_none(row)) for row in state["history"]]
        names = [name for name, _ in model.named_parameters()]
        run.checkpoints = {
            step: {name: tensors[f"checkpoint/{step}/{name}"] for name in names} for step in steps
        }
        log.info("going on from update %d of %s", run.step, self.path)
        return run
