"""One thread for a benchmark: imported before NumPy and PyTorch, which read these variables once."""

import os

__all__ = ["use_one_thread"]


def use_one_thread() -> None:
    """Set one thread for all libraries, where the user has set no other number."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
