"""The page of the site on the command line, from what argparse prints for --help."""

import contextlib
import io
import os
import re
import sys
from unittest import mock

from warpline.pipeline.command_line import main

__all__ = ["command_line_page"]


def help_text(*arguments: str) -> str:
    """Return what ``warpline <arguments> --help`` prints."""
    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["warpline", *arguments, "--help"]),
        mock.patch.dict(os.environ, {"COLUMNS": "88"}),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        main()
    return printed.getvalue()


def command_line_page() -> str:
    """Return the page: each command of ``warpline`` with its arguments."""
    overview = help_text()
    commands = re.search(r"\{([\w,-]+)\}", overview)
    if commands is None:
        raise ValueError(f"expected commands in braces in the usage of warpline, got {overview!r}")
    parts = ["# Command line", "", "```", overview.strip(), "```", ""]
    for command in commands[1].split(","):
        parts += [f"## warpline {command}", "", "```", help_text(command).strip(), "```", ""]
    parts += [
        "The rules of the workflow call the scripts in `scripts/`. Each runs without Snakemake, and prints",
        "its arguments for `--help`.",
    ]
    return "\n".join(parts) + "\n"
