"""Comparison of systems in a notebook: two, a set, two sets, groups; and the figures of the results."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from warpline.comparison import groups as system_groups
from warpline.comparison.matched_trials import check_shared_places
from warpline.comparison.measured_pairs import Split, settings_by_measure
from warpline.comparison.sets import SystemMatrix, compare_pair, compare_sets_by_measures
from warpline.core.caller_warnings import warn_caller
from warpline.core.number_arguments import first_few, short_text, takes_numbers
from warpline.similarity.input_errors import InputError, SettingsError
from warpline.similarity.recordings import Recording, as_recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from warpline.comparison.multidimensional_scaling import Embedding

__all__ = ["GroupResult", "SetResult", "compare", "compare_groups"]


class SetResult(SystemMatrix):
    """A matrix of dissimilarities with its figures; see `warpline.comparison.sets.SystemMatrix`."""

    def plot(self, kind: str = "matrix") -> Figure:
        """Draw the matrix (``matrix``) or the systems as points (``embedding``)."""
        return _plot(kind, {self.measure: self}, None)

    @takes_numbers(SettingsError)
    def embedding(self, n_dimensions: int = 2) -> Embedding:
        """Place the systems by metric multidimensional scaling, with the stress that remains."""
        from warpline.comparison.multidimensional_scaling import embed

        return embed(self.dissimilarity, n_dimensions)


class GroupResult(system_groups.GroupComparison):
    """A comparison of groups with its figures; see `warpline.comparison.groups.GroupComparison`."""

    def plot(self, kind: str = "groups") -> Figure:
        """Draw dissimilarities by group (``groups``), ``matrix`` or ``embedding``."""
        if isinstance(kind, str) and kind == "groups":
            from warpline.figures.set_panels import group_figure

            return group_figure(self)
        return _plot(kind, self.matrices, self.groups)


def _plot(
    kind: str,
    matrices: Mapping[str, SystemMatrix],
    groups: Mapping[str, Sequence[str]] | None,
) -> Figure:
    from warpline.figures import set_panels

    kinds = {"matrix": set_panels.matrix_figure, "embedding": set_panels.embedding_figure}
    if not isinstance(kind, str) or kind not in kinds:
        names = [*kinds, "groups"] if groups else list(kinds)
        raise InputError(f"a kind of figure among {', '.join(names)}", repr(kind), "Set kind.")
    return kinds[kind](matrices, groups)


@takes_numbers(SettingsError)
def compare(
    x: Any,
    y: Any = None,
    measure: str = "cka",
    seed: int = 0,
    *,
    measures: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Any = None,
    conditions: Any = None,
    centre: bool = False,
    split: Split = None,
    **settings: Any,
) -> Any:
    """Compare two systems, the systems of a set, or those of two sets.

    A *system* is an array (trial, time, unit), a DataArray, a tensor, or a list of (time, unit) arrays, one
    per trial (`warpline.similarity.recordings.as_recording`). A *set* is a dict of systems by name, or a list
    of systems.

    Parameters
    ----------
    x, y : system or set
        Two systems; one set, whose systems are compared with each other; two sets, or a system and a set,
        each of x with each of y. CKA, Procrustes and other measures that compare trial by trial match
        trials by their labels, else by order; DSA needs no pairing.
    measure : str
        ``cka``, ``cka_debiased``, ``procrustes``, ``dsa``, another module of `warpline.similarity`, or your
        own ``path/to/file.py:Name``.
    seed : int
        Seed for measures that search from random starts.
    measures : sequence of str, or mapping of str to mapping, optional
        Several measures in place of ``measure``, with settings of their own in a mapping.
    inputs : array, sequence of arrays, or pair of these, optional
        Inputs that drove the systems, for measures that need them: one array that all systems share, trial
        by trial in one order, or as many as there are systems, laid out as ``x``; with ``y``, a pair
        (inputs of x, inputs of y).
    conditions : array, sequence of arrays, or pair of these, optional
        Condition of each trial, for measures that need it, given as ``inputs`` are. By default the
        coordinate ``condition`` of a DataArray.
    centre : bool, optional
        Whether to subtract the mean of each unit over all trials and times of its system first. DSA fits
        the baselines of the units too, where they are left; the other measures do not by default.
    split : "halves" or float, optional
        Fit the alignment of DSA or the rotation of Procrustes to some trials and judge it on others: a share
        of the trials is held out, or each random half in turn. ``dissimilarity_train`` is the value on
        the training trials.
    **settings
        Settings of the measure, e.g. ``n_delays=7, rank=25`` for DSA (`warpline.choose_dsa` finds them).
        DSA takes ``n_delays``, ``delay_interval`` and ``rank`` for each system, too: as a mapping by name, or
        a sequence. With several measures, a setting goes to those that know it.

    Returns
    -------
    dict or SetResult
        For two systems the row of the measure: ``dissimilarity`` (0 for equal systems), ``status``, and
        further entries. For sets a matrix, with ``dissimilarity``, ``status``, ``names``, ``table`` and
        ``plot()``. With ``measures``, a dict of these by measure; a measure that cannot compare the systems,
        such as CKA of other trials, has NaN and a status that says why, and a warning names it.

    Raises
    ------
    ValueError
        When a setting is unknown, or no measure can take the states; the message says what it expects.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(20, 30, 5))
    >>> round(compare(x, x[..., ::-1], measure="procrustes")["dissimilarity"], 6)
    0.0
    >>> compare({"a": x, "b": x[..., ::-1], "c": x[:, ::-1]}, measure="procrustes").dissimilarity.shape
    (3, 3)
    """
    if measures is not None and not (isinstance(measure, str) and measure == "cka"):
        raise SettingsError(
            "one measure, or several as measures",
            f"{short_text(measure)} beside measures",
            "Leave one out.",
        )
    by_measure = settings_by_measure([measure] if measures is None else measures, settings)
    columns: dict[str, Recording] | None = None
    if y is None:
        (rows,) = _read([_systems(x, inputs, conditions, "system")], centre)
    else:
        (inputs_x, inputs_y), (conditions_x, conditions_y) = map(_split_pair, (inputs, conditions))
        rows, columns = _read(
            [_systems(x, inputs_x, conditions_x, "x"), _systems(y, inputs_y, conditions_y, "y")],
            centre,
        )

    results: dict[str, Any]
    if columns is not None and not _is_set(x) and not _is_set(y):
        results = compare_pair(rows["x"], columns["y"], measures=by_measure, seed=seed, split=split)
    else:
        matrices = compare_sets_by_measures(
            rows, columns, measures=by_measure, seed=seed, split=split
        )
        results = {name: SetResult(**vars(matrix)) for name, matrix in matrices.items()}
    return results[measure] if measures is None else results


@takes_numbers(SettingsError)
def compare_groups(
    groups: Mapping[str, Any],
    measures: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("cka",),
    seed: int = 0,
    *,
    inputs: Mapping[str, Any] | None = None,
    conditions: Any = None,
    centre: bool = False,
    split: Split = None,
    references: Sequence[str] | None = None,
    confidence: float = 0.95,
    family_error: float = 0.05,
    min_systems: int = 3,
    paired: bool | None = None,
    **settings: Any,
) -> GroupResult:
    """Compare groups of systems: dissimilarities within and between them, with intervals and tests.

    The system is the unit: an animal, a trained network. Intervals and tests leave out one system at a time
    (docs/statistics.md).

    Parameters
    ----------
    groups : mapping of str to set of systems
        As `compare` takes them, e.g. ``{"monkey": [...], "rnn": [...]}``.
    measures : sequence of str, or mapping of str to mapping
        Measures, in a mapping with settings of their own.
    seed : int
        Seed for measures that search from random starts.
    inputs, conditions : array, or mapping of str to arrays, optional
        A mapping by group, each as in `compare`, or what all systems share.
    centre, split : optional
        As in `compare`. Centre recordings: groups whose neurons differ in their baselines alone lie apart by
        DSA otherwise.
    references : sequence of str, optional
        Groups that the others are compared with; by default each in turn.
    confidence : float, optional
        Of the intervals.
    family_error : float, optional
        Probability of a false positive among all tests of the result (Holm).
    min_systems : int, optional
        Fewest systems of a group that is tested; at least 3.
    paired : bool, optional
        Whether systems of one name (of one place, in lists) are of one animal, such as before and after
        learning. They are one observation then: left out of all groups together, and no pair. By default
        not, with a warning where groups have names in common.
    **settings
        Settings of the measures; a setting goes to those that know it.

    Returns
    -------
    GroupResult
        ``summary`` (means within and between groups, with intervals and separation), ``tests``, ``pairs``,
        ``matrices`` and ``plot()``. A measure that cannot compare the systems has NaN as in `compare`.

    Raises
    ------
    ValueError
        When groups or settings cannot be used, or no measure can take the states.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(6, 4, 30, 5))
    >>> signal = np.random.default_rng(1).normal(size=(2, 4, 30, 5))
    >>> systems = np.repeat(signal, 3, axis=0) + 0.5 * noise
    >>> result = compare_groups({"a": list(systems[:3]), "b": list(systems[3:])}, ["procrustes"])
    >>> float(result.summary.set_index(["group_a", "group_b"]).loc[("a", "b"), "separation"])
    1.0
    """
    if not isinstance(groups, Mapping):
        raise InputError(
            "groups as a dict from name to systems",
            f"{type(groups).__name__}",
            'Name them: {"a": [...], "b": [...]}.',
        )
    given: dict[str, dict[str, _Given]] = {}
    for name, members in groups.items():
        if not _is_set(members):
            raise InputError(
                f"a dict or a list of systems as the group {name}",
                f"one system ({type(members).__name__})",
                "Put it into a list; a list of (time, unit) arrays is one system.",
            )
        if str(name) in given:
            raise InputError(
                "names of groups that differ as text",
                ", ".join(map(repr, groups)),
                "Rename those that print alike.",
            )
        inputs_of_group, conditions_of_group = (
            extra[name] if isinstance(extra, Mapping) and name in extra else extra
            for extra in (inputs, conditions)
        )
        given[str(name)] = _systems(members, inputs_of_group, conditions_of_group, "")
    if paired is None:
        _warn_of_common_names([names for names in groups.values() if isinstance(names, Mapping)])
    result = system_groups.compare_groups(
        dict(zip(given, _read(given.values(), centre, [*given]), strict=True)),
        measures=settings_by_measure(measures, settings),
        seed=seed,
        split=split,
        references=references,
        confidence=confidence,
        family_error=family_error,
        min_systems=min_systems,
        paired=bool(paired),
    )
    fields = vars(result)
    matrices = {name: SetResult(**vars(matrix)) for name, matrix in result.matrices.items()}
    return GroupResult(**{**fields, "matrices": matrices})


def _is_set(value: Any) -> bool:
    """Whether a value is a set of systems: a mapping, or a list of what is no single trial."""
    # A Dataset is a mapping too, of variables that need not be systems.
    if isinstance(value, Mapping) and not hasattr(value, "data_vars"):
        return True
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(
        isinstance(item, Recording)
        or len(getattr(item, "shape", ())) == 3
        or (isinstance(item, (list, tuple)) and bool(item) and hasattr(item[0], "shape"))
        or type(item).__module__.partition(".")[0] == "awkward"
        for item in value
    )


def _warn_of_common_names(groups: Sequence[Iterable[Any]]) -> None:
    """Warn where systems of several groups have one name, and may be of one animal."""
    counts = Counter(str(name) for names in groups for name in names)
    common = [name for name, count in counts.items() if count > 1]
    if common:
        warn_caller(
            f"expected names of systems that differ between groups, got {first_few(common, 3)} in several: "
            "recordings of one animal are no independent observations. Set paired=True if they are of one "
            "animal, paired=False if not."
        )


def _has_lists(value: Any) -> bool:
    """Whether conditions are given for each system: a mapping, or a sequence of sequences."""
    if isinstance(value, Mapping):
        return True
    return isinstance(value, (list, tuple)) and any(np.ndim(item) == 1 for item in value)


def _split_pair(value: Any) -> tuple[Any, Any]:
    """Return what belongs to x and what to y: a pair, or what both share."""
    if isinstance(value, (list, tuple)) and len(value) == 2 and not all(map(np.isscalar, value)):
        return value[0], value[1]
    return value, value


class _Given(NamedTuple):
    """What a system is read from."""

    system: Any
    inputs: Any
    conditions: Any


def named_as_text(systems: Mapping[Any, Any]) -> dict[str, Any]:
    """Return systems by the text of their names; refuse names that print alike."""
    named = {str(name): system for name, system in systems.items()}
    if len(named) < len(systems):
        raise InputError(
            "names of systems that differ as text",
            ", ".join(map(repr, systems)),
            "Rename those that print alike.",
        )
    return named


def _systems(value: Any, inputs: Any, conditions: Any, prefix: str) -> dict[str, _Given]:
    """Tell systems apart: a single one is named by the prefix, those of a list are numbered too."""
    if not _is_set(value):
        return {prefix: _Given(value, inputs, conditions)}
    if isinstance(value, Mapping):
        members = named_as_text(value)
    else:
        members = {f"{prefix} {k}".strip(): system for k, system in enumerate(value)}
    inputs_of = _for_each(members, inputs, _is_set(inputs), "inputs")
    conditions_of = _for_each(members, conditions, _has_lists(conditions), "conditions")
    return {
        name: _Given(system, inputs_of[name], conditions_of[name])
        for name, system in members.items()
    }


def _read(
    sets: Iterable[Mapping[str, _Given]], centre: bool, groups: Sequence[str] = ()
) -> list[dict[str, Recording]]:
    """Read the systems of some sets; what several of them share must fit the trials of each."""
    read: list[dict[str, Recording]] = []
    sharing: dict[tuple[str, int], list[tuple[str, Recording]]] = defaultdict(list)
    for group, members in itertools.zip_longest(groups, sets):
        read.append({})
        for name, given in members.items():
            # As messages call the system.
            full_name = f"{group}/{name}" if groups else name
            recording = as_recording(
                given.system, inputs=given.inputs, conditions=given.conditions, name=full_name
            )
            read[-1][name] = recording.centred() if centre else recording
            for what in ("inputs", "conditions"):
                if (shared := getattr(given, what)) is not None:
                    sharing[what, id(shared)].append((full_name, recording))
    for (what, _), systems in sharing.items():
        check_shared_places(systems, what)
    return read


def _for_each(
    members: Mapping[str, Any], values: Any, per_system: bool, what: str
) -> dict[str, Any]:
    """Return what each system is given: its own, or what all share."""
    if not per_system:
        return dict.fromkeys(members, values)
    if isinstance(values, Mapping):
        by_name = {str(name): value for name, value in values.items()}
        missing = [name for name in members if name not in by_name]
    else:
        by_name = dict(zip(members, values, strict=False))
        missing = list(members)[len(values) :]
    if missing or len(values) != len(members):
        raise InputError(
            f"{what} for each of {len(members)} systems",
            f"{len(values)}" + (f", none for {', '.join(missing)}" if missing else ""),
            f"Give {what} for all systems, or one that they share.",
        )
    return by_name
