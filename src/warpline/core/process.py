"""Run a script's main function as a job: one thread, and errors that reach the log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

__all__ = ["run"]

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
    except KeyboardInterrupt:
        logging.warning("interrupted: run the same command again to go on")
        sys.exit(130)
    except Exception:
        logging.exception("stopped by an error")
        sys.exit(1)
