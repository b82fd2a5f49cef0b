"""Processor times of benchmarks: other work on the machine stretches the wall clock."""

import time
from collections.abc import Callable
from typing import Any

__all__ = ["least_seconds"]


def least_seconds(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the least processor time of some calls, and what the last one returned."""
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        result = call()
        seconds.append(time.process_time() - begin)
    return min(seconds), result
