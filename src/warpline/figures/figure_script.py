"""What every script of a figure does: options, style, the figure, its files and their provenance."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.console import script
from warpline.core import result_files
from warpline.core.figure_files import FIGURE_SUFFIXES, figure_metadata
from warpline.core.process import run
from warpline.figures.plotting import apply_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "save"]

LISTED_INPUTS = 20
"""Number of input files of one option up to which a figure's provenance lists each."""


def _inputs_record(inputs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the SHA-256 of the files that a figure shows, by option; of many, one of them all."""
    record: dict[str, Any] = {}
    for option, paths in inputs.items():
        checksums = {path: result_files.checksum(path) for path in paths}
        if len(checksums) > LISTED_INPUTS:
            together = hashlib.sha256(result_files.canonical(checksums).encode()).hexdigest()
            record[option] = {"files": len(checksums), "sha256": together}
        elif checksums:
            record[option] = checksums
    return record


#: Passes of constrained layout. Panels of fixed aspect shrink in one pass and make room for their labels in
#: the next: after a single one, labels are cut. Further ones move labels on the left out of the figure.
_PASSES = 2


def _fix_layout(figure: Figure) -> None:
    """Lay a figure out once for all its files, with positions of panels that every run repeats.

    The solver of constrained layout goes through its constraints in an order that differs between processes,
    and so do the last digits of its solution; names in an SVG file are hashes of all digits.
    """
    from matplotlib import rc_context

    engine = figure.get_layout_engine()
    if engine is not None:
        for _ in range(_PASSES):
            engine.execute(figure)
        # None, not "none": with the latter's stand-in, every file would cost a second drawing.
        with rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
    for panel in figure.axes:
        bounds = np.round(panel.get_position(original=True).bounds, 6)
        panel.set_position(tuple(bounds.tolist()))


def save(figure: Figure, paths: Iterable[Path], provenance: Mapping[str, Any]) -> None:
    """Write a figure to files of the formats of their names, with its provenance inside; atomically."""
    _fix_layout(figure)
    for path in paths:
        suffix = path.suffix[1:]
        with result_files.result_path(path, provenance) as temporary_path:
            figure.savefig(
                temporary_path, format=suffix, metadata=figure_metadata(suffix, provenance)
            )


def draw(
    description: str | None,
    inputs: Sequence[str],
    make: Callable[[argparse.Namespace, dict[str, Any]], Figure],
) -> None:
    """Run a figure script: parse its options, set the style, make the figure, write SVG, PNG and PDF.

    Parameters
    ----------
    description : str, optional
        The script's docstring, shown as its help text.
    inputs : sequence of str
        Names of the options that take input files. Each option takes any number of files.
    make : callable
        Takes the parsed options and the settings; returns the figure.
    """

    def main() -> None:
        parser = script.parser(description)
        for name in inputs:
            parser.add_argument(f"--{name}", nargs="*", default=[])
        for suffix in FIGURE_SUFFIXES:
            parser.add_argument(f"--{suffix}", type=Path, required=True)
        arguments = parser.parse_args()
        apply_style(arguments.settings["style"])
        figure = make(arguments, arguments.settings)
        provenance = {
            "settings": arguments.settings,
            "code": arguments.code,
            "inputs": _inputs_record({name: getattr(arguments, name) for name in inputs}),
        }
        save(figure, [getattr(arguments, suffix) for suffix in FIGURE_SUFFIXES], provenance)

    run(main)
