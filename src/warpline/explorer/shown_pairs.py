"""What the explorer shows of the dissimilarities: a row per pair of networks or checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warpline.core import result_files
from warpline.explorer.embedding import number
from warpline.explorer.shown_networks import NetworkName

__all__ = ["KINDS", "group_means", "pair_rows"]

KINDS = ("after", "over", "within", "architectures")
"""Kinds of comparison, by the option of the script that takes their tables."""
MOMENTS = {
    "after": (None, None),
    "over": ("checkpoint", "checkpoint"),
    "within": ("checkpoint_a", "checkpoint_b"),
    "architectures": (None, None),
}
"""Columns with the fraction of training of each side; the end of training where there is none."""


def _name(row: Mapping[Any, Any], taskset: str, side: str) -> NetworkName:
    return NetworkName(
        taskset,
        str(row[f"architecture_{side}"]),
        str(row[f"curriculum_{side}"]),
        int(row[f"seed_{side}"]),
    )


def _taskset(path: Path, kind: str) -> str:
    """Return the task set of a table, from ``<measure>/<task set>[/<architecture>]/seed~1.csv``."""
    return path.parts[-2] if kind == "architectures" else path.parts[-3]


def pair_rows(
    kind: str, paths: Sequence[str | Path], index: Mapping[NetworkName, int]
) -> list[dict[str, Any]]:
    """Return the pairs of which both networks are shown.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    paths : sequence of path
        Tables of dissimilarities.
    index : mapping of NetworkName to int
        Position of each network that is shown.

    Returns
    -------
    list of dict
        ``measure``; ``a``, ``b`` (positions of the networks); ``from``, ``to`` (fractions of training of
        a and of b); ``value`` (None where the measure failed); ``low`` (bound that the value cannot go
        below, of DSA); ``status``; ``against`` (of pairs over learning).
    """
    rows = []
    for path in map(Path, paths):
        taskset = _taskset(path, kind)
        for row in result_files.read_table(path).to_dict("records"):
            a, b = (index.get(_name(row, taskset, side)) for side in "ab")
            if a is None or b is None:
                continue
            # Floors are pairs of seeds, which the pairs after learning show.
            if row.get("pairs") == "floor":
                continue
            first, second = MOMENTS[kind]
            against = row.get("against")
            entry = {
                "measure": str(row["measure"]),
                "a": a,
                "b": b,
                "from": number(row[first]) if first else 1.0,
                # Distances to the own end are of a checkpoint and the last one.
                "to": 1.0 if against == "own_final" or not second else number(row[second]),
                "value": number(row["dissimilarity"]),
                "low": number(row["lower_bound"]) if "lower_bound" in row else None,
                "status": str(row["status"]),
            }
            rows.append({**entry, "against": str(against)} if against is not None else entry)
    return rows


def group_means(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Return the mean dissimilarity of each pair of curricula after learning, with its interval.

    Parameters
    ----------
    paths : sequence of path
        Tables ``summary`` (`warpline.comparison.statistics.summary_table`), one per task set.
    """
    rows = []
    for path in map(Path, paths):
        table = result_files.read_table(path)
        for row in table.to_dict("records"):
            rows.append(
                {
                    "taskset": path.parts[-2],
                    **{
                        key: str(row[key])
                        for key in (
                            "measure",
                            "architecture",
                            "curriculum_a",
                            "curriculum_b",
                            "seeds",
                        )
                    },
                    "n_pairs": int(row["n_pairs"]),
                    **{key: number(row[key]) for key in ("mean", "low", "high")},
                }
            )
    return rows
