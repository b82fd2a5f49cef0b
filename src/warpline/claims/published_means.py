"""The published mean dissimilarities beside those of a run."""

from __future__ import annotations

from collections.abc import Mapping

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
    summaries: Mapping[str, pd.DataFrame],
    models: Mapping[str, str],
    kinds: Mapping[str, str],
    protocol: str,
) -> pd.DataFrame:
    """Return each published mean beside the means of a run.

    Parameters
    ----------
    published : DataFrame
        ``taskset``, ``measure``, ``group1``, ``group2``, ``mean_dissimilarity`` of recurrent networks
        (Guilhot et al. 2024).
    summaries : mapping of str to DataFrame
        Summary table of each task set (`warpline.comparison.statistics.summary_table`).
    models, kinds : mapping of str to str
        Model of each architecture, and module of each measure.
    protocol : str
        Name of the settings of the run.

    Returns
    -------
    DataFrame
        Columns `PUBLISHED_COLUMNS`. ``mean``, ``low``, ``high``: of networks of different seeds; no other
        pairs are without a shared seed, and the published networks had none. Curricula with themselves are
        left out: the published ones compare a network with itself. ``within_interval``: whether the
        published mean lies in the interval, missing without one.
    """
    rows = []
    for taskset, summary in summaries.items():
        of_taskset = published[published["taskset"] == taskset]
        of_taskset = of_taskset[of_taskset["group1"] != of_taskset["group2"]]
        if not len(summary) or not len(of_taskset):
            continue
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
            for pair in of_taskset.to_dict("records"):
                for measure, module in kinds.items():
                    groups = frozenset((pair["group1"], pair["group2"]))
                    ours = by_pair.get((measure, architecture, groups))
                    if module != pair["measure"] or ours is None:
                        continue
                    value, low, high = pair["mean_dissimilarity"], ours["low"], ours["high"]
                    rows.append(
                        {
                            "protocol": protocol,
                            "taskset": taskset,
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
                            "within_interval": bool(low <= value <= high)
                            if np.isfinite([low, high]).all()
                            else None,
                        }
                    )
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))
