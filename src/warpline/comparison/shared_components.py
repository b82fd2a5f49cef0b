"""Principal components that two networks share, as Guilhot et al. (2024) have them over learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from warpline.comparison.network_systems import System
from warpline.comparison.pairs import Comparison

__all__ = ["with_shared_components"]

N_COMPONENTS = 20
"""Of the authors' comparisons."""


def with_shared_components(pair: Comparison) -> Comparison:
    """Return a pair whose states are z-scores on principal components that both share.

    The z-scores are over the steps of each trial, by unit. Unit k of one network and unit k of the other
    have nothing in common, so that the shared axes mean nothing: see docs/audit.md.

    Parameters
    ----------
    pair : Comparison
        Of states (trial, time, unit), raw, of equally many units.

    Raises
    ------
    ValueError
        When the networks differ in units.
    """
    a, b = pair.a.states, pair.b.states
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"expected networks of equally many units, got {a.shape[-1]} and {b.shape[-1]}: set "
            "protocol.evaluation.reduction: own"
        )
    states = np.concatenate([a, b]).astype(np.float64)
    deviation = states.std(1, ddof=1, keepdims=True)
    deviation[deviation == 0] = 1
    z_scores = (states - states.mean(1, keepdims=True)) / deviation
    samples = z_scores.reshape(-1, z_scores.shape[-1])
    samples = samples - samples.mean(0)
    _, axes = np.linalg.eigh(samples.T @ samples)
    # The largest last.
    scores = (samples @ axes[:, : -N_COMPONENTS - 1 : -1]).reshape(*states.shape[:2], -1)
    return Comparison(
        _with_states(pair.a, scores[: len(a)], pair.b),
        _with_states(pair.b, scores[len(a) :], pair.a),
        pair.labels,
    )


def _with_states(system: System, states: np.ndarray, other: System) -> System:
    # Each pair has states of its own, and so systems of its own.
    return replace(system, states=states, variant=f"{system.variant} with {other.identity}")
