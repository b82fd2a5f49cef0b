"""How the modules of a job are read: what follows from all of them together."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warpline.pipeline.code_definitions import names_in
from warpline.pipeline.reachable_modules import PACKAGE, nodes_of, parse
from warpline.pipeline.reading_cache import kept_by_content

__all__ = ["Facts", "Reading", "facts_of", "reading_of"]

REGISTRIES = frozenset({"__init_subclass__", "__subclasses__", "__set_name__", "metaclass"})
"""Where one of these occurs, a class may be found without its name."""
HARMLESS_BASES = frozenset({"object", "Protocol", "Generic", "ABC"})


@dataclass(frozen=True)
class Reading:
    """How the modules of a job are read: what follows from all of them together.

    Attributes
    ----------
    exposed : frozenset of str
        Classes whose methods a library may call: those with a base class from outside, those of a user's
        modules, the other bases of such a class, and all that inherit from them.
    keep_all : bool
        Whether ``__all__`` counts, because it is used.
    registry : bool
        Whether a class may be found without its name, so that every class with a base counts.
    """

    exposed: frozenset[str]
    keep_all: bool
    registry: bool


@dataclass(frozen=True)
class Facts:
    """What the reading of all modules needs of one.

    Attributes
    ----------
    bases : dict of str to frozenset of str
        By class, the names of its bases, "" for one from outside.
    uses_all : bool
        Whether it imports ``*``, or reads ``__all__`` for more than its own attributes.
    registry : bool
        Whether it may find a class without its name.
    """

    bases: Mapping[str, frozenset[str]]
    uses_all: bool
    registry: bool


def _bases_of(nodes: Sequence[ast.AST]) -> dict[str, frozenset[str]]:
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    near = {node.name for node in classes} | HARMLESS_BASES
    for node in nodes if classes else ():
        if isinstance(node, ast.ImportFrom) and (
            node.level or (node.module or "").partition(".")[0] == PACKAGE
        ):
            near |= {alias.asname or alias.name for alias in node.names}
    bases: dict[str, frozenset[str]] = {}
    for node in classes:
        names = set(bases.get(node.name, ()))
        for base in node.bases:
            # Of Generic[T], Generic.
            plain = base.value if isinstance(base, ast.Subscript) else base
            inner = isinstance(plain, ast.Name) and plain.id in near and plain.id != node.name
            names.add(plain.id if inner else "")  # type: ignore[attr-defined]
        bases[node.name] = frozenset(names)
    return bases


def _uses_all(tree: ast.Module, nodes: Iterable[ast.AST]) -> bool:
    forwarding = {
        id(inner)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__")
        for inner in ast.walk(node)
    }
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
        loaded = isinstance(getattr(node, "ctx", None), ast.Load)
        if name == "__all__" and loaded and id(node) not in forwarding:
            return True
    return False


@kept_by_content(
    encode=lambda facts: [
        {name: sorted(bases) for name, bases in facts.bases.items()},
        facts.uses_all,
        facts.registry,
    ],
    decode=lambda kept: Facts(
        {name: frozenset(bases) for name, bases in kept[0].items()}, bool(kept[1]), bool(kept[2])
    ),
)
def facts_of(path: Path) -> Facts:
    """Return what the reading of all modules needs of one."""
    nodes = nodes_of(path)
    uses_all = _uses_all(parse(path), nodes)
    return Facts(_bases_of(nodes), uses_all, bool(REGISTRIES & names_in(nodes)))


def _exposed_classes(modules: Iterable[Facts], users: Iterable[str]) -> frozenset[str]:
    bases: dict[str, set[str]] = {}
    for facts in modules:
        for name, listed in facts.bases.items():
            bases.setdefault(name, set()).update(listed)
    exposed = {name for name, listed in bases.items() if "" in listed} | {*users}
    while True:
        # A mixin's methods stand in for those of the library class beside it; a subclass inherits both.
        mixed_in = {base for name in exposed for base in bases.get(name, ())}
        derived = {name for name, listed in bases.items() if listed & exposed}
        added = (mixed_in | derived) - HARMLESS_BASES - {""} - exposed
        if not added:
            return frozenset(exposed)
        exposed |= added


def reading_of(paths: Mapping[str, Path]) -> Reading:
    """Return how the modules of a job are read; names of a user's modules start with ``user``."""
    facts = {name: facts_of(path) for name, path in paths.items()}
    users = {
        name for module, one in facts.items() if module.startswith("user ") for name in one.bases
    }
    return Reading(
        exposed=_exposed_classes(facts.values(), users),
        keep_all=any(one.uses_all for one in facts.values()),
        registry=any(one.registry for one in facts.values()),
    )
