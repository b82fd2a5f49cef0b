"""Largest counts that are taken, each with the time or memory beyond it: a call would have no end."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "LARGEST_COUNT",
    "LARGEST_LIST",
    "MOST_REPEATS",
    "MOST_SETTINGS",
    "MOST_STARTS",
    "MOST_STEPS",
    "CountLimit",
    "limit_of",
]


@dataclass(frozen=True)
class CountLimit:
    """Largest value of a count.

    Attributes
    ----------
    most : int
    reason : str
        What so many take; the end of a sentence.
    """

    most: int
    reason: str

    @property
    def expected(self) -> str:
        """What a message expects."""
        return f"at most {self.most:,}: {self.reason}"


MOST_STARTS = CountLimit(
    10_000, "a start takes from a millisecond to a second, and more find nothing better"
)
MOST_STEPS = CountLimit(1_000_000, "at a millisecond each, so many take a quarter of an hour")
MOST_REPEATS = CountLimit(1_000, "each takes seconds")
MOST_POINTS = CountLimit(100_000, "every curve holds its states at so many points in memory")
MOST_SETTINGS = CountLimit(100_000, "each takes a millisecond or more for each system")
LARGEST_COUNT = CountLimit(10**9, "so many numbers fill 8 GB")
LARGEST_LIST = CountLimit(1_000_000, "each entry takes at least a microsecond, mostly a second")

_LIMITS = {
    "max_starts": MOST_STARTS,
    "first_starts": MOST_STARTS,
    "n_starts": MOST_STARTS,
    "max_steps": MOST_STEPS,
    "iterations": MOST_STEPS,
    "samples": MOST_REPEATS,
    "nulls": MOST_REPEATS,
    "points": MOST_POINTS,
    "most_segments": MOST_POINTS,
    "n_dimensions": CountLimit(1_000, "systems need no more dimensions than there are of them"),
}
#: Numbers that are no counts: nothing is made as large as they are.
_NO_COUNTS = {"seed", "chunk", "min_systems"}


def limit_of(name: str) -> CountLimit | None:
    """Return the limit of a count by the name of the argument or setting; None for what counts nothing."""
    return None if name in _NO_COUNTS else _LIMITS.get(name, LARGEST_COUNT)
