"""The training loop: balanced loss, sustained stopping, checkpoints on a schedule, exact resume."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warpline.console import progress
from warpline.core.process import keep_freed_memory
from warpline.models.base import outputs_of
from warpline.tasks.scoring import share_correct
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.checkpoint_schedule import checkpoint_steps
from warpline.training.optimiser import Adam
from warpline.training.resume import Resume
from warpline.training.run import Evaluation, TrainingRun, Weights

__all__ = [
    "balanced_loss",
    "begin",
    "decision_accuracy",
    "evaluate",
    "evaluation_due",
    "follow_up",
    "mean_loss",
    "train",
    "trainable_parameters",
    "training_loss",
]

log = logging.getLogger(__name__)


def balanced_loss(outputs: Tensor, data: TaskData) -> Tensor:
    """Return half the mean loss over decision steps plus half that over the other asked steps.

    The loss of a step is the cross-entropy for an action, the mean squared error for a vector. Decisions
    last a tenth of a trial: without balance, learning takes about four times the updates.

    Parameters
    ----------
    outputs : Tensor, shape (trial, time, output)
        Logits of the actions, or the output vector.
    data : TaskData
        The same trials.

    Returns
    -------
    Tensor, shape ()
    """
    losses = _step_losses(outputs, data)
    decision = data.decision.flatten()
    other = data.asked.flatten() & ~decision
    weight = decision / decision.sum().clamp(min=1) + other / other.sum().clamp(min=1)
    return 0.5 * (losses * weight).sum()


def mean_loss(outputs: Tensor, data: TaskData) -> Tensor:
    """Return the mean loss over all asked steps alike, as in the code of Guilhot et al. (2024).

    Parameters and loss of a step are those of `balanced_loss`. Fixation, stimulus and delay are nine tenths
    of the steps.
    """
    asked = data.asked.flatten()
    return (_step_losses(outputs, data) * asked).sum() / asked.sum().clamp(min=1)


def training_loss(outputs: Tensor, data: TaskData, settings: Mapping[str, Any]) -> Tensor:
    """Return the loss that training minimises: `mean_loss` if ``loss`` is "all_steps"."""
    loss = mean_loss if settings.get("loss") == "all_steps" else balanced_loss
    return loss(outputs, data)


def _step_losses(outputs: Tensor, data: TaskData) -> Tensor:
    """Return the loss of each step, shape (trial x time,)."""
    if data.tolerance is None:
        return nn.functional.cross_entropy(
            outputs.flatten(0, 1), data.target.flatten(), reduction="none"
        )
    return (outputs - data.target).square().mean(-1).flatten()


def decision_accuracy(outputs: Tensor, data: TaskData) -> float:
    """Return the fraction of correct decision steps, over the scored trials.

    Fixation, stimulus and delay do not count. A step is correct if it has the target's action, or a vector
    within the task's tolerance of the target (`warpline.tasks.scoring.is_correct`). Accuracy above chance is
    (accuracy - chance) / (ideal - chance), with the chance level of the same trials
    (`warpline.tasks.chance`).
    """
    counted = data.decision & data.scored[:, None]
    return share_correct(outputs, data.target, counted, data.tolerance)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    validation: Sequence[TaskData],
    step: int,
    gradient_norm: float,
    outputs: Sequence[Tensor] | None = None,
) -> list[Evaluation]:
    """Return a row per task of a network's loss and accuracy.

    Parameters
    ----------
    model : torch.nn.Module
    validation : sequence of TaskData
        Validation trials, one each per task.
    step : int
        Updates done.
    gradient_norm : float
        Norm of the update's gradient; NaN where there was none.
    outputs : sequence of Tensor, optional
        Outputs by task, (trial, time, output), which spare a run of the model.
    """
    rows = []
    for k, data in enumerate(validation):
        task_outputs = outputs_of(model, data.inputs) if outputs is None else outputs[k]
        rows.append(
            Evaluation(
                step=step,
                task=data.task,
                loss=float(balanced_loss(task_outputs, data)),
                accuracy=decision_accuracy(task_outputs, data),
                ideal=data.ideal,
                chance=data.chance,
                gradient_norm=gradient_norm,
            )
        )
    return rows


def _weights(model: nn.Module) -> Weights:
    return {name: value.detach().cpu().numpy().copy() for name, value in model.named_parameters()}


def trainable_parameters(model: nn.Module, trainable: str) -> list[nn.Parameter]:
    """Return the parameters that learn, ``all`` or ``input``; turn off the gradients of the others."""
    parameters = []
    for name, parameter in model.named_parameters():
        learns = trainable == "all" or name in model.input_weights  # type: ignore[operator]
        parameter.requires_grad_(learns)
        if learns:
            parameters.append(parameter)
    return parameters


def begin(
    model: nn.Module,
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    adam: torch.optim.Adam,
    noise: torch.Generator,
    resume: Resume | None,
    outputs: Sequence[Tensor] | None = None,
) -> TrainingRun:
    """Return a run restored from its resume file, or a new one with its first checkpoint.

    `outputs` are those of the untrained network by task, as for `evaluate`.
    """
    run = resume.load(model, adam, noise, settings) if resume else None
    if run is None:
        run = TrainingRun(history=evaluate(model, validation, 0, math.nan, outputs))
        run.checkpoints[0] = _weights(model)
        if not all(math.isfinite(row.loss) for row in run.history):
            run.status = "diverged"
    if settings["max_steps"] == 0 and run.status == "running":
        run.status = "untrained"
    return run


def evaluation_due(
    step: int, settings: Mapping[str, Any], kept_steps: set[int]
) -> tuple[bool, bool]:
    """Return whether to evaluate a network after an update, and whether that counts for stopping.

    Evaluations that only belong to a checkpoint do not count: the schedule of checkpoints must not
    change when training stops.
    """
    counts = step % settings["evaluate_every"] == 0 or step == settings["max_steps"]
    return counts or step in kept_steps, counts


def follow_up(
    run: TrainingRun,
    model: nn.Module,
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    kept_steps: set[int],
    gradient_norm: float,
    outputs: Sequence[Tensor] | None = None,
) -> bool:
    """Evaluate, update the status and keep a checkpoint, where these are due after an update.

    Parameters
    ----------
    run : TrainingRun
        Changed in place.
    model : torch.nn.Module
    validation : sequence of TaskData
    settings : mapping
        As for `train`.
    kept_steps : set of int
        Steps with a checkpoint.
    gradient_norm : float
        Norm of the update's gradient before clipping.
    outputs : sequence of Tensor, optional
        Outputs of the validation trials by task, if they are already computed.

    Returns
    -------
    bool
        Whether the network was evaluated.
    """
    evaluated, counts = evaluation_due(run.step, settings, kept_steps)
    if evaluated:
        rows = evaluate(model, validation, run.step, gradient_norm, outputs)
        run.history += rows
        # No checkpoint of weights that are not finite.
        if not all(math.isfinite(row.loss) for row in rows):
            run.status = "diverged"
            return True

    if counts:
        reached = all(row.accuracy >= settings["target_fraction"] * row.ideal for row in rows)
        run.streak = run.streak + 1 if reached else 0
        if run.streak >= settings["sustained"]:
            run.status = "converged"
        elif run.step == settings["max_steps"]:
            run.status = "max_steps"

    # The last step of a run is a checkpoint whatever the schedule says.
    if run.step in kept_steps or run.status != "running":
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
    callback: Callable[[Sequence[Evaluation]], None] | None = None,
) -> TrainingRun:
    """Train a model on one or several interleaved tasks.

    Parameters
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`. Trained in place.
    training, validation : sequence of TaskData
        One each per task, in the same order.
    settings : mapping
        ``trainable`` ("all" or "input"), ``max_steps``, ``learning_rate``, ``gradient_clip``,
        ``evaluate_every``, ``target_fraction`` (of the ideal observer's accuracy), ``sustained``
        (evaluations in a row, all tasks, that must reach it), ``checkpoints`` (see
        `warpline.training.checkpoint_schedule.checkpoint_steps`), ``resume_every`` (updates). Optional, as
        the code of Guilhot et al. (2024) has it: ``loss`` ("all_steps": `mean_loss`).
    order : BatchOrder
        Trials of each update.
    noise_seed : int
        Seed of the hidden noise.
    resume_path : pathlib.Path, optional
        File for the state of an unfinished run, to write and to restore from.
    resume_key : str
        Hash of everything that the run depends on; a resume file with another key is not used.
    callback : callable, optional
        Called with the rows of each evaluation (`warpline.console.tensorboard`).

    Returns
    -------
    TrainingRun
        With ``max_steps`` 0, a run with the initial weights alone, of status ``untrained``.

    Notes
    -----
    A run whose loss or gradient is not finite stops there with status ``diverged``, and keeps its
    earlier checkpoints. A run that is killed and resumed ends with the same bits as one that is not.
    """
    keep_freed_memory()
    parameters = trainable_parameters(model, settings["trainable"])
    device = next(model.parameters()).device
    adam = Adam(parameters, lr=settings["learning_rate"], fused=True)
    noise = torch.Generator().manual_seed(noise_seed)
    max_steps = settings["max_steps"]
    kept_steps = set(checkpoint_steps(settings["checkpoints"], max_steps)) if max_steps else {0}
    resume = Resume(resume_path, resume_key) if resume_path is not None else None

    run = begin(model, validation, settings, adam, noise, resume)
    with progress.bar(max_steps, "training", "update", run.step) as bar:
        while run.status == "running":
            # Training trials stay on the CPU: only the batch of this update goes to the device.
            task, rows = order(run.step)
            batch = training[task].rows(rows).to(device)
            outputs = outputs_of(model, batch.inputs, noise)
            loss = training_loss(outputs, batch, settings)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            norm = float(nn.utils.clip_grad_norm_(parameters, settings["gradient_clip"]))

            # Stop before the weights take up a gradient that is not finite.
            if not math.isfinite(norm) or not math.isfinite(float(loss.detach())):
                run.status = "diverged"
                break
            adam.step()
            run.step += 1
            bar.update()

            if follow_up(run, model, validation, settings, kept_steps, norm):
                evaluations = run.at(run.step)
                if callback:
                    callback(evaluations)
                accuracy = np.mean([row.accuracy for row in evaluations])
                bar.set_postfix(accuracy=f"{accuracy:.3f}")
            if resume and run.status == "running" and run.step % settings["resume_every"] == 0:
                resume.save(run, model, adam, noise)
    if run.status == "diverged":
        log.warning("loss or gradient is not finite after update %d: diverged", run.step)
    return run
