"""Paths for libraries that take names in UTF-8 only, such as netCDF's.

On Linux the name of a file is any bytes. Python keeps what is not UTF-8 in a name as lone surrogates.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["printable", "shell_word", "utf8_path"]


def _is_utf8(path: str | Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def utf8_path(path: str | Path) -> Iterator[Path]:
    """Give a path in UTF-8 to an existing file: its own, or that of a link to it in a temporary folder.

    Parameters
    ----------
    path : str or pathlib.Path
    """
    if _is_utf8(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "link")
        link.symlink_to(os.path.abspath(path))  # noqa: PTH100
        yield link


def printable(path: str | Path) -> str:
    """Return a path as text in UTF-8, other bytes with a backslash and as hexadecimals."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def shell_word(path: str | Path) -> str:
    """Return a path as a word of a shell's command, which names the same file; always printable."""
    text = str(path)
    # No command takes it for an option.
    text = f"./{text}" if text.startswith("-") else text
    if _is_utf8(text):
        return shlex.quote(text)
    # Bytes that are not UTF-8, as bash, zsh and ksh write them.
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(escaped)}'"
