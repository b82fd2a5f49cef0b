"""The measure that comparison jobs call: states to operators, pairs of operators to rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.device import new_tensors_on
from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.measure_settings import setting_of
from warpline.similarity.recordings import Recording

from .canonical import CanonicalOperator, to_canonical
from .operators import Operator, fit_operator, fit_operators
from .padding import carried_size, extended, pairs_by_size, resized
from .search_status import ACCEPTED_CHANCE, MAX_STARTS

#: Settings of the two functions with their defaults; ``n_delays`` and ``rank`` have none.
DEFAULTS: dict[str, Any] = {
    "delay_interval": 1,
    "delay_axis": "time",
    "ridge": 0.0,
    "strict": False,
    "rank_tolerance": None,
    "offset": False,
    "solver": "newton",
    "score": "angle",
    "max_starts": MAX_STARTS,
    "accepted_chance": ACCEPTED_CHANCE,
    "tolerance": 1e-6,
    "max_steps": 5000,
    "bound": "auto",
    "rotation": False,
    "iterations": 1000,
    "lr": 0.01,
}
#: Trials of a system may differ in length: `represent` takes a sequence of (time, unit) arrays too.
UNEQUAL_TRIALS = True
#: Without ``offset``, operators have no constant term: a mean is a direction that does not change.
FITS_MEANS = True
#: Settings that may differ between systems: operators of lower rank are padded with zeros.
PER_SYSTEM = ("n_delays", "delay_interval", "rank")
#: Names of all settings.
SETTINGS: tuple[str, ...] = ("n_delays", "rank", *DEFAULTS)
_CHOICES = {
    "solver": ("newton", "reference"),
    "delay_axis": ("time", "trial"),
    "score": ("angle", "wasserstein"),
    "bound": ("auto", "split", "dual"),
}


def represent(states: Any, *, settings: Mapping[str, Any]) -> Operator:
    """Fit the operator of one system.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
        States of one system. One trial is allowed; systems may differ in units and trials, and the trials
        of a sequence in their times.
    settings : mapping
        ``n_delays`` and ``rank``; optionally ``delay_interval``, ``ridge``, ``strict``,
        ``rank_tolerance`` and ``offset`` (see `fit_operator`); ``delay_axis``: "time", or "trial" as in
        the code of Guilhot et al. (2024), where delays run along trials. Others are left to `compare_pairs`.

    Returns
    -------
    Operator
        The operator. Deterministic.

    Raises
    ------
    InputError
        If the states or the settings cannot be used; it is a ValueError.
    """
    for name in ("n_delays", "rank"):
        if name not in settings:
            raise SettingsError(
                f"the setting {name}", "none", f"Add {name} to the settings of dsa."
            )
    return fit_operator(
        _along_delays(states, settings), rank=settings["rank"], **_fit_settings(settings)
    )


def represent_ranks(
    states: Any, ranks: Sequence[int], *, settings: Mapping[str, Any]
) -> list[Operator]:
    """Fit the operators of one system at several ranks, whatever ``rank`` the settings hold.

    Parameters
    ----------
    states, settings
        As in `represent`.
    ranks : sequence of int

    Returns
    -------
    list of Operator
        One per rank, for about the price of the highest
        (`warpline.similarity.dsa.operators.fit_operators`).
    """
    return fit_operators(_along_delays(states, settings), ranks=ranks, **_fit_settings(settings))


def _along_delays(states: Any, settings: Mapping[str, Any]) -> Any:
    """Return states whose time is the axis along which delays run."""
    return _time_as_trials(states) if _setting(settings, "delay_axis") == "trial" else states


def _fit_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a fit, but for its rank."""
    others = ("delay_interval", "ridge", "strict", "rank_tolerance", "offset")
    return {"n_delays": settings["n_delays"], **{name: _setting(settings, name) for name in others}}


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Operator],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of systems by dynamical similarity analysis.

    Parameters
    ----------
    representations : sequence of Operator
        From `represent`. For the angle, operators of different rank are padded with zeros
        (`warpline.similarity.dsa.padding`). For the Wasserstein score, each counts with the eigenvalues of
        its ``rank_used`` alone.
    pairs : sequence of (int, int)
        Indices; a system may be compared with itself.
    settings : mapping
        ``score``: "angle" (min over C in O(rank) of the angle between A and C B C^T, radians, in
        [0, pi]; Ostrow et al. 2023) or "wasserstein" (`warpline.similarity.dsa.wasserstein.wasserstein`);
        ``solver``: "newton" or "reference" (dsa-metric, with ``iterations`` and ``lr``);
        ``max_starts``, ``accepted_chance``, ``tolerance``, ``max_steps``
        (`warpline.similarity.dsa.search.AlignmentSettings`);
        ``bound``: see `warpline.similarity.dsa.bounds.lower_bounds`; ``rotation``: whether rows hold the
        aligning matrix.
    seed : int
        Root of the random starts. With the operators of the pair it determines the row, up to rounding: pairs
        that are aligned together can change its last digits, and rarely its starts, its status, and the
        maximum that is found.
    progress : progress bar, such as that of tqdm, optional
        Its ``update(n)`` is called with the number of pairs done.

    Returns
    -------
    list of dict
        For each pair, in order: ``dissimilarity``; ``status`` ("converged", "uncertain": a better
        one is not ruled out, "max_steps" or "failed: ..."); ``lower_bound`` on the dissimilarity over all
        alignments; ``gradient_norm`` of the cosine of the angle; ``n_starts``; ``chance_of_better``
        (`warpline.similarity.dsa.search_status.chance_of_better`); ``rank_used``, the lower of the two. What
        has no meaning for a score is NaN. A failed pair has dissimilarity NaN. With ``rotation``, rows have
        ``rotation``, the orthogonal C, shape (rank, rank), None for a failed pair: A is closest to C B C^T,
        so that C maps the whitened delay coordinates of the second system to those of the first.

    Raises
    ------
    SettingsError
        If a setting has no such value, or the score has no aligning matrix.
    """
    score = _setting(settings, "score")
    _setting(settings, "solver")
    with_rotation = _setting(settings, "rotation")
    if with_rotation and score != "angle":
        raise SettingsError(
            "the score angle, whose minimum is an aligning matrix", repr(score), "Drop rotation."
        )
    # All columns from the start: what a score does not give stays NaN.
    rows: list[dict[str, Any]] = [
        {
            "dissimilarity": float("nan"),
            "status": "",
            "lower_bound": float("nan"),
            "gradient_norm": float("nan"),
            "n_starts": 0,
            "chance_of_better": float("nan"),
            "rank_used": min(representations[i].rank_used, representations[j].rank_used),
            **({"rotation": None} if with_rotation else {}),
        }
        for i, j in pairs
    ]
    # Pairs of one size at a time: the operators that are aligned at once are one array.
    indices = {i for pair in pairs for i in pair}
    carried = {i: carried_size(representations[i].matrix) for i in indices}
    ranks = {i: representations[i].rank for i in indices}
    for size, positions in pairs_by_size(carried, pairs, ranks).items():
        work = [(rows[k], pairs[k]) for k in positions]
        with new_tensors_on():
            _fill(work, representations, size, settings, seed, progress)
    for row, (i, j) in zip(rows, pairs, strict=True) if with_rotation else []:
        if row["rotation"] is not None:
            row["rotation"] = extended(row["rotation"], max(ranks[i], ranks[j]))
    return rows


_Work = list[tuple[dict[str, Any], tuple[int, int]]]


def _fill(
    work: _Work,
    representations: Sequence[Operator],
    size: int,
    settings: Mapping[str, Any],
    seed: int,
    progress: Any,
) -> None:
    """Fill in the rows of pairs that are compared at one size."""
    score, solver = _setting(settings, "score"), _setting(settings, "solver")
    matrices = {
        i: resized(representations[i].matrix, size, size)
        for i in sorted({i for _, pair in work for i in pair})
    }
    # A pair with a broken operator is a row that says so; it does not reach the solver.
    faults = {k: _fault(matrix) for k, matrix in matrices.items()}
    usable = []
    for row, (i, j) in work:
        fault = faults[i] or faults[j]
        row["status"] = f"failed: {fault}" if fault else ""
        if fault:
            _advance(progress, 1)
        else:
            usable.append((row, (i, j)))
    if score == "wasserstein":
        _fill_wasserstein(usable, representations, solver, progress)
        return
    canonical = {k: to_canonical(m) for k, m in matrices.items() if not faults[k]}
    _fill_bounds(usable, canonical, settings)
    if solver == "reference":
        _fill_reference(usable, matrices, canonical, settings, seed, progress)
    else:
        _fill_newton(usable, canonical, settings, seed, progress)


def _setting(settings: Mapping[str, Any], name: str) -> Any:
    return setting_of(settings, name, DEFAULTS, _CHOICES)


def _time_as_trials(states: Any) -> Any:
    """Return states (time, trial, unit) of states (trial, time, unit)."""
    if isinstance(states, Recording):
        # With the precision of the states, but not their times: the axis is another one.
        return Recording(
            tuple(states.states.swapaxes(0, 1)), precision=states.precision, name=states.name
        )
    if getattr(states, "ndim", 0) != 3:
        raise SettingsError(
            "one array of states (trial, time, unit) for delay_axis trial",
            type(states).__name__,
            "Set delay_axis to time.",
        )
    return np.asarray(states).swapaxes(0, 1)


def _fault(matrix: NDArray[np.float64]) -> str:
    if not np.isfinite(matrix).all():
        return "operator is not finite"
    return "" if matrix.any() else "operator is zero"


def _advance(progress: Any, count: int) -> None:
    if progress is not None:
        progress.update(count)


def _fill_bounds(
    usable: _Work, canonical: dict[int, CanonicalOperator], settings: Mapping[str, Any]
) -> None:
    from .bounds import lower_bounds

    values = lower_bounds(canonical, [pair for _, pair in usable], kind=_setting(settings, "bound"))
    for (row, _), bound in zip(usable, values, strict=True):
        row["lower_bound"] = float(bound)


def _fill_newton(
    usable: _Work,
    canonical: dict[int, CanonicalOperator],
    settings: Mapping[str, Any],
    seed: int,
    progress: Any,
) -> None:
    from .alignment import align_pairs
    from .search import AlignmentSettings

    alignment_settings = AlignmentSettings(
        max_starts=_setting(settings, "max_starts"),
        accepted_chance=_setting(settings, "accepted_chance"),
        tolerance=_setting(settings, "tolerance"),
        max_steps=_setting(settings, "max_steps"),
    )
    results = align_pairs(
        canonical,
        [pair for _, pair in usable],
        seed=seed,
        settings=alignment_settings,
        progress=lambda count: _advance(progress, count),
    )
    for (row, _), result in zip(usable, results, strict=True):
        row["dissimilarity"] = result.angle
        row["status"] = result.status
        row["gradient_norm"] = result.gradient_norm
        row["n_starts"] = result.n_starts
        row["chance_of_better"] = result.chance_of_better
        if "rotation" in row:
            row["rotation"] = result.rotation


def _fill_reference(
    usable: _Work,
    matrices: dict[int, NDArray[np.float64]],
    canonical: dict[int, CanonicalOperator],
    settings: Mapping[str, Any],
    seed: int,
    progress: Any,
) -> None:
    from .reference import reference_alignment

    for row, (i, j) in usable:
        a, b = sorted((i, j), key=lambda k: canonical[k].order_key)
        digest = hashlib.sha256(
            canonical[a].digest + canonical[b].digest + str(seed).encode()
        ).digest()
        result = reference_alignment(
            matrices[a],
            matrices[b],
            iterations=_setting(settings, "iterations"),
            lr=_setting(settings, "lr"),
            seed=int.from_bytes(digest[:7], "little"),
        )
        row["dissimilarity"] = result.angle
        row["status"] = "max_steps"  # it stops after its steps, converged or not
        row["gradient_norm"] = result.gradient_norm
        row["n_starts"] = 2
        if "rotation" in row:
            row["rotation"] = result.rotation if (a, b) == (i, j) else result.rotation.T
        _advance(progress, 1)


def _fill_wasserstein(
    usable: _Work, representations: Sequence[Operator], solver: str, progress: Any
) -> None:
    from .reference import reference_wasserstein
    from .wasserstein import eigenvalues, wasserstein

    points = {}
    for k in {i for _, pair in usable for i in pair}:
        operator = representations[k]
        points[k] = eigenvalues(operator.matrix[: operator.rank_used, : operator.rank_used])
    for row, (i, j) in usable:
        if solver == "reference":
            row["dissimilarity"] = reference_wasserstein(points[i], points[j])
        else:
            row["dissimilarity"] = wasserstein(points[i], points[j])
        row["status"] = "converged"
        _advance(progress, 1)
