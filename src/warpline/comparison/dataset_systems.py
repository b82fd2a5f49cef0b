"""Recordings and trained networks as systems of one comparison: stored, matched by condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from warpline.comparison.network_systems import systems_of
from warpline.datasets.sessions import Session
from warpline.similarity.input_errors import TrialError
from warpline.similarity.recordings import Recording
from warpline.similarity.trial_conditions import condition_text

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ComparedSystem",
    "condition_averages",
    "dataset_of_session",
    "left_out_conditions",
    "shared_conditions",
    "system_of_dataset",
    "systems_of_networks",
]


@dataclass(frozen=True, eq=False)
class ComparedSystem:
    """A recording, or a trained network, in a comparison of recordings.

    Attributes
    ----------
    recording : Recording
        With its name and the conditions of its trials.
    group : str
    seed : int or None
        Seed of a network: networks of one seed are one unit of statistics. None for a recording, which is
        a unit by itself.
    dt : float or None
        Time step in ms, where it is known.
    """

    recording: Recording
    group: str
    seed: int | None
    dt: float | None

    @property
    def trials_of(self) -> str:
        """Whose trials these are: of a recording by itself, or of all networks of a group."""
        return self.recording.name if self.seed is None else self.group


def dataset_of_session(session: Session, name: str, group: str) -> xr.Dataset:
    """Return a session as it is stored.

    Parameters
    ----------
    session : Session
    name, group : str

    Returns
    -------
    xarray.Dataset
        ``states`` (trial, time, unit), float64, NaN after the end of a trial; ``valid`` (trial, time), true
        where a time was recorded; ``condition`` (trial) where it is known. ``time`` is in ms where it is
        known. Attributes: ``name``, ``group``, ``left_out``, ``precision`` of the states as they came,
        ``dt`` in ms, and ``kernel`` of spikes.
    """
    import xarray as xr

    recording = session.recording
    n_times = max(recording.lengths)
    states = np.full((len(recording.trials), n_times, recording.n_units), np.nan)
    for row, trial in zip(states, recording.trials, strict=True):
        row[: len(trial)] = trial
    valid = np.arange(n_times) < np.array(recording.lengths)[:, None]
    dataset = xr.Dataset(
        {"states": (("trial", "time", "unit"), states), "valid": (("trial", "time"), valid)},
        attrs={
            "name": name,
            "group": group,
            "left_out": "; ".join(session.left_out),
            "precision": recording.precision,
        },
    )
    if recording.trial_labels is not None:
        dataset = dataset.assign_coords(trial=np.asarray(recording.trial_labels))
    if recording.conditions is not None:
        dataset["condition"] = ("trial", np.asarray(recording.conditions, dtype=str))
    if recording.kernel is not None:
        dataset.attrs["kernel"] = recording.kernel
    if session.dt is not None:
        dataset.attrs["dt"] = session.dt
        if session.start is not None:
            times = session.start + session.dt * np.arange(n_times)
            dataset = dataset.assign_coords(time=("time", times, {"units": "ms"}))
    return dataset


def system_of_dataset(dataset: xr.Dataset) -> ComparedSystem:
    """Return a stored recording (`dataset_of_session`) as a system."""
    lengths = dataset["valid"].values.sum(axis=1)
    states = dataset["states"].transpose("trial", "time", "unit").values
    conditions = labels = None
    if "condition" in dataset:
        conditions = tuple(str(value) for value in dataset["condition"].values)
    if "trial" in dataset.indexes:
        labels = tuple(dataset.indexes["trial"])
    trials = tuple(row[:length] for row, length in zip(states, lengths, strict=True))
    # A file of an earlier version says nothing of the precision.
    precision = float(dataset.attrs.get("precision", np.finfo(np.float64).eps))
    recording = Recording(
        trials,
        trial_labels=labels,
        precision=precision,
        name=dataset.attrs["name"],
        conditions=conditions,
        # In seconds, as those of a session that was just read.
        times=dataset["time"].values / 1000 if "time" in dataset.coords else None,
        kernel=dataset.attrs.get("kernel"),
    )
    dt = dataset.attrs.get("dt")
    return ComparedSystem(
        recording, dataset.attrs["group"], None, None if dt is None else float(dt)
    )


def systems_of_networks(
    trajectories: xr.Dataset, trials: xr.Dataset, columns: Sequence[str]
) -> list[ComparedSystem]:
    """Return the networks of one architecture and curriculum after learning, a system for each seed.

    Parameters
    ----------
    trajectories : xarray.Dataset
        See `warpline.comparison.trajectories.concatenate_seeds`.
    trials : xarray.Dataset
        The evaluation trials that they ran on.
    columns : sequence of str
        Trial variables that name the condition of a trial, as those of the recordings do.

    Raises
    ------
    TrialError
        When the trials have no such variable.
    """
    known = [str(name) for name in trials.data_vars if trials[name].dims == ("trial",)]
    missing = [name for name in columns if name not in known]
    if missing:
        raise TrialError(
            f"conditions of the recordings among the trial variables of {trials.attrs['taskset']}, "
            f"{', '.join(known)}",
            ", ".join(missing),
            "Rename the columns of the trial tables, and their values, as the networks' trials have them.",
        )
    values = [trials[name].values for name in columns]
    conditions = tuple(
        ", ".join(condition_text(name, value) for name, value in zip(columns, row, strict=True))
        for row in zip(*values, strict=True)
    )
    compared = []
    for seed, systems in systems_of(trajectories.isel(checkpoint=[-1])).items():
        network = systems[-1]
        if network.run_status == "diverged":
            continue
        group = f"{network.architecture}/{network.curriculum}"
        recording = Recording(
            tuple(np.asarray(network.states, dtype=np.float64)),
            precision=float(np.finfo(np.float32).eps),
            name=f"{group}/{seed}",
            conditions=conditions or None,
        )
        compared.append(ComparedSystem(recording, group, seed, float(trajectories.attrs["dt"])))
    return compared


def shared_conditions(recordings: Sequence[Recording]) -> list[str]:
    """Return the conditions that all recordings have, in alphabetical order.

    Raises
    ------
    TrialError
        When a recording has no conditions, or no condition is in all of them.
    """
    for recording in recordings:
        if recording.conditions is None:
            raise TrialError(
                f"the condition of each trial of {recording.name}, to average by it",
                "none",
                "Name columns in conditions, or list a measure that matches no trials in single_trials.",
            )
    shared = set.intersection(*(set(recording.conditions or ()) for recording in recordings))
    if not shared:
        listed = "; ".join(
            f"{recording.name}: {', '.join(sorted(set(recording.conditions or ()))[:3])}, ..."
            for recording in recordings[:4]
        )
        raise TrialError(
            "a condition that all systems have",
            listed,
            "Give conditions the same columns and values.",
        )
    return sorted(shared)


def left_out_conditions(systems: Sequence[tuple[str, Recording]], what: str) -> str:
    """Return a line on the conditions that averages leave out; empty where all systems have all.

    Parameters
    ----------
    systems : sequence of (str, Recording)
        With what the line calls them: networks of a group share its name, as they do their trials.
    what : str
        What the line calls all of them.

    Raises
    ------
    TrialError
        As `shared_conditions`.
    """
    shared = shared_conditions([recording for _, recording in systems])
    having: dict[str, dict[str, None]] = {}
    for name, recording in systems:
        for condition in sorted({*(recording.conditions or ())} - {*shared}):
            having.setdefault(condition, {})[name] = None
    if not having:
        return ""
    listed = "; ".join(f"{condition} ({', '.join(names)})" for condition, names in having.items())
    return f"averages by condition: {len(shared)} in all {what}; left out: {listed}"


def condition_averages(recordings: Mapping[str, Recording]) -> dict[str, Recording]:
    """Return recordings averaged over the trials of each condition that all of them have.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Each of equal trials; all as long.

    Returns
    -------
    dict of str to Recording
        A trial per condition, labelled by it.

    Raises
    ------
    TrialError
        As `shared_conditions`; and when trials differ in length.
    """
    conditions = shared_conditions(list(recordings.values()))
    lengths = {name: recording.states.shape[1] for name, recording in recordings.items()}
    if len(set(lengths.values())) > 1:
        raise TrialError(
            "as many time steps in all systems",
            ", ".join(f"{name} {length}" for name, length in lengths.items()),
            "Set the windows, and the bins, of the recordings alike.",
        )
    averages = {}
    for name, recording in recordings.items():
        labels = np.asarray(recording.conditions)
        trials = tuple(recording.states[labels == c].mean(axis=0) for c in conditions)
        averages[name] = replace(
            recording,
            trials=trials,
            inputs=None,
            trial_labels=tuple(conditions),
            conditions=tuple(conditions),
        )
    return averages
