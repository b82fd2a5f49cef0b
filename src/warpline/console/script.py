"""What every script's command line shares: settings as JSON, threads, and errors that reach the log."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["parser", "run"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _settings(text: str) -> dict[str, Any]:
    """Read settings: a JSON object, or ``@file.json``."""
    raw = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected JSON or @file.json: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts share."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "--settings", type=_settings, required=True, help="a JSON object, or @file.json"
    )
    result.add_argument("--code", default="", help="digest of the code, kept in the output")
    return result


def run(main: Callable[[], None]) -> None:
    """Run a script's main function; an uncaught error ends in the log and in exit status 1.

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
