"""The measure that comparison jobs call: states and inputs to operators, pairs of operators to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.device import new_tensors_on
from warpline.core.number_arguments import takes_numbers
from warpline.similarity.dsa.padding import carried_size, pairs_by_size, resized
from warpline.similarity.dsa.search_status import ACCEPTED_CHANCE, MAX_STARTS
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.measure_settings import setting_of

from .driven_operators import DrivenOperator, fit_driven_operator

if TYPE_CHECKING:
    from .joint_alignment import DrivenSystem, Score

#: `represent` needs the inputs that drove the system.
NEEDS_INPUTS = True
#: `represent` takes trials of unequal length.
UNEQUAL_TRIALS = True

_FIT = {
    "n_delays": 1,
    "delay_interval": 1,
    "n_input_delays": 1,
    "input_lag": 0,
    "backend": "dmdc",
    "coordinates": "principal",
    "offset": True,
    "ridge": 0.0,
    "rank_tolerance": None,
}
_COMPARE = {
    "compare": "joint",
    "score": "angle",
    "control_weight": 0.5,
    "max_starts": MAX_STARTS,
    "accepted_chance": ACCEPTED_CHANCE,
    "tolerance": 1e-6,
    "max_steps": 5000,
    "bound": "auto",
}
#: Settings of the two functions with their defaults; ``rank`` has none.
DEFAULTS: dict[str, Any] = _FIT | _COMPARE
#: Names of all settings.
SETTINGS: tuple[str, ...] = ("rank", *DEFAULTS)
_CHOICES = {
    "compare": ("state", "control", "joint"),
    "score": ("angle", "euclidean"),
    "bound": ("auto", "split", "dual"),
}


def represent(states: Any, *, settings: Mapping[str, Any], inputs: Any = None) -> DrivenOperator:
    """Fit the operators of one driven system.

    Parameters
    ----------
    states, inputs : array (trial, time, unit or channel), or sequence of (time, unit or channel) arrays
        States of one system, and what drove it.
    settings : mapping
        ``rank``; optionally the others of `fit_driven_operator`.

    Returns
    -------
    DrivenOperator

    Raises
    ------
    InputError
        When states, inputs or settings cannot be used; it is a ValueError.
    """
    if "rank" not in settings:
        raise SettingsError("the setting rank", "none", "Add rank to the settings of dsa_input.")
    fit = {name: _setting(settings, name) for name in _FIT}
    return fit_driven_operator(states, inputs, rank=settings["rank"], **fit)


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[DrivenOperator],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of driven systems (Huang, Ostrow et al. 2026).

    Parameters
    ----------
    representations : sequence of DrivenOperator
        From `represent`. Operators of lower rank are padded with zeros (`warpline.similarity.dsa.padding`).
    pairs : sequence of (int, int)
        Indices; a system may be compared with itself.
    settings : mapping
        ``compare``: the score that is the dissimilarity, "state", "control" or "joint";
        ``score``: "angle" of operators scaled to unit norm, radians, or "euclidean" distance of the
        operators as they are; ``control_weight``: share of the control in the joint score, in [0, 1];
        ``max_starts``, ``accepted_chance``, ``tolerance``, ``max_steps``
        (`warpline.similarity.dsa.search.AlignmentSettings`);
        ``bound`` of the states: see `warpline.similarity.dsa.bounds.lower_bounds`.
    seed : int
        Root of the random starts.
    progress : progress bar, such as that of tqdm, optional
        Its ``update(n)`` is called with the number of pairs done.

    Returns
    -------
    list of dict
        For each pair, in order: ``dissimilarity``; ``status``, ``lower_bound``, ``gradient_norm``,
        ``n_starts`` and ``chance_of_better`` of that score, as in `warpline.similarity.dsa.compare_pairs`;
        ``rank_used``, the lower of the two. Then the three scores, each at its own best alignment:
        ``state_score`` (DSA of the state operators), ``control_score``, ``joint_score``; and
        ``state_at_joint`` and ``control_at_joint``, the two at the joint alignment. A failed pair has NaN.
    """
    weight = _setting(settings, "control_weight")
    if not 0 <= weight <= 1:
        raise SettingsError("control_weight in [0, 1]", f"{weight!r}", "Set control_weight.")
    score = _setting(settings, "score")
    rows = [_empty_row(representations[i], representations[j]) for i, j in pairs]
    indices = {i for pair in pairs for i in pair}
    carried = {
        i: carried_size(representations[i].state, representations[i].control) for i in indices
    }
    ranks = {i: representations[i].rank for i in indices}
    for size, positions in pairs_by_size(carried, pairs, ranks).items():
        systems, faults = _systems(representations, [pairs[k] for k in positions], size, score)
        usable = []
        for row, (i, j) in ((rows[k], pairs[k]) for k in positions):
            fault = faults.get(i) or faults.get(j) or _mismatch(systems[i], systems[j])
            if fault:
                row["status"] = f"failed: {fault}"
                _advance(progress, 1)
            else:
                usable.append((row, (i, j)))

        # Pairs of one number of inputs at a time: the control operators of a call are one array.
        for width in sorted({systems[i].control.shape[1] for _, (i, _) in usable}):
            with new_tensors_on():
                _fill(
                    [work for work in usable if systems[work[1][0]].control.shape[1] == width],
                    systems, weight, settings, seed, progress,
                )  # fmt: skip
    return rows


