"""Atomic writes: a temporary ``.part`` file beside the target, moved there when it is whole.

A process that is killed leaves its part behind. The part's name says whose it was, so that
``warpline verify`` can tell a stray part from one that is being written.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["atomic_path", "is_part", "keep_text", "writer_lives"]

FULL = 2**20
"""Free bytes below which a file system counts as full."""
PART = re.compile(r"\..+?(?:\.at~(?P<host>[\w-]*))?\.(?P<process>\d+)(?:\.[0-9a-f]{16})?\.part")


def _host() -> str:
    """Return this machine's name as it stands in a file name."""
    return re.sub(r"[^\w-]", "-", socket.gethostname(), flags=re.ASCII)[:40]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside the target, and move it there when the block ends well.

    The temporary file is created here, exclusively and under a name that cannot be guessed: nobody can
    place a link there that leads the write elsewhere.

    Parameters
    ----------
    path : str or pathlib.Path

    Raises
    ------
    OSError
        When the file cannot be written. With ``ENOSPC`` where the file system is full, whatever the
        library that wrote said of it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.at~{_host()}.{os.getpid()}.{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        # netCDF says no more than "HDF error".
        if shutil.disk_usage(path.parent).free < FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def keep_text(path: Path, text: str) -> None:
    """Write what only saves time, atomically; a folder that cannot be written to keeps nothing."""
    with suppress(OSError), atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def is_part(path: Path) -> bool:
    """Return whether a file has the name of a part of `atomic_path`."""
    return PART.fullmatch(path.name) is not None


def writer_lives(part: Path) -> bool | None:
    """Return whether the process that writes a part still runs; None where that cannot be known.

    Parameters
    ----------
    part : pathlib.Path
        A file of which `is_part` holds. That of another machine cannot be judged from here.
    """
    match = PART.fullmatch(part.name)
    if match is None:
        raise ValueError(f"expected the name of a part file, got {part.name}")
    # Older parts name no machine.
    if match["host"] not in (None, _host()):
        return None
    try:
        # Signal 0 asks whether the process is there, and does nothing to it.
        os.kill(int(match["process"]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
