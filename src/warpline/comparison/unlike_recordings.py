"""Recordings that differ in size or in their means: they lie apart by that alone (docs/your_data.md)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from warpline.core.caller_warnings import warn_caller
from warpline.core.number_arguments import first_few
from warpline.similarity.recordings import Recording

__all__ = ["warn_of_unlike_means", "warn_of_unlike_recordings"]

NO_MEAN, MEAN = 0.01, 0.1
"""Shares of the mean square of the states that their mean makes up: of systems without means, and with."""
SIZES: Mapping[str, Callable[[Recording], int]] = {
    "units": lambda recording: recording.n_units,
    "time steps": lambda recording: max(recording.lengths),
    "trials": len,
}


def warn_of_unlike_recordings(groups: Mapping[str, Mapping[str, Recording]]) -> None:
    """Warn where all systems of one group have more units, time steps or trials than those of another.

    Parameters
    ----------
    groups : mapping of str to mapping of str to Recording
        Systems by name, by group; none empty.
    """
    unlike = []
    for what, size in SIZES.items():
        ranges = {
            name: (min(map(size, members.values())), max(map(size, members.values())))
            for name, members in groups.items()
        }
        if any(a[1] < b[0] or b[1] < a[0] for a, b in itertools.combinations(ranges.values(), 2)):
            counts = (
                f"{name} {low}" + (f" to {high}" if high > low else "")
                for name, (low, high) in ranges.items()
            )
            unlike.append(f"{what}: {', '.join(counts)}")
    if unlike:
        warn_caller(
            f"expected groups that are recorded alike, got other numbers of {'; of '.join(unlike)}. A "
            "difference between them need not be one of dynamics. Where they are recordings, take as many "
            "units and trials of each, drawn at random, and the same time steps (docs/your_data.md, "
            "Groups of unlike recordings)."
        )


def warn_of_unlike_means(systems: Iterable[tuple[str, Recording]], measure: str) -> None:
    """Warn where the units of some systems have means and those of others have none.

    Parameters
    ----------
    systems : iterable of (str, Recording)
        With their names.
    measure : str
        What messages call the measure, which compares the means, too.
    """
    shares = [(name, _share_of_mean(recording)) for name, recording in systems]
    without = [name for name, share in shares if share < NO_MEAN]
    with_means = [f"{name} ({share:.0%})" for name, share in shares if share > MEAN]
    if without and with_means:
        warn_caller(
            f"expected units with a mean in all systems, or in none, because {measure} fits it too, got "
            f"{first_few(with_means, 3)}, where it is so much of the mean square, and "
            f"{first_few(without, 3)}, where it is next to nothing. Set centre (--centre) to subtract "
            "it (docs/your_data.md, Groups of unlike recordings)."
        )


def _share_of_mean(recording: Recording) -> float:
    """Return the share of the mean square of the states that the mean of the units makes up."""
    trials = recording.rescaled()[0].trials
    total = sum(float(np.vdot(trial, trial)) for trial in trials)
    sums = np.sum([trial.sum(axis=0) for trial in trials], axis=0)
    return float(np.vdot(sums, sums)) / (sum(map(len, trials)) * total) if total > 0 else 0.0
