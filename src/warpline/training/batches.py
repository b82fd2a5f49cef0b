"""Trials as tensors, and the order in which training takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from warpline.core import random_streams
from warpline.tasks.scoring import ideal_share

__all__ = ["BatchOrder", "TaskData"]


@dataclass(frozen=True)
class TaskData:
    """The trials of one task and split, as tensors.

    Attributes
    ----------
    task : str
    inputs : Tensor, shape (trial, time, channel), float32
    target : Tensor, shape (trial, time), int64; or (trial, time, output), float32
    valid, decision, asked : Tensor, shape (trial, time), bool
    scored : Tensor, shape (trial,), bool
    ideal : float
        Accuracy of an ideal observer over the decision steps of the scored trials.
    chance : float
        Accuracy that ignoring the stimulus gives (`warpline.tasks.chance.ChanceLevels.level`).
    n_outputs : int
    tolerance : float or None
        Distance from the target within which an output is correct; None for actions.
    dt : float
        Time step in ms.
    """

    task: str
    inputs: Tensor
    target: Tensor
    valid: Tensor
    decision: Tensor
    asked: Tensor
    scored: Tensor
    ideal: float
    chance: float
    n_outputs: int
    tolerance: float | None
    dt: float

    @classmethod
    def from_dataset(cls, dataset: Any, all_scored: bool = False) -> TaskData:
        """Build from the dataset of `warpline.tasks.trials.generate_trials`.

        With `all_scored`, trials without a right answer count too, and accuracy is held against 1, as in the
        code of Guilhot et al. (2024).
        """
        scored = dataset["scored"].values | all_scored
        tolerance = dataset.attrs.get("tolerance")

        def tensor(name: str) -> Tensor:
            return torch.from_numpy(dataset[name].transpose("trial", "time", ...).values)

        return cls(
            task=dataset.attrs["task"],
            inputs=tensor("inputs"),
            target=tensor("target").long() if tolerance is None else tensor("target"),
            valid=tensor("valid"),
            decision=tensor("decision"),
            asked=tensor("asked"),
            scored=torch.from_numpy(scored),
            ideal=1.0 if all_scored else ideal_share(dataset, scored),
            chance=float(dataset.attrs["chance"]),
            n_outputs=int(dataset.attrs["n_outputs"]),
            tolerance=None if tolerance is None else float(tolerance),
            dt=float(dataset.attrs["dt"]),
        )

    def __len__(self) -> int:
        return len(self.inputs)

    def rows(self, index: Tensor) -> TaskData:
        """Return some of the trials, cut to the longest of them."""
        valid = self.valid[index]
        steps = int(valid.any(0).sum())
        return replace(
            self,
            inputs=self.inputs[index, :steps],
            target=self.target[index, :steps],
            valid=valid[:, :steps],
            decision=self.decision[index, :steps],
            asked=self.asked[index, :steps],
            scored=self.scored[index],
        )

    def to(self, device: torch.device) -> TaskData:
        """Return the same trials on a device."""
        return replace(
            self,
            inputs=self.inputs.to(device),
            target=self.target.to(device),
            valid=self.valid.to(device),
            decision=self.decision.to(device),
            asked=self.asked.to(device),
            scored=self.scored.to(device),
        )


class BatchOrder:
    """Task and trials of each update, as a function of the update's number alone.

    Tasks are interleaved: each round has one update per task, in a random order. Within a task, each epoch
    is a random permutation of its trials; trials at its end that do not fill a batch are dropped. The
    order has no state, so that a resume file need not hold any.

    Parameters
    ----------
    sizes : sequence of int
        Number of training trials of each task.
    batch_size : int
    seed : int
        Root seed.
    name : sequence of str or int
        Name of the random stream.
    interleave : bool
        False: a whole epoch of one task follows that of another, as in the code of Guilhot et al. (2024).

    Raises
    ------
    ValueError
        When a task has fewer trials than a batch.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        batch_size: int,
        seed: int,
        name: Sequence[str | int],
        interleave: bool = True,
    ) -> None:
        for size in sizes:
            if size < batch_size:
                raise ValueError(f"expected at least one batch ({batch_size} trials), got {size}")
        self.sizes = list(sizes)
        self.batch_size = batch_size
        self.seed = seed
        self.name = tuple(name)
        self.interleave = interleave
        self._epochs: dict[int, tuple[int, Tensor]] = {}
        self._round: tuple[int, list[int]] = (-1, [0])

    def __call__(self, step: int) -> tuple[int, Tensor]:
        """Return the task's index and the trials (batch,) of one update; steps count from 0."""
        task, epoch, batch = (self._interleaved if self.interleave else self._blocked)(step)
        # Draw a permutation once per epoch, not once per batch.
        if task not in self._epochs or self._epochs[task][0] != epoch:
            stream = random_streams.generator(self.seed, *self.name, "trials", task, epoch)
            self._epochs[task] = (epoch, torch.from_numpy(stream.permutation(self.sizes[task])))
        start = batch * self.batch_size
        return task, self._epochs[task][1][start : start + self.batch_size]

    def _interleaved(self, step: int) -> tuple[int, int, int]:
        """Return task, epoch and batch of an update; a random order of the tasks each round."""
        n_tasks = len(self.sizes)
        cycle, position = divmod(step, n_tasks)
        # A round's order is drawn once. A stream costs more than all else here.
        if n_tasks > 1 and self._round[0] != cycle:
            stream = random_streams.generator(self.seed, *self.name, "task", cycle)
            self._round = (cycle, stream.permutation(n_tasks).tolist())
        task = self._round[1][position]
        epoch, batch = divmod(cycle, self.sizes[task] // self.batch_size)
        return task, epoch, batch

    def _blocked(self, step: int) -> tuple[int, int, int]:
        """Return task, epoch and batch of an update; task after task in each epoch."""
        per_epoch = [size // self.batch_size for size in self.sizes]
        epoch, batch = divmod(step, sum(per_epoch))
        task = 0
        while batch >= per_epoch[task]:
            batch -= per_epoch[task]
            task += 1
        return task, epoch, batch
