"""Groups of systems: dissimilarities within and between them, with the system as the unit of statistics."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from warpline.comparison.hypothesis_tests import holm
from warpline.comparison.label_exchange import exchanged_tests
from warpline.comparison.measured_pairs import Split
from warpline.comparison.sets import SystemMatrix, compare_sets_by_measures
from warpline.comparison.statistics import group_tests, summary_table
from warpline.comparison.unlike_recordings import warn_of_unlike_recordings
from warpline.core.caller_warnings import warn_caller
from warpline.core.number_arguments import first_few, takes_numbers
from warpline.similarity.input_errors import InputError, SettingsError
from warpline.similarity.recordings import Recording

__all__ = [
    "GroupComparison",
    "compare_groups",
    "content_digest",
    "group_statistics",
    "group_tables",
]

#: Names of the columns of `warpline.comparison.statistics`, and what they are here: a group stands where a
#: curriculum does, a system where a seed does.
RENAMED = {
    "curriculum_a": "group_a",
    "curriculum_b": "group_b",
    "n_seeds": "n_systems",
}


@dataclass(frozen=True, eq=False, repr=False)
class GroupComparison:
    """Dissimilarities of groups of systems, by one or several measures.

    Attributes
    ----------
    groups : dict of str to tuple of str
        Names of the systems of each group.
    matrices : dict of str to SystemMatrix
        By measure, over the systems of all groups.
    pairs : DataFrame
        A row per measure and pair of systems: ``group_a``, ``group_b``, ``within`` (both of one group),
        and the columns of `warpline.comparison.sets.SystemMatrix`.
    summary : DataFrame
        A row per measure and pair of groups, a group of two or more with itself among them: ``n_a``, ``n_b``
        systems, ``n_pairs`` (0 where all failed), ``mean``, ``low``, ``high``; and between groups
        ``separation`` from the pairs within both, with its interval (`warpline.comparison.separation`).
    tests : DataFrame
        A row per measure, ``reference`` group and pair of groups: whether the systems of a lie as far from
        those of the reference as those of b (`warpline.comparison.statistics.group_tests`). ``p_exchange``
        is that of an exchange of labels (`warpline.comparison.label_exchange.exchange_p_values`). It stands
        in for a smaller ``p``, unless at most one other labelling has as large a t. ``p_adjusted`` is
        corrected over all tests of the table (Holm).
    confidence, family_error : float
        Of the intervals and of the tests.
    """

    groups: dict[str, tuple[str, ...]]
    matrices: dict[str, SystemMatrix]
    pairs: pd.DataFrame
    summary: pd.DataFrame
    tests: pd.DataFrame
    confidence: float
    family_error: float

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} (n = {len(systems)})" for name, systems in self.groups.items())
        tested = self.tests["p"].notna()
        failures = Counter(self.pairs["measure"][self.pairs["dissimilarity"].isna()])
        by_measure = ", ".join(f"{count} of {measure}" for measure, count in failures.items())
        return "\n".join(
            [
                f"<{type(self).__name__} of {len(self.groups)} groups by {', '.join(self.matrices)}",
                f"  groups: {sizes}",
                *(
                    [
                        f"  {failures.total()} of {len(self.pairs)} pairs failed ({by_measure}): "
                        "see status in .pairs"
                    ]
                    if failures
                    else []
                ),
                f"  {int(self.tests['significant'].sum())} of {int(tested.sum())} tests significant at "
                f"{self.family_error:g} (Holm): see .summary, .tests, .pairs>",
            ]
        )


@takes_numbers(SettingsError)
def compare_groups(
    groups: Mapping[str, Mapping[str, Recording]],
    *,
    measures: Mapping[str, Mapping[str, Any]],
    seed: int = 0,
    split: Split = None,
    references: Sequence[str] | None = None,
    confidence: float = 0.95,
    family_error: float = 0.05,
    min_systems: int = 3,
    paired: bool = False,
) -> GroupComparison:
    """Compare all systems of all groups, and the groups by them.

    Parameters
    ----------
    groups : mapping of str to mapping of str to Recording
        Systems by name, by group. Systems are independent observations: an animal, a trained network.
        Several recordings of one animal are no such systems.
    measures : mapping of str to mapping
        Settings by measure (`warpline.comparison.measured_pairs.settings_by_measure`).
    seed : int, optional
        Root of random starts.
    split : "halves" or float, optional
        Held-out trials (`warpline.comparison.measured_pairs.measured_pairs`).
    references : sequence of str, optional
        Groups that the others are compared with; by default each in turn.
    confidence, family_error : float, optional
    min_systems : int, optional
        Fewest systems of a, of b and of the reference that are tested; at least 3.
    paired : bool, optional
        Whether systems of one name are of one animal, such as before and after learning. They are one
        observation then: left out of all groups together, and no pair.

    Raises
    ------
    InputError
        When there are fewer than two groups, a group is empty, two systems have one name, two systems of a
        group are equal, no name stands in two groups that are ``paired``, a reference is no group, or the
        ``family_error`` no probability; and as `compare_sets_by_measures`.

    Warns
    -----
    UserWarning
        When a system stands in several groups, as a shared reference may: the jackknife leaves it out of
        all of them together, and it makes no pair with itself. And when all systems of one group have more
        units, time steps or trials than those of another.
    """
    if len(groups) < 2 or not all(groups.values()):
        raise InputError(
            "at least two groups, each with systems",
            ", ".join(f"{name}: {len(systems)}" for name, systems in groups.items()) or "none",
            "Give a mapping of group names to lists of systems.",
        )
    if not 0 < family_error < 1:
        raise InputError("a family_error between 0 and 1", f"{family_error}", "Set family_error.")
    systems = {
        f"{group}/{name}": recording
        for group, members in groups.items()
        for name, recording in members.items()
    }
    if len(systems) < sum(map(len, groups.values())):
        raise InputError(
            "systems that differ as group/name",
            ", ".join(f"{group}/{name}" for group, members in groups.items() for name in members),
            "Rename groups or systems with a slash.",
        )
    numbers = _unit_numbers(
        systems, {f"{group}/{name}": group for group, members in groups.items() for name in members}
    )
    if paired:
        numbers = _numbers_by_name(groups, numbers)
    warn_of_unlike_recordings(groups)
    matrices = compare_sets_by_measures(systems, measures=measures, seed=seed, split=split)
    return group_statistics(
        {group: tuple(f"{group}/{name}" for name in members) for group, members in groups.items()},
        matrices,
        number_of=numbers,
        references=references,
        confidence=confidence,
        family_error=family_error,
        min_systems=min_systems,
        seed=seed,
    )


def _unit_numbers(systems: Mapping[str, Recording], group_of: Mapping[str, str]) -> dict[str, int]:
    """Return a number for each system; equal systems of several groups share theirs."""
    first_of: dict[bytes, str] = {}
    number_of: dict[str, int] = {}
    shared = []
    for number, (name, recording) in enumerate(systems.items()):
        first = first_of.setdefault(content_digest(recording), name)
        number_of[name] = number if first == name else number_of[first]
        if first == name:
            continue
        if group_of[first] == group_of[name]:
            raise InputError(
                "systems of a group that differ: each counts as one observation",
                f"{first} and {name}, which are equal",
                "Give each system once.",
            )
        shared.append(f"{first} = {name}")
    if shared:
        warn_caller(
            f"expected groups without a common system, got {len(shared)} equal pairs "
            f"({first_few(shared, 3)}): each is left out of both groups together, and makes no pair with "
            "itself"
        )
    return number_of


def _numbers_by_name(
    groups: Mapping[str, Mapping[str, Recording]], numbers: Mapping[str, int]
) -> dict[str, int]:
    """Return a number for each system; those of one name share theirs."""
    number_of: dict[str, int] = {}
    by_name: dict[str, int] = {}
    for group, members in groups.items():
        for name in members:
            number_of[f"{group}/{name}"] = by_name.setdefault(name, numbers[f"{group}/{name}"])
    if len(by_name) == len(number_of):
        raise InputError(
            "paired groups that have names of systems in common",
            "; ".join(f"{group}: {', '.join(members)}" for group, members in groups.items()),
            "Give the recordings of one animal one name.",
        )
    alone = [
        f"{group}/{name}"
        for group, members in groups.items()
        for name in members
        if sum(name in others for others in groups.values()) == 1
    ]
    if alone:
        warn_caller(
            f"expected paired groups of the same names, got {first_few(alone, 3)} in one group alone: what "
            "has no pair counts as an observation of its own. Rename it if it has one."
        )
    return number_of


def content_digest(recording: Recording) -> bytes:
    """Return a hash of all that a measure can see of a system."""
    digest = hashlib.sha256(repr(recording.conditions).encode())
    for array in (*recording.trials, *(recording.inputs or ())):
        digest.update(repr(array.shape).encode())
        # Adding 0 takes the sign from a zero: -0 and 0 are equal.
        digest.update(np.ascontiguousarray(array + 0.0).data)
    return digest.digest()


@takes_numbers(SettingsError)
def group_statistics(
    groups: Mapping[str, Sequence[str]],
    matrices: Mapping[str, SystemMatrix],
    *,
    number_of: Mapping[str, int] | None = None,
    references: Sequence[str] | None = None,
    confidence: float = 0.95,
    family_error: float = 0.05,
    min_systems: int = 3,
    seed: int = 0,
) -> GroupComparison:
    """Summarise and test matrices of dissimilarities by group.

    Parameters
    ----------
    groups : mapping of str to sequence of str
        Names of the systems of each group.
    matrices : mapping of str to SystemMatrix
        By measure, each over all systems.
    number_of : mapping of str to int, optional
        Unit of statistics of each system, as in `group_tables`; by default each is one. Systems of one unit
        make no pair.
    references, confidence, family_error, min_systems
        As in `compare_groups`.
    seed : int, optional
        Root of the labels that the tests try.

    Raises
    ------
    InputError
        When a reference is no group.
    """
    if references is not None:
        # Names of groups are text, whatever they were given as.
        is_one = isinstance(references, str) or not isinstance(references, Iterable)
        references = [str(name) for name in ([references] if is_one else references)]
    # A test that stood twice would count twice in the correction.
    references = list(groups if references is None else dict.fromkeys(references))
    unknown = [name for name in references if name not in groups]
    if unknown:
        raise InputError(
            f"references among the groups {', '.join(groups)}",
            ", ".join(unknown),
            "Set references.",
        )
    group_of = {name: group for group, names in groups.items() for name in names}
    # Systems are numbered over all groups: no two of them share anything, as networks of a seed can.
    if number_of is None:
        number_of = {name: number for number, name in enumerate(group_of)}
    pairs = pd.concat([matrix.table for matrix in matrices.values()], ignore_index=True)
    units = [pairs[f"system_{side}"].map(number_of) for side in "ab"]
    pairs = pairs[units[0] != units[1]].reset_index(drop=True)
    for side in "ba":
        pairs.insert(3, f"group_{side}", pairs[f"system_{side}"].map(group_of))
    pairs.insert(5, "within", pairs["group_a"] == pairs["group_b"])

    summary, tests = group_tables(
        pairs,
        number_of,
        references=references,
        confidence=confidence,
        family_error=family_error,
        min_systems=min_systems,
        seed=seed,
    )
    return GroupComparison(
        groups={name: tuple(systems) for name, systems in groups.items()},
        matrices=dict(matrices),
        pairs=pairs,
        summary=summary,
        tests=tests,
        confidence=confidence,
        family_error=family_error,
    )


def group_tables(
    pairs: pd.DataFrame,
    number_of: Mapping[str, int],
    *,
    references: Sequence[str],
    confidence: float,
    family_error: float,
    min_systems: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables ``summary`` and ``tests`` of `GroupComparison` from the pairs.

    Parameters
    ----------
    pairs : DataFrame
        ``measure``, ``system_a``, ``system_b``, ``group_a``, ``group_b``, ``dissimilarity``.
    number_of : mapping of str to int
        Unit of statistics of each system. Systems with one number are left out together, and their pairs do
        not count.
    references, confidence, family_error, min_systems, seed
        As in `group_statistics`.
    """
    rows = pd.DataFrame(
        {
            "measure": pairs["measure"],
            "architecture_a": "",
            "curriculum_a": pairs["group_a"],
            "curriculum_b": pairs["group_b"],
            "seed_a": pairs["system_a"].map(number_of),
            "seed_b": pairs["system_b"].map(number_of),
            "seeds": "cross",
            "dissimilarity": pairs["dissimilarity"],
        }
    )
    # Networks of one seed can share a pretraining: they say nothing of two groups.
    rows = rows[rows["seed_a"] != rows["seed_b"]]
    settings = {
        "confidence": confidence,
        "family_error": family_error,
        "min_seeds": max(3, min_systems),
    }
    summary = summary_table(rows, settings)
    tests = group_tests(rows, references, settings)
    p_exchange, bound = exchanged_tests(rows, tests, seed)
    tests.insert(tests.columns.tolist().index("p") + 1, "p_exchange", p_exchange)
    tests["p_adjusted"] = holm(np.maximum(tests["p"].to_numpy(dtype=float), bound))
    tests["significant"] = tests["p_adjusted"] <= family_error
    summary, tests = (
        table.drop(columns=["architecture", "seeds"], errors="ignore").rename(columns=RENAMED)
        for table in (summary, tests)
    )
    # Two groups whose pairs all failed have a row, too: without a mean.
    names = np.sort(pairs[["group_a", "group_b"]].to_numpy(dtype=str), axis=1)
    couples = pairs[["measure"]].assign(group_a=names[:, 0], group_b=names[:, 1])
    keys = ["measure", "group_a", "group_b"]
    couples = couples.drop_duplicates().sort_values(keys, ignore_index=True)
    summary = couples.merge(summary, how="left", on=keys)
    counts = ["n_a", "n_b", "n_pairs"]
    return summary.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, int)), tests
