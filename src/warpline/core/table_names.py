"""Names of the tables that one job makes several of: shared by the job's script and the pipeline."""

from __future__ import annotations

__all__ = [
    "CHOICE_TABLES",
    "COMPARISON_TABLES",
    "DATASET_TABLES",
    "SENSITIVITY_TABLES",
    "STATISTICS_TABLES",
]

CHOICE_TABLES = ("choice", "sweep", "networks")
"""Choice of the parameters of DSA for one task set. The first one is what comparisons read."""

COMPARISON_TABLES = ("after", "over", "within", "controls")
"""Dissimilarities of one comparison job; its tables share fitted representations."""

STATISTICS_TABLES = ("runs", "summary", "tests", "controls", "learning")
"""Statistics of one task set."""

SENSITIVITY_TABLES = ("dsa_sensitivity", "dsa_sensitivity_values", "dsa_sensitivity_shares")
"""Conclusions from DSA around its parameters, of one task set."""

DATASET_TABLES = ("summary", "tests")
"""Statistics of the groups of recordings."""
