"""Verdicts: whether a claim holds, fails or is undecided, by rules that are fixed before the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from warpline.claims.evidence import Evidence
from warpline.comparison.hypothesis_tests import holm

__all__ = ["Judged", "judge"]

MOST_NETWORKS = 200
"""Largest number of networks that a command asks for."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one claim.

    Attributes
    ----------
    value, low, high : float
        The statistic, and its interval over networks, not adjusted for the other claims.
    n : int
        Independent observations.
    p, p_adjusted : float
        Two-sided p value of the better supported of "holds" and "fails"; the same after Holm's correction.
        NaN without an interval.
    n_settings : int
        Other settings of the measure.
    share : float
        Share of them in which the statistic lies on the claimed side; NaN without any.
    verdict : str
        ``holds``, ``fails`` or ``undecided``.
    reason : str
        Why it is undecided; empty otherwise.
    needed : int
        Observations of a run that would decide it, as far as can be foreseen, with all parts and settings
        that the rule asks for; 0 where no such run would.
    """

    value: float
    low: float
    high: float
    n: int
    p: float
    p_adjusted: float
    n_settings: int
    share: float
    verdict: str
    reason: str
    needed: int


def _bound(rule: Mapping[str, Any]) -> float:
    """Return the value below which the claimed effect is absent, or too small to count."""
    smallest = rule["smallest_effect"]
    return float(rule["null_value"] if smallest is None else smallest)


def _direction(
    evidence: Evidence, rule: Mapping[str, Any], family_error: float
) -> tuple[bool, float]:
    """Return whether the effect rather is absent than present, and the two-sided p value of that."""
    present, absent = evidence.p_above(rule["null_value"]), evidence.p_below(_bound(rule))
    # An effect that is certainly there and certainly too small to count is absent.
    is_absent = absent <= present or 2 * absent <= family_error
    # Two directions are tested: twice the p value bounds the error of both (Bonferroni).
    return is_absent, min(1.0, 2 * (absent if is_absent else present))


def _share(evidence: Evidence, rule: Mapping[str, Any]) -> float:
    """Return the share of settings whose statistic lies on the claimed side."""
    values = np.array([value for value in evidence.settings if np.isfinite(value)])
    if not len(values):
        return np.nan
    agrees = values < _bound(rule) if rule["absent"] else values > rule["null_value"]
    return float(agrees.mean())


def _needed(evidence: Evidence, rule: Mapping[str, Any], confidence: float) -> int:
    """Return how many observations would take the farther bound out of the interval, at today's spread."""
    low, high = evidence.interval(confidence)
    distance = max(evidence.value - rule["null_value"], _bound(rule) - evidence.value)
    minimum = int(rule["min_n"])
    if not (np.isfinite([low, high]).all() and distance > 0):
        return minimum
    half = max(evidence.value - low, high - evidence.value)
    return min(MOST_NETWORKS, max(minimum, math.ceil(evidence.n * (half / distance) ** 2)))


def judge(
    claims: Sequence[tuple[Mapping[str, Any], Evidence]], settings: Mapping[str, Any]
) -> list[Judged]:
    """Judge a family of claims.

    Let the statistic be larger where the claimed effect is stronger. The effect is *present* if the interval
    lies above the null value, and *absent* if it lies below the smallest effect that counts (below the null
    value where none is stated). A claim of an effect holds if the effect is present and not absent. It fails
    if it is absent. A claim of no effect ("CKA does not") is the reverse: it holds if the effect is absent,
    which is more than a test without significance. Both need the least number of networks, and Holm's
    correction over the family at ``family_error``. "Holds" also needs the share of settings.

    Parameters
    ----------
    claims : sequence of (mapping, Evidence)
        Rule and evidence of each claim of the family. A rule has ``null_value``, ``smallest_effect`` (or
        None), ``absent`` (whether the claim is that there is no effect), ``min_n``, ``share`` (required share
        of settings, or None) and ``min_settings``.
    settings : mapping
        ``confidence`` and ``family_error``.

    Returns
    -------
    list of Judged
        In the same order.
    """
    directions = [_direction(evidence, rule, settings["family_error"]) for rule, evidence in claims]
    # What has no interval is not tested, and does not count as a test.
    tested = [
        np.isfinite(evidence.interval(settings["confidence"])).all() for _, evidence in claims
    ]
    p_values = np.array(
        [p if one else np.nan for (_, p), one in zip(directions, tested, strict=True)]
    )
    judged = []
    for (rule, evidence), (is_absent, _), p, p_adjusted in zip(
        claims, directions, p_values, holm(p_values), strict=True
    ):
        share = _share(evidence, rule)
        n_settings = int(np.isfinite(list(evidence.settings)).sum())
        verdict = "holds" if is_absent == rule["absent"] else "fails"
        reason, needed = _undecided(
            rule, evidence, settings, (p, p_adjusted), (n_settings, share), verdict
        )
        low, high = evidence.interval(settings["confidence"])
        judged.append(
            Judged(
                value=evidence.value,
                low=low,
                high=high,
                n=evidence.n,
                p=float(p),
                p_adjusted=float(p_adjusted),
                n_settings=n_settings,
                share=share,
                verdict="undecided" if reason else verdict,
                reason=reason,
                needed=needed,
            )
        )
    return judged


def _undecided(
    rule: Mapping[str, Any],
    evidence: Evidence,
    settings: Mapping[str, Any],
    p_values: tuple[float, float],
    at_settings: tuple[int, float],
    verdict: str,
) -> tuple[str, int]:
    """Return why a claim is undecided (empty where it is not), and how many observations would decide it."""
    p, p_adjusted = p_values
    n_settings, share = at_settings
    low, high = evidence.interval(settings["confidence"])
    # What lacks something else may have networks enough.
    enough = max(int(rule["min_n"]), evidence.n)
    if evidence.n < rule["min_n"]:
        few = f"n = {evidence.n}, and the rule asks for {rule['min_n']}"
        # More networks of the same kind do not help where the run lacks a part.
        if evidence.missing:
            return f"{few}; the run lacks {', '.join(evidence.missing)}", enough
        if evidence.left_out:
            return f"{few}: {evidence.left_out}", 0
        return few, _needed(evidence, rule, settings["confidence"])
    if not high > low and evidence.left_out:
        return f"no interval: {evidence.left_out}", 0
    if not high > low:
        # It has networks enough: the run that the rule asks for would be this one again.
        return "the statistic does not vary, or has no interval", 0
    if p > settings["family_error"]:
        if evidence.missing:
            return f"the run lacks {', '.join(evidence.missing)}", enough
        why = "the interval excludes neither the null value nor the claimed effect"
        return why, _needed(evidence, rule, settings["confidence"])
    if p_adjusted > settings["family_error"]:
        return (
            f"p = {p:.3g}, but {p_adjusted:.3g} after Holm's correction over the family",
            _needed(evidence, rule, 1 - (1 - settings["confidence"]) * p / p_adjusted),
        )
    if verdict == "holds" and rule["share"] is not None:
        if n_settings < rule["min_settings"]:
            asked = f"{n_settings} other settings, and the rule asks for {rule['min_settings']}"
            return asked, enough
        if share < rule["share"]:
            return (
                f"it holds in {share:.0%} of {n_settings} other settings, and the rule asks for "
                f"{rule['share']:.0%}",
                0,
            )
    return "", 0
