"""What was read of modules and of the user's files, kept between processes.

A plan reads some 240 modules for the digests of its jobs, and every job on a cluster reads them again.
Parsing them takes longer than all else of a small plan, and recordings can be large. The file lies in the
user's cache folder; without it, or where it cannot be written, all is read again.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from warpline.core.atomic_writes import keep_text

__all__ = ["kept_by_content", "kept_by_stamps"]

T = TypeVar("T")
READERS = (
    "code_definitions.py", "code_reading.py", "code_wording.py", "live_code.py",
    "reachable_modules.py", "reading_cache.py",
)  # fmt: skip
"""Modules whose code decides what is read."""
LARGEST = 32_000_000
"""Characters of the file beyond which what this process did not ask for is dropped."""
SETTLED = 2_000_000_000
"""Age of a file in ns, below which a further change may bear the same time stamp."""


def kept_by_content(
    encode: Callable[[T], Any], decode: Callable[[Any], T]
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator of functions of a module's file, whose values last as long as its content.

    The function may depend on the file's content, on whether it is a package's ``__init__``, and on its
    further arguments, which have to be text, numbers, truth values or tuples of these. A process reads a file
    once: the function has the ``cache_clear`` of `functools.cache`.

    Parameters
    ----------
    encode : callable
        Turns a value into what JSON holds.
    decode : callable
        Its inverse.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @cache
        @wraps(function)
        def wrapper(path: Path, *arguments: Any) -> T:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            place = (function.__qualname__, content, path.suffix, path.name == "__init__.py")
            key = hashlib.sha256(repr((place, arguments)).encode()).hexdigest()[:32]
            store = _store()
            if key in store.entries:
                try:
                    value = decode(store.entries[key])
                except (AttributeError, LookupError, TypeError, ValueError):
                    pass
                else:
                    store.asked.add(key)
                    return value
            value = function(path, *arguments)
            store.put(key, encode(value))
            return value

        return wrapper

    return decorate


def kept_by_stamps(function: Callable[[str], str]) -> Callable[[str], str]:
    """Return a function of a file whose text lasts as long as the file's size and time stamps.

    For files that are long to read. The time of the last change of the file's entry counts, too, which a copy
    that keeps the time of its content does not keep.
    """

    @wraps(function)
    def wrapper(path: str) -> str:
        state = Path(path).stat()
        stamps = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        place = (function.__qualname__, str(Path(path).resolve()), stamps)
        key = hashlib.sha256(repr(place).encode()).hexdigest()[:32]
        store = _store()
        value = store.entries.get(key)
        if isinstance(value, str):
            store.asked.add(key)
        else:
            value = function(path)
            if time.time_ns() - max(stamps[1:]) > SETTLED:
                store.put(key, value)
        return value

    return wrapper


class _Store:
    """Encoded values by key, in a file that is read once and written when the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Any] = _read(path)
        self.asked: set[str] = set()
        self.is_new = False

    def put(self, key: str, value: Any) -> None:
        if not self.is_new:
            self.is_new = True
            atexit.register(self.write)
        self.entries[key] = value
        self.asked.add(key)

    def write(self) -> None:
        """Write the file, with what other processes wrote meanwhile."""
        text = json.dumps(_read(self.path) | self.entries)
        if len(text) > LARGEST:
            text = json.dumps({key: self.entries[key] for key in sorted(self.asked)})
        keep_text(self.path, text)


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


@cache
def _store() -> _Store:
    # Syntax trees differ between versions of Python.
    version = hashlib.sha256(sys.version.encode())
    for name in READERS:
        version.update(Path(__file__).with_name(name).read_bytes())
    folder = platformdirs.user_cache_path("warpline", appauthor=False)
    return _Store(folder / f"code-{version.hexdigest()[:16]}.json")
