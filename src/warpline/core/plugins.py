"""Find what a configuration names: a module of the package, or a user's own file or module.

A name is looked up by convention (model ``leaky_rnn`` is `warpline.models.leaky_rnn`), not in a table:
adding a module edits no other file, so nothing that ran before has to run again.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["UnknownNameError", "Where", "available", "load", "locate", "statement"]

# A path or a dotted module, then a Python name: nothing that a shell, or a step upwards, could be made of.
OWN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_./\-]+:[A-Za-z_][A-Za-z0-9_]*")

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


class UnknownNameError(LookupError):
    """A configuration names something that does not exist."""


@dataclass(frozen=True)
class Where:
    """Where a named thing lives: a module of the package, or a Python file of the user's."""

    module: str | None = None
    file: Path | None = None
    attribute: str | None = None


def available(folder: str) -> list[str]:
    """Return the names that a folder of the package offers (``models``, ``tasks``, ``similarity``).

    A module offers itself by defining ``OFFERS = True``; helpers beside it do not.
    """
    path = PACKAGE_FOLDER / folder
    names = []
    for info in pkgutil.iter_modules([str(path)]):
        file = path / info.name / "__init__.py" if info.ispkg else path / f"{info.name}.py"
        if "\nOFFERS = True" in file.read_text(encoding="utf-8"):
            names.append(info.name)
    return sorted(names)


def _top_names(file: Path) -> set[str]:
    """Return what a Python file defines or imports at its top level, without running it."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def locate(folder: str, name: str) -> Where:
    """Say where a name leads, without importing it.

    Parameters
    ----------
    folder : str
        ``"models"``, ``"tasks"`` or ``"similarity"``.
    name : str
        A name that the package offers, or ``path/to/file.py:Attribute`` or ``package.module:Attribute``.

    Raises
    ------
    UnknownNameError
        When nothing of that name exists; the message lists what does.
    """
    head, colon, attribute = name.partition(":")
    if not colon:
        if name in available(folder):
            return Where(module=f"warpline.{folder}.{name}")
        raise UnknownNameError(
            f"expected one of {', '.join(available(folder))}, or 'file.py:Name' of your own; got '{name}'"
        )
    if not OWN.fullmatch(name):
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
        return Where(file=file, attribute=attribute)
    if importlib.util.find_spec(head.partition(".")[0]) is None:
        raise UnknownNameError(f"expected an importable module before the colon, got '{head}'")
    return Where(module=head, attribute=attribute)


def statement(folder: str, name: str, kind: str, attribute: str) -> Any:
    """Return a literal that a class states in its own body, without importing it; None where it does not.

    Parameters
    ----------
    folder, name : str
        As `locate`.
    kind : str
        Name of the class in a module of the package; one of your own is named by `name`.
    attribute : str
        Such as ``periods``.
    """
    where = locate(folder, name)
    file = where.file
    if where.attribute is None:
        file = PACKAGE_FOLDER / folder / f"{name}.py"
    if file is None:
        return None
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.ClassDef) and node.name == (where.attribute or kind):
            for line in node.body:
                targets = line.targets if isinstance(line, ast.Assign) else []
                targets = [line.target] if isinstance(line, ast.AnnAssign) else targets
                if any(isinstance(t, ast.Name) and t.id == attribute for t in targets):
                    try:
                        return ast.literal_eval(line.value)  # type: ignore[attr-defined]
                    except (ValueError, TypeError):
                        return None
    return None


def load(folder: str, name: str) -> Any:
    """Import what a name leads to: a module of the package, or the attribute that the name states.

    Raises
    ------
    UnknownNameError
        As `locate`; also when the file or module has no such attribute.
    """
    where = locate(folder, name)
    module: ModuleType
    if where.file is not None:
        title = f"warpline_user_{where.file.stem}"
        spec = importlib.util.spec_from_file_location(title, where.file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[title] = module
        spec.loader.exec_module(module)
    else:
        assert where.module is not None
        module = importlib.import_module(where.module)
    if where.attribute is None:
        return module
    if not hasattr(module, where.attribute):
        raise UnknownNameError(f"'{name}': no '{where.attribute}' in {module.__name__}")
    return getattr(module, where.attribute)
