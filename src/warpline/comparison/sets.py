"""Dissimilarity matrices of sets of systems, by any measure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.comparison.matched_trials import match_trials, matched_states
from warpline.core import plugins
from warpline.similarity.input_errors import InputError, SettingsError, TrialError
from warpline.similarity.recordings import Recording

__all__ = ["SystemMatrix", "compare_pair", "compare_sets", "settings_by_measure"]


@dataclass(frozen=True, eq=False, repr=False)
class SystemMatrix:
    """Dissimilarities by one measure of the systems of one set, or between those of two.

    Attributes
    ----------
    measure : str
    names, columns : tuple of str
        Systems of the rows and of the columns; the same ones for one set.
    dissimilarity : ndarray, shape (row, column)
        For one set symmetric, with a diagonal of zeros by definition. NaN where a pair failed.
    status : ndarray of str, shape (row, column)
        Of each pair; "converged" on the diagonal of one set.
    table : DataFrame
        A row per pair: ``measure``, ``system_a``, ``system_b``, ``dissimilarity``, ``status`` and the further
        columns of the measure.
    one_set : bool
        Whether rows and columns are the same systems.
    """

    measure: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    dissimilarity: NDArray[np.float64]
    status: NDArray[np.str_]
    table: pd.DataFrame
    one_set: bool

    def __repr__(self) -> str:
        values = self.table["dissimilarity"].dropna()
        spread = f"{values.min():.3g} to {values.max():.3g}" if len(values) else "none"
        counts = Counter(str(status).partition(":")[0] for status in self.table["status"])
        sides = [self.names] if self.one_set else [self.names, self.columns]
        return "\n".join(
            [
                f"<{type(self).__name__} '{self.measure}', {len(self.names)} x {len(self.columns)}, "
                f"{len(self.table)} pairs: dissimilarity {spread}",
                f"  systems: {' against '.join(_listed(side) for side in sides)}",
                f"  status: {', '.join(f'{count} {status}' for status, count in counts.items())}>",
            ]
        )


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")


def compare_sets(
    rows: Mapping[str, Recording],
    columns: Mapping[str, Recording] | None = None,
    *,
    measure: str,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> SystemMatrix:
    """Compare all systems of a set with each other, or with those of a second set.

    Parameters
    ----------
    rows, columns : mapping of str to Recording
        Systems by name (`warpline.similarity.recordings.as_recording`), with the inputs and the conditions
        that the measure needs. Without ``columns`` the pairs are those of one set.
    measure : str
        A module of `warpline.similarity`, or your own ``path/to/file.py:Name``.
    settings : mapping, optional
        Settings of the measure. Those in its ``PER_SYSTEM`` may be mappings by name, or sequences, the
        systems of the rows first.
    seed : int, optional
        Root of random starts.

    Returns
    -------
    SystemMatrix
        A system that the measure cannot take has NaN, and a status that says why.

    Raises
    ------
    SettingsError
        When a setting is unknown or missing.
    TrialError
        When the measure compares trial by trial, and the systems have not the same trials.
    InputError
        When no pair is left.
    """
    settings = settings or {}
    second = {} if columns is None else columns
    n_rows, n_columns = len(rows), len(rows if columns is None else second)
    if min(n_rows, n_columns) < 1 or n_rows + len(second) < 2:
        raise InputError(
            "at least two systems to compare",
            f"{n_rows + len(second)}",
            "Give several systems, or two sets; a list of (time, unit) arrays is one system.",
        )
    # Columns may repeat names of the rows: the key tells the two apart.
    systems = {(0, name): recording for name, recording in rows.items()}
    systems |= {(1, name): recording for name, recording in second.items()}
    pairs = (
        list(itertools.combinations(range(n_rows), 2))
        if columns is None
        else list(itertools.product(range(n_rows), range(n_rows, n_rows + n_columns)))
    )
    keys = list(systems)
    results = _compare(
        [(name, systems[side, name]) for side, name in keys],
        pairs,
        measure=measure,
        settings=settings,
        seed=seed,
    )

    dissimilarity = np.zeros((n_rows, n_columns))
    status = np.full((n_rows, n_columns), "converged", dtype=object)
    table = []
    for (i, j), row in zip(pairs, results, strict=True):
        names = {"measure": measure, "system_a": keys[i][1], "system_b": keys[j][1]}
        table.append({**names, **row})
        cells = [(i, j), (j, i)] if columns is None else [(i, j - n_rows)]
        for cell in cells:
            dissimilarity[cell] = row["dissimilarity"]
            status[cell] = row["status"]
    return SystemMatrix(
        measure=measure,
        names=tuple(rows),
        columns=tuple(rows if columns is None else second),
        dissimilarity=dissimilarity,
        status=status.astype(np.str_),
        table=pd.DataFrame(table),
        one_set=columns is None,
    )


def compare_pair(
    x: Recording,
    y: Recording,
    *,
    measure: str,
    settings: Mapping[str, Any],
    seed: int = 0,
) -> dict[str, Any]:
    """Compare two systems, named ``x`` and ``y``: the row of the measure for them.

    Raises
    ------
    ValueError
        As `compare_sets`, and when the measure cannot take a system.
    """
    systems = [("x", x), ("y", y)]
    return _compare(systems, [(0, 1)], measure=measure, settings=settings, seed=seed)[0]


def settings_by_measure(
    measures: Sequence[str] | Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Give each measure the settings that it knows.

    Parameters
    ----------
    measures : sequence of str, or mapping of str to mapping
        Names, or names with settings of their own.
    settings : mapping
        For all measures that have a setting of that name. Measures without a list of settings take all.

    Raises
    ------
    SettingsError
        When no measure has a setting of that name.
    """
    names = list(measures)
    if not names:
        raise SettingsError("at least one measure", "none", "Set measures.")
    known = {name: _setting_names(name) for name in names}
    for setting in settings:
        if not any(known[name] is None or setting in (known[name] or ()) for name in names):
            listed = {name: ", ".join(known[name] or ()) or "none" for name in names}
            raise SettingsError(
                "settings of " + "; ".join(f"{name} among {some}" for name, some in listed.items()),
                setting,
                "Correct its name.",
            )
    own = measures if isinstance(measures, Mapping) else {name: {} for name in names}
    return {
        name: {
            **{
                key: value
                for key, value in settings.items()
                if known[name] is None or key in (known[name] or ())
            },
            **own[name],
        }
        for name in names
    }


