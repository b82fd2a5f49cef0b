"""Statements of a module, divided into what always counts and definitions that count where they are used."""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["WORDS", "Definition", "checksum", "names_in", "split"]

PROTOCOL_NAMES = frozenset(
    name for kind in (dict, list, str, float, io.IOBase) for name in dir(kind)
)
"""Methods of these names may be called by a library that is handed the object."""
PLAIN_DECORATORS = frozenset(
    {"property", "staticmethod", "classmethod", "cached_property", "dataclass", "runtime_checkable"}
)
"""They only wrap what they decorate; any other may register it somewhere."""
WORDS = re.compile(r"[^\W\d]\w*")


@dataclass
class Definition:
    """A function, method or class that counts only where its name is used.

    Attributes
    ----------
    name : str
    text : str
        Checksum of its syntax tree, without the definitions inside it.
    uses : frozenset of str
        Every name that occurs in that tree.
    inside : list of Definition
        Methods of a class.
    """

    name: str
    text: str
    uses: frozenset[str]
    inside: list[Definition] = field(default_factory=list)


def checksum(text: str) -> str:
    """Return the checksum by which code is told apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def names_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return every name that occurs in some nodes of code, also as a word of a string."""
    names: set[str] = set()
    for part in nodes:
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Attribute):
            names.add(part.attr)
        elif isinstance(part, ast.alias):
            names.update(part.name.split("."))
            names.add(part.asname or "")
        elif isinstance(part, ast.keyword):
            names.add(part.arg or "")
        elif isinstance(part, ast.MatchClass):
            names.update(part.kwd_attrs)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            names.update(WORDS.findall(part.value))
    return frozenset(names)


def _calls_nothing(nodes: Iterable[ast.AST | None]) -> bool:
    """Say whether evaluating some expressions calls nothing but ``dataclasses.field``."""
    return not any(
        (
            isinstance(part, ast.Call)
            and ast.unparse(part.func) not in ("field", "dataclasses.field")
        )
        or isinstance(part, ast.Await | ast.NamedExpr)
        for node in nodes
        if node is not None
        for part in ast.walk(node)
    )


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _plainly_decorated(node: Function | ast.ClassDef) -> bool:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] not in PLAIN_DECORATORS:
            return False
        if isinstance(decorator, ast.Call):
            values = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
            if not _calls_nothing(values):
                return False
    return True


def _function_does_nothing(node: Function) -> bool:
    """Say whether running a ``def`` statement does nothing but make a function."""
    arguments = [
        *node.args.posonlyargs,
        *node.args.args,
        *node.args.kwonlyargs,
        *filter(None, [node.args.vararg, node.args.kwarg]),
    ]
    annotations = [argument.annotation for argument in arguments]
    return _plainly_decorated(node) and _calls_nothing(
        [*node.args.defaults, *node.args.kw_defaults, *annotations, node.returns]
    )


def _assigns_a_name(node: ast.stmt) -> bool:
    """Say whether a statement does nothing but give names a value that is computed without a call."""
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and _calls_nothing([node.value, node.annotation])
    return (
        isinstance(node, ast.Assign)
        and all(isinstance(target, ast.Name) for target in node.targets)
        and _calls_nothing([node.value])
    )


def _may_be_left_out(node: ast.stmt, registry: bool) -> bool:
    """Say whether a definition does nothing when its module is imported but bind its name."""
    if isinstance(node, Function):
        called_by_others = node.name.startswith("__") or node.name in PROTOCOL_NAMES
        return _function_does_nothing(node) and not called_by_others
    if isinstance(node, ast.ClassDef):
        return (
            _plainly_decorated(node)
            and not node.keywords
            and not (registry and node.bases)
            and _calls_nothing(node.bases)
            and all(
                isinstance(part, ast.Pass)
                or _assigns_a_name(part)
                or (isinstance(part, Function) and _function_does_nothing(part))
                for part in node.body
            )
        )
    return False


def split(
    body: Sequence[ast.stmt], exposed: Collection[str], registry: bool, within: str = ""
) -> tuple[list[ast.stmt], list[Definition]]:
    """Divide statements into those that always count and definitions that count where they are used.

    A definition's text says where it stands: in which class, and after how many statements that count.

    Parameters
    ----------
    body : sequence of statements
    exposed : collection of str
        Classes whose methods a library may call.
    registry : bool
        Whether a class may be found without its name.
    within : str, optional
        Names of the classes around the statements.
    """
    always: list[ast.stmt] = []
    definitions: list[Definition] = []
    for node in body:
        inside: list[Definition] = []
        if isinstance(node, ast.ClassDef) and node.name not in exposed and _plainly_decorated(node):
            kept, inside = split(node.body, exposed, registry, f"{within}{node.name}.")
            node = copy.copy(node)
            node.body = kept or [ast.Pass()]
        if _may_be_left_out(node, registry):
            name: str = node.name  # type: ignore[attr-defined]
            text = checksum(f"{within}{len(always)}:{ast.dump(node)}")
            definitions.append(Definition(name, text, names_in(ast.walk(node)) - {name}, inside))
        else:
            always.append(node)
            definitions += inside
    return always, definitions