def _fill(
    usable: list[tuple[dict[str, Any], tuple[int, int]]], systems: Mapping[int, DrivenSystem],
    weight: float, settings: Mapping[str, Any], seed: int, progress: Any,
) -> None:  # fmt: skip
    """Fill in the rows of pairs that can be compared."""
    # PyTorch comes with the alignment: imported when first needed.
    from warpline.similarity.dsa.alignment import align_pairs
    from warpline.similarity.dsa.bounds import lower_bounds
    from warpline.similarity.dsa.search import AlignmentSettings

    from .joint_alignment import (
        align_jointly,
        control_alignment,
        distance,
        joint_distance,
        state_bound,
    )

    # One order for each unordered pair makes the rows symmetric, not merely nearly so.
    pairs = [
        (i, j) if systems[i].order_key <= systems[j].order_key else (j, i) for _, (i, j) in usable
    ]
    compare, score = _setting(settings, "compare"), _setting(settings, "score")
    alignment_settings = AlignmentSettings(
        max_starts=_setting(settings, "max_starts"),
        accepted_chance=_setting(settings, "accepted_chance"),
        tolerance=_setting(settings, "tolerance"),
        max_steps=_setting(settings, "max_steps"),
    )
    canonical = {k: system.canonical for k, system in systems.items()}
    bounds = lower_bounds(canonical, pairs, kind=_setting(settings, "bound"))
    states = align_pairs(canonical, pairs, seed=seed, settings=alignment_settings)
    joints = align_jointly(
        systems,
        pairs,
        [state.rotation for state in states],
        weight=weight,
        seed=seed,
        settings=alignment_settings,
        progress=lambda count: _advance(progress, count),
    )
    for (row, _), (i, j), bound, state, joint in zip(
        usable, pairs, bounds, states, joints, strict=True
    ):
        first, second = systems[i], systems[j]

        # Each score at its own best alignment, then the two parts at the joint one.
        def parts(
            rotation: NDArray[np.float64], a: DrivenSystem = first, b: DrivenSystem = second
        ) -> tuple[float, float]:
            aligned = rotation @ b.state @ rotation.T
            return (
                distance(a.state, aligned, score),
                distance(a.control, rotation @ b.control, score),
            )

        row["state_score"], _ = parts(state.rotation)
        _, row["control_score"] = parts(control_alignment(first, second))
        row["state_at_joint"], row["control_at_joint"] = parts(joint.rotation)
        row["joint_score"] = joint_distance(
            row["state_at_joint"], row["control_at_joint"], weight, score
        )
        row["dissimilarity"] = row[f"{compare}_score"]

        if compare == "control":
            # In closed form: the only start is the best one.
            row |= {
                "status": "converged",
                "lower_bound": row["control_score"],
                "gradient_norm": 0.0,
            }
            row |= {"n_starts": 1, "chance_of_better": 0.0}
            continue
        bound = state_bound(float(bound), first, second, score)
        if compare == "joint":
            bound = joint_distance(bound, row["control_score"], weight, score)
        row["lower_bound"] = bound
        search = state if compare == "state" else joint
        for name in ("status", "gradient_norm", "n_starts", "chance_of_better"):
            row[name] = getattr(search, name)


def _empty_row(first: DrivenOperator, second: DrivenOperator) -> dict[str, Any]:
    """All columns from the start: those of a failed pair stay NaN."""
    row: dict[str, Any] = {"dissimilarity": float("nan"), "status": ""}
    row |= {"lower_bound": float("nan"), "gradient_norm": float("nan"), "n_starts": 0}
    row |= {"chance_of_better": float("nan"), "rank_used": min(first.rank_used, second.rank_used)}
    scores = ("state_score", "control_score", "joint_score", "state_at_joint", "control_at_joint")
    return row | dict.fromkeys(scores, float("nan"))


#: What a system does whose operator is zero.
_ZERO = {"state": "states follow inputs alone", "control": "no input has an effect; dsa needs none"}


def _systems(
    representations: Sequence[DrivenOperator],
    pairs: Sequence[tuple[int, int]],
    size: int,
    score: Score,
) -> tuple[dict[int, DrivenSystem], dict[int, str]]:
    """Return the usable systems of the pairs, at one size, and what is wrong with the others."""
    from .joint_alignment import driven_system

    systems, faults = {}, {}
    for i in sorted({i for pair in pairs for i in pair}):
        operator = representations[i]
        state = resized(operator.state, size, size)
        control = resized(operator.control, size, operator.control.shape[1])
        for name, matrix in (("state", state), ("control", control)):
            if not np.isfinite(matrix).all():
                faults[i] = f"{name} operator is not finite"
            elif not matrix.any():
                faults[i] = f"{name} operator is zero, up to rounding: {_ZERO[name]}"
            elif score == "euclidean" and not 0 < np.vdot(matrix, matrix) < np.inf:
                faults[i] = f"squares of the {name} operator leave the range of numbers"
        if i not in faults:
            systems[i] = driven_system(state, control, score)
    return systems, faults


def _mismatch(first: DrivenSystem, second: DrivenSystem) -> str:
    numbers = [system.control.shape[1] for system in (first, second)]
    return "" if len(set(numbers)) == 1 else f"{numbers[0]} and {numbers[1]} inputs"


def _setting(settings: Mapping[str, Any], name: str) -> Any:
    return setting_of(settings, name, DEFAULTS, _CHOICES)


def _advance(progress: Any, count: int) -> None:
    if progress is not None:
        progress.update(count)
