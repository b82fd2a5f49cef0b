"""Train the networks of several seeds as one: their parameters side by side, one pass for all of them.

On a GPU a small recurrent network waits for the launch of its kernels, which take as long for many networks
as for one. On a CPU nothing is gained: there networks are better trained one after another.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from warpline.console import progress
from warpline.models.base import outputs_of
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.checkpoint_schedule import checkpoint_steps
from warpline.training.loop import (
    Resume,
    TrainingRun,
    balanced_loss,
    begin,
    evaluation_due,
    follow_up,
    free_parameters,
)

__all__ = ["Member", "can_be_batched", "train_together"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """One of the networks: what sets it apart from the others.

    Attributes
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`; all of one architecture. Trained in place.
    order : BatchOrder
        Which trials each update sees.
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
    """Say whether a model's networks can be trained as one: its noise, if any, must be drawn outside.

    A model with noise says by ``noise_shape(trials, steps)`` what shape it draws.
    """
    return not getattr(model, "noise", 0) or hasattr(model, "noise_shape")


EVALUATED = 8
"""Networks that are evaluated at once: validation sets are large."""


class _Outputs(nn.Module):
    """A model's outputs alone, as a function of its parameters (`torch.func.functional_call`)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, noise: Any) -> Tensor:
        return outputs_of(self.model, inputs, noise)


class _Seat:
    """A member while it is trained: its run, noise and resume file."""

    def __init__(self, member: Member, settings: Mapping[str, Any]) -> None:
        self.member = member
        self.model = member.model
        self.free = free_parameters(member.model, settings["free"])
        self.noise = torch.Generator().manual_seed(member.noise_seed)
        self.resume = Resume(member.resume_path, member.resume_key) if member.resume_path else None
        self.run: TrainingRun

    def draw_noise(self, inputs: Tensor) -> Tensor | None:
        """Draw what the network would draw for these trials, from its own stream."""
        if not getattr(self.model, "noise", 0):
            return None
        shape = self.model.noise_shape(*inputs.shape[:2])  # type: ignore[operator]
        return torch.randn(shape, generator=self.noise, dtype=inputs.dtype).to(inputs.device)


def _stack(values: Sequence[Tensor]) -> Tensor:
    """Stack tensors that differ in length along some dimensions; what is missing is zero."""
    longest = [max(sizes) for sizes in zip(*(value.shape for value in values), strict=True)]
    stacked = values[0].new_zeros(len(values), *longest)
    for row, value in zip(stacked, values, strict=True):
        row[tuple(slice(size) for size in value.shape)] = value
    return stacked


class _Together:
    """The members that still learn, with their parameters in rows of shared tensors.

    A member's own parameters become views of its rows: what looks at a member sees its present weights,
    and the optimiser, which knows the members' parameters, moves the rows.
    """

    def __init__(self, seats: Sequence[_Seat]) -> None:
        self.seats = list(seats)
        self.outputs = _Outputs(seats[0].model)
        names = [dict(seat.model.named_parameters(prefix="model")) for seat in seats]
        self.learning = [name for name, value in names[0].items() if value.requires_grad]
        self.rows: dict[str, Tensor] = {}
        for name, value in names[0].items():
            rows = torch.stack([parameters[name].detach() for parameters in names])
            self.rows[name] = rows.requires_grad_(value.requires_grad)
            for parameters, row in zip(names, rows.detach(), strict=True):
                parameters[name].data = row
        self.own = [[parameters[name] for name in self.learning] for parameters in names]

    def gradients(
        self, batches: Sequence[TaskData], clip: float
    ) -> tuple[list[float], list[float]]:
        """Set every member's gradients, clipped; return losses and norms."""
        tensors = {
            field.name: _stack([getattr(batch, field.name) for batch in batches])
            for field in fields(TaskData)
            if isinstance(getattr(batches[0], field.name), Tensor)
        }
        noises = [
            seat.draw_noise(batch.inputs) for seat, batch in zip(self.seats, batches, strict=True)
        ]
        noise = None if noises[0] is None else _stack(noises)  # type: ignore[arg-type]

        def one(parameters: dict[str, Tensor], batch: dict[str, Any], noise: Any) -> Tensor:
            data = replace(batches[0], **batch)
            return balanced_loss(
                functional_call(self.outputs, parameters, (data.inputs, noise)), data
            )

        losses = vmap(one, in_dims=(0, 0, None if noise is None else 0))(self.rows, tensors, noise)
        gradients = torch.autograd.grad(losses.sum(), [self.rows[name] for name in self.learning])
        squares = [gradient.flatten(1).square().sum(1) for gradient in gradients]
        norms = torch.stack(squares).sum(0).sqrt()
        factor = (clip / (norms + 1e-6)).clamp(max=1)
        for k, gradient in enumerate(gradients):
            clipped = gradient * factor.view(-1, *[1] * (gradient.dim() - 1))
            # As the weights lie: the fused optimiser reads both in the order of memory.
            for own, row in zip(self.own, clipped.contiguous(), strict=True):
                own[k].grad = row
        return losses.tolist(), norms.tolist()

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
        return [list(own) for own in zip(*by_task, strict=True)]


def train_together(
    members: Sequence[Member],
    training: Sequence[TaskData],
    validation: Sequence[TaskData],
    settings: Mapping[str, Any],
) -> list[TrainingRun]:
    """Train several networks of one architecture as `warpline.training.loop.train` trains one.

    Parameters
    ----------
    members : sequence of Member
    training, validation : sequence of TaskData
        One each per task, in the same order; the same for all members.
    settings : mapping
        As for `warpline.training.loop.train`.

    Returns
    -------
    list of TrainingRun
        In the order of the members. Each sees the trials and the noise that it would see alone, and stops,
        and is kept for resuming, by itself; one that has stopped leaves the batch. Sums are rounded
        in another order than alone, which training amplifies.

    Raises
    ------
    ValueError
        Where a member's noise cannot be drawn outside the model.
    """
    if not all(can_be_batched(member.model) for member in members):
        raise ValueError(
            "expected models without noise, or with a method noise_shape(trials, steps): "
            f"{type(members[0].model).__name__} has neither; train its networks one after another"
        )
    max_steps = settings["max_steps"]
    keep = set(checkpoint_steps(settings["checkpoints"], max_steps)) if max_steps else {0}
    seats = [_Seat(member, settings) for member in members]
    device = seats[0].free[0].device
    adam = torch.optim.Adam(
        [parameter for seat in seats for parameter in seat.free],
        lr=settings["learning_rate"],
        fused=True,
    )
    for seat in seats:
        seat.run = begin(seat.model, validation, settings, adam, seat.noise, seat.resume)

    def learning() -> list[_Seat]:
        return [seat for seat in seats if seat.run.status == "running"]

    together = _Together(learning()) if learning() else None
    total = sum(max_steps for _ in seats)
    with progress.bar(total, "training", "update", sum(seat.run.step for seat in seats)) as shown:
        while together:
            batches = []
            for seat in together.seats:
                task, rows = seat.member.order(seat.run.step)
                batches.append(training[task].rows(rows).to(device))
            losses, norms = together.gradients(batches, settings["gradient_clip"])
            for seat, own, loss, norm in zip(
                together.seats, together.own, losses, norms, strict=True
            ):
                if not math.isfinite(loss) or not math.isfinite(norm):
                    seat.run.status = "diverged"
                    for parameter in own:
                        parameter.grad = None  # Adam passes over it: its weights stay as they were.
            adam.step()
            steps = [seat.run.step + 1 for seat in together.seats]
            due = any(evaluation_due(step, settings, keep)[0] for step in steps)
            outputs = together.evaluate(validation) if due else [None] * len(steps)
            for seat, norm, own_outputs in zip(together.seats, norms, outputs, strict=True):
                if seat.run.status == "diverged":
                    continue
                seat.run.step += 1
                shown.update()
                follow_up(seat.run, seat.model, validation, settings, keep, norm, own_outputs)
                saves = seat.run.step % settings["resume_every"] == 0
                if seat.resume and seat.run.status == "running" and saves:
                    seat.resume.save(seat.run, seat.model, adam, seat.noise)
            if len(learning()) < len(together.seats):
                adam.zero_grad(set_to_none=True)
                together = _Together(learning()) if learning() else None
    for seat in seats:
        if seat.run.status == "diverged":
            log.warning("loss or gradient is not finite after update %d: diverged", seat.run.step)
    return [seat.run for seat in seats]
