"""The training loop: balanced loss, sustained stopping, checkpoints on a schedule, exact resume."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warpline.console import progress
from warpline.core import result_files
from warpline.models.base import outputs_of
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.checkpoint_schedule import checkpoint_steps

__all__ = [
    "Evaluation",
    "Resume",
    "TrainingRun",
    "balanced_loss",
    "begin",
    "decision_accuracy",
    "evaluation_due",
    "follow_up",
    "free_parameters",
    "none_for_nan",
    "train",
]

log = logging.getLogger(__name__)

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on one task's validation trials after an update."""

    step: int
    task: str
    loss: float
    accuracy: float
    ideal: float
    gradient_norm: float


@dataclass
class TrainingRun:
    """What a run leaves.

    Attributes
    ----------
    status : str
        ``running``, then ``converged``, ``max_steps``, ``diverged`` or ``untrained``.
    step : int
        Updates done.
    streak : int
        Evaluations in a row that reached the target, up to now.
    history : list of Evaluation
    checkpoints : dict of int to dict of str to ndarray
        Weights by step.
    """

    status: str = "running"
    step: int = 0
    streak: int = 0
    history: list[Evaluation] = field(default_factory=list)
    checkpoints: dict[int, Weights] = field(default_factory=dict)

    def at(self, step: int) -> list[Evaluation]:
        """Return the evaluations made after one update, a row per task."""
        return [row for row in self.history if row.step == step]


def balanced_loss(outputs: Tensor, data: TaskData) -> Tensor:
    """Return the loss: the mean over decision steps and that over other asked steps, halved.

    A step's loss is the cross-entropy where the target is an action, the mean squared error where it
    is a vector. Decisions last a tenth of a trial; unbalanced, learning takes about four times the
    updates.

    Parameters
    ----------
    outputs : Tensor, shape (trial, time, output)
        Logits of the actions, or the vector itself.
    data : TaskData
        The same trials.
    """
    if data.tolerance is None:
        losses = nn.functional.cross_entropy(
            outputs.flatten(0, 1), data.target.flatten(), reduction="none"
        )
    else:
        losses = (outputs - data.target).square().mean(-1).flatten()
    decision = data.decision.flatten()
    other = data.asked.flatten() & ~decision
    weight = decision / decision.sum().clamp(min=1) + other / other.sum().clamp(min=1)
    return 0.5 * (losses * weight).sum()


def decision_accuracy(outputs: Tensor, data: TaskData) -> float:
    """Return the fraction of decision steps answered right, over the scored trials.

    Right is the target's action, or a vector within the task's tolerance of the target.
    """
    if data.tolerance is None:
        right = outputs.argmax(-1) == data.target
    else:
        right = torch.linalg.vector_norm(outputs - data.target, dim=-1) <= data.tolerance
    counted = data.decision & data.scored[:, None]
    return float(right[counted].double().mean())


@torch.no_grad()
def _evaluate(
    model: nn.Module,
    validation: Sequence[TaskData],
    step: int,
    gradient_norm: float,
    at_hand: Sequence[Tensor] | None = None,
) -> list[Evaluation]:
    rows = []
    for k, data in enumerate(validation):
        outputs = outputs_of(model, data.inputs) if at_hand is None else at_hand[k]
        rows.append(
            Evaluation(
                step=step,
                task=data.task,
                loss=float(balanced_loss(outputs, data)),
                accuracy=decision_accuracy(outputs, data),
                ideal=data.ideal,
                gradient_norm=gradient_norm,
            )
        )
    return rows


def _weights(model: nn.Module) -> Weights:
    return {name: value.detach().cpu().numpy().copy() for name, value in model.named_parameters()}


