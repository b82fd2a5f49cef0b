"""Rows of a measure for pairs of systems: what each system is represented by, whole or by held-out trials."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from warpline.comparison.matched_trials import (
    check_matched_channels,
    check_matched_times,
    match_trials,
    matched_states,
    take_trials,
)
from warpline.comparison.unlike_recordings import warn_of_unlike_means
from warpline.core import plugins
from warpline.core.number_arguments import first_few, short_text
from warpline.similarity.dsa.prediction import split_trials
from warpline.similarity.input_errors import SettingsError, TrialError, failed_row
from warpline.similarity.measure_rows import check_left_alone, checked_rows
from warpline.similarity.rank_warning import warn_of_ranks
from warpline.similarity.recordings import Recording, check_same_bins

__all__ = ["Split", "measured_pairs", "settings_by_measure"]

#: How trials are split: not, into halves that take turns, or with a share that is held out.
Split = str | float | None


def measured_pairs(
    systems: Sequence[tuple[str, Recording]],
    pairs: Sequence[tuple[int, int]],
    *,
    measure: str,
    settings: Mapping[str, Any],
    seed: int,
    split: Split = None,
) -> list[dict[str, Any]]:
    """Represent each system once by a measure, and return a row per pair.

    Parameters
    ----------
    systems : sequence of (str, Recording)
        With their names.
    pairs : sequence of (int, int)
        Indices of systems.
    measure : str
    settings : mapping
        Those in the measure's ``PER_SYSTEM`` may be mappings by name, or sequences.
    seed : int
        Root of random starts, and of the split.
    split : "halves" or float, optional
        Fit the measure's map to some trials and judge it on others: a share of the trials is held out, or
        each random half in turn, of which the mean is returned. Systems with as many trials share the
        split, and so do all systems of a measure that compares trial by trial.

    Returns
    -------
    list of dict
        The rows of the measure. With a split ``dissimilarity`` (held-out trials), ``dissimilarity_train``,
        ``status``. A system that the measure cannot take is a row with NaN and a status that says why.

    Raises
    ------
    ValueError
        When a setting cannot be used, trials do not match, or no pair is left.
    """
    module = plugins.load("similarity", measure)
    if not (hasattr(module, "represent") and hasattr(module, "compare_pairs")):
        raise SettingsError(
            "a measure with `represent` and `compare_pairs`", f"{measure}, without", "Set measure."
        )
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError("seed as a whole number from 0", short_text(seed), "Set seed.")
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
    elif getattr(module, "MATCHED_TIMES", False):
        check_matched_times(systems, measure)
    if getattr(module, "NEEDS_INPUTS", False):
        check_matched_channels(systems, measure)
    check_same_bins(systems, measure)
    if getattr(module, "FITS_MEANS", False) and not settings.get("offset"):
        warn_of_unlike_means(systems, measure)
    settings_of = _settings_by_system(module, settings, names)

    if split is None:

        def represent(k: int) -> Any:
            states, extra = _arguments(module, measure, names[k], recordings[k])
            return _left_alone(measure, module.represent, [states], settings_of[k], extra)

        return _rows(names, pairs, represent, module, "compare_pairs", settings_of[0], seed)

    share, n_folds = _share(module, measure, split)
    parts = [
        _folds(recording, name, share, n_folds, seed)
        for name, recording in zip(names, recordings, strict=True)
    ]
    folds = []
    for fold in range(n_folds):

        def represent_fold(k: int, fold: int = fold) -> Any:
            train, test = (
                _arguments(module, measure, names[k], part)[0] for part in parts[k][fold]
            )
            return _left_alone(
                measure, module.represent_held_out, [train, test], settings_of[k], {}
            )

        folds.append(
            _rows(names, pairs, represent_fold, module, "compare_held_out", settings_of[0], seed)
        )
    return [_mean_row(rows) for rows in zip(*folds, strict=True)]


def _rows(
    names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    represent: Callable[[int], Any],
    module: ModuleType,
    compare: str,
    settings: Mapping[str, Any],
    seed: int,
) -> list[dict[str, Any]]:
    """Represent and compare; what cannot be represented is a row that says so, where a pair is left."""
    representations: list[Any] = []
    reasons: dict[int, ValueError] = {}
    index: dict[int, int] = {}
    for k in range(len(names)):
        try:
            representation = represent(k)
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
    warn_of_ranks([(names[k], representations[row]) for k, row in index.items()])
    results = getattr(module, compare)(
        representations,
        [(index[i], index[j]) for i, j in usable],
        settings=settings,
        seed=seed,
    )
    checked = iter(checked_rows(results, len(usable), module))
    rows = []
    for i, j in pairs:
        reason = reasons.get(i) or reasons.get(j)
        rows.append(failed_row(reason) if reason else next(checked))
    return rows


def _share(module: ModuleType, measure: str, split: str | float) -> tuple[float, int]:
    """Return the share of the trials that is held out, and the number of folds."""
    if not hasattr(module, "compare_held_out"):
        able = [
            name
            for name in plugins.available("similarity")
            if hasattr(plugins.load("similarity", name), "compare_held_out")
        ]
        raise SettingsError(
            f"a measure that fits a map between systems, such as {', '.join(able)}, to hold out trials",
            measure,
            "Drop split.",
        )
    if split == "halves":
        return 0.5, 2
    if not isinstance(split, int | float | np.floating) or not 0 < split < 1:
        raise SettingsError("split as 'halves' or a share in (0, 1)", repr(split), "Set split.")
    return float(split), 1


def _folds(
    recording: Recording, name: str, share: float, n_folds: int, seed: int
) -> list[tuple[Recording, Recording]]:
    """Return the training and the held-out trials of one system, fold by fold."""
    if len(recording.trials) < 2:
        raise TrialError(
            f"at least two trials of {name}, one of them held out",
            f"{len(recording.trials)}",
            "Split the recording into trials, or drop split.",
        )
    train, test = split_trials(len(recording.trials), share, seed)
    both = take_trials(recording, train.tolist()), take_trials(recording, test.tolist())
    return [both, both[::-1]][:n_folds]


def _mean_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row for the folds of a pair: means, and the first status that is not converged."""
    statuses = [row["status"] for row in rows]
    return {
        "dissimilarity": float(np.mean([row["dissimilarity"] for row in rows])),
        "dissimilarity_train": float(
            np.mean([row.get("dissimilarity_train", np.nan) for row in rows])
        ),
        "status": next((status for status in statuses if status != "converged"), "converged"),
    }


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
        When no measure has a setting of that name, or all that do have their own, or the measures or their
        settings are of another kind.
    """
    if not isinstance(measures, Iterable):
        raise SettingsError("a list of names of measures", repr(measures), "Set measures.")
    names = list(measures)
    if not names:
        raise SettingsError("at least one measure", "none", "Set measures.")
    if isinstance(measures, str) or not all(isinstance(name, str) for name in names):
        raise SettingsError(
            "a list of names of measures, or one name as `measure`", repr(measures), "Set measures."
        )
    known = {name: _setting_names(name) for name in names}
    takers = {
        setting: [name for name, some in known.items() if some is None or setting in some]
        for setting in settings
    }
    for setting, takes in takers.items():
        if not takes:
            listed = {name: ", ".join(some or ()) or "none" for name, some in known.items()}
            raise SettingsError(
                "settings of " + "; ".join(f"{name} among {some}" for name, some in listed.items()),
                setting,
                "Correct its name.",
            )
    own = measures if isinstance(measures, Mapping) else {name: {} for name in names}
    for name, given in own.items():
        if not isinstance(given, Mapping):
            raise SettingsError(
                f"a mapping of settings for {name}", repr(given), "Give {} where there are none."
            )
    for setting, takes in takers.items():
        if all(setting in own[name] for name in takes):
            raise SettingsError(
                f"{setting} for all measures, or for each by itself",
                f"{setting}={short_text(settings[setting])} beside one of its own for {', '.join(takes)}",
                "Leave one of them out.",
            )
    return {
        name: {
            **{key: value for key, value in settings.items() if name in takers[key]},
            **own[name],
        }
        for name in names
    }


def _setting_names(measure: str) -> tuple[str, ...] | None:
    """Return the names of a measure's settings, None where it does not list them."""
    names = getattr(plugins.load("similarity", measure), "SETTINGS", None)
    return None if names is None else tuple(names)


