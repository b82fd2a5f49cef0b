"""Names of the tables that one job makes several of: shared by the job's script and the pipeline."""

from __future__ import annotations

__all__ = ["COMPARISON_TABLES", "STATISTICS_TABLES"]

COMPARISON_TABLES = ("after", "over", "within", "controls")
"""Dissimilarities of one comparison job; its tables share fitted representations."""

STATISTICS_TABLES = ("runs", "summary", "tests", "controls", "learning")
"""Statistics of one task set."""
