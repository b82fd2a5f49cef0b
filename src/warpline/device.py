"""Which device a job computes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device"]


def choose_device() -> torch.device:
    """Return CUDA where the job was given a GPU, else the CPU, and fix torch to one thread.

    Raises
    ------
    RuntimeError
        When the job was given a GPU (``CUDA_VISIBLE_DEVICES`` by SLURM) that torch cannot use.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if torch.cuda.is_available():
        return torch.device("cuda")
    given = os.environ.get("SLURM_JOB_GPUS") or os.environ.get("SLURM_STEP_GPUS")
    if given and torch.version.cuda is not None:
        raise RuntimeError(
            f"the job was given GPU {given}, but torch {torch.__version__} cannot use it: "
            "expected a driver that fits its CUDA, or a job without a GPU"
        )
    return torch.device("cpu")
