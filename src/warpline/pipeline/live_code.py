"""The code of a module that can change a result, divided into what always counts and definitions.

Functions, methods and classes count only where their name occurs in code that counts. The rule goes by names,
so it errs on the side of counting: a name that occurs anywhere, also inside a string, counts as used. Names
that only exist at run time (``getattr(x, a + b)``) it cannot see.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warpline.pipeline.reachable_modules import (
    PACKAGE,
    is_type_checking,
    nodes_of,
    parse,
    parse_anew,
)
from warpline.pipeline.reading_cache import kept_by_content

__all__ = ["Reading", "Unit", "counts_messages", "live_text", "reading_of", "unit_of"]

QUOTED = ("warpline.similarity", "warpline.core.number_arguments")
"""Modules whose error messages stand in a column of a table (``status``), so that their wording counts."""
LOGGERS = ("log", "logger", "logging", "warnings")
LOG_METHODS = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log"}
)
PROTOCOL_NAMES = frozenset(
    name for kind in (dict, list, str, float, io.IOBase) for name in dir(kind)
)
"""Methods of these names may be called by a library that is handed the object."""
PLAIN_DECORATORS = frozenset(
    {"property", "staticmethod", "classmethod", "cached_property", "dataclass", "runtime_checkable"}
)
"""They only wrap what they decorate; any other may register it somewhere."""
REGISTRIES = frozenset({"__init_subclass__", "__subclasses__", "__set_name__", "metaclass"})
"""Where one of these occurs, a class may be found without its name."""
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


# --- reading a module -----------------------------------------------------------------------------------


def _blanked(node: ast.expr) -> ast.expr:
    """Return an argument without its wording: what an f-string computes stays."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.Constant(None)
    if isinstance(node, ast.JoinedStr):
        computed = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.Tuple(elts=computed, ctx=ast.Load())
    return node


def _blank_arguments(call: ast.expr | None) -> None:
    if isinstance(call, ast.Call):
        call.args = [_blanked(argument) for argument in call.args]
        for keyword in call.keywords:
            keyword.value = _blanked(keyword.value)


def _is_log_call(node: ast.Expr) -> bool:
    call = node.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return False
    holder = ast.unparse(call.func.value)
    named = holder.rpartition(".")[2] in LOGGERS or holder.startswith("logging.getLogger(")
    return named and call.func.attr in LOG_METHODS


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
        bases = [ast.unparse(base) for base in node.bases]
        if not self.keep_messages and any(b.endswith(("Error", "Exception")) for b in bases):
            # An exception puts its message together in its constructor.
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "super().__init__":
                    _blank_arguments(inner)
        return self._never_empty(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        return list(node.orelse) if is_type_checking(node) else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        exported = any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        return None if exported and not self.keep_all else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if not self.keep_messages:
            _blank_arguments(node.exc)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if not self.keep_messages and node.msg is not None:
            node.msg = _blanked(node.msg)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        option = isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        if option and not self.keep_messages:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "help"]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        # A string that stands alone does nothing: the docstring of an attribute.
        if isinstance(node.value, ast.Constant):
            return None
        if not self.keep_messages and _is_log_call(node):
            _blank_arguments(node.value)
        return self.generic_visit(node)


def _names_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
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


# --- definitions that may be left out -------------------------------------------------------------------


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


def _split(
    body: Sequence[ast.stmt], reading: Reading, within: str = ""
) -> tuple[list[ast.stmt], list[Definition]]:
    """Divide statements into those that always count and definitions that count where they are used.

    A definition's text says where it stands: in which class, and after how many statements that count.
    """
    always: list[ast.stmt] = []
    definitions: list[Definition] = []
    for node in body:
        inside: list[Definition] = []
        if (
            isinstance(node, ast.ClassDef)
            and node.name not in reading.exposed
            and _plainly_decorated(node)
        ):
            kept, inside = _split(node.body, reading, f"{within}{node.name}.")
            node = copy.copy(node)
            node.body = kept or [ast.Pass()]
        if _may_be_left_out(node, reading.registry):
            name: str = node.name  # type: ignore[attr-defined]
            text = _checksum(f"{within}{len(always)}:{ast.dump(node)}")
            definitions.append(Definition(name, text, _names_in(ast.walk(node)) - {name}, inside))
        else:
            always.append(node)
            definitions += inside
    return always, definitions


# --- all modules of a job -------------------------------------------------------------------------------

HARMLESS_BASES = frozenset({"object", "Protocol", "Generic", "ABC"})


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
def _facts(path: Path) -> Facts:
    nodes = nodes_of(path)
    uses_all = _uses_all(parse(path), nodes)
    return Facts(_bases_of(nodes), uses_all, bool(REGISTRIES & _names_in(nodes)))


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
    facts = {name: _facts(path) for name, path in paths.items()}
    users = {
        name for module, one in facts.items() if module.startswith("user ") for name in one.bases
    }
    return Reading(
        exposed=_exposed_classes(facts.values(), users),
        keep_all=any(one.uses_all for one in facts.values()),
        registry=any(one.registry for one in facts.values()),
    )


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
    exposed = tuple(sorted(reading.exposed & frozenset(_facts(path).bases)))
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
        tree = _Normaliser(keep_messages, keep_all).visit(parse_anew(path))
        always, definitions = _split(tree.body, Reading(frozenset(exposed), keep_all, registry))
        kept = ast.Module(body=always, type_ignores=[])
        return Unit(_checksum(ast.dump(kept)), _names_in(ast.walk(kept)), tuple(definitions))
    except RecursionError:
        # Code that is nested too deeply to be taken apart counts as a whole.
        content = path.read_bytes()
        words = WORDS.findall(content.decode(errors="replace"))
        return Unit(hashlib.sha256(content).hexdigest(), frozenset(words), ())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


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