def _setting_names(measure: str) -> tuple[str, ...] | None:
    """Return the names of a measure's settings, None where it does not list them."""
    names = getattr(plugins.load("similarity", measure), "SETTINGS", None)
    return None if names is None else tuple(names)


def _compare(
    systems: Sequence[tuple[str, Recording]],
    pairs: Sequence[tuple[int, int]],
    *,
    measure: str,
    settings: Mapping[str, Any],
    seed: int,
) -> list[dict[str, Any]]:
    """Represent each system once, and return a row per pair."""
    module = plugins.load("similarity", measure)
    known = _setting_names(measure)
    unknown = [name for name in settings if known is not None and name not in known]
    if unknown:
        raise SettingsError(
            f"settings of {measure} among {', '.join(known or ()) or 'none'}",
            ", ".join(unknown),
            "Correct their names.",
        )
    names = [name for name, _ in systems]
    recordings = [recording for _, recording in systems]
    if getattr(module, "PAIRED_TRIALS", False):
        recordings = match_trials(systems, measure)

    # A system that cannot be represented is a row that says so, where others are left.
    representations: list[Any] = []
    reasons: dict[int, InputError | ValueError] = {}
    index: dict[int, int] = {}
    for k, recording in enumerate(recordings):
        try:
            representation = _represent(
                module, measure, recording, names[k], _settings_of(module, settings, names, k)
            )
        except SettingsError:
            raise
        except ValueError as error:
            reasons[k] = error
            continue
        index[k] = len(representations)
        representations.append(representation)
    usable = [(i, j) for i, j in pairs if i in index and j in index]
    if not usable:
        raise next(iter(reasons.values()))
    results = iter(
        module.compare_pairs(
            representations,
            [(index[i], index[j]) for i, j in usable],
            settings=_settings_of(module, settings, names, 0),
            seed=seed,
        )
    )
    rows = []
    for i, j in pairs:
        reason = reasons.get(i) or reasons.get(j)
        failed = {"dissimilarity": np.nan, "status": f"failed: {reason}"}
        rows.append(failed if reason else dict(next(results)))
    return rows


def _settings_of(
    module: ModuleType, settings: Mapping[str, Any], names: Sequence[str], k: int
) -> dict[str, Any]:
    """Return the settings of one system: those of ``PER_SYSTEM`` may have a value for each."""
    own = dict(settings)
    for key in getattr(module, "PER_SYSTEM", ()):
        values = own.get(key)
        if isinstance(values, Mapping):
            if names[k] not in values:
                raise SettingsError(
                    f"a value of {key} for each system", f"none for {names[k]}", f"Add it to {key}."
                )
            own[key] = values[names[k]]
        elif isinstance(values, (list, tuple, np.ndarray)):
            if len(values) != len(names):
                raise SettingsError(
                    f"a value of {key} for each of {len(names)} systems",
                    f"{len(values)}",
                    f"Give one number for all, or {len(names)}.",
                )
            own[key] = values[k]
    return own


def _represent(
    module: ModuleType,
    measure: str,
    recording: Recording,
    name: str,
    settings: Mapping[str, Any],
) -> Any:
    """Hand a measure what it asks for: states, and where it needs them inputs and conditions."""
    whole = getattr(module, "UNEQUAL_TRIALS", False)
    paired = getattr(module, "PAIRED_TRIALS", False)
    states: Any = (
        recording if whole else recording.states if not paired else matched_states(recording)
    )
    extra: dict[str, Any] = {}
    if getattr(module, "NEEDS_INPUTS", False):
        if recording.inputs is None:
            raise TrialError(
                f"inputs of {name}, which {measure} needs", "none", "Give the inputs: inputs=."
            )
        extra["inputs"] = recording.inputs if whole else np.stack(recording.inputs)
    if getattr(module, "NEEDS_CONDITIONS", False):
        if recording.conditions is None:
            raise TrialError(
                f"the condition of each trial of {name}, which {measure} needs",
                "none",
                "Give the conditions: conditions=.",
            )
        extra["conditions"] = np.asarray(recording.conditions)
    return module.represent(states, settings=settings, **extra)
