"""Which modules a script can reach: Warpline's own, a user's files, and the modules that these import."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from warpline.core.plugins import PluginLocation

__all__ = ["PACKAGE", "SOURCE", "closure", "code_behind", "is_type_checking", "parse"]

PACKAGE = "warpline"
SOURCE = Path(__file__).resolve().parent.parent.parent
INERT = ("warpline.console",)
"""Modules that return nothing that could reach a result; a test holds them to that."""


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file, parsed once a process."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_type_checking(node: ast.stmt) -> bool:
    """Say whether a statement is an ``if TYPE_CHECKING`` block, which never runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imported(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    """Return the dotted names that a module imports, at any depth of its code."""
    names: set[str] = set()
    # Imports for type checkers are never made.
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and is_type_checking(node)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def _file_of(module: str, folder: Path) -> Path | None:
    """Return the file of a dotted module below a folder, or None where the name is not a module."""
    base = folder.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


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
    reached: dict[str, Path] = {}
    waiting = sorted(_imported(parse(script.resolve()), "__main__", False) | set(modules))
    while waiting:
        name = waiting.pop()
        if not name.startswith(f"{PACKAGE}.") or name in reached or _is_inert(name):
            continue
        path = _file_of(name, source)
        if path is None:
            continue
        reached[name] = path
        waiting.extend(_imported(parse(path), name, path.name == "__init__.py"))
        # Importing a module runs the packages that it lies in.
        waiting.append(name.rpartition(".")[0])
    return dict(sorted(reached.items()))


@cache
def _dependencies(source: Path) -> frozenset[str]:
    """Return the packages that Warpline itself imports: their versions belong to the environment."""
    tops = {PACKAGE, *sys.stdlib_module_names}
    for path in (source / PACKAGE).rglob("*.py"):
        tops |= {name.partition(".")[0] for name in _imported(parse(path), "", False)}
    return frozenset(tops)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _installed(module: str) -> tuple[Path | None, str]:
    """Return where an installed module lies, if it is to be followed; else what stands for its content."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return None, ""
    folder = (
        Path(next(iter(spec.submodule_search_locations))).parent
        if spec.submodule_search_locations
        else Path(str(spec.origin)).parent
    )
    libraries = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if folder.resolve() in libraries:
        # A wheel lists the checksum of each of its files.
        for distribution in _distributions().get(top, []):
            record = importlib.metadata.distribution(distribution).read_text("RECORD")
            if record is not None:
                return None, hashlib.sha256(record.encode()).hexdigest()
    return folder, ""


def _user_modules(file: Path, source: Path) -> tuple[dict[str, Path], dict[str, str], set[str]]:
    """Follow a user's own imports: modules beside the file, and installed ones that are no dependency.

    Returns
    -------
    modules : dict of str to pathlib.Path
    wheels : dict of str to str
        Checksums of what was installed as a wheel.
    warpline : set of str
        Dotted names of Warpline's modules that they import.
    """
    modules: dict[str, Path] = {}
    wheels: dict[str, str] = {}
    ours: set[str] = set()
    waiting = sorted(_imported(parse(file), "", False))
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top == PACKAGE:
            ours.add(name)
        if name in modules or top in wheels or not top:
            continue
        # Python looks beside the script first.
        path = _file_of(name, file.parent)
        if path is None and top not in _dependencies(source) and _file_of(top, file.parent) is None:
            folder, checksum = _installed(top)
            if checksum:
                wheels[top] = checksum
            path = _file_of(name, folder) if folder is not None else None
        if path is None:
            continue
        modules[name] = path
        waiting.extend(_imported(parse(path), name, path.name == "__init__.py"))
        if "." in name:
            waiting.append(name.rpartition(".")[0])
    return dict(sorted(modules.items())), dict(sorted(wheels.items())), ours


def code_behind(
    script: Path, plugins: Sequence[PluginLocation], source: Path
) -> tuple[dict[str, Path], dict[str, str]]:
    """Return all modules behind a script by a name that does not depend on where they lie, and wheels."""
    paths: dict[str, Path] = {"__main__": script}
    wheels: dict[str, str] = {}
    ours: set[str] = set()
    for location in plugins:
        file = location.file
        if location.module is not None and location.module.startswith(f"{PACKAGE}."):
            ours.add(location.module)
            continue
        if location.module is not None:
            # As if a file of the user's imported it.
            folder, checksum = _installed(location.module)
            if checksum:
                wheels[location.module.partition(".")[0]] = checksum
            file = _file_of(location.module, folder) if folder is not None else None
        if file is None:
            continue
        found, installed, imported = _user_modules(file.resolve(), source)
        paths[f"user {location.module or file.name}"] = file.resolve()
        paths |= {f"user {name}": path for name, path in found.items()}
        wheels |= installed
        ours |= imported
    return paths | closure(script, ours, source), wheels
