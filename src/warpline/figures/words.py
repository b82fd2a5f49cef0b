"""Names of variables and dimensions in the words of a reader, for figures and pages."""

from __future__ import annotations

__all__ = ["condition_in_words", "name_in_words"]

WORDS = {
    "coh": "coherence",
    "ground_truth": "stimulus for choice",
    "kappa": "input",
    "mesh": "relevant",
    "mesh_b": "irrelevant",
    "sheet_moment": "time (ms)",
    "theta": "angle",
}
"""Names that are no words, of trial variables (those of neurogym) and of dimensions of analyses."""


def name_in_words(name: str) -> str:
    """Return the name of a variable or dimension in words: ``angle 1`` for ``angle_1``."""
    return WORDS.get(name, name.replace("_", " "))


def condition_in_words(label: str) -> str:
    """Return the label of a condition in words: ``coherence 6.4, stimulus for choice 0``.

    Parameters
    ----------
    label : str
        As `warpline.comparison.condition_states.describe_conditions` makes it: names of trial variables, each
        with its value.
    """
    pairs = (pair.partition(" ") for pair in label.split(", "))
    return ", ".join(f"{name_in_words(name)}{space}{value}" for name, space, value in pairs)
