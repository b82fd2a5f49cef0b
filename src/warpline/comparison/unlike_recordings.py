"""Groups of which the recordings differ in size: they lie apart by that alone (docs/your_data.md)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from warpline.core.caller_warnings import warn_caller
from warpline.similarity.recordings import Recording

__all__ = ["warn_of_unlike_recordings"]

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
