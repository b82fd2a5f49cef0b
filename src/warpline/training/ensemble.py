"""Train the networks of several seeds as one batch: stacked parameters, one pass for all networks.

On a GPU a small recurrent network waits for the launch of its kernels, which takes as long for many networks
as for one. On a CPU nothing is gained: train networks one after another there.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from warpline.console import progress
from warpline.models.base import outputs_of
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.captured_update import CapturedUpdate
from warpline.training.checkpoint_schedule import checkpoint_steps
from warpline.training.joined_trials import JoinedTrials
from warpline.training.loop import (
    begin,
    evaluation_due,
    follow_up,
    trainable_parameters,
    training_loss,
)
from warpline.training.resume import Resume
from warpline.training.run import TrainingRun

__all__ = ["Member", "can_be_batched", "train_ensemble"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """One network of an ensemble.

    Attributes
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`; one architecture for all members. Trained in place.
    order : BatchOrder
        Trials of each update.
    noise_seed : int
        Seed of the hidden noise.
    resume_path : pathlib.Path, optional
    resume_key : str
        As for `warpline.training.loop.train`.
    """

    model: nn.Module
    order: BatchOrder
    noise_seed: int
    resume_path: Path | None = None
    resume_key: str = ""


def can_be_batched(model: nn.Module) -> bool:
    """Return whether networks of a model can be trained as one: noise must be drawn outside the model.

    A model with noise gives its shape by ``noise_shape(trials, steps)``.
    """
    return not getattr(model, "noise", 0) or hasattr(model, "noise_shape")


def can_be_captured(device: torch.device) -> bool:
    """Return whether a device replays updates (`warpline.training.captured_update`)."""
    return device.type == "cuda"


EVALUATED = 8
"""Number of networks evaluated at once: validation sets are large."""


class _Outputs(nn.Module):
    """The outputs of a model, as a function of its parameters (`torch.func.functional_call`)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, noise: Any) -> Tensor:
        return outputs_of(self.model, inputs, noise)


class _MemberState:
    """A member during training: its run, noise and resume file."""

    def __init__(self, member: Member, settings: Mapping[str, Any]) -> None:
        self.member = member
        self.model = member.model
        self.parameters = trainable_parameters(member.model, settings["trainable"])
        self.noise = torch.Generator().manual_seed(member.noise_seed)
        self.resume = Resume(member.resume_path, member.resume_key) if member.resume_path else None
        self.run: TrainingRun

    def draw_noise(self, trials: int, steps: int) -> Tensor | None:
        """Draw the noise that the network alone would draw for these trials, from its own stream."""
        if not getattr(self.model, "noise", 0):
            return None
        shape = self.noise_shape(trials, steps)
        return torch.randn(shape, generator=self.noise, dtype=self.parameters[0].dtype)

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the noise of a network with noise."""
        shape: tuple[int, ...] = self.model.noise_shape(trials, steps)  # type: ignore[operator]
        return shape


def _stack(values: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """Stack tensors that differ in length along some dimensions, padded with zeros to one shape."""
    stacked = values[0].new_zeros(len(values), *shape)
    for row, value in zip(stacked, values, strict=True):
        row[tuple(slice(size) for size in value.shape)] = value
    return stacked


class _BatchedNetworks:
    """The networks that still learn, with their parameters as rows of shared tensors.

    The parameters of each member become views of its rows, and their gradients views of the gradients of
    the rows. A member therefore always shows its present weights, and the optimiser, which holds the
    members' parameters, updates the rows.

    Parameters
    ----------
    states : sequence of _MemberState
    trials : JoinedTrials
    settings : mapping
        As for `train_ensemble`; ``gradient_clip`` is the largest norm of a member's gradient.
    capture : bool
        Replay updates as CUDA graphs, from the second one on.
    """

    def __init__(
        self,
        states: Sequence[_MemberState],
        trials: JoinedTrials,
        settings: Mapping[str, Any],
        capture: bool,
    ) -> None:
        self.states = list(states)
        self.trials = trials
        self.settings = settings
        self.outputs = _Outputs(states[0].model)
        self.device = states[0].parameters[0].device
        named = [dict(state.model.named_parameters(prefix="model")) for state in states]
        trainable = [name for name, value in named[0].items() if value.requires_grad]
        self.rows: dict[str, Tensor] = {}
        for name, value in named[0].items():
            rows = torch.stack([parameters[name].detach() for parameters in named])
            self.rows[name] = rows.requires_grad_(value.requires_grad)
            for parameters, row in zip(named, rows.detach(), strict=True):
                parameters[name].data = row
        self.parameters = [[parameters[name] for name in trainable] for parameters in named]
        self.learning = [self.rows[name] for name in trainable]
        # The fused optimiser reads weights and gradients in the order of memory, which must agree.
        self.gradients = [torch.zeros_like(rows).detach() for rows in self.learning]
        for k, gradient in enumerate(self.gradients):
            for member_parameters, row in zip(self.parameters, gradient, strict=True):
                member_parameters[k].grad = row
        self.capture = capture
        self.captured: CapturedUpdate | None = None

    def places(self) -> Tensor:
        """Return where the trials of each member's next update stand, (network, trial), on the CPU."""
        places = []
        for state in self.states:
            # Restored members can be at different steps: each has its own batch.
            task, rows = state.member.order(state.run.step)
            places.append(self.trials.places(task, rows))
        return torch.stack(places)

    def noise(self, places: Tensor, steps: int) -> Tensor | None:
        """Return the noise of each member for its trials, padded to a number of steps."""
        noises = [
            state.draw_noise(len(rows), self.trials.batch_steps(rows))
            for state, rows in zip(self.states, places, strict=True)
        ]
        drawn = [noise for noise in noises if noise is not None]
        if not drawn:
            return None
        return _stack(drawn, self.states[0].noise_shape(places.shape[1], steps)).to(self.device)

    def set_gradients(self, places: Tensor, noise: Tensor | None, steps: int) -> Tensor:
        """Set the gradients of every member, clipped by its own norm.

        Parameters
        ----------
        places : Tensor, shape (network, trial), int64
            Trials of each member, on the device.
        noise : Tensor or None
            Standard normal noise of each member, of `steps` steps.
        steps : int
            Steps of the longest trial.

        Returns
        -------
        Tensor, shape (2, network)
            Losses, and norms before clipping.
        """

        def loss(parameters: dict[str, Tensor], arrays: dict[str, Tensor], noise: Any) -> Tensor:
            data = self.trials.task_data(arrays)
            outputs = functional_call(self.outputs, parameters, (data.inputs, noise))
            return training_loss(outputs, data, self.settings)

        # A member's loss depends on its own rows alone: the gradient of the sum holds that of each.
        arrays = self.trials.arrays(places, steps)
        losses = vmap(loss, in_dims=(0, 0, None if noise is None else 0))(self.rows, arrays, noise)
        gradients = torch.autograd.grad(losses.sum(), self.learning)

        # As torch.nn.utils.clip_grad_norm_ for each member.
        squares = [gradient.flatten(1).square().sum(1) for gradient in gradients]
        norms = torch.stack(squares).sum(0).sqrt()
        factor = (self.settings["gradient_clip"] / (norms + 1e-6)).clamp(max=1)
        for clipped, gradient in zip(self.gradients, gradients, strict=True):
            torch.mul(gradient, factor.view(-1, *[1] * (gradient.dim() - 1)), out=clipped)
        return torch.stack([losses.detach(), norms])

    def update(self, adam: torch.optim.Adam) -> list[float]:
        """Update every member, but those whose loss or gradient is not finite: they get status ``diverged``.

        Parameters
        ----------
        adam : torch.optim.Adam
            Of the members' parameters.

        Returns
        -------
        list of float
            Norm of the gradient before clipping, by member.
        """
        places = self.places()
        # What is captured has one length for all updates.
        longest = self.trials.steps if self.capture else self.trials.batch_steps(places.flatten())
        noise = self.noise(places, longest)
        places = places.to(self.device, non_blocking=True)
        # The optimiser makes its moments in its first step, which therefore is not captured.
        learning = (parameter for parameters in self.parameters for parameter in parameters)
        if self.capture and self.captured is None and all(map(adam.state.get, learning)):
            try:
                self.captured = CapturedUpdate(self.set_gradients, adam, places, noise, longest)
            except RuntimeError as error:
                log.warning("updates run one operation at a time, which is slower: %s", error)
                self.capture = False
        if self.captured:
            losses, norms = self.captured.set_gradients(places, noise).tolist()
        else:
            losses, norms = self.set_gradients(places, noise, longest).tolist()

        # Adam skips a parameter without gradient: a diverged member keeps its last weights.
        for state, parameters, loss, norm in zip(
            self.states, self.parameters, losses, norms, strict=True
        ):
            if not math.isfinite(loss) or not math.isfinite(norm):
                state.run.status = "diverged"
                for parameter in parameters:
                    parameter.grad = None
        if self.captured and all(state.run.status == "running" for state in self.states):
            self.captured.step()
        else:
            with warnings.catch_warnings():
                # Of a step that is not captured, by an optimiser that could be.
                warnings.filterwarnings("ignore", "This instance was constructed with capturable")
                adam.step()
        return norms

    @torch.no_grad()
    def evaluate(self, validation: Sequence[TaskData]) -> list[list[Tensor]]:
        """Return the outputs of validation trials, by member and task."""
        by_task = [
            vmap(
                lambda parameters, inputs=data.inputs: functional_call(
                    self.outputs, parameters, (inputs, None)
                ),
                chunk_size=EVALUATED,
            )(self.rows)
            for data in validation
        ]
        return [list(outputs) for outputs in zip(*by_task, strict=True)]


def train_ensemble(
    members: Sequence[Member],
    training: Sequence[TaskData],
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
    capture: bool = True,
) -> list[TrainingRun]:
    """Train several networks of one architecture as `warpline.training.loop.train` trains one.

    Parameters
    ----------
    members : sequence of Member
    training, validation : sequence of TaskData
        One each per task, in the same order; the same for all members.
    settings : mapping
        As for `warpline.training.loop.train`.
    capture : bool
        Replay the updates as CUDA graphs (`warpline.training.captured_update`). Without effect on a CPU.

    Returns
    -------
    list of TrainingRun
        In the order of the members. Each member has the trials, the noise, the stopping and the resume
        file that it would have alone; one that has stopped leaves the batch. Sums are rounded in another
        order than alone, and training amplifies the difference.

    Raises
    ------
    ValueError
        When the noise of a member cannot be drawn outside the model.
    """
    if not all(can_be_batched(member.model) for member in members):
        raise ValueError(
            "expected models without noise, or with a method noise_shape(trials, steps): "
            f"{type(members[0].model).__name__} has neither; train its networks one after another"
        )
    max_steps = settings["max_steps"]
    kept_steps = set(checkpoint_steps(settings["checkpoints"], max_steps)) if max_steps else {0}
    states = [_MemberState(member, settings) for member in members]
    device = states[0].parameters[0].device
    capture = capture and can_be_captured(device)
    # One optimiser for all: Adam works element by element, so that members do not mix.
    adam = torch.optim.Adam(
        [parameter for state in states for parameter in state.parameters],
        lr=settings["learning_rate"],
        fused=True,
        capturable=capture,
    )
    trials = JoinedTrials(training, device)

    def running() -> list[_MemberState]:
        return [state for state in states if state.run.status == "running"]

    def batched(states: Sequence[_MemberState], capture: bool) -> _BatchedNetworks:
        return _BatchedNetworks(states, trials, settings, capture)

    first_outputs = batched(states, capture).evaluate(validation)
    for state, outputs in zip(states, first_outputs, strict=True):
        state.run = begin(
            state.model, validation, settings, adam, state.noise, state.resume, outputs
        )
    adam.zero_grad(set_to_none=True)
    networks = batched(running(), capture) if running() else None
    total = sum(max_steps for _ in states)
    with progress.bar(total, "training", "update", sum(state.run.step for state in states)) as bar:
        while networks:
            norms = networks.update(adam)

            # One pass evaluates all members as soon as one of them is due.
            steps = [state.run.step + 1 for state in networks.states]
            due = any(evaluation_due(step, settings, kept_steps)[0] for step in steps)
            by_member = networks.evaluate(validation) if due else [None] * len(steps)
            for state, norm, member_outputs in zip(networks.states, norms, by_member, strict=True):
                if state.run.status == "diverged":
                    continue
                state.run.step += 1
                bar.update()
                follow_up(
                    state.run, state.model, validation, settings, kept_steps, norm, member_outputs
                )
                saves = state.run.step % settings["resume_every"] == 0
                if state.resume and state.run.status == "running" and saves:
                    state.resume.save(state.run, state.model, adam, state.noise)

            # Stopped members leave, so that the rest is not slowed down by them.
            if len(running()) < len(networks.states):
                adam.zero_grad(set_to_none=True)
                networks = batched(running(), networks.capture) if running() else None
    for state in states:
        if state.run.status == "diverged":
            log.warning("loss or gradient is not finite after update %d: diverged", state.run.step)
    return [state.run for state in states]
