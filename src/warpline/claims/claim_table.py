"""The table of claims: a row per claim and place, with its verdict and what would decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from warpline.claims.deciding_run import deciding_command
from warpline.claims.registry import CLAIMS
from warpline.claims.sources import Finding, Sources
from warpline.claims.verdicts import Judged, judge

__all__ = ["COLUMNS", "claim_table"]

COLUMNS = (
    "claim",
    "sentence",
    "source",
    "protocol",
    "taskset",
    "architecture",
    "analysis",
    "measure",
    "statistic",
    "rule_changed",
    "null_value",
    "smallest_effect",
    "value",
    "low",
    "high",
    "least_part",
    "n_parts",
    "n",
    "unit",
    "p",
    "p_adjusted",
    "n_family",
    "n_settings",
    "share_of_settings",
    "verdict",
    "reason",
    "command",
)


def _stated(claim: str, rule: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells that follow from the rule."""
    return {
        "claim": claim,
        "sentence": rule["sentence"],
        "source": rule["source"],
        "protocol": settings["protocol"],
        "statistic": rule["statistic"],
        "rule_changed": rule["changed"],
        "null_value": rule["null_value"],
        "smallest_effect": rule["smallest_effect"],
    }


def _row(finding: Finding, judged: Judged, n_family: int) -> dict[str, Any]:
    """Return the cells that follow from the evidence."""
    return {
        "taskset": finding.taskset,
        "architecture": finding.architecture,
        "analysis": finding.analysis,
        "measure": finding.measure,
        "value": judged.value,
        "low": judged.low,
        "high": judged.high,
        "least_part": finding.evidence.least,
        "n_parts": len(finding.evidence.parts),
        "n": judged.n,
        "unit": finding.unit,
        "p": judged.p,
        "p_adjusted": judged.p_adjusted,
        "n_family": n_family,
        "n_settings": judged.n_settings,
        "share_of_settings": judged.share,
        "verdict": judged.verdict,
        "reason": judged.reason,
    }


def _judged(sources: Sources, settings: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each claim for which there is evidence."""
    rules = settings["rules"]
    if unknown := [claim for claim in rules if claim not in CLAIMS]:
        raise ValueError(
            f"expected rules of the claims {', '.join(CLAIMS)}, got {', '.join(unknown)}: a claim is a "
            "function in warpline.claims"
        )
    findings = [
        (claim, finding)
        for claim in rules
        for finding in CLAIMS[claim].evidence(sources, CLAIMS[claim].modules)
    ]
    families: dict[tuple[str, ...], list[int]] = {}
    for k, (claim, finding) in enumerate(findings):
        family = CLAIMS[claim].family
        place = (finding.taskset, finding.architecture) if family == "curricula" else ()
        families.setdefault((family, *place), []).append(k)

    rows: dict[int, dict[str, Any]] = {}
    for members in families.values():
        judged = judge(
            [(rules[findings[k][0]], findings[k][1].evidence) for k in members], settings
        )
        n_tests = sum(np.isfinite(one.p) for one in judged)
        for k, verdict in zip(members, judged, strict=True):
            claim, finding = findings[k]
            rows[k] = {
                **_stated(claim, rules[claim], settings),
                **_row(finding, verdict, n_tests),
                "command": deciding_command(
                    claim, rules[claim], settings, verdict, finding.measure
                ),
            }
    by_claim: dict[str, list[dict[str, Any]]] = {claim: [] for claim in rules}
    for k, (claim, _) in enumerate(findings):
        by_claim[claim].append(rows[k])
    return by_claim


def claim_table(
    sources: Sources, settings: Mapping[str, Any], by_protocol: Mapping[str, Sources] | None = None
) -> pd.DataFrame:
    """Judge all claims on the tables of a run.

    Parameters
    ----------
    sources : Sources
    settings : mapping
        ``rules``: the rule of each claim by its id, with ``sentence``, ``source``, ``statistic`` and the keys
        of `warpline.claims.verdicts.judge`. ``confidence``, ``family_error``. ``protocol``: name of the
        settings of the run. What `warpline.claims.deciding_run.deciding_command` takes.
    by_protocol : mapping of str to Sources, optional
        Tables of the same networks under other protocols, by the name of the protocol.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; in the order of the rules, and of the protocols within a claim. A claim without
        evidence is one row, undecided, whose reason starts with "not run"; under the other protocols it has
        none. Holm's correction goes over the rows of one protocol and family of claims with one task set and
        architecture. Claims on geometry have a task set each, and are one family.

    Raises
    ------
    ValueError
        When there is a rule for a claim that is not in `warpline.claims.registry`.
    """
    rules = settings["rules"]
    rows = _judged(sources, settings)
    others = [
        _judged(of_protocol, {**settings, "protocol": protocol})
        for protocol, of_protocol in (by_protocol or {}).items()
    ]
    table = []
    for claim in rules:
        not_run = {
            **_stated(claim, rules[claim], settings),
            "n": 0,
            "n_settings": 0,
            "verdict": "undecided",
            "reason": f"not run: it takes {CLAIMS[claim].needs}",
            "command": deciding_command(claim, rules[claim], settings),
        }
        table += rows[claim] or [not_run]
        table += [row for of_protocol in others for row in of_protocol[claim]]
    frame = pd.DataFrame(table, columns=list(COLUMNS))
    numbers = ["null_value", "smallest_effect", "value", "low", "high", "p", "p_adjusted"]
    numbers += ["share_of_settings"]
    return frame.astype(dict.fromkeys(numbers, float)).replace({None: np.nan})
