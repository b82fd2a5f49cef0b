"""Choice of the parameters of DSA by prediction: delays, interval and rank, on held-out trials.

No comparison job imports this module, so editing it re-runs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.core.caller_warnings import warn_caller
from warpline.core.count_limits import MOST_SETTINGS
from warpline.core.number_arguments import first_few, takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.input_errors import (
    InputError,
    SettingsError,
    TooFewTimePointsError,
    check_ridge,
)
from warpline.similarity.recordings import Recording, as_recording, check_same_bins
from warpline.similarity.time_coordinates import check_equal_steps

from .operators import check_rank_tolerance, check_states, rank_tolerance_of
from .padding import check_rank
from .prediction import Prediction, Split, akaike, check_split, held_out_errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DSAChoice", "choose_dsa", "choose_setting"]

#: Candidates of the sweep; those too long for the trials are left out.
N_DELAYS = (1, 2, 3, 5, 7, 10, 15, 20, 33)
DELAY_INTERVALS = (1,)
RANKS = (2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50)
HORIZONS = (1, 5, 10)
#: Share of the best setting's gain over persistence that a more parsimonious setting must keep.
KEEP = 0.95
#: Longest embedding and longest horizon, as a share of the trial.
LONGEST = 1 / 3

#: Share of the error of the mean that a prediction stays below, at some horizon. On noise, persistence is
#: twice as bad as the mean, and by chance some setting is a little better than that.
BELOW_MEAN = 0.95

BETTER = "better than persistence"
WORSE = "no better than persistence"
AS_MEAN = "no better than the mean"
FAILED = "failed: no operator can be fitted"
SETTING = ["n_delays", "delay_interval", "rank"]


@dataclass(frozen=True, repr=False)
class DSAChoice(ShortRepr):
    """Parameters of DSA for a set of systems, and the sweep that they come from.

    Attributes
    ----------
    n_delays, delay_interval, rank : int
        The chosen setting; the interval is in time steps.
    score : float
        Its error ratio: mean over systems and horizons of the squared error over that of persistence, which
        counts as half of that over one step or more.
    status : str
        "better than persistence", or "no better than persistence" where no setting is whose rank all systems
        carry (where they carry none: no setting of the sweep). "no better than the mean" where the chosen
        setting beats persistence, and the mean of the training trials in less than half of the systems
        (``beats_mean``). A few held-out numbers can beat both by chance (docs/dsa.md).
    horizons : tuple of int
        Time steps ahead that were predicted.
    sweep : DataFrame
        A row per system and setting: ``system``, ``n_delays``, ``delay_interval``, ``rank``;
        ``rank_used`` (at most ``rank``) and ``rank_carried`` by the training trials (at most the largest
        rank of the sweep); ``error_ratio_H``, the squared error H steps ahead over that of persistence;
        ``score``, their mean; ``aic``, Akaike's criterion of the one-step error (of the shortest
        horizon); ``mase``, the absolute error over that of persistence, same horizon;
        ``spectral_radius`` and ``non_normality`` of the operator (see `warpline.similarity.dsa.prediction`);
        ``mean_error_ratio_H``, the error ratio of the mean of each unit over the training trials;
        ``beats_mean``, whether the squared error is below 95 % of that of the mean at some horizon;
        ``n_train`` and ``n_test`` trials; ``status``, "fitted" or "failed: no operator can be fitted".
    settings : DataFrame
        A row per setting: means over systems of the columns above, ``worst`` (the largest error ratio of
        a system at a horizon), ``rank_used`` (the lowest), ``n_systems`` with a score (one whose held-out
        states are at rest has none), ``comparable`` (all systems carry
        the rank), ``beats_persistence``, ``beats_mean`` (in half of the systems or more) and ``chosen``.
    """

    n_delays: int
    delay_interval: int
    rank: int
    score: float
    status: str
    horizons: tuple[int, ...]
    sweep: pd.DataFrame
    settings: pd.DataFrame


@takes_numbers(SettingsError)
def choose_dsa(
    systems: Mapping[str, Any] | Sequence[Any],
    *,
    n_delays: Sequence[int] = N_DELAYS,
    delay_intervals: Sequence[int] = DELAY_INTERVALS,
    ranks: Sequence[int] = RANKS,
    horizons: Sequence[int] = HORIZONS,
    keep: float = KEEP,
    longest: float = LONGEST,
    ridge: float = 0.0,
    rank_tolerance: float | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    centre: bool = False,
    offset: bool = False,
) -> DSAChoice:
    """Choose one embedding and rank for several systems, by prediction of held-out trials.

    The rule never looks at a dissimilarity. It has four steps.

    1. Each setting is fitted to most trials of a system. On the others it predicts the states 1, 5 and 10
       steps ahead (``horizons``). The *error ratio* is its squared error over that of the prediction that
       nothing changes (persistence), at least half of what the states change by in one step: a rhythm is
       back where it was after a period. All settings predict the same target times: the longest embedding
       decides where they begin, or else many delays would win by leaving out early times. The score of a
       setting is the mean over horizons and systems, so that no system counts more for its size.
    2. Settings whose rank some system does not carry are put aside, because zeros would stand for that
       system's dynamics. Settings that are worse than persistence in the mean over systems at some
       horizon are put aside too. A condition that would put all aside does not count.
    3. The best setting is the one of lowest score. Its *gain* is 1 - score, the share of the change that
       it predicts.
    4. Among the settings that keep 95 % of that gain (``keep``), the most parsimonious is chosen: the
       lowest rank, then the fewest delays, then the shortest interval.

    The tolerance is a share of the gain. A standard error over systems would not do: it does not exist for
    one system, and it shrinks as systems are added, so that the chosen rank would grow with their number.

    Parameters
    ----------
    systems : mapping of str to array, or sequence of arrays
        States of each system, (trial, time, unit) or a sequence of (time, unit) arrays of any length
        (`warpline.similarity.recordings.as_recording`); at least two trials. Systems with as many trials
        share the held-out ones.
    n_delays, delay_intervals, ranks : sequence of int
        Candidates; all combinations are tried. Intervals are in time steps.
    horizons : sequence of int
        Time steps ahead.
    keep : float, optional
        Share of the best gain to keep, in (0, 1]; 1 takes the setting of lowest score.
    longest : float, optional
        Embeddings and horizons of more than this share of the shortest trial are left out. The shortest
        embedding and the shortest horizon always stay.
    ridge, rank_tolerance : float, optional
        See `warpline.similarity.dsa.operators.fit_operator`.
    test_fraction : float, optional
        Share of the trials held out.
    seed : int, optional
        Of the choice of held-out trials.
    centre : bool, optional
        Whether to subtract the mean of each unit over all trials and times of its system first, as
        `warpline.compare` does with ``centre``.
    offset : bool, optional
        Whether operators have a constant term, see `warpline.similarity.dsa.operators.fit_operator`.

    Returns
    -------
    DSAChoice
        The setting, and the tables of the sweep. A system that cannot be fitted is a row that says so.

    Warns
    -----
    UserWarning
        If the status is "no better than persistence". The most parsimonious setting within the tolerance is
        still returned, or the one of lowest score where there is no gain. If the chosen setting predicts some
        systems no better than their mean, as it does noise. If no setting has a rank that all carry. And
        if some systems cannot be fitted, or are at rest in their held-out trials: they have no part in it.

    Raises
    ------
    InputError
        If a candidate cannot be used, a system holds NaN, or no system can be fitted; it is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (30, 1))
    >>> seen = np.cos(0.3 * np.arange(40) + phase)[..., None]  # a rotation, one of its two coordinates
    >>> choice = choose_dsa([seen], ranks=[1, 2])
    >>> choice.n_delays, choice.rank
    (2, 2)
    """
    import pandas as pd

    _check_candidates(n_delays, delay_intervals, ranks, horizons, keep, longest)
    check_split(test_fraction, seed)
    check_ridge(ridge)
    check_rank_tolerance(rank_tolerance)
    # A constant term takes the means out anyway; without them, no digits go into them.
    recordings = _recordings(systems, centred=centre or offset)
    for recording in recordings.values():
        check_equal_steps(recording.times, recording.name)
        check_rank(max(ranks), max(n_delays) * recording.n_units)
    check_same_bins(recordings.items(), "dsa")
    _check_trials(recordings)
    n_times = min(min(recording.lengths) for recording in recordings.values())
    embeddings, horizons = _fitting(n_times, n_delays, delay_intervals, horizons, longest)
    # All settings predict the same times.
    first_origin = max((delays - 1) * interval for delays, interval in embeddings)
    rows: list[dict[str, Any]] = []
    for name, recording in recordings.items():
        split = Split.of(recording, test_fraction, seed)
        for delays, interval in embeddings:
            embedding = {"n_delays": delays, "delay_interval": interval}
            identity = {"system": name, **embedding}
            try:
                tolerance = rank_tolerance_of(recording, delays, interval, rank_tolerance)
                check_states(recording, **embedding)
                prediction = held_out_errors(
                    split.train,
                    split.test,
                    **embedding,
                    ranks=ranks,
                    horizons=horizons,
                    first_origin=first_origin,
                    ridge=ridge,
                    tolerance=tolerance,
                    precision=recording.precision,
                    offset=offset,
                )
            except InputError:
                rows += [{**identity, "rank": rank, "status": FAILED} for rank in ranks]
                continue
            counts = {"n_train": split.n_train, "n_test": split.n_test}
            rows += _rows(identity, prediction, ranks, horizons, counts)
    sweep = pd.DataFrame(rows)
    _check_sweep(sweep, list(recordings))
    settings = choose_setting(sweep, horizons, keep)
    chosen = settings[settings["chosen"]].iloc[0]
    return DSAChoice(
        n_delays=int(chosen["n_delays"]),
        delay_interval=int(chosen["delay_interval"]),
        rank=int(chosen["rank"]),
        score=float(chosen["score"]),
        status=_status(sweep, chosen),
        horizons=tuple(horizons),
        sweep=sweep,
        settings=settings,
    )


def _recordings(systems: Mapping[str, Any] | Sequence[Any], centred: bool) -> dict[str, Recording]:
    """Return the systems by name, at a scale whose squares are numbers: error ratios do not depend on it."""
    named = (
        systems
        if isinstance(systems, Mapping)
        else {f"system {k}": states for k, states in enumerate(systems)}
    )
    recordings = {
        name: as_recording(states, name=str(name)).rescaled()[0] for name, states in named.items()
    }
    if centred:
        return {name: recording.centred() for name, recording in recordings.items()}
    return recordings


def _check_sweep(sweep: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a sweep without a score, and warn of systems that have none."""
    is_fitted = sweep["status"] == "fitted"
    if not is_fitted.any():
        raise InputError(
            "a system that an operator can be fitted to",
            f"{len(names)} systems, of which none can",
            "Fit one by fit_operator, whose error says why.",
        )
    if sweep["score"].isna().all():
        raise InputError(
            "a system whose states change in its held-out trials",
            f"{len(names)} systems, of which none has an error to compare",
            "Hold out other trials (seed), or more of them (test_fraction).",
        )
    has_score = sweep["score"].notna().groupby(sweep["system"], sort=False).any()
    if resting := [
        name for name in names if is_fitted[sweep["system"] == name].any() and not has_score[name]
    ]:
        warn_caller(
            f"expected systems whose states change in their held-out trials, got {first_few(resting, 3)} at "
            "rest once the longest embedding has passed: the choice is that of the others. Begin the states "
            "earlier, or try fewer delays or a smaller share of the trial (longest)."
        )
    fitted = set(sweep.loc[is_fitted, "system"])
    if without := [name for name in names if name not in fitted]:
        warn_caller(
            f"expected systems that an operator can be fitted to, got {first_few(without, 3)} without one: "
            "the choice is that of the others. fit_operator says why."
        )


