"""Settings of a measure: given, or the default, and of the default's kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warpline.core.number_arguments import number_of, short_text, truth_of
from warpline.similarity.input_errors import SettingsError, positive_integer

__all__ = ["setting_of"]


def setting_of(
    settings: Mapping[str, Any],
    name: str,
    defaults: Mapping[str, Any],
    choices: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """Return a setting, or its default.

    Parameters
    ----------
    settings : mapping
        What was given.
    name : str
    defaults : mapping
        The kind of a default is that of the setting: a truth value, a whole number from 1 (from 0 where the
        default is 0), a number, text. None stands for a number that may be missing.
    choices : mapping of str to sequence of str, optional
        Settings that are one of some words.

    Raises
    ------
    SettingsError
        When the setting is of another kind, or a count beyond its limit (`warpline.core.count_limits`).
    """
    default = defaults[name]
    value = settings.get(name, default)
    if choices and name in choices:
        if not isinstance(value, str) or value not in choices[name]:
            expected = f"{name} to be one of {', '.join(choices[name])}"
            raise SettingsError(expected, short_text(value), f"Set {name}.")
        return value
    if isinstance(default, str):
        # What is fitted by it knows its words.
        if not isinstance(value, str):
            raise SettingsError(f"{name} to be text", short_text(value), f"Set {name}.")
        return value
    if isinstance(default, bool):
        truth = truth_of(value)
        if truth is None:
            raise SettingsError(f"{name} to be true or false", short_text(value), f"Set {name}.")
        return truth
    if isinstance(default, int):
        if default > 0:
            return positive_integer(name, value)
        number = number_of(value, whole=True)
        if number is None or number < 0:
            expected = f"{name} to be a whole number of 0 or more"
            raise SettingsError(expected, short_text(value), f"Set {name}.")
        return number
    if value is None and default is None:
        return None
    number = number_of(value, whole=False)
    if number is None:
        raise SettingsError(f"{name} to be a number", short_text(value), f"Set {name}.")
    return number
