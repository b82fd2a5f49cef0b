"""Progress of long work: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["bar"]

LOG_SECONDS = 10.0


def bar(total: int, what: str, unit: str, initial: int = 0) -> tqdm[Any]:
    """Return a tqdm bar that also reads well in a log file (rate and time left, every 10 s)."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        initial=initial,
        mininterval=0.2 if terminal else LOG_SECONDS,
        ascii=not terminal,
        dynamic_ncols=terminal,
        file=sys.stderr,
    )
