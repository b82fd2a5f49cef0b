"""Which modules a script can reach: Warpline's own, a user's files, and the modules that these import.

Imports are followed at any depth of the code, also of names that a package loads on first use. Not seen are
folders that a user's file puts on the import path by itself, and data files.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from warpline.core.plugins import PluginLocation
from warpline.pipeline.reading_cache import kept_by_content

__all__ = [
    "PACKAGE",
    "SOURCE",
    "CodeBehind",
    "closure",
    "code_behind",
    "is_type_checking",
    "nodes_of",
    "parse",
    "parse_anew",
]

PACKAGE = "warpline"
SOURCE = Path(__file__).resolve().parent.parent.parent
INERT = ("warpline.console",)
"""Modules that return nothing that could reach a result; a test holds them to that."""


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file, parsed once a process: not to be changed."""
    return parse_anew(path)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of the syntax tree of a file: a walk takes longer than parsing."""
    return tuple(ast.walk(parse(path)))


def parse_anew(path: Path) -> ast.Module:
    """Return the syntax tree of a file.

    A file that Python cannot parse, or that is compiled, stands as the checksum of its bytes.
    """
    content = path.read_bytes()
    if path.suffix == ".py":
        try:
            return ast.parse(content, filename=str(path))
        except (SyntaxError, ValueError, RecursionError):
            pass
    checksum = hashlib.sha256(content).hexdigest()
    return ast.parse(f"content = {checksum!r}")


def is_type_checking(node: ast.stmt) -> bool:
    """Say whether a statement is an ``if TYPE_CHECKING`` block, which never runs."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


# --- what a module imports ------------------------------------------------------------------------------


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Return the dotted module that an import takes names from."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _dynamic_imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Yield the modules that ``import_module`` and ``__import__`` are given as literals."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        ):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        name = node.args[0].value
        if called in ("import_module", "__import__") and isinstance(name, str) and name:
            yield f"{package}{name}" if name.startswith(".") else name