def _settings_by_system(
    module: ModuleType, settings: Mapping[str, Any], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the settings of each system: those of ``PER_SYSTEM`` may have a value for each."""
    by_system = [dict(settings) for _ in names]
    for key in getattr(module, "PER_SYSTEM", ()):
        values = settings.get(key)
        if isinstance(values, Mapping):
            if missing := [name for name in names if name not in values]:
                raise SettingsError(
                    f"a value of {key} for each system",
                    f"none for {missing[0]}",
                    f"Add it to {key}.",
                )
            known = set(names)
            if others := [name for name in values if name not in known]:
                raise SettingsError(
                    f"values of {key} for the systems {first_few(names, 5)}",
                    f"one for {first_few(others, 3)} too",
                    f"Correct the name in {key}, or drop it.",
                )
            values = [values[name] for name in names]
        elif (hasattr(values, "index") and hasattr(values, "to_dict")) or hasattr(values, "coords"):
            # Labels that are read by position would give a system the number of another.
            raise SettingsError(
                f"{key} as a number, a mapping by name, or a list in the order of the systems",
                f"{type(values).__name__}, whose labels would be overlooked",
                "Give a dict, as by to_dict(), or its values.",
            )
        elif isinstance(values, (list, tuple)) or (
            values is not None and getattr(values, "ndim", 0) == 1
        ):
            if len(values) != len(names):
                raise SettingsError(
                    f"a value of {key} for each of {len(names)} systems",
                    f"{len(values)}",
                    f"Give one number for all, or {len(names)}.",
                )
        else:
            continue
        for own, value in zip(by_system, values, strict=True):
            own[key] = value
    return by_system


def _left_alone(
    measure: str,
    represent: Callable[..., Any],
    states: Sequence[Any],
    settings: Mapping[str, Any],
    extra: dict[str, Any],
) -> Any:
    """Return what a measure makes of states; one of one's own has copies, and must leave them as they are."""
    if measure in plugins.available("similarity"):
        return represent(*states, settings=settings, **extra)
    given = copy.deepcopy(states)
    representation = represent(*given, settings=settings, **copy.deepcopy(extra))
    for pair in zip(states, given, strict=True):
        check_left_alone(*(x.trials if isinstance(x, Recording) else x for x in pair))
    return representation


def _arguments(
    module: ModuleType, measure: str, name: str, recording: Recording
) -> tuple[Any, dict[str, Any]]:
    """Return what a measure asks for: states, and where it needs them inputs and conditions."""
    whole = getattr(module, "UNEQUAL_TRIALS", False)
    paired = getattr(module, "PAIRED_TRIALS", False)
    states: Any = recording if whole else matched_states(recording) if paired else recording.states
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
    return states, extra
