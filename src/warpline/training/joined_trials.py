"""The trials of all tasks in one set of arrays, from which the batches of many networks are taken at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from warpline.training.batches import TaskData

__all__ = ["JoinedTrials"]


class JoinedTrials:
    """The trials of all tasks one after another on a device, padded with zeros to the longest.

    Networks in one batch can have trials of different tasks. One index per array takes the trials of all
    of them, where a copy per network and array would cost more than an update.

    Parameters
    ----------
    training : sequence of TaskData
        One each per task.
    device : torch.device
    """

    def __init__(self, training: Sequence[TaskData], device: torch.device) -> None:
        self._like = training[0]
        self.steps = max(data.valid.shape[1] for data in training)
        """Length of the longest trial."""
        self._arrays = {}
        for field in fields(TaskData):
            if isinstance(getattr(training[0], field.name), Tensor):
                values = [getattr(data, field.name) for data in training]
                if field.name != "scored":
                    values = [self._padded(value) for value in values]
                self._arrays[field.name] = torch.cat(values).to(device)
        self._starts = [0]
        for data in training:
            self._starts.append(self._starts[-1] + len(data))
        # As `TaskData.rows` counts the steps of a batch.
        self._lengths = torch.cat([data.valid.sum(1) for data in training]).cpu()

    def _padded(self, value: Tensor) -> Tensor:
        padded = value.new_zeros(len(value), self.steps, *value.shape[2:])
        padded[:, : value.shape[1]] = value
        return padded

    def places(self, task: int, rows: Tensor) -> Tensor:
        """Return the places in the arrays of some trials of a task; on the CPU, as `rows`."""
        return rows + self._starts[task]

    def batch_steps(self, places: Tensor) -> int:
        """Return the length of the longest of some trials."""
        return int(self._lengths[places].max())

    def arrays(self, places: Tensor, steps: int) -> dict[str, Tensor]:
        """Return the fields of `TaskData` of trials (network, trial), cut to a number of steps.

        Parameters
        ----------
        places : Tensor, shape (network, trial), int64
            On the device.
        steps : int

        Returns
        -------
        dict of str to Tensor
            Each (network, trial, ...).
        """
        return {
            name: array[places] if name == "scored" else array[:, :steps][places]
            for name, array in self._arrays.items()
        }

    def task_data(self, arrays: dict[str, Any]) -> TaskData:
        """Return arrays, such as those of one network, as trials."""
        return replace(self._like, **arrays)
