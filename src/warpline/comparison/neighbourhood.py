"""DSA around its chosen parameters: the pairs of each conclusion, at every setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from warpline.comparison.network_systems import System
from warpline.comparison.pair_tables import compare, represent
from warpline.comparison.pairs import (
    Comparison,
    Runs,
    after_learning,
    between_architectures,
    floors_of_architectures,
    over_learning,
    within_learning,
)
from warpline.comparison.shared_components import with_shared_components
from warpline.core.embedding_steps import lags_of_driven, steps_needed

__all__ = ["architecture_pairs", "compare_around", "learning_pairs", "settings_around"]


def settings_around(
    measure: Mapping[str, Any],
    n_delays_factors: Sequence[float],
    rank_factors: Sequence[float],
    sizes: Mapping[Any, int],
) -> list[dict[str, Any]]:
    """Return the settings around a measure's own, which comes first.

    Parameters
    ----------
    measure : mapping
        The entry of DSA or InputDSA, all numbers.
    n_delays_factors, rank_factors : sequence of float
        Factors on the number of delays and on the rank. Products are rounded, and are at least 1.
    sizes : mapping of str to int
        Steps of the comparison window, ``time``, and trials, ``trial``. Embeddings that leave no transition
        in what the delays run over are left out.

    Returns
    -------
    list of dict
        The measure's entry with other ``n_delays`` and ``rank``, each combination once, and the cheap
        ``bound``.
    """
    n_steps = sizes[measure.get("delay_axis", "time")]
    own = (measure["n_delays"], measure["rank"])
    # Half up: Python rounds 2.5 to 2 and 3.5 to 4.
    delays, ranks = (
        sorted({max(1, int(factor * value + 0.5)) for factor in factors})
        for factors, value in zip((n_delays_factors, rank_factors), own, strict=True)
    )
    combinations = dict.fromkeys([own, *((d, r) for d in delays for r in ranks)])
    # The cheap bound: these rows give dissimilarities, and the rows of the comparison itself the tight one.
    return [
        {**measure, "bound": "split", "n_delays": n_delays, "rank": rank}
        for n_delays, rank in combinations
        if _steps_of_transition(measure, n_delays) <= n_steps or (n_delays, rank) == own
    ]


def _steps_of_transition(measure: Mapping[str, Any], n_delays: int) -> int:
    """Return the steps of a trial that hold one transition of DSA's or InputDSA's embedding."""
    # DSA has neither inputs nor a backend.
    lags = lags_of_driven(n_delays, measure.get("n_input_delays", 1), measure.get("backend", ""))
    return steps_needed(lags, measure["delay_interval"], measure.get("input_lag", 1))


def learning_pairs(
    runs: Runs,
    curricula: Sequence[str],
    seeds: Sequence[int],
    reference: str,
    fractions: Sequence[float],
    within: Sequence[float] = (),
    reduction: str = "own",
) -> dict[str, list[Comparison]]:
    """Return the pairs behind the conclusions of one architecture.

    Parameters
    ----------
    runs : mapping of (str, int) to sequence of System
    curricula : sequence of str
    seeds : sequence of int
        All of them.
    reference : str
        Curriculum that the others are compared with.
    fractions, within : sequence of float
        Of training: for ``over`` and ``reference``, and for ``within``.
    reduction : str
        ``published``: the pairs of ``over`` and ``reference`` share components, as those of the comparison
        itself then do.

    Returns
    -------
    dict of str to list of Comparison
        ``after``: trained networks against those of the reference in other seeds. ``over``: the
        checkpoints of each run that learns against its own end. ``reference``: the same checkpoints against
        the reference's of the same seed. ``within``: the first two and the last two checkpoints of each run
        against each other; none with fewer than three.
    """
    after = [
        pair
        for pair in after_learning(runs, curricula, seeds, [])
        if pair.labels["seeds"] == "cross" and reference in (pair.a.curriculum, pair.b.curriculum)
    ]
    # A pretrained network may meet the criterion before its first update, where others of its kind do not.
    learns = [name for name in curricula if any(runs[name, seed][-1].step > 0 for seed in seeds)]
    own_end = {"fractions": fractions, "references": []}
    to_reference = {"fractions": fractions, "references": [reference]}
    ends = [tuple(within[:2]), tuple(within[-2:])] if len(within) > 2 else []
    pairs = {
        "after": after,
        "over": over_learning(runs, learns, seeds, [], own_end),
        "reference": [
            pair
            for pair in over_learning(runs, learns, seeds, [], to_reference)
            if pair.labels["against"] == "reference"
        ],
        "within": [
            pair
            for pair in within_learning(runs, learns, seeds, {"fractions": within})
            if (pair.a.nominal_fraction, pair.b.nominal_fraction) in ends
        ],
    }
    if reduction == "published":
        for name in ("over", "reference"):
            pairs[name] = [with_shared_components(pair) for pair in pairs[name]]
    return pairs


def architecture_pairs(
    finals: Mapping[tuple[str, str, int], System], seeds: Sequence[int]
) -> dict[str, list[Comparison]]:
    """Return the pairs behind what is said of architectures.

    Parameters
    ----------
    finals : mapping of (architecture, curriculum, seed) to System
    seeds : sequence of int

    Returns
    -------
    dict of str to list of Comparison
        ``between``: networks of two architectures that share curriculum and seed. ``floor``: networks of
        one architecture and curriculum in two seeds.
    """
    return {
        "between": between_architectures(finals, seeds),
        "floor": floors_of_architectures(finals, seeds),
    }


def compare_around(
    comparisons: Mapping[str, Sequence[Comparison]],
    settings: Sequence[Mapping[str, Any]],
    seed: int,
) -> pd.DataFrame:
    """Compare the pairs at every setting.

    Parameters
    ----------
    comparisons : mapping of str to sequence of Comparison
        Pairs by the conclusion that they belong to.
    settings : sequence of mapping
        From `settings_around`, alike but for delays and rank; the first is the measure's own.
    seed : int
        Root seed.

    Returns
    -------
    DataFrame
        The rows of `warpline.comparison.pair_tables.compare`, with ``pairs`` (the conclusion), ``n_delays``,
        ``delay_interval``, ``rank``, and ``own`` (whether the setting is the measure's own).
    """
    tables: dict[int, list[pd.DataFrame]] = {}
    by_delays: dict[int, list[int]] = {}
    for k, setting in enumerate(settings):
        by_delays.setdefault(setting["n_delays"], []).append(k)
    for positions in by_delays.values():
        represent_once = _OnceForAllRanks([settings[k]["rank"] for k in positions])
        for k in positions:
            setting, tables[k] = settings[k], []
            parameters = {name: setting[name] for name in ("n_delays", "delay_interval", "rank")}
            for conclusion, rows in compare(comparisons, setting, seed, represent_once).items():
                if len(rows):
                    tables[k].append(rows.assign(pairs=conclusion, **parameters, own=k == 0))
    in_order = [rows for k in sorted(tables) for rows in tables[k]]
    return pd.concat(in_order, ignore_index=True) if in_order else pd.DataFrame()


class _OnceForAllRanks:
    """Represents systems at settings that are alike but for their rank, where the measure can at once."""

    def __init__(self, ranks: Sequence[int]) -> None:
        self.ranks = ranks
        self.by_system: dict[Any, dict[int, Any]] = {}

    def __call__(self, measure: Any, system: System, settings: Mapping[str, Any]) -> Any:
        if not hasattr(measure, "represent_ranks"):
            return represent(measure, system, settings)
        if system.identity not in self.by_system:
            try:
                of_ranks = measure.represent_ranks(system.states, self.ranks, settings=settings)
            except ValueError:
                # One rank is too much for the system: each for itself.
                of_ranks = []
            self.by_system[system.identity] = dict(zip(self.ranks, of_ranks, strict=False))
        of_rank = self.by_system[system.identity].get(settings["rank"])
        return represent(measure, system, settings) if of_rank is None else of_rank
