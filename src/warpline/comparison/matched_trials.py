"""Trials of several systems brought into one order, for the measures that compare them trial by trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import first_few, short_text
from warpline.similarity.input_errors import TrialError
from warpline.similarity.recordings import Recording
from warpline.similarity.time_coordinates import same_times
from warpline.similarity.trial_conditions import condition_text

__all__ = [
    "check_matched_channels",
    "check_matched_times",
    "check_shared_places",
    "match_trials",
    "matched_states",
    "take_trials",
]


def match_trials(systems: Sequence[tuple[str, Recording]], measure: str) -> list[Recording]:
    """Bring the trials of all systems into the order of the first, by label or as they come.

    Parameters
    ----------
    systems : sequence of (str, Recording)
        With their names. Trials are matched by labels if all systems have them (the coordinate ``trial`` of
        a DataArray), else by order, in which the labels of those that have some must agree.
    measure : str
        What messages call the measure.

    Returns
    -------
    list of Recording
        With the same trials, each as long in all systems.

    Raises
    ------
    TrialError
        When systems have different labels, numbers of trials or durations of a trial, or a trial is of
        different conditions. Nothing is dropped.
    """
    labelled = [system for system in systems if system[1].trial_labels is not None]
    if len(labelled) == len(systems):
        systems = _in_order_of_labels(systems, measure)
    for name, recording in labelled[1:] if len(labelled) < len(systems) else []:
        first_name, first = labelled[0]
        if recording.trial_labels != first.trial_labels:
            alone = next(name for name, system in systems if system.trial_labels is None)
            raise TrialError(
                f"trials in one order, because {alone} has no trial labels and is matched by order",
                f"other labels, or another order of them, in {first_name} and in {name}",
                f"Give {alone} labels, or select the same trials in the same order.",
            )
    (first_name, first), *others = systems
    for name, recording in others:
        if len(recording.trials) != len(first.trials):
            raise TrialError(
                f"the same trials in all systems, because {measure} compares them trial by trial",
                f"{len(first.trials)} in {first_name} and {len(recording.trials)} in {name}",
                "Select the trials that they share, or use dsa, which needs no pairing.",
            )
        for k, (length, other) in enumerate(zip(first.lengths, recording.lengths, strict=True)):
            if length != other:
                raise TrialError(
                    f"trials as long in all systems, because {measure} compares them time by time",
                    f"trial {k} of {length} times in {first_name} and of {other} in {name}",
                    "Cut them to a common window, or use dsa, which needs no pairing.",
                )
    _check_matched_conditions(systems, measure)
    check_matched_times(systems, measure)
    return [recording for _, recording in systems]


def _check_matched_conditions(systems: Sequence[tuple[str, Recording]], measure: str) -> None:
    """Refuse trials of one place whose conditions differ; conditions of other names say nothing."""
    known = _known(systems, "conditions")
    for name, theirs in known[1:]:
        first_name, ours = known[0]
        a, b = list(ours), list(theirs)
        if not set(a) & set(b):
            # A number and the text that writes it are one condition.
            a, b = ([condition_text("", value) for value in values] for values in (ours, theirs))
        if a == b or not set(a) & set(b):
            continue
        k = next(k for k, pair in enumerate(zip(a, b, strict=True)) if pair[0] != pair[1])
        raise TrialError(
            f"trials of the same conditions in all systems, because {measure} compares them trial by trial",
            f"trial {k} of {short_text(ours[k])} in {first_name} and of {short_text(theirs[k])} in {name}",
            "Bring the trials into the same order of conditions, average them by condition, drop the "
            "conditions, or use dsa, which needs no pairing.",
        )


def check_matched_times(systems: Sequence[tuple[str, Recording]], measure: str) -> None:
    """Refuse systems of other times, of those that have times, for a measure that compares time by time.

    Parameters
    ----------
    systems, measure
        As in `match_trials`.

    Raises
    ------
    TrialError
    """
    timed = [
        (name, recording.times[: max(recording.lengths)])
        for name, recording in systems
        if recording.times is not None
    ]
    for name, theirs in timed[1:]:
        first_name, ours = timed[0]
        # The middle of a bin is up to half a step from where a recording without bins puts its time.
        if not same_times(ours, theirs, share=0.5):
            raise TrialError(
                f"the same times in all systems, because {measure} compares them time by time",
                ", ".join(
                    f"{times[0]:.12g} to {times[-1]:.12g} in {system}"
                    for system, times in ((first_name, ours), (name, theirs))
                ),
                "Cut them to a common window, or drop the coordinate 'time'.",
            )


def check_matched_channels(systems: Sequence[tuple[str, Recording]], measure: str) -> None:
    """Refuse systems whose inputs have the same channels in another order, in which they are compared.

    Parameters
    ----------
    systems, measure
        As in `match_trials`. Channels of other names are compared in their order.

    Raises
    ------
    TrialError
    """
    known = _known(systems, "input_channels")
    for name, theirs in known[1:]:
        first_name, ours = known[0]
        if theirs != ours and set(theirs) == set(ours):
            raise TrialError(
                f"the input channels of all systems in one order, in which {measure} compares them",
                f"{', '.join(map(str, ours[:6]))} in {first_name} and {', '.join(map(str, theirs[:6]))} in "
                f"{name}",
                "Select the channels of all in the same order.",
            )


def check_shared_places(systems: Sequence[tuple[str, Recording]], what: str) -> None:
    """Refuse one array for systems in which a trial of one label stands at several places.

    Parameters
    ----------
    systems : sequence of (str, Recording)
        Those that share the array, which gives a value to each place.
    what : str
        What messages call the array.

    Raises
    ------
    TrialError
    """
    first_of: dict[Any, tuple[str, int]] = {}
    for name, recording in systems:
        for place, label in enumerate(recording.trial_labels or ()):
            first_name, first = first_of.setdefault(label, (name, place))
            if place != first:
                raise TrialError(
                    f"each trial at one place in all systems that share {what}, which go by place",
                    f"trial {short_text(label)} at place {first} in {first_name} and at place {place} in "
                    f"{name}",
                    f"Give each system {what} of its own, or select the trials of all in one order.",
                )


def _known(systems: Sequence[tuple[str, Recording]], what: str) -> list[tuple[str, Any]]:
    """Return what is known of recordings, by name, for those of which it is known."""
    return [
        (name, value)
        for name, recording in systems
        if (value := getattr(recording, what)) is not None
    ]


def _in_order_of_labels(
    systems: Sequence[tuple[str, Recording]], measure: str
) -> list[tuple[str, Recording]]:
    (first_name, first), *others = systems
    labels = first.trial_labels or ()
    ordered = [(first_name, first)]
    for name, recording in others:
        index = {label: k for k, label in enumerate(recording.trial_labels or ())}
        alone = [label for label in labels if label not in index]
        alone_there = [label for label in index if label not in set(labels)]
        if alone or alone_there:
            raise TrialError(
                f"the same trial labels in all systems, because {measure} compares them trial by trial",
                " and ".join(
                    f"{len(some)} in {where} alone ({first_few([short_text(x) for x in some], 4)})"
                    for some, where in ((alone, first_name), (alone_there, name))
                    if some
                ),
                "Select the trials that they share, or use dsa, which needs no pairing.",
            )
        order = [index[label] for label in labels]
        ordered.append((name, take_trials(recording, order)))
    return ordered


def take_trials(recording: Recording, indices: Sequence[int]) -> Recording:
    """Return some trials of a recording, in the order of their indices, with all that is known of them."""

    def taken(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if values is None else tuple(values[k] for k in indices)

    return replace(
        recording,
        trials=tuple(recording.trials[k] for k in indices),
        inputs=taken(recording.inputs),
        trial_labels=taken(recording.trial_labels),
        conditions=taken(recording.conditions),
    )


def matched_states(recording: Recording) -> NDArray[np.float64]:
    """Return matched trials as one array (trial, time, unit).

    Trials of unequal length become one long trial (1, sample, unit): a measure on matched samples does not
    ask to which trial a sample belongs.
    """
    if recording.equal_lengths:
        return recording.states
    return np.concatenate(recording.trials)[None]
