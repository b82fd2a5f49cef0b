"""The code of a module that can change a result, divided into what always counts and definitions.

Functions, methods and classes count only where their name occurs in code that counts. The rule goes by names,
so it errs on the side of counting: a name that occurs anywhere, also inside a string, counts as used. Names
that only exist at run time (``getattr(x, a + b)``) it cannot see.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpline.pipeline.code_definitions import WORDS, Definition, checksum, names_in, split
from warpline.pipeline.code_reading import Reading, facts_of
from warpline.pipeline.code_wording import normalised
from warpline.pipeline.reachable_modules import parse_anew
from warpline.pipeline.reading_cache import kept_by_content

__all__ = ["Unit", "counts_messages", "live_text", "unit_of"]

QUOTED = ("warpline.similarity", "warpline.core.number_arguments")
"""Modules whose error messages stand in a column of a table (``status``), so that their wording counts."""


@dataclass(frozen=True)
class Unit:
    """A module: what always counts, and its definitions.

    Attributes
    ----------
    text : str
        Checksum of the syntax tree of what always counts.
    uses : frozenset of str
        Every name that occurs in that tree.
    definitions : tuple of Definition
    """

    text: str
    uses: frozenset[str]
    definitions: tuple[Definition, ...]


def counts_messages(module: str, reached_by_user: bool) -> bool:
    """Say whether the wording of a module's errors can become part of a result.

    A measure's ValueError becomes the ``status`` of a row: of the package's measures, and of a user's with
    all that it calls.
    """
    quoted = any(f"{module}.".startswith(f"{name}.") for name in QUOTED)
    return module.startswith("user ") or quoted or reached_by_user


def unit_of(path: Path, reading: Reading, keep_messages: bool) -> Unit:
    """Return the code of a module that counts."""
    # Most jobs read a module alike: only its own classes matter.
    exposed = tuple(sorted(reading.exposed & frozenset(facts_of(path).bases)))
    return _unit(path, exposed, reading.keep_all, reading.registry, keep_messages)


def _listed(one: Definition) -> list[Any]:
    return [one.name, one.text, sorted(one.uses), [_listed(inner) for inner in one.inside]]


def _defined(kept: list[Any]) -> Definition:
    name, text, uses, inside = kept
    return Definition(name, text, frozenset(uses), [_defined(inner) for inner in inside])


@kept_by_content(
    encode=lambda unit: [unit.text, sorted(unit.uses), [_listed(one) for one in unit.definitions]],
    decode=lambda kept: Unit(kept[0], frozenset(kept[1]), tuple(_defined(one) for one in kept[2])),
)
def _unit(
    path: Path, exposed: tuple[str, ...], keep_all: bool, registry: bool, keep_messages: bool
) -> Unit:
    try:
        tree = normalised(parse_anew(path), keep_messages, keep_all)
        always, definitions = split(tree.body, exposed, registry)
        kept = ast.Module(body=always, type_ignores=[])
        return Unit(checksum(ast.dump(kept)), names_in(ast.walk(kept)), tuple(definitions))
    except RecursionError:
        # Code that is nested too deeply to be taken apart counts as a whole.
        content = path.read_bytes()
        words = WORDS.findall(content.decode(errors="replace"))
        return Unit(hashlib.sha256(content).hexdigest(), frozenset(words), ())


def live_text(units: dict[str, Unit], entries: frozenset[str]) -> Iterator[str]:
    """Yield the checksums of every module and of the definitions that are used, in a fixed order."""
    used = set(entries).union(*(unit.uses for unit in units.values()))
    waiting = [definition for unit in units.values() for definition in unit.definitions]
    live: set[int] = set()
    while True:
        reached = [one for one in waiting if one.name in used]
        if not reached:
            break
        waiting = [one for one in waiting if one.name not in used]
        for definition in reached:
            live.add(id(definition))
            used |= definition.uses
            waiting += definition.inside

    def texts(definitions: Iterable[Definition]) -> Iterator[str]:
        for definition in definitions:
            if id(definition) in live:
                yield definition.text
                yield from texts(definition.inside)

    for name, unit in units.items():
        yield f"{name}:{unit.text}"
        yield from texts(unit.definitions)