def none_for_nan(value: Any) -> Any:
    """Return None, which JSON has, for a number that is not finite, which it has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _nan_for_none(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in row.items()}


class Resume:
    """The resume file: everything that the rest of a run depends on, under a key of its causes."""

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
            {key: none_for_nan(value) for key, value in vars(row).items()} for row in run.history
        ]
        state = {"key": self.key, "step": run.step, "streak": run.streak, "history": history}
        result_files.write_tensors(tensors, self.path, state, sidecar=False)

    def load(
        self, model: nn.Module, adam: torch.optim.Adam, noise: torch.Generator
    ) -> TrainingRun | None:
        """Put the run back where it was; None, and a word why, where there is nothing to go on from."""
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
        run = TrainingRun(step=state["step"], streak=state["streak"])
        run.history = [Evaluation(**_nan_for_none(row)) for row in state["history"]]
        noise.set_state(torch.from_numpy(tensors["noise"]))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(tensors[f"weight/{name}"]))
                entries = {
                    full.split("/")[1]: torch.from_numpy(value)
                    for full, value in tensors.items()
                    if full.startswith("adam/") and full.split("/", 2)[2] == name
                }
                if entries:
                    adam.state[parameter] = {
                        entry: value.to(parameter.device) for entry, value in entries.items()
                    }
        for full, value in tensors.items():
            if full.startswith("checkpoint/"):
                _, step, name = full.split("/", 2)
                run.checkpoints.setdefault(int(step), {})[name] = value
        run.checkpoints = dict(sorted(run.checkpoints.items()))
        log.info("going on from update %d of %s", run.step, self.path)
        return run


def free_parameters(model: nn.Module, free: str) -> list[nn.Parameter]:
    """Return the parameters that learn, ``all`` or ``input``, and let no others take gradients."""
    chosen = []
    for name, parameter in model.named_parameters():
        learns = free == "all" or name in model.input_weights  # type: ignore[operator]
        parameter.requires_grad_(learns)
        if learns:
            chosen.append(parameter)
    return chosen


def begin(
    model: nn.Module,
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    adam: torch.optim.Adam,
    noise: torch.Generator,
    resume: Resume | None,
) -> TrainingRun:
    """Return a run that goes on from its resume file, or a new one with its first checkpoint."""
    run = resume.load(model, adam, noise) if resume else None
    if run is None:
        run = TrainingRun(history=_evaluate(model, validation, 0, math.nan))
        run.checkpoints[0] = _weights(model)
        if not all(math.isfinite(row.loss) for row in run.history):
            run.status = "diverged"
    if settings["max_steps"] == 0 and run.status == "running":
        run.status = "untrained"
    return run


def evaluation_due(step: int, settings: Mapping[str, Any], keep: set[int]) -> tuple[bool, bool]:
    """Say whether a network is evaluated after an update, and whether that counts for stopping."""
    counts = step % settings["evaluate_every"] == 0 or step == settings["max_steps"]
    return counts or step in keep, counts


def follow_up(
    run: TrainingRun,
    model: nn.Module,
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    keep: set[int],
    norm: float,
    outputs: Sequence[Tensor] | None = None,
) -> bool:
    """Do what is due after an update: evaluate, say how the run stands, keep a checkpoint.

    Parameters
    ----------
    outputs : sequence of Tensor, optional
        Of the validation trials, where they are at hand.

    Returns
    -------
    bool
        Whether the network was evaluated.
    """
    evaluated, due = evaluation_due(run.step, settings, keep)
    if evaluated:
        rows = _evaluate(model, validation, run.step, norm, outputs)
        run.history += rows
        if not all(math.isfinite(row.loss) for row in rows):
            run.status = "diverged"
            return True
    if due:
        reached = all(row.accuracy >= settings["target_fraction"] * row.ideal for row in rows)
        run.streak = run.streak + 1 if reached else 0
        if run.streak >= settings["sustained"]:
            run.status = "converged"
        elif run.step == settings["max_steps"]:
            run.status = "max_steps"
    if run.step in keep or run.status != "running":
        run.checkpoints[run.step] = _weights(model)
    return evaluated


def train(
    model: nn.Module,
    training: Sequence[TaskData],
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    order: BatchOrder,
    noise_seed: int,
    resume_path: Path | None = None,
    resume_key: str = "",
    watch: Callable[[Sequence[Evaluation]], None] | None = None,
) -> TrainingRun:
    """Train a model on one or several interleaved tasks.

    Parameters
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`. Trained in place.
    training, validation : sequence of TaskData
        One each per task, in the same order.
    settings : mapping
        ``free`` ("all" or "input"), ``max_steps``, ``learning_rate``, ``gradient_clip``,
        ``evaluate_every``, ``target_fraction`` (of the ideal observer's accuracy), ``sustained``
        (evaluations in a row, all tasks, that must reach it), ``checkpoints`` (see
        `warpline.training.checkpoint_schedule.checkpoint_steps`), ``resume_every`` (updates).
    order : BatchOrder
        Which trials each update sees.
    noise_seed : int
        Seed of the hidden noise.
    resume_path : pathlib.Path, optional
        Where to keep, and look for, the state of an unfinished run.
    resume_key : str
        Hash of all that the run depends on; a resume file of another key is discarded.
    watch : callable, optional
        Called with the rows of each evaluation, for those who look on (`warpline.console.tensorboard`).

    Returns
    -------
    TrainingRun
        ``max_steps`` 0 gives a run with the initial weights alone, of status ``untrained``.

    Notes
    -----
    A run whose loss or gradient is not finite stops there with status ``diverged``, and keeps the
    checkpoints made before. A run that is killed and goes on ends with the same bits as one that is not.
    """
    free = free_parameters(model, settings["free"])
    device = next(model.parameters()).device
    adam = torch.optim.Adam(free, lr=settings["learning_rate"], fused=True)
    noise = torch.Generator().manual_seed(noise_seed)
    max_steps = settings["max_steps"]
    keep = set(checkpoint_steps(settings["checkpoints"], max_steps)) if max_steps else {0}
    resume = Resume(resume_path, resume_key) if resume_path is not None else None

    run = begin(model, validation, settings, adam, noise, resume)
    with progress.bar(max_steps, "training", "update", run.step) as shown:
        while run.status == "running":
            task, rows = order(run.step)
            batch = training[task].rows(rows).to(device)
            outputs = outputs_of(model, batch.inputs, noise)
            loss = balanced_loss(outputs, batch)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            norm = float(nn.utils.clip_grad_norm_(free, settings["gradient_clip"]))
            if not math.isfinite(norm) or not math.isfinite(float(loss.detach())):
                run.status = "diverged"
                break
            adam.step()
            run.step += 1
            shown.update()

            if follow_up(run, model, validation, settings, keep, norm):
                rows_now = run.at(run.step)
                if watch:
                    watch(rows_now)
                accuracy = np.mean([row.accuracy for row in rows_now])
                shown.set_postfix(accuracy=f"{accuracy:.3f}")
            if resume and run.status == "running" and run.step % settings["resume_every"] == 0:
                resume.save(run, model, adam, noise)
    if run.status == "diverged":
        log.warning("loss or gradient is not finite after update %d: diverged", run.step)
    return run
