"""Headings of the report, numbered in the order of its story: the report sorts them by name."""

from __future__ import annotations

__all__ = [
    "AFTER",
    "ATTRACTORS",
    "CLAIMS",
    "GEOMETRY",
    "OVER",
    "RECORDINGS",
    "SENSITIVITY",
    "TABLES",
    "TASKS",
]

TASKS = "1. Tasks and learning"
AFTER = "2. Similarity after learning"
OVER = "3. Similarity over learning"
GEOMETRY = "4. Geometry"
RECORDINGS = "5. Recordings"
ATTRACTORS = "6. Attractors of known similarity"
SENSITIVITY = "7. Sensitivity and controls"
CLAIMS = "8. Claims"
TABLES = "9. Tables"
