"""Warnings that point at the line of the caller, however deep in the package they arise."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

__all__ = ["warn_caller"]

PACKAGE = str(Path(__file__).parents[1])


def warn_caller(message: str) -> None:
    """Warn at the nearest line outside the package, which is the one that can be changed.

    Parameters
    ----------
    message : str
    """
    # `skip_file_prefixes` does this from Python 3.12 on.
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
