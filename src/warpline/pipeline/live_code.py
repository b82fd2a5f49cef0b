"""The code of a module that can change a result, divided into what always counts and definitions.

Functions, methods and classes count only where their name occurs in code that counts. The rule goes by names,
so it errs on the side of counting: a name that occurs anywhere, also inside a string, counts as used. Names
that only exist at run time (``getattr(x, a + b)``) it cannot see.
"""

from __future__ import annotations

import ast
import copy
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from warpline.pipeline.reachable_modules import PACKAGE, is_type_checking, parse

__all__ = ["Unit", "exposed_classes", "has_star_import", "live_text", "unit_of"]

QUOTED = ("warpline.similarity",)
"""Modules whose error messages stand in a column of a table (``status``), so that their wording counts."""
MESSENGERS = ("log", "logging", "warnings")
PROTOCOL_NAMES = frozenset(
    name for kind in (dict, list, str, float, io.IOBase) for name in dir(kind)
)
"""Methods of these names may be called by a library that is handed the object."""
PLAIN_DECORATORS = frozenset(
    {"property", "staticmethod", "classmethod", "cached_property", "dataclass", "runtime_checkable"}
)
"""They only wrap what they decorate; any other may register it somewhere."""
WORDS = re.compile(r"[A-Za-z_]\w*")


@dataclass
class Definition:
    """A function, method or class that counts only where its name is used.

    Attributes
    ----------
    name : str
    text : str
        Its syntax tree, without the definitions inside it.
    uses : frozenset of str
        Every name that occurs in `text`.
    inside : list of Definition
        Methods of a class.
    """

    name: str
    text: str
    uses: frozenset[str]
    inside: list[Definition] = field(default_factory=list)


@dataclass(frozen=True)
class Unit:
    """A module: what always counts, and its definitions.

    Attributes
    ----------
    text : str
    uses : frozenset of str
    definitions : tuple of Definition
    """

    text: str
    uses: frozenset[str]
    definitions: tuple[Definition, ...]


class _Normaliser(ast.NodeTransformer):
    """Take out what cannot change a result: docstrings, type-checking blocks, ``__all__``, wording."""

    def __init__(self, keep_messages: bool, keep_all: bool) -> None:
        self.keep_messages = keep_messages
        self.keep_all = keep_all

    def _never_empty(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    visit_FunctionDef = _never_empty
    visit_AsyncFunctionDef = _never_empty

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._never_empty(node)
        return self._wordless(node) if node.name.endswith(("Error", "Warning")) else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        return list(node.orelse) if is_type_checking(node) else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        exported = any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        return None if exported and not self.keep_all else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._wordless(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if not self.keep_messages:
            node.msg = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        # A string that stands alone does nothing: the docstring of an attribute.
        if isinstance(node.value, ast.Constant):
            return None
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) in MESSENGERS:
            return self._wordless(node)
        return self.generic_visit(node)

    def _wordless(self, node: ast.AST) -> ast.AST:
        return node if self.keep_messages else _Wordless().visit(node)


class _Wordless(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(None) if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant(None)


def _names_in(node: ast.AST) -> frozenset[str]:
    """Return every name that occurs in a piece of code, also as a word of a string."""
    names: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Attribute):
            names.add(part.attr)
        elif isinstance(part, ast.alias):
            names.update(part.name.split("."))
            names.add(part.asname or "")
        elif isinstance(part, ast.keyword):
            names.add(part.arg or "")
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            names.update(WORDS.findall(part.value))
    return frozenset(names)


# --- definitions that may be left out -------------------------------------------------------------------


def _plainly_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    called = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return all(ast.unparse(name).rpartition(".")[2] in PLAIN_DECORATORS for name in called)


def _calls_nothing(nodes: Iterable[ast.AST | None]) -> bool:
    return not any(
        isinstance(part, ast.Call | ast.Await | ast.NamedExpr)
        for node in nodes
        if node is not None
        for part in ast.walk(node)
    )


def _may_be_left_out(node: ast.stmt) -> bool:
    """Say whether a definition does nothing when its module is imported but bind its name."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        return (
            _plainly_decorated(node)
            and _calls_nothing(defaults)
            and not (node.name.startswith("__") or node.name in PROTOCOL_NAMES)
        )
    if isinstance(node, ast.ClassDef):
        return (
            _plainly_decorated(node)
            and not node.keywords
            and all(
                (
                    isinstance(part, ast.Pass | ast.Assign | ast.AnnAssign)
                    and _calls_nothing([part.value] if not isinstance(part, ast.Pass) else [])
                )
                or _is_method_without_effect(part)
                for part in node.body
            )
        )
    return False


def _is_method_without_effect(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return _plainly_decorated(node) and _calls_nothing(
        [*node.args.defaults, *node.args.kw_defaults]
    )


def _split(
    body: Sequence[ast.stmt], exposed: frozenset[str]
) -> tuple[list[ast.stmt], list[Definition]]:
    """Divide statements into those that always count and definitions that count where they are used."""
    always: list[ast.stmt] = []
    definitions: list[Definition] = []
    for node in body:
        inside: list[Definition] = []
        if isinstance(node, ast.ClassDef) and node.name not in exposed and _plainly_decorated(node):
            kept, inside = _split(node.body, exposed)
            node = copy.copy(node)
            node.body = kept or [ast.Pass()]
        if _may_be_left_out(node):
            definitions.append(
                Definition(node.name, ast.dump(node), _names_in(node) - {node.name}, inside)  # type: ignore[attr-defined]
            )
        else:
            always.append(node)
            definitions += inside
    return always, definitions


def _class_bases(tree: ast.Module) -> dict[str, list[str]]:
    return {
        node.name: [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def exposed_classes(trees: Iterable[ast.Module], entries: Iterable[str] = ()) -> frozenset[str]:
    """Return the classes whose methods a library may call.

    Those with a base class from outside, those that a configuration names (`entries`), the other bases of
    such a class, and all that inherit from them.
    """
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for name, listed in _class_bases(tree).items():
            bases.setdefault(name, set()).update(listed)
    harmless = {*bases, "object", "Protocol", "Generic", "ABC"}
    exposed = {name for name, listed in bases.items() if not listed <= harmless} | {*entries}
    while True:
        # A mixin's methods stand in for those of the library class beside it; a subclass inherits both.
        mixed_in = {base for name in exposed for base in bases.get(name, ())}
        derived = {name for name, listed in bases.items() if listed & exposed}
        if mixed_in | derived <= exposed:
            return frozenset(exposed)
        exposed |= mixed_in | derived


@cache
def unit_of(path: Path, module: str, exposed: frozenset[str], keep_all: bool) -> Unit:
    """Return the code of a module that counts; `exposed` as `exposed_classes` gives it."""
    own = f"{module}."
    keep_messages = not own.startswith(f"{PACKAGE}.") or own.startswith(
        tuple(f"{name}." for name in QUOTED)
    )
    tree = _Normaliser(keep_messages, keep_all).visit(copy.deepcopy(parse(path)))
    always, definitions = _split(tree.body, exposed)
    kept = ast.Module(body=always, type_ignores=[])
    return Unit(ast.dump(kept), _names_in(kept), tuple(definitions))


def live_text(units: dict[str, Unit], entries: frozenset[str]) -> Iterator[str]:
    """Yield the text of every module and of the definitions that are used, in a fixed order."""
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


def has_star_import(trees: Iterable[ast.Module]) -> bool:
    """Say whether any module imports ``*``, which makes ``__all__`` count."""
    return any(
        alias.name == "*"
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
