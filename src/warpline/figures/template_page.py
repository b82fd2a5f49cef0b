"""Pages of the documentation that are made from a template and the tables of a run."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

__all__ = ["claim", "has_width", "render_template", "write_page"]


def render_template(template: Path, **names: Any) -> str:
    """Return a page: a Jinja template with what it may call; a name that it lacks is an error."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    return environment.from_string(template.read_text()).render(**names)


def claim(sentence: str, carried: bool) -> str:
    """Return a sentence that the tables carry.

    Raises
    ------
    ValueError
        When they do not.
    """
    if not carried:
        raise ValueError(f"expected tables that carry the sentence {sentence!r}: rewrite it")
    return sentence


def has_width(low: float, high: float) -> bool:
    """Say whether an interval is wider than rounding; one with an end that is NaN is not.

    Values that are all alike have an interval of no width, or by rounding of some 1e-16: it bounds nothing.
    """
    return high - low > 1e-9


def write_page(
    description: str,
    page: Path,
    folder: Path,
    tables: Mapping[str, str],
    render: Callable[..., str],
    further: Callable[[Path, Path], None] | None = None,
    others: Mapping[str, Path] | None = None,
) -> None:
    """Run a script that writes a page from tables beside it, and with ``--run`` takes new tables first.

    Parameters
    ----------
    description : str
        Of the script.
    page : pathlib.Path
        ``page.md``, of the template ``page.md.jinja`` beside it.
    folder : pathlib.Path
        Where copies of the tables lie.
    tables : mapping of str to str
        Files of the tables below a results folder, by name.
    render : callable
        Takes the template, the folder and those of `others`; returns the page.
    further : callable, optional
        Takes the results folder and that of the copies, and writes tables that are no copies.
    others : mapping of str to pathlib.Path, optional
        Where copies of the tables of further runs lie, by the option that replaces them.
    """
    parser = argparse.ArgumentParser(description=description)
    folders = {"run": folder, **(others or {})}
    for option, copies in folders.items():
        parser.add_argument(
            f"--{option}", type=Path, help=f"results whose tables replace those in {copies.name}"
        )
    arguments = vars(parser.parse_args())
    for option, copies in folders.items():
        run = arguments[option]
        if run is None:
            continue
        copies.mkdir(parents=True, exist_ok=True)
        for name, file in tables.items():
            shutil.copyfile(run / file, copies / f"{name}.csv")
        if further is not None:
            further(run, copies)
        # Sidecars name paths of the machine that wrote them.
        for sidecar in copies.glob("*.provenance.json"):
            sidecar.unlink()
    page.write_text(render(page.with_name(f"{page.name}.jinja"), *folders.values()))
