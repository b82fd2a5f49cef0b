"""What a job sets for its process: one thread, errors that reach the log, memory that is kept."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Callable

__all__ = ["keep_freed_memory", "run"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(main: Callable[[], None]) -> None:
    """Run a main function; an uncaught error ends in the log and in exit status 1.

    One thread per job: results do not depend on how many cores a job was given, and two jobs on two
    cores are faster than one on both.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        main()
    except (KeyboardInterrupt, Exception):
        if _interrupted(sys.exception()):
            logging.warning("interrupted: run the same command again to go on")
            sys.exit(130)
        logging.exception("stopped by an error")
        sys.exit(1)


def _interrupted(error: BaseException | None) -> bool:
    """Say whether an error is Ctrl-C or was caused by it, as compiled code reports one of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt in glibc's malloc.h."""
LARGEST_KEPT = (2**30, 32 * 2**20)
"""Largest array in bytes that is kept: the second is the most that older versions of glibc take."""


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next array, instead of handing it back at once.

    An update of a training allocates and frees arrays of megabytes. The operating system would clear new
    pages for each of them, which took up to a fifth of the time. No number depends on it. Only glibc
    has this switch; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # 1 where the value is taken, else 0.
    if any(mallopt(M_MMAP_THRESHOLD, size) for size in LARGEST_KEPT):
        mallopt(M_TRIM_THRESHOLD, -1)