@kept_by_content(encode=sorted, decode=frozenset)
def _imported(path: Path, module: str, relative: bool = True) -> frozenset[str]:
    """Return the dotted names that a module imports, and the attributes that it takes of modules.

    ``import warpline; warpline.compare(x)`` gives ``warpline`` and ``warpline.compare``: a package may
    load the latter on first use.
    """
    nodes, is_package = nodes_of(path), path.name == "__init__.py"
    names: set[str] = set()
    aliases: dict[str, str] = {}
    # Imports for type checkers are never made.
    skipped = {
        id(inner)
        for node in nodes
        if is_type_checking(node)  # type: ignore[arg-type]
        for statement in node.body  # type: ignore[attr-defined]
        for inner in ast.walk(statement)
    }
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.add(alias.name)
                bound = alias.asname or alias.name.partition(".")[0]
                aliases[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and (relative or not node.level):
            base = _absolute(node, module, is_package)
            names.add(base)
            for alias in node.names:
                names.add(f"{base}.{alias.name}")
                aliases[alias.asname or alias.name] = f"{base}.{alias.name}"
    for node in nodes:
        chain: list[str] = []
        part: ast.AST = node
        while isinstance(part, ast.Attribute):
            chain.insert(0, part.attr)
            part = part.value
        if chain and isinstance(part, ast.Name) and part.id in aliases:
            names.add(".".join([aliases[part.id], *chain]))
    return frozenset(names)


@kept_by_content(encode=list, decode=list)
def _loaded_on_first_use(path: Path, package: str, name: str) -> list[str]:
    """Return the modules behind a name that a package's ``__getattr__`` loads when it is used."""
    tree = parse(path)
    top = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    loader = next((node for node in top if node.name == "__getattr__"), None)
    if loader is None or any(node.name == name for node in top):
        return []
    # Type checkers are told where the names live.
    for block in filter(is_type_checking, tree.body):
        for node in ast.walk(block):
            if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
                return [_absolute(node, package, True)]
    return list(_dynamic_imports(loader, package, True))


def _file_of(module: str, folder: Path) -> Path | None:
    """Return the file of a dotted module below a folder, or None where the name is not a module."""
    base = folder.joinpath(*module.split("."))
    compiled = [base.with_name(base.name + suffix) for suffix in EXTENSION_SUFFIXES]
    for candidate in (base.with_suffix(".py"), base / "__init__.py", *compiled):
        if candidate.is_file():
            return candidate
    return None


# --- Warpline's modules ---------------------------------------------------------------------------------


def _is_inert(module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in INERT)


def closure(script: Path, modules: Iterable[str] = (), source: Path = SOURCE) -> dict[str, Path]:
    """Return the warpline modules that a script can reach, by dotted name.

    Parameters
    ----------
    script : pathlib.Path
        The command-line script of a rule.
    modules : iterable of str
        Modules that are loaded by name at run time (``warpline.models.leaky_rnn``), which no import
        statement shows.
    source : pathlib.Path
        The folder that holds the package.

    Returns
    -------
    dict of str to pathlib.Path
        Sorted by name. Left out are the package's own ``__init__``, which only forwards names, and what
        is `INERT`.
    """
    return _package_modules(_imported(script.resolve(), "__main__") | {*modules}, source)


def _package_modules(names: Iterable[str], source: Path) -> dict[str, Path]:
    """Return the warpline modules behind some dotted names, and all that these import."""
    reached: dict[str, Path] = {}
    seen: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith(f"{PACKAGE}.") or _is_inert(name):
            continue
        seen.add(name)
        parent, _, attribute = name.rpartition(".")
        # Importing a module runs the packages that it lies in.
        waiting.append(parent)
        path = _file_of(name, source)
        if path is None:
            holder = _file_of(parent, source)
            if holder is not None and holder.name == "__init__.py":
                waiting.extend(_loaded_on_first_use(holder, parent, attribute))
            continue
        reached[name] = path
        waiting.extend(_imported(path, name))
    return dict(sorted(reached.items()))


# --- a user's modules -----------------------------------------------------------------------------------


@cache
def _dependencies(source: Path) -> frozenset[str]:
    """Return the packages that Warpline itself imports: their versions belong to the environment."""
    tops = {PACKAGE, *sys.stdlib_module_names}
    package = source / PACKAGE
    # The workflow's scripts, which a wheel holds in the package, are beside it in a checkout.
    modules = (path for path in package.rglob("*.py") if package / "project" not in path.parents)
    for path in modules:
        tops |= {name.partition(".")[0] for name in _imported(path, "", False)}
    return frozenset(tops)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _installed(module: str) -> tuple[list[Path], str]:
    """Return the folders of an installed module, if it is to be followed; else a checksum of its content."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return [], ""
    if spec.submodule_search_locations:
        folders = [Path(location).parent for location in spec.submodule_search_locations]
    else:
        folders = [Path(spec.origin).parent] if spec.origin else []
    libraries = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if any(folder.resolve() in libraries for folder in folders):
        # A wheel lists the checksum of each of its files.
        for distribution in _distributions().get(top, []):
            record = importlib.metadata.distribution(distribution).read_text("RECORD")
            if record is not None:
                return [], hashlib.sha256(record.encode()).hexdigest()
    return folders, ""


@dataclass
class CodeBehind:
    """All code behind a script.

    Attributes
    ----------
    paths : dict of str to pathlib.Path
        Modules by a name that does not depend on where they lie; ``__main__`` is the script. Names of a
        user's modules start with ``user``.
    wheels : dict of str to str
        Checksums of what a user's modules import and was installed as a wheel.
    users : set of str
        Modules of Warpline that a user's modules reach.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    wheels: dict[str, str] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)


def _follow_user(location: PluginLocation, key: str, source: Path, code: CodeBehind) -> set[str]:
    """Add a plug-in of the user's and all that it imports; return the names of Warpline that it imports."""
    beside: list[Path] = []
    waiting: list[str] = []
    ours: set[str] = set()
    seen: set[str] = set()

    def add(path: Path, name: str, module: str) -> None:
        code.paths[f"user {key} {name}"] = path
        is_package = path.name == "__init__.py"
        waiting.extend(sorted(_imported(path, module)))
        waiting.extend(_dynamic_imports(parse(path), module, is_package))

    if location.file is not None:
        file = location.file.resolve()
        beside = [file.parent]
        add(file, file.name, "")
    else:
        assert location.module is not None
        waiting.append(location.module)
    while waiting:
        name = waiting.pop()
        top, _, _ = name.partition(".")
        if name in seen or not top:
            continue
        seen.add(name)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        if top == PACKAGE:
            ours.add(name)
            continue
        # Python looks beside the script first.
        folders = [folder for folder in beside if _file_of(top, folder) or (folder / top).is_dir()]
        if not folders and top not in _dependencies(source):
            folders, checksum = _installed(top)
            if checksum:
                code.wheels[top] = checksum
        path = next((path for folder in folders if (path := _file_of(name, folder))), None)
        if path is not None:
            add(path, name, name)
    return ours


def code_behind(script: Path, plugins: Sequence[PluginLocation], source: Path) -> CodeBehind:
    """Return all code that a script can reach with the plug-ins that its settings name."""
    code = CodeBehind({"__main__": script})
    ours: set[str] = set()
    users: set[str] = set()
    for k, location in enumerate(plugins):
        if location.module is not None and location.module.startswith(f"{PACKAGE}."):
            ours.add(location.module)
        else:
            users |= _follow_user(location, str(k), source, code)
    code.users = {*_package_modules(users, source)}
    code.paths |= closure(script, ours | users, source)
    return code
