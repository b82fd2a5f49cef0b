"""A digest of the code that a rule runs, blind to comments, docstrings and layout.

Snakemake looks at a rule's own text, not at the library behind it. Each compute rule therefore carries
``params.code``: the SHA-256 of its script and of every warpline module that the script can import.
Editing a module re-runs exactly the rules that reach it; touching or reformatting one re-runs nothing.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["closure", "digest"]

PACKAGE = "warpline"
SOURCE = Path(__file__).resolve().parent.parent.parent


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _find(module: str, source: Path) -> Path | None:
    """Return the file of a dotted warpline module, or None where the name is not a module."""
    base = source.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    """Return the dotted names below warpline that a module imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            else:
                base = node.module or ""
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in found if name.startswith(PACKAGE + ".")}


def closure(script: Path, modules: Iterable[str] = (), source: Path = SOURCE) -> dict[str, Path]:
    """Return the warpline modules that a script can reach, by dotted name.

    Parameters
    ----------
    script : pathlib.Path
        The command-line script of a rule.
    modules : iterable of str
        Modules that a registry loads by name at run time (``warpline.models.leaky_rnn``), which no
        import statement shows.
    source : pathlib.Path
        The folder that holds the package.

    Returns
    -------
    dict of str to pathlib.Path
        Sorted by name. The package's own ``__init__`` is left out: it only forwards names.
    """
    reached: dict[str, Path] = {}
    waiting = sorted(_imports(_parse(script.resolve()), "__main__", False) | set(modules))
    while waiting:
        name = waiting.pop()
        path = _find(name, source)
        if path is None or name in reached:
            continue
        reached[name] = path
        waiting.extend(_imports(_parse(path), name, path.name == "__init__.py"))
    return dict(sorted(reached.items()))


def _strip_docstrings(tree: ast.Module) -> ast.Module:
    tree = ast.parse(ast.unparse(tree))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


@cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(ast.dump(_strip_docstrings(_parse(path))).encode()).hexdigest()


def digest(
    script: str | Path,
    modules: Iterable[str] = (),
    files: Iterable[str | Path] = (),
    source: Path = SOURCE,
) -> str:
    """Return the SHA-256 (16 hex digits) of all code behind a script.

    Parameters
    ----------
    script : str or pathlib.Path
        The command-line script of a rule.
    modules : iterable of str
        Modules loaded by name at run time.
    files : iterable of str or pathlib.Path
        Python files outside the package, such as a user's own task set.
    source : pathlib.Path
        The folder that holds the package.

    Returns
    -------
    str
        Changes when the code does, not when a comment, a docstring, the layout or a time stamp does.

    Raises
    ------
    FileNotFoundError
        When the script, or one of the files, does not exist.
    """
    script = Path(script)
    total = hashlib.sha256(_fingerprint(script.resolve()).encode())
    reached = closure(script, modules, source)
    for extra in sorted(str(file) for file in files):
        path = Path(extra).resolve()
        total.update(_fingerprint(path).encode())
        reached |= closure(path, (), source)
    for name, path in sorted(reached.items()):
        total.update(f"{name}:{_fingerprint(path)}".encode())
    return total.hexdigest()[:16]
