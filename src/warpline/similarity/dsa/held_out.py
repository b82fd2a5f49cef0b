"""DSA on held-out trials: the alignment is fitted to the operators of some trials, and judged on others.

No comparison job imports this module, so editing it re-runs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import (
    RankError,
    SettingsError,
    check_ridge,
    positive_integer,
)
from warpline.similarity.measure_settings import setting_of
from warpline.similarity.recordings import as_recording
from warpline.similarity.states import angle

from .hankel import blocks_of, count_transitions, leading_factor
from .measure import DEFAULTS, compare_pairs
from .operators import (
    check_states,
    lagged_covariances,
    rank_tolerance_of,
    regular_rank,
    solve_operator,
)
from .padding import check_rank, resized
from .window_means import TransitionMeans

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeldOutOperator:
    """Operators of one system in one basis, which the training trials give.

    Attributes
    ----------
    matrix, held_out : ndarray, shape (rank, rank)
        One-step operators of the training trials and of the held-out ones, both in the whitened delay
        coordinates of the training trials. Rows and columns from ``rank_used`` on are zero.
    rank, rank_used : int
        The rank asked for, and the one that both sets of trials carry.
    gap : float
        Of the training trials, as that of `warpline.similarity.dsa.operators.Operator`.
    n_transitions, n_regressors : int
        As there; of the training or the held-out trials, whichever have fewer.
    """

    matrix: FloatArray
    held_out: FloatArray
    rank: int
    rank_used: int
    gap: float
    n_transitions: int
    n_regressors: int


def represent_held_out(train: Any, test: Any, *, settings: Mapping[str, Any]) -> HeldOutOperator:
    """Fit the operators of a system's training and held-out trials, in the basis of the first.

    Parameters
    ----------
    train, test : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
    settings : mapping
        As `warpline.similarity.dsa.represent`.

    Raises
    ------
    InputError
        As `warpline.similarity.dsa.fit_operator`, and for delays along trials.
    """
    for name in ("n_delays", "rank"):
        if name not in settings:
            raise SettingsError(
                f"the setting {name}", "none", f"Add {name} to the settings of dsa."
            )
    if setting_of(settings, "delay_axis", DEFAULTS) != "time":
        raise SettingsError(
            "delays along time, because trials are held out",
            f"delay_axis {settings['delay_axis']!r}",
            "Drop delay_axis, or split.",
        )
    delays = positive_integer("n_delays", settings["n_delays"])
    rank = positive_integer("rank", settings["rank"])
    interval, ridge, tolerance = (
        setting_of(settings, name, DEFAULTS)
        for name in ("delay_interval", "ridge", "rank_tolerance")
    )
    check_ridge(ridge)
    training, exponent = as_recording(train).rescaled()
    held_out = as_recording([np.ldexp(trial, -exponent) for trial in as_recording(test).trials])
    offset = setting_of(settings, "offset", DEFAULTS)
    if offset:
        training, held_out = training.centred(), held_out.centred()
    train_states, test_states = (
        check_states(recording, n_delays=delays, delay_interval=interval)
        for recording in (training, held_out)
    )
    check_rank(rank, delays * training.n_units)
    tolerance = rank_tolerance_of(training, delays, interval, tolerance)
    means = [
        TransitionMeans.of(states, delays, interval) if offset else None
        for states in (train_states, test_states)
    ]
    factor = leading_factor(
        train_states, delays, interval, rank, tolerance,
        with_next=True, means=means[0].rows if means[0] else None,
    )  # fmt: skip
    covariances = [
        lagged_covariances(states, delays, interval, factor, own)
        for states, own in zip((train_states, test_states), means, strict=True)
    ]
    # Whitening holds for the number of training rows: the held-out ones are brought to it.
    n_train, n_test = (
        sum(len(x) * (x.shape[1] - (delays - 1) * interval) for x in blocks_of(states))
        for states in (train_states, test_states)
    )
    covariances[1] = (
        covariances[1][0] * (n_train / n_test),
        covariances[1][1] * (n_train / n_test),
    )
    rank_used = min(regular_rank(past, factor.singular_values, ridge) for past, _ in covariances)
    if setting_of(settings, "strict", DEFAULTS) and rank_used < rank:
        raise RankError(
            f"training and held-out trials that carry rank {rank} (relative tolerance {tolerance:.1e})",
            f"rank {rank_used}",
            f"Ask for rank {rank_used} or less, or drop strict to pad the operators with zeros.",
        )
    matrices = []
    for past, cross in covariances:
        matrix = np.zeros((rank, rank))
        matrix[:rank_used, :rank_used] = solve_operator(
            past[:rank_used, :rank_used], cross[:rank_used, :rank_used], ridge
        )
        matrices.append(matrix)
    return HeldOutOperator(
        matrices[0],
        matrices[1],
        rank,
        rank_used,
        gap=factor.gap(rank_used),
        n_transitions=min(
            count_transitions(states, delays, interval) for states in (train_states, test_states)
        ),
        n_regressors=rank_used + offset,
    )


@takes_numbers(SettingsError)
def compare_held_out(
    representations: Sequence[HeldOutOperator],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Compare pairs of systems on held-out trials, by the alignment of their training trials.

    C minimises the angle between the operators of the training trials. The dissimilarity is the angle
    between the held-out operators A and C B C^T, as shape distances are trained and tested (Williams et
    al. 2021; ``fit`` and ``score`` of netrep). The training value is lower for the search over C, and no
    estimate for other trials. The held-out value contains the noise of the held-out operators.

    Parameters
    ----------
    representations : sequence of HeldOutOperator
    pairs : sequence of (int, int)
    settings, seed
        As `warpline.similarity.dsa.compare_pairs`; the score is the angle.

    Returns
    -------
    list of dict
        ``dissimilarity`` on held-out trials, ``dissimilarity_train``, ``status``, ``gradient_norm``,
        ``n_starts``, ``chance_of_better``, ``rank_used``.
    """
    if settings.get("rotation"):
        raise SettingsError(
            "rotation False with held-out trials, where each half has another alignment",
            "rotation True",
            "Drop rotation, or split.",
        )
    score = setting_of(settings, "score", DEFAULTS)
    if score != "angle":
        raise SettingsError(
            "the score angle with held-out trials, on which an alignment is judged",
            repr(score),
            "Drop score, or split.",
        )
    operators: Any = representations
    rows = compare_pairs(operators, pairs, settings={**settings, "rotation": True}, seed=seed)
    held_out_rows = []
    for (i, j), row in zip(pairs, rows, strict=True):
        rotation = row.pop("rotation")
        # The bound is one on the alignments of the training trials.
        del row["lower_bound"]
        held_out = np.nan
        if rotation is not None:
            n = len(rotation)
            a, b = (resized(representations[k].held_out, n, n) for k in (i, j))
            norms = np.linalg.norm(a), np.linalg.norm(b)
            a, b = a / norms[0], rotation @ b @ rotation.T / norms[1]
            held_out = angle(float(np.linalg.norm(a - b)), float(np.linalg.norm(a + b)))
        trained = row.pop("dissimilarity")
        held_out_rows.append({"dissimilarity": held_out, "dissimilarity_train": trained, **row})
    return held_out_rows
