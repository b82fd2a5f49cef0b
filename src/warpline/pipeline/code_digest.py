"""A digest of the code that a job can run, blind to what cannot change its results.

Snakemake looks at a rule's own text, not at the library behind it. Each rule therefore carries
``params.code``: the SHA-256 of its script and of all code that the script can reach, a user's own files and
the modules that these import among it. What cannot change a byte of a result does not count:

- comments, docstrings, layout, time stamps, ``if TYPE_CHECKING`` blocks, ``__all__``;
- `warpline.console`: what a person sees of a job (`warpline.pipeline.reachable_modules.INERT`);
- the wording of errors, log messages and help texts, but for errors that become a column of a table
  (`warpline.pipeline.live_code.counts_messages`);
- functions, methods and classes that nothing names (`warpline.pipeline.live_code`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from warpline.core.plugins import PluginLocation
from warpline.pipeline.code_reading import reading_of
from warpline.pipeline.live_code import counts_messages, live_text, unit_of
from warpline.pipeline.reachable_modules import SOURCE, code_behind

__all__ = ["digest"]


def digest(
    script: str | Path, plugins: Iterable[PluginLocation] = (), source: Path = SOURCE
) -> str:
    """Return the SHA-256 (16 hex digits) of all code behind a script.

    Parameters
    ----------
    script : str or pathlib.Path
        The command-line script of a rule.
    plugins : iterable of PluginLocation
        What the job's settings name: modules of the package, and files and modules of the user's.
    source : pathlib.Path
        The folder that holds the package.

    Raises
    ------
    FileNotFoundError
        When the script, or a user's file, does not exist.
    """
    plugins = sorted(plugins, key=str)
    code = code_behind(Path(script).resolve(), plugins, source)
    reading = reading_of(code.paths)
    units = {
        name: unit_of(path, reading, counts_messages(name, name in code.users))
        for name, path in sorted(code.paths.items())
    }
    entries = frozenset(location.attribute for location in plugins if location.attribute)
    total = hashlib.sha256()
    for text in live_text(units, entries):
        total.update(text.encode())
    for name, checksum in sorted(code.wheels.items()):
        total.update(f"{name}={checksum}".encode())
    return total.hexdigest()[:16]
