"""Run the notebooks in docs/notebooks, and write each with its output as a page beside it.

python scripts/write_notebooks.py          # in the folder that holds results/demo
"""

import argparse
import ast
import contextlib
import io
from pathlib import Path
from typing import Any

import jupytext
from matplotlib import pyplot
from matplotlib.figure import Figure

NOTEBOOKS = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
PICTURES = Path("..") / "images" / "notebooks"
"""Folder of the pictures, as seen from a page."""


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, list[Figure]]:
    """Run a cell among some names; return what it shows: text, with its last value, and figures."""
    statements = ast.parse(source)
    last = statements.body[-1] if statements.body else None
    value, printed = None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        if isinstance(last, ast.Expr):
            statements.body.pop()
            exec(compile(statements, "<cell>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        else:
            exec(compile(statements, "<cell>", "exec"), names)
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    pyplot.close("all")
    if isinstance(value, Figure):
        figures += [value] if value not in figures else []
    elif value is not None and not type(value).__module__.startswith("matplotlib"):
        printed.write(f"{value!r}\n")
    return printed.getvalue(), figures


def page_of(notebook: Path, pages: Path) -> str:
    """Run a notebook; write its pictures beside the pages, and return its page."""
    names: dict[str, Any] = {"__name__": "notebook"}
    parts, n_pictures = [], 0
    pyplot.close("all")  # a figure that someone else left open is not of this notebook
    for cell in jupytext.read(notebook).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        printed, figures = run_cell(cell.source, names)
        if printed:
            parts.append(f"```text\n{printed.rstrip()}\n```")
        for figure in figures:
            n_pictures += 1
            picture = PICTURES / f"{notebook.stem}_{n_pictures}.png"
            target = pages / picture
            target.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(target, dpi=150, metadata={"Software": None})
            parts.append(f"![Figure {n_pictures} of this notebook]({picture.as_posix()})")
    parts.append(
        f"*This page is `docs/notebooks/{notebook.name}` with its output. In Jupyter:"
        f" `jupytext --to notebook {notebook.name}`.*"
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    pyplot.switch_backend("agg")
    for notebook in sorted(NOTEBOOKS.glob("*.py")):
        notebook.with_suffix(".md").write_text(page_of(notebook, NOTEBOOKS), encoding="utf-8")


if __name__ == "__main__":
    main()
