"""The command that would decide a claim: the smallest run that holds what its verdict lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpline.claims.registry import CLAIMS, SEEDS, SYSTEMS
from warpline.claims.verdicts import Judged

__all__ = ["deciding_command"]


def _widened(families: Mapping[str, list[float]], n_systems: int) -> dict[str, list[float]]:
    """Return families of systems of the same ranges, evenly spaced, with as many systems in all."""
    size = math.ceil(n_systems / len(families))
    return {
        name: np.linspace(min(values), max(values), size).round(3).tolist()
        for name, values in families.items()
    }


def _measures(claim: str, measure: str, kinds: Mapping[str, str]) -> list[str]:
    """Return the measures of a claim, or those of one module: the judged one and its other settings."""
    modules = [kinds[measure]] if measure else CLAIMS[claim].modules
    return [name for name, module in kinds.items() if module in modules]


def deciding_command(
    claim: str,
    rule: Mapping[str, Any],
    settings: Mapping[str, Any],
    judged: Judged | None = None,
    measure: str = "",
) -> str:
    """Return the command of the smallest run that would decide a claim, as far as can be foreseen.

    Parameters
    ----------
    claim : str
    rule : mapping
        Its rule.
    settings : mapping
        ``deciding``: by kind of run (`warpline.claims.registry.Claim`), ``command`` and the ``sections`` of a
        configuration that hold what such claims take and no more. ``measures``: pairs of name and module.
        ``families``: families of validation systems. ``name``: of this run.
    judged : Judged, optional
        Its verdict; none where the run holds no evidence.
    measure : str
        The measure that was judged.

    Returns
    -------
    str
        Empty where the claim is decided, and where no further run of the same kind would decide it.
    """
    if judged is not None and (judged.verdict != "undecided" or not judged.needed):
        return ""
    needed = int(rule["min_n"]) if judged is None else judged.needed
    deciding = settings["deciding"][CLAIMS[claim].run]
    sections = {name: dict(section) for name, section in deciding["sections"].items()}
    more = CLAIMS[claim].more
    if more == SEEDS:
        sections["run"]["seeds"] = list(range(1, needed + 1))
        if CLAIMS[claim].modules:
            sections["run"]["measures"] = _measures(claim, measure, dict(settings["measures"]))
    elif judged is not None and needed > judged.n:
        if more != SYSTEMS:
            # There are five motifs.
            return ""
        sections["attractors"] = {"families": _widened(settings["families"], needed)}
    if not sections:
        return str(deciding["command"])
    # JSON is YAML. Another name, so that the results of this run stay what they are.
    stated = " ".join(f"{key}='{json.dumps(section)}'" for key, section in sections.items())
    return f"{deciding['command']} --config name={settings['name']}_{claim} {stated}"
