"""Settings with which a recording is read: their defaults, and what is refused before a file is opened."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from warpline.core.number_arguments import number_of, short_text
from warpline.datasets.file_formats import RecordingFileError

__all__ = ["DEFAULTS", "SPIKE_DEFAULTS", "checked_settings"]

DEFAULTS: dict[str, Any] = {
    "variable": None,
    "axes": None,
    "dims": {},
    "select": {},
    "valid": None,
    "ignore": [],
    "time": None,
    "time_unit": None,
    "dt": None,
    "trials": None,
    "align": None,
    "until": None,
    "conditions": [],
    "spikes": None,
    "bin": None,
    "window": None,
}
"""Settings of `warpline.datasets.sessions.read_session`, and their values where they are not given."""
SPIKE_DEFAULTS: dict[str, Any] = {
    "times": None,
    "units": None,
    "trials": None,
    "kernel": "counts",
    "width": None,
}
"""The same of ``spikes``."""
_OF_AN_ENTRY = ("file", "group")
"""What an entry of a configuration says beside them, and reading does not need."""
_NAMES = ("variable", "valid", "time", "align", "until")
_LISTS = ("axes", "ignore", "conditions")
_MAPPINGS = ("dims", "select")
_KERNELS = ("counts", "gaussian")
_UNITS = ("ms", "s")


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings, given ones and defaults.

    Parameters
    ----------
    settings : mapping
        Some of `DEFAULTS`; ``spikes`` holds some of `SPIKE_DEFAULTS`. ``file`` and ``group`` of an entry of a
        configuration are dropped.

    Raises
    ------
    RecordingFileError
        When a key is unknown, or a value is of another kind, out of its range, or does not go with another.
    """
    values = _with_defaults("settings", settings, DEFAULTS, _OF_AN_ENTRY)
    for name in _NAMES:
        _one_text(name, values[name])
    if not isinstance(values["trials"], PathLike):
        _one_text("trials", values["trials"])
    for name in _LISTS:
        value = values[name]
        texts = isinstance(value, Sequence) and not isinstance(value, str)
        if value is not None and not (texts and all(isinstance(one, str) for one in value)):
            raise _refused(name, "a list of names", value)
    axes = values["axes"] or ()
    if len(set(axes)) < len(axes):
        raise _refused("axes", "each name once", axes)
    for name in _MAPPINGS:
        if not isinstance(values[name], Mapping):
            raise _refused(name, "a mapping from dimensions", values[name])
    _one_of("time_unit", values["time_unit"], (None, *_UNITS))
    for name in ("dt", "bin"):
        _positive(f"{name} in ms", values[name])
    if values["window"] is not None:
        _first_and_last(values["window"])
    if values["spikes"] is not None:
        values["spikes"] = _checked_spikes(values)
    elif values["until"] is not None:
        raise _refused(
            "until", "none for states, whose trials end where valid says so", values["until"]
        )
    return values


def _checked_spikes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of spikes, which need some of the others."""
    spikes = _with_defaults("spikes", values["spikes"], SPIKE_DEFAULTS)
    for name in ("times", "units", "trials"):
        _one_text(f"spikes.{name}", spikes[name])
    if spikes["times"] is None:
        raise _refused("spikes.times", "the name of the variable with the spike times", None)
    _one_of("spikes.kernel", spikes["kernel"], _KERNELS)
    _positive("spikes.width in ms", spikes["width"])
    if spikes["kernel"] == "gaussian" and spikes["width"] is None:
        raise _refused("spikes.width", "the standard deviation of the kernel in ms", None)
    if spikes["kernel"] == "counts" and spikes["width"] is not None:
        raise _refused("spikes.width", "none for the kernel counts", spikes["width"])
    for name in ("bin", "window"):
        if values[name] is None:
            raise _refused(name, "a value for spikes", None)
    if values["variable"] is not None:
        raise _refused("variable", "none beside spikes, which names its own", values["variable"])
    return spikes


def _with_defaults(
    what: str,
    given: Mapping[str, Any],
    defaults: Mapping[str, Any],
    dropped: Sequence[str] = (),
) -> dict[str, Any]:
    """Return settings with the defaults of those that are not given, without those to be dropped."""
    if not isinstance(given, Mapping):
        raise _refused(what, f"a mapping with some of {', '.join(defaults)}", given)
    kept = {name: value for name, value in given.items() if name not in dropped}
    for name in kept:
        if name not in defaults:
            near = difflib.get_close_matches(str(name), defaults, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise RecordingFileError(
                f"{what} among {', '.join(defaults)}",
                short_text(name),
                f"Rename or drop this key.{meant}",
            )
    # None is "not given" in all of them.
    return {**defaults, **{name: value for name, value in kept.items() if value is not None}}


def _one_text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise _refused(name, "a name", value)


def _one_of(name: str, value: Any, choices: Sequence[Any]) -> None:
    # A list is equal to none of them, and an array to each in part.
    if not any(
        value is choice or (isinstance(value, str) and value == choice) for choice in choices
    ):
        raise _refused(name, " or ".join(str(choice) for choice in choices if choice), value)


def _positive(name: str, value: Any) -> None:
    if value is None:
        return
    number = number_of(value, whole=False)
    if number is None or not 0 < number < math.inf:
        raise _refused(name, "a number above 0", value)


def _first_and_last(window: Any) -> None:
    """Refuse a window that is not two numbers of which the second is larger."""
    pair = isinstance(window, Sequence) and not isinstance(window, str) and len(window) == 2
    first, last = (number_of(end, whole=False) for end in window) if pair else (None, None)
    if first is None or last is None or not -math.inf < first < last < math.inf:
        raise _refused("window", "the first and the last time in ms, [first, last]", window)


def _refused(name: str, expected: str, got: Any) -> RecordingFileError:
    verb = "Drop" if expected.startswith("none") else "Set"
    return RecordingFileError(f"{name}: {expected}", short_text(got), f"{verb} {name.split()[0]}.")
