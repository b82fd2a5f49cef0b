"""Checkpoint files: the weights of one network at several steps of its training.

A file is safetensors. The weight ``weight_in`` after 20 updates is the tensor ``00000020/weight_in``. The
header holds the provenance of the run, its ``status``, and a list ``checkpoints`` with step, loss and
accuracy of each checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.core import result_files, tensor_files

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

__all__ = ["CheckpointFile", "nearest_checkpoint", "write_checkpoints"]


def _prefix(step: int) -> str:
    """Return what the names of all weights of a step start with."""
    return f"{step:08d}/"


def write_checkpoints(
    path: str | Path,
    weights: Mapping[int, Mapping[str, NDArray[Any]]],
    summary: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
) -> None:
    """Write the checkpoints of a network.

    Parameters
    ----------
    path : str or pathlib.Path
    weights : mapping of int to mapping of str to ndarray
        Weights by name, by step.
    summary : sequence of mapping
        An entry per step, in order: ``step``, ``loss``, ``accuracy``.
    provenance : mapping
        What the weights depend on, and the ``status`` of the run.
    """
    tensor_files.write_tensors(
        {
            f"{_prefix(step)}{name}": value
            for step, named in weights.items()
            for name, value in named.items()
        },
        path,
        {**provenance, "checkpoints": summary},
    )


def nearest_checkpoint(steps: Sequence[int], fraction: float) -> tuple[int, float]:
    """Return the checkpoint nearest to a fraction of training, and its actual fraction.

    Parameters
    ----------
    steps : sequence of int
        Steps of the run's checkpoints, sorted; the last one is the end of the run.
    fraction : float
        In [0, 1], of the run's own last step.

    Returns
    -------
    step : int
    actual : float
        step / last step; 1 for a run without updates.
    """
    last = steps[-1]
    if last == 0:
        return 0, 1.0
    array = np.asarray(steps)
    step = int(array[np.argmin(np.abs(array - fraction * last))])
    return step, step / last


class CheckpointFile:
    """The checkpoints of one network, read from its file.

    Parameters
    ----------
    path : str or pathlib.Path

    Attributes
    ----------
    path : pathlib.Path
    provenance : dict
        Settings, status, device and code digest of the run, and the list ``checkpoints``.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is truncated, its header was altered, or is not that of a checkpoint file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.provenance = tensor_files.read_tensor_metadata(self.path)
        if not self.provenance.get("checkpoints"):
            raise result_files.DamagedFileError(self.path, "its header lists no checkpoints")

    @property
    def status(self) -> str:
        """How training ended: ``converged``, ``max_steps``, ``diverged`` or ``untrained``."""
        return str(self.provenance["status"])

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the training job."""
        return dict(self.provenance["settings"])

    @property
    def steps(self) -> list[int]:
        """Steps (numbers of updates) of the checkpoints, ascending."""
        return [entry["step"] for entry in self.provenance["checkpoints"]]

    @property
    def accuracy(self) -> dict[int, float]:
        """Mean accuracy on the validation trials, by step."""
        return {entry["step"]: entry["accuracy"] for entry in self.provenance["checkpoints"]}

    def nearest(self, fraction: float) -> tuple[int, float]:
        """Return the step nearest to a fraction of training, and its actual fraction.

        See `nearest_checkpoint`.
        """
        return nearest_checkpoint(self.steps, fraction)

    def weights(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the weights of a step by name; of the last step by default.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        DamagedFileError
            When the file is truncated, or these weights were altered.
        """
        steps = self.steps
        if step is None:
            step = steps[-1]
        elif step not in steps:
            raise KeyError(f"expected a step among {steps}, got {step}")
        return tensor_files.read_tensors(self.path, _prefix(step))[0]

    def load_into(self, model: nn.Module, step: int | None = None) -> None:
        """Give a model the weights of a step; of the last step by default.

        Raises
        ------
        KeyError, DamagedFileError
            As `weights`.
        RuntimeError
            When the model's parameters have other names or shapes.
        """
        import torch

        weights = {name: torch.from_numpy(value) for name, value in self.weights(step).items()}
        missing, unknown = model.load_state_dict(weights, strict=False)
        # Buffers, such as masks, are made with the model, and a weight under two names is kept under one; a
        # file of given weights holds them, too.
        lost = [name for name, _ in model.named_parameters() if name in missing]
        if lost or unknown:
            raise RuntimeError(
                f"expected {self.path} to hold the parameters of {type(model).__name__}; missing: "
                f"{', '.join(lost) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )

    def network(
        self,
        architecture: Mapping[str, Any],
        n_inputs: int,
        n_outputs: int,
        dt: float,
        step: int | None = None,
    ) -> nn.Module:
        """Build the network with the weights of a step; of the last step by default.

        Parameters
        ----------
        architecture : mapping
            The architecture's entry of the configuration.
        n_inputs, n_outputs : int
            Numbers of input channels and of outputs.
        dt : float
            Time step in ms.
        step : int, optional

        Returns
        -------
        torch.nn.Module
            Fulfils `warpline.models.base.Model`; on the CPU, in evaluation mode (without dropout).

        Raises
        ------
        KeyError, DamagedFileError, RuntimeError
            As `load_into`.
        """
        from warpline.models.base import build_model

        # The initial weights are overwritten: their seed does not matter.
        model = build_model(architecture, n_inputs, n_outputs, dt, seed=0)
        self.load_into(model, step)
        return model.eval()