def _status(sweep: pd.DataFrame, chosen: pd.Series) -> str:
    """Return what the chosen setting is better than; warn where that is not enough, and of missing ranks."""
    if not chosen["comparable"]:
        warn_caller(
            f"expected a rank that all systems carry, got rank {int(chosen['rank'])} at best, of which the "
            f"training trials of some carry {int(chosen['rank_used'])}: zeros would stand for the rest. Try "
            "lower ranks, or more delays."
        )
    if not chosen["beats_persistence"]:
        warn_caller(
            f"expected a setting of DSA that predicts better than persistence, got an error ratio of "
            f"{chosen['score']:.3g} at best{_of_some(sweep, chosen)}: the angles compare operators that do "
            "not describe the states. Try more delays, higher ranks or more trials."
        )
        return WORSE
    if as_mean := _predicted_as_by_the_mean(sweep, chosen):
        warn_caller(
            "expected systems that DSA predicts better than their mean does, got "
            f"{first_few(as_mean, 3)} at {int(chosen['n_delays'])} delays and rank {int(chosen['rank'])}: "
            "angles of their operators compare noise. Average over neurons or trials, smooth the states, or "
            "record more trials."
        )
    return BETTER if chosen["beats_mean"] else AS_MEAN


def _of_some(sweep: pd.DataFrame, chosen: pd.Series) -> str:
    """Return the words for the systems that the chosen setting predicts worse, where others are better."""
    scores = _rows_of(sweep, chosen).set_index("system")["score"]
    worse = scores[scores >= 1].sort_values(ascending=False)
    if not 0 < len(worse) < len(scores):
        return ""
    return (
        f" (above 1 in {len(worse)} of {len(scores)} systems, first "
        f"{first_few([str(name) for name in worse.index], 3)}; a system that comes to rest weighs most)"
    )


