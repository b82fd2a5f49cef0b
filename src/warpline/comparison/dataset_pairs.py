"""Dissimilarities between recordings, and between them and trained networks, by one measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from warpline.comparison.chosen_parameters import PARAMETERS, with_parameters
from warpline.comparison.dataset_systems import ComparedSystem, condition_averages
from warpline.comparison.sets import compare_sets
from warpline.similarity.dsa.selection import choose_dsa
from warpline.similarity.input_errors import TrialError
from warpline.similarity.recordings import Recording

__all__ = ["compare_systems", "unit_numbers"]


def compare_systems(
    systems: Sequence[ComparedSystem], settings: Mapping[str, Any], seed: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare all pairs of systems.

    Parameters
    ----------
    systems : sequence of ComparedSystem
    settings : mapping
        ``measure``: the measure's entry of the configuration; ``single_trials``: whether it compares single
        trials and not averages by condition; ``centre``: whether units are centred; ``candidates`` for
        what is ``auto`` (`warpline.similarity.dsa.selection.choose_dsa`).
    seed : int
        Root seed, for measures that search from random starts.

    Returns
    -------
    table : DataFrame
        A row per pair: ``measure``, ``group_a``, ``group_b``, ``seed_a``, ``seed_b`` (empty for recordings),
        ``trials`` (``single`` or ``conditions``), ``n_trials_a``, ``n_trials_b`` (or conditions), and the
        columns of the measure.
    measure : dict
        The measure's entry with what was chosen.

    Raises
    ------
    InputError
        When time steps differ, or trials cannot be matched.
    """
    steps = {system.recording.name: system.dt for system in systems if system.dt is not None}
    if steps and max(steps.values()) > 1.001 * min(steps.values()):
        raise TrialError(
            "one time step for all systems",
            ", ".join(f"{name} {dt:g} ms" for name, dt in steps.items()),
            "Set bin, so that all have the same.",
        )
    recordings = {system.recording.name: system.recording for system in systems}
    if not settings["single_trials"]:
        recordings = condition_averages(recordings)
    if settings["centre"]:
        recordings = {name: recording.centred() for name, recording in recordings.items()}

    measure = _with_choice(recordings, settings, seed)
    known = {key: value for key, value in measure.items() if key not in ("name", "measure")}
    table = compare_sets(
        recordings, measure=measure["measure"], settings=known, seed=seed
    ).table.drop(columns="measure")
    of = {system.recording.name: system for system in systems}
    labels: dict[str, Any] = {}
    for side in "ab":
        names = table[f"system_{side}"]
        labels[f"group_{side}"] = [of[name].group for name in names]
        labels[f"seed_{side}"] = pd.array([of[name].seed for name in names], dtype="Int64")
        labels[f"n_trials_{side}"] = [len(recordings[name].trials) for name in names]
    labels["trials"] = "single" if settings["single_trials"] else "conditions"
    for position, (label, values) in enumerate(labels.items(), start=2):
        table.insert(position, label, values)
    return with_parameters(table, measure), measure


def _with_choice(
    recordings: Mapping[str, Recording], settings: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Return the measure's entry with what is ``auto`` chosen by prediction of held-out trials."""
    measure, candidates = dict(settings["measure"]), settings["candidates"]
    automatic = [name for name in PARAMETERS if measure.get(name) == "auto"]
    if not automatic:
        return measure
    lists = dict(zip(PARAMETERS, ("n_delays", "delay_intervals", "ranks"), strict=True))
    tried: dict[str, Any] = {
        many: candidates[many] if one in automatic else [measure[one]]
        for one, many in lists.items()
    }
    tried |= {key: candidates[key] for key in ("horizons", "keep", "longest")}
    tried |= {key: measure[key] for key in ("ridge", "rank_tolerance", "offset")}
    choice = choose_dsa(recordings, **tried, seed=seed)
    return {**measure, **{name: getattr(choice, name) for name in automatic}}


def unit_numbers(pairs: pd.DataFrame) -> dict[str, int]:
    """Return a number for each unit of statistics among the systems of some pairs.

    A recording is a unit by itself. Networks of one seed are one unit, whatever they share: an interval
    leaves out a seed from all groups at once.

    Parameters
    ----------
    pairs : DataFrame
        Tables of `compare_systems`.

    Returns
    -------
    dict of str to int
        Unit by the name of the system.
    """
    sides = [pairs[[f"system_{side}", f"seed_{side}"]].to_numpy(dtype=object) for side in "ab"]
    units: dict[Any, int] = {}
    numbers: dict[str, int] = {}
    for name, seed in (row for rows in sides for row in rows):
        key = name if pd.isna(seed) else int(seed)
        numbers[str(name)] = units.setdefault(key, len(units))
    return numbers
