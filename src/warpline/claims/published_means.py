"""The published mean dissimilarities beside those of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["PUBLISHED_COLUMNS", "published_table"]

PUBLISHED_COLUMNS = (
    "protocol",
    "taskset",
    "architecture",
    "measure",
    "curriculum_a",
    "curriculum_b",
    "published",
    "mean",
    "low",
    "high",
    "n_a",
    "n_b",
    "within_interval",
)


def published_table(
    published: pd.DataFrame,
    summaries: Mapping[str, Mapping[str, pd.DataFrame]],
    models: Mapping[str, str],
    kinds: Mapping[str, str],
) -> pd.DataFrame:
    """Return each published mean beside the means of a run.

    Parameters
    ----------
    published : DataFrame
        ``taskset``, ``measure``, ``group1``, ``group2``, ``mean_dissimilarity`` of recurrent networks
        (Guilhot et al. 2024).
    summaries : mapping of str to mapping of str to DataFrame
        By the name of a protocol, and by task set: summary tables
        (`warpline.comparison.statistics.summary_table`).
    models, kinds : mapping of str to str
        Model of each architecture, and module of each measure.

    Returns
    -------
    DataFrame
        Columns `PUBLISHED_COLUMNS`. ``mean``, ``low``, ``high``: of networks of different seeds; no other
        pairs are without a shared seed, and the published networks had none. Curricula with themselves are
        left out: the published ones compare a network with itself. ``within_interval``: whether the
        published mean lies in the interval, missing without one.
    """
    rows = []
    for protocol, by_taskset in summaries.items():
        for taskset, summary in by_taskset.items():
            of_taskset = published[
                (published["taskset"] == taskset) & (published["group1"] != published["group2"])
            ]
            if len(summary) and len(of_taskset):
                places = {"protocol": protocol, "taskset": taskset}
                rows += [{**places, **row} for row in _beside(of_taskset, summary, models, kinds)]
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))


def _beside(
    published: pd.DataFrame,
    summary: pd.DataFrame,
    models: Mapping[str, str],
    kinds: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Yield the published means of one task set that a summary has, too, architecture by architecture."""
    cross = summary[summary["seeds"] == "cross"]
    by_pair = {
        (
            row["measure"],
            row["architecture"],
            frozenset((row["curriculum_a"], row["curriculum_b"])),
        ): row
        for row in cross.to_dict("records")
    }
    for architecture in cross["architecture"].unique():
        if models.get(architecture) == "mamba":
            continue
        for pair in published.to_dict("records"):
            for measure, module in kinds.items():
                groups = frozenset((pair["group1"], pair["group2"]))
                ours = by_pair.get((measure, architecture, groups))
                if module != pair["measure"] or ours is None:
                    continue
                value, low, high = pair["mean_dissimilarity"], ours["low"], ours["high"]
                has_interval = np.isfinite([low, high]).all()
                yield {
                    "architecture": architecture,
                    "measure": measure,
                    "curriculum_a": pair["group1"],
                    "curriculum_b": pair["group2"],
                    "published": value,
                    "mean": ours["mean"],
                    "low": low,
                    "high": high,
                    "n_a": ours["n_a"],
                    "n_b": ours["n_b"],
                    "within_interval": bool(low <= value <= high) if has_interval else None,
                }