def _rows_of(sweep: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """Return the rows of the systems with a score at the chosen setting."""
    return sweep[sweep["score"].notna() & (sweep[SETTING] == chosen[SETTING]).all(axis=1)]


def _predicted_as_by_the_mean(sweep: pd.DataFrame, chosen: pd.Series) -> list[str]:
    """Return the systems that the chosen setting predicts no better than their mean does."""
    rows = _rows_of(sweep, chosen)
    return [str(name) for name in rows.loc[~rows["beats_mean"].astype(bool), "system"]]


def choose_setting(sweep: pd.DataFrame, horizons: Sequence[int], keep: float) -> pd.DataFrame:
    """Apply the rule of `choose_dsa` to the rows of a sweep.

    Parameters
    ----------
    sweep : DataFrame
        As in `DSAChoice`.
    horizons : sequence of int
        Those of its columns ``error_ratio_H``.
    keep : float
        Share of the best gain to keep.

    Returns
    -------
    DataFrame
        A row per setting, as in `DSAChoice`, one of them ``chosen``.
    """
    ratios = [f"error_ratio_{h}" for h in horizons]
    means = [*ratios, "score", "aic", "mase", "spectral_radius", "non_normality"]
    fitted = sweep[sweep["status"] == "fitted"]
    groups = fitted.groupby(SETTING, sort=True)
    settings = groups[means].mean()
    settings["worst"] = groups[ratios].max().max(axis=1)
    settings["rank_used"] = groups["rank_used"].min()
    settings["n_systems"] = groups["score"].count()
    with_score = fitted[fitted["score"].notna()].groupby(SETTING, sort=True)
    settings["beats_mean"] = with_score["beats_mean"].mean() >= 0.5
    settings = settings.reset_index()
    settings["comparable"] = settings["rank_used"] == settings["rank"]
    settings["beats_persistence"] = (settings[ratios] < 1).all(axis=1)

    # In their order; a condition that no setting meets does not count.
    eligible = settings
    for condition in ("comparable", "beats_persistence"):
        meeting = eligible[eligible[condition]]
        eligible = meeting if len(meeting) else eligible
    gain = 1 - eligible["score"]
    best = float(gain.max())
    # Without a gain there is no share of it to keep.
    close = eligible[gain >= (keep * best if best > 0 else best) - 1e-12]
    order = close.sort_values(["rank", "n_delays", "delay_interval"], kind="stable")
    settings["chosen"] = settings.index == order.index[0]
    return settings


def _check_candidates(
    n_delays: Sequence[int],
    delay_intervals: Sequence[int],
    ranks: Sequence[int],
    horizons: Sequence[int],
    keep: float,
    longest: float,
) -> None:
    """Refuse candidates that cannot be used."""
    candidates = {
        "n_delays": n_delays,
        "delay_intervals": delay_intervals,
        "ranks": ranks,
        "horizons": horizons,
    }
    for name, values in candidates.items():
        if not len(values) or any(int(v) != v or v < 1 for v in values):
            raise SettingsError(f"positive integers as {name}", f"{list(values)}", f"Set {name}.")
    n_settings = len(n_delays) * len(delay_intervals) * len(ranks)
    if n_settings > MOST_SETTINGS.most:
        raise SettingsError(
            f"combinations of n_delays, delay_intervals and ranks, {MOST_SETTINGS.expected}",
            f"{n_settings:,}",
            "Try fewer candidates.",
        )
    if not 0 < keep <= 1:
        raise SettingsError("keep in (0, 1]", f"{keep}", "Set keep.")
    if not longest >= 0:
        raise SettingsError("longest as a share of at least 0", f"{longest}", "Set longest.")


def _check_trials(systems: Mapping[str, Recording]) -> None:
    """Refuse systems of which no trial can be held out."""
    if not systems:
        raise SettingsError("at least one system", "none", "Give the states of a system.")
    for name, recording in systems.items():
        if len(recording.trials) < 2:
            raise TooFewTimePointsError(
                "states (trial, time, unit) of at least two trials, one of them held out",
                f"one ({name})",
                "Split the recording. A list is one of systems: trials of a single one are [trials].",
            )


def _fitting(
    n_times: int,
    n_delays: Sequence[int],
    delay_intervals: Sequence[int],
    horizons: Sequence[int],
    longest: float,
) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the embeddings and horizons that fit a trial; the shortest of each always stays."""
    pairs = sorted({(int(d), int(i)) for d in n_delays for i in delay_intervals})
    # With one delay there is no interval: one of them stands for all.
    pairs = [(d, i) for d, i in pairs if d > 1 or i == min(delay_intervals)]
    limit = longest * n_times
    shortest = min((d - 1) * i for d, i in pairs)
    embeddings = [(d, i) for d, i in pairs if (d - 1) * i <= max(limit, shortest)]
    ahead = sorted({int(h) for h in horizons})
    ahead = [h for h in ahead if h <= max(limit, ahead[0])]
    needed = max((d - 1) * i for d, i in embeddings) + ahead[-1] + 1
    if n_times < needed:
        raise TooFewTimePointsError(
            f"at least {needed} time points for the embedding and a horizon of {ahead[-1]} steps",
            f"{n_times}",
            "Use fewer delays, a shorter interval or horizon, or longer trials.",
        )
    return embeddings, ahead


def _rows(
    identity: dict[str, Any],
    prediction: Prediction,
    ranks: Sequence[int],
    horizons: Sequence[int],
    counts: dict[str, int],
) -> list[dict[str, Any]]:
    """Return a row per rank of one system and embedding."""
    # Of states at rest, persistence is exact up to rounding, and ratios are those of roundings.
    still = np.nan if prediction.at_rest else prediction.persistence_squared
    ratio, ratio_of_mean = prediction.squared / still, prediction.mean_squared / still
    still_absolute = np.nan if prediction.at_rest else prediction.persistence_absolute[0]
    mase = prediction.absolute[:, 0] / still_absolute
    aic = akaike(prediction.squared[:, 0], prediction.ranks, int(prediction.n_predicted[0]))
    rows = []
    for rank in sorted({int(rank) for rank in ranks}):
        # A rank that the data do not carry has the errors of the one that they do.
        k = prediction.ranks.index(min(rank, prediction.carried))
        rows.append(
            {
                **identity,
                "rank": rank,
                "rank_used": prediction.ranks[k],
                "rank_carried": prediction.carried,
                **{f"error_ratio_{h}": float(ratio[k, j]) for j, h in enumerate(horizons)},
                "score": float(ratio[k].mean()),
                "aic": float(aic[k]),
                "mase": float(mase[k]),
                "spectral_radius": float(prediction.spectral_radius[k]),
                "non_normality": float(prediction.non_normality[k]),
                **{
                    f"mean_error_ratio_{h}": float(r)
                    for h, r in zip(horizons, ratio_of_mean, strict=True)
                },
                "beats_mean": bool(
                    (prediction.squared[k] < BELOW_MEAN * prediction.mean_squared).any()
                ),
                **counts,
                "status": "fitted",
            }
        )
    return rows
