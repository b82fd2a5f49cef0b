"""Command lines of the scripts: the options that all of them share."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["list_file", "parser"]


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


def list_file(paths: Iterable[str]) -> str:
    """Return a list of files as bash hands it to a script: as a file with a line for each.

    A command line of the system ends at 2 MB, which is about 20,000 networks. The list does not stand on it:
    ``printf`` is a part of bash.
    """
    return f"%<(printf '%s\\n' {shlex.join(paths)})"


class _Parser(argparse.ArgumentParser):
    """Parser that takes ``%FILE`` for the lines of a file."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """Return a line as one argument; none where it is empty, as of an empty list."""
        return [arg_line] if arg_line else []


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts share.

    An argument ``%FILE`` stands for the lines of a file (see `list_file`).
    """
    result = _Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        fromfile_prefix_chars="%",
    )
    result.add_argument(
        "--settings", type=_settings, required=True, help="a JSON object, or @file.json"
    )
    result.add_argument("--code", default="", help="digest of the code, kept in the output")
    return result
