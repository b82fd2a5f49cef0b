"""Find what a configuration names: a module of the package, or a user's own file or module.

A name is looked up by convention (model ``leaky_rnn`` is `warpline.models.leaky_rnn`), not in a table:
adding a module edits no other file, so that nothing which ran before has to run again.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = [
    "ENTRY_POINTS",
    "ContractError",
    "PluginLocation",
    "UnknownNameError",
    "available",
    "calling",
    "find_plugin",
    "literal_class_attribute",
    "load",
]

ENTRY_POINTS = {
    "models": "Network",
    "tasks": "TaskSet",
    "similarity": "compare_pairs",
    "analyses": "analyse",
}
"""By package, the name that a module must define to be found: helpers beside it do not."""

# A path or a dotted module, then a Python name: nothing that a shell, or a step upwards, could be made of.
USER_PLUGIN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_./\-]+:[A-Za-z_][A-Za-z0-9_]*")

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


USER_FOLDERS: set[str] = set()
"""Folders of the user's files that were loaded in this process."""


class UnknownNameError(LookupError):
    """A configuration names something that does not exist."""


class ContractError(ValueError):
    """A plug-in does something else than its interface asks for; the message says what to do."""


@contextmanager
def calling(expected: str, remedy: str = "") -> Iterator[None]:
    """Raise any error of a plug-in's own code as a `ContractError` that names its line.

    Parameters
    ----------
    expected : str
        What the call was to give, such as ``a model of 3 inputs``.
    remedy : str, optional
        What to do.
    """
    try:
        yield
    except ContractError:
        raise
    except (Exception, SystemExit) as error:
        raise ContractError(
            f"expected {expected}, got {_described(error)}{f': {remedy}' if remedy else ''}"
        ) from error


def _described(error: BaseException) -> str:
    """Return type and text of an error, with the last line that is neither Warpline's nor a library's."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else f"{text[:300]}..."
    places = [
        f" ({Path(frame.filename).name}, line {frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((str(PACKAGE_FOLDER), *_library_folders(), "<"))
    ]
    return f"{type(error).__name__}: {text}{places[-1] if places else ''}"


@cache
def _library_folders() -> tuple[str, ...]:
    return tuple(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))


@dataclass(frozen=True)
class PluginLocation:
    """Where a named thing lives: a module, or a Python file of the user's; and its name there.

    Attributes
    ----------
    module : str, optional
        Dotted name of a module of the package, or of one that is installed.
    file : pathlib.Path, optional
        The user's file.
    attribute : str, optional
        Name in the module or file; None where the module itself is meant.
    """

    module: str | None = None
    file: Path | None = None
    attribute: str | None = None


@cache
def available(package: str) -> list[str]:
    """Return the names that a package of Warpline, a key of `ENTRY_POINTS`, offers."""
    folder, entry = PACKAGE_FOLDER / package, ENTRY_POINTS[package]
    names = []
    for info in pkgutil.iter_modules([str(folder)]):
        file = folder / info.name / "__init__.py" if info.ispkg else folder / f"{info.name}.py"
        # Parsing every module would take a second: most can be left out by their text.
        if entry in file.read_text(encoding="utf-8") and entry in _top_names(file):
            names.append(info.name)
    return sorted(names)


def _top_names(file: Path) -> set[str]:
    """Return what a Python file defines or imports at its top level, without running it."""
    names: set[str] = set()
    for node in ast.parse(file.read_bytes(), filename=str(file)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def find_plugin(package: str, name: str) -> PluginLocation:
    """Say where a name leads, without importing it.

    Parameters
    ----------
    package : str
        A key of `ENTRY_POINTS`.
    name : str
        A name that the package offers, or ``path/to/file.py:Attribute`` or ``package.module:Attribute``.

    Raises
    ------
    UnknownNameError
        When nothing of that name exists; the message lists what does.
    """
    head, colon, attribute = name.partition(":")
    if not colon:
        if name in available(package):
            return PluginLocation(module=f"warpline.{package}.{name}")
        raise UnknownNameError(
            f"expected one of {', '.join(available(package))}, or 'file.py:Name' of your own; got '{name}'"
        )
    if not USER_PLUGIN.fullmatch(name):
        raise UnknownNameError(
            "expected 'path/to/file.py:Name' or 'package.module:Name' of letters, digits and _ . - /, "
            f"without '..'; got {name!r}"
        )
    if head.endswith(".py"):
        file = Path(head)
        if not file.is_file():
            raise UnknownNameError(f"expected a Python file at '{head}', found none")
        if attribute not in _top_names(file):
            raise UnknownNameError(
                f"no '{attribute}' at the top of {head}: expected a class or object there"
            )
        return PluginLocation(file=file, attribute=attribute)
    if importlib.util.find_spec(head.partition(".")[0]) is None:
        raise UnknownNameError(f"expected an importable module before the colon, got '{head}'")
    return PluginLocation(module=head, attribute=attribute)


def _class_bodies(file: Path, name: str) -> Iterator[ast.stmt]:
    for node in ast.walk(ast.parse(file.read_bytes(), filename=str(file))):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from node.body


def literal_class_attribute(package: str, name: str, attribute: str) -> Any:
    """Return a literal that a plug-in's class states in its own body, without importing it.

    Parameters
    ----------
    package, name : str
        As `find_plugin`.
    attribute : str
        Such as ``periods``.

    Returns
    -------
    object or None
        None where the class does not state it, or not as a literal.
    """
    location = find_plugin(package, name)
    file, class_name = location.file, location.attribute or ENTRY_POINTS[package]
    if location.attribute is None:
        file = PACKAGE_FOLDER / package / f"{name}.py"
    for statement in _class_bodies(file, class_name) if file is not None else ():
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        if any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
            try:
                return ast.literal_eval(statement.value)  # type: ignore[attr-defined]
            except (ValueError, TypeError):
                return None
    return None


def _refuse_other_helpers(folder: Path) -> None:
    """Raise ImportError where a module beside a user's file was loaded from beside another one."""
    for helper in folder.glob("*.py"):
        loaded = getattr(sys.modules.get(helper.stem), "__file__", None) or ""
        if str(Path(loaded).parent) in USER_FOLDERS - {str(folder)}:
            raise ImportError(
                f"expected modules of different names beside your files, got {helper} and {loaded}: "
                "Python imports one of them for both; rename one"
            )


def load(package: str, name: str) -> Any:
    """Import what a name leads to: a module of the package, or the attribute that the name states.

    A user's file is run with its own folder at the head of the import path, as Python does for a
    script: modules that lie beside it can be imported.

    Raises
    ------
    UnknownNameError
        As `find_plugin`; also when the file or module has no such attribute.
    ImportError
        When a module beside the file has the name of one that another user's file has loaded from beside
        itself: Python would take that one.
    """
    location = find_plugin(package, name)
    module: ModuleType
    if location.file is not None:
        title = f"warpline_user_{location.file.stem}"
        spec = importlib.util.spec_from_file_location(title, location.file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[title] = module
        folder = str(location.file.resolve().parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        USER_FOLDERS.add(folder)
        _refuse_other_helpers(Path(folder))
        spec.loader.exec_module(module)
    else:
        assert location.module is not None
        module = importlib.import_module(location.module)
    if location.attribute is None:
        return module
    if not hasattr(module, location.attribute):
        raise UnknownNameError(f"'{name}': no '{location.attribute}' in {module.__name__}")
    return getattr(module, location.attribute)
