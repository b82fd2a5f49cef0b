"""Variables, measures and settings in the words of a reader, for figures and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MEASURE_LABELS",
    "condition_in_words",
    "measure_label",
    "measure_name",
    "measure_unit",
    "name_in_words",
    "name_of_ideal",
    "number_range",
    "parameters_label",
    "sensitivity_label",
]

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


MEASURE_LABELS = {
    "cka": "CKA (angle / 90°)",
    "cka_debiased": "debiased CKA (angle / 90°)",
    "procrustes": "Procrustes (angle / 90°)",
    "dsa": "DSA (radians)",
    "dsa_input": "InputDSA (radians)",
    "shape_gaussian": "Gaussian shape distance",
    "shape_energy": "energy shape distance",
}


def measure_label(name: str, settings: Mapping[str, Any]) -> str:
    """Return the axis label of a dissimilarity measure, with its unit."""
    if name in settings.get("wasserstein", ()):
        return f"{name} (Wasserstein)"
    return MEASURE_LABELS.get(name, name)


def measure_name(name: str) -> str:
    """Return the name of a measure without its unit."""
    return MEASURE_LABELS.get(name, name).partition(" (")[0]


def measure_unit(name: str, settings: Mapping[str, Any]) -> str:
    """Return the unit of a dissimilarity measure, or ``dissimilarity`` where it has none."""
    return measure_label(name, settings).partition(" (")[2].rstrip(")") or "dissimilarity"


def name_of_ideal(training: Mapping[str, Any]) -> str:
    """Return what the accuracy of a network was held against in training.

    Parameters
    ----------
    training : mapping
        Settings of its training loop. With ``target: fixed``, as in the code of Guilhot et al. (2024), that
        is 1, which no observer of the noise need reach.
    """
    return "all correct" if training.get("target") == "fixed" else "ideal observer"


def parameters_label(rows: pd.DataFrame) -> str:
    """Return the parameters of DSA as a line of text, empty for tables of other measures.

    Parameters
    ----------
    rows : DataFrame
        Rows of one measure; with ``n_delays``, ``delay_interval`` and ``rank`` if it is DSA.
    """
    names = ["n_delays", "delay_interval", "rank"]
    if not {*names} <= {*rows} or rows[names].dropna().empty:
        return ""
    n_delays, interval, rank = (int(value) for value in rows[names].dropna().iloc[0])
    delays = f"{n_delays} delay{'s' * (n_delays != 1)}"
    # Without a unit: delays run over steps, or over trials as in the published code.
    apart = f", interval {interval}" if interval > 1 else ""
    return f"{delays}{apart}, rank {rank}"


def sensitivity_label(shares: pd.DataFrame, measure: str, conclusion: str) -> str:
    """Return in how many settings around its own a conclusion of a measure holds, as a line of text.

    Parameters
    ----------
    shares : DataFrame
        From `warpline.analyses.sensitivity_to_parameters.shares`, of one architecture, or between them.
    measure : str
    conclusion : str
        ``after``, ``over`` or ``architectures``.

    Returns
    -------
    str
        Empty where the measure has no such conclusion.
    """
    rows = shares[(shares["measure"] == measure) & (shares["conclusion"] == conclusion)]
    rows = rows.dropna(subset="share")
    if rows.empty:
        return ""
    counts = [f"{row.n_holds}/{row.n_settings}" for row in rows.itertuples()]
    if len(counts) > 4:
        share = rows["share"]
        return (
            f"hold in {share.min():.0%} to {share.max():.0%} of {rows['n_settings'].max()} settings"
        )
    return f"hold in {', '.join(counts)} settings"


def number_range(numbers: Iterable[int]) -> str:
    """Return the range of some numbers as text: ``1 to 3``, or ``3`` where all are equal."""
    ordered = sorted(numbers)
    return " to ".join(dict.fromkeys([str(ordered[0]), str(ordered[-1])]))
