"""Command lines of the scripts: the options that all of them share."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

__all__ = ["parser"]


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
