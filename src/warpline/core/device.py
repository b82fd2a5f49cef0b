"""Which device a job computes on."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device", "given_gpus", "new_tensors_on"]


def new_tensors_on(device: str | torch.device = "cpu") -> AbstractContextManager[object]:
    """Return a context in which new tensors lie on a device, whatever the caller's default device is.

    What a caller set by `torch.set_default_device` is for tensors of the caller.
    """
    # Where nobody has imported torch, nobody has set a device.
    torch = sys.modules.get("torch")
    # Code of the package names the device of every tensor that is not on the CPU. `get_default_device`
    # of torch 2.6 does not see `with torch.device(...)`, and fails after `set_default_device(None)`.
    if torch is None or torch.empty(0).device.type == "cpu":
        return nullcontext()
    context: AbstractContextManager[object] = torch.device(device)
    return context


def given_gpus() -> str | None:
    """Return the GPUs that SLURM gave this job, None where it gave none; "" outside a SLURM job."""
    if "SLURM_JOB_ID" not in os.environ:
        return ""
    for variable in ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS", "CUDA_VISIBLE_DEVICES"):
        found = os.environ.get(variable, "")
        if found and found != "NoDevFiles":
            return found
    return None


def choose_device(wanted: bool = False) -> torch.device:
    """Return CUDA where the job was given a GPU, else the CPU, and fix torch to one thread.

    Inside a SLURM job, a GPU that the job was given is taken: on many clusters a job sees those of others.
    Outside one, a GPU that torch sees, if it is `wanted`: kernels of small networks take longer there, and
    jobs at a time share it. ``WARPLINE_DEVICE=cpu`` in the environment wins over both.

    Parameters
    ----------
    wanted : bool, optional
        Whether the job is to take a GPU that nobody gave it.

    Raises
    ------
    RuntimeError
        When the job was given a GPU that torch cannot use.
    ValueError
        When ``WARPLINE_DEVICE`` is neither ``auto`` nor ``cpu``.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    asked = os.environ.get("WARPLINE_DEVICE", "auto")
    if asked not in ("auto", "cpu"):
        raise ValueError(f"WARPLINE_DEVICE: expected auto or cpu, got {asked!r}")
    given = given_gpus()
    if asked == "cpu" or given is None or not (given or wanted):
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if given:
        raise RuntimeError(
            f"the job was given GPU {given}, but torch {torch.__version__} cannot use it: expected a "
            "torch with CUDA and a driver that fits it; or set jobs.gpu: false, to ask for no GPU"
        )
    return torch.device("cpu")
