"""A measure's interface, tried on a few systems before networks are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.plugins import ContractError, calling, load
from warpline.similarity.measure_rows import check_left_alone, checked_rows

__all__ = ["check_measure"]

PAIRS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1))
TOLERATED = 0.01
"""Largest difference between (a, b) and (b, a), relative to the larger: a search may stop short of it."""


class _Progress:
    """A progress bar that shows nothing."""

    def update(self, count: int = 1) -> None:
        """Count nothing."""


def check_measure(
    settings: Mapping[str, Any], n_trials: int, n_steps: int, needs_inputs: bool = False
) -> None:
    """Compare three made-up systems with themselves and with each other; see `warpline.similarity`.

    Parameters
    ----------
    settings : mapping
        The measure's entry of the configuration.
    n_trials, n_steps : int
        Evaluation trials, and steps of the comparison window.
    needs_inputs : bool
        What the configuration says of the measure.

    Raises
    ------
    ContractError
        At the first fault: what was expected, what was got, and what to do.
    """
    with calling("a file that can be imported"):
        measure = load("similarity", settings["measure"])
    for name in ("represent", "compare_pairs"):
        if not callable(getattr(measure, name, None)):
            raise ContractError(
                f"expected a measure with the functions represent and compare_pairs, got no {name}"
            )
    if bool(getattr(measure, "NEEDS_INPUTS", False)) != needs_inputs:
        raise ContractError(
            "expected NEEDS_INPUTS of the measure and needs_inputs of its entry to agree, got "
            f"{not needs_inputs} and {needs_inputs}: say `needs_inputs: {str(not needs_inputs).lower()}`"
        )
    systems = [_states(n_trials, n_steps, units, seed) for units, seed in ((4, 1), (4, 2), (3, 3))]

    # Two representations of each system, and two comparisons of the first: all must agree.
    representations = [_represent(measure, states, settings) for states in systems]
    values = _compare(measure, representations, settings)
    _check_values(values)
    if not _equal(values, _compare(measure, representations, settings)):
        raise ContractError(
            "expected compare_pairs to return the same from the same representations and seed, got other "
            "values the second time: draw from numpy.random.default_rng(seed), and work on copies"
        )
    again = [_represent(measure, states, settings) for states in systems]
    if not _equal(values, _compare(measure, again, settings)):
        raise ContractError(
            "expected represent to return the same from the same states, got representations that "
            "differ: draw nothing there, compare_pairs has a seed"
        )


def _states(n_trials: int, n_steps: int, units: int, seed: int) -> NDArray[np.float64]:
    """Return states (trial, time, unit) of a noisy damped rotation."""
    rng = np.random.default_rng(seed)
    step = 0.97 * np.linalg.qr(rng.normal(size=(units, units)))[0]
    state, states = rng.normal(size=(n_trials, units)), []
    for _ in range(n_steps):
        state = state @ step + 0.1 * rng.normal(size=state.shape)
        states.append(state)
    return np.stack(states, axis=1)


def _represent(measure: Any, states: NDArray[np.float64], settings: Mapping[str, Any]) -> Any:
    before = states.copy()
    shape = " x ".join(map(str, states.shape))
    with calling(
        f"a representation of states (trial, time, unit), {shape}, by represent(states, settings=...)",
        "of a class, make represent and compare_pairs static methods",
    ):
        extra: dict[str, Any] = {}
        if getattr(measure, "NEEDS_INPUTS", False):
            extra["inputs"] = states[..., :1].copy()
        if getattr(measure, "NEEDS_CONDITIONS", False):
            extra["conditions"] = np.arange(len(states)) // 2
        representation = measure.represent(states, settings=settings, **extra)
    check_left_alone(before, states)
    return representation


def _compare(measure: Any, representations: list[Any], settings: Mapping[str, Any]) -> list[float]:
    """Return the dissimilarity of each of `PAIRS`, after checking the rows."""
    with calling(
        "rows of compare_pairs(representations, pairs, settings=..., seed=..., progress=...), also of "
        "systems with other numbers of units"
    ):
        rows = list(
            measure.compare_pairs(
                representations, list(PAIRS), settings=settings, seed=1, progress=_Progress()
            )
        )
    checked_rows(rows, len(PAIRS), measure)
    return [float(row["dissimilarity"]) for row in rows]


def _check_values(values: list[float]) -> None:
    by_pair = dict(zip(PAIRS, values, strict=True))
    for pair, value in by_pair.items():
        if not np.isfinite(value):
            systems = "a system and itself" if pair[0] == pair[1] else "two systems"
            raise ContractError(f"expected a finite dissimilarity of {systems}, got {value}")
    for a, b in ((0, 1), (0, 2)):
        there, back = by_pair[a, b], by_pair[b, a]
        if abs(there - back) > TOLERATED * max(abs(there), abs(back)) + 1e-9:
            raise ContractError(
                f"expected the same dissimilarity of (a, b) and (b, a), got {there:.6g} and {back:.6g}: "
                "average both directions, or draw for each pair anew from its own seed"
            )
    for own in ((0, 0), (1, 1)):
        if by_pair[own] >= min(by_pair[0, 1], by_pair[0, 2]):
            raise ContractError(
                f"expected a smaller dissimilarity of a system to itself than to others, got "
                f"{by_pair[own]:.6g} and {min(by_pair[0, 1], by_pair[0, 2]):.6g}: is it a similarity?"
            )


def _equal(a: list[float], b: list[float]) -> bool:
    return a == b
