"""Warpline in a notebook: compare systems, choose the parameters of DSA, open the results of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warpline.runs import Run, list_runs, load_table, open_run
from warpline.similarity.recordings import as_recording
from warpline.system_sets import compare, compare_groups, named_as_text

if TYPE_CHECKING:
    from warpline.similarity.dsa.selection import DSAChoice

__all__ = [
    "Run",
    "as_recording",
    "choose_dsa",
    "compare",
    "compare_groups",
    "list_runs",
    "load_table",
    "open_run",
]


def choose_dsa(systems: Mapping[str, Any] | Sequence[Any], **options: Any) -> DSAChoice:
    """Choose the delays, the interval and the rank of DSA for some systems, by held-out prediction.

    Parameters
    ----------
    systems : mapping of str to states, or sequence of states
        Each an array or a list of trials, see `warpline.similarity.recordings.as_recording`. Give all systems
        that will be compared: one setting keeps their pairs comparable.
    **options
        Of `warpline.similarity.dsa.selection.choose_dsa`, which states the rule: ``n_delays``,
        ``delay_intervals``, ``ranks``, ``horizons``, ``keep``, ``ridge``, ``seed``, ``centre``,
        ``offset`` and others.

    Returns
    -------
    DSAChoice
        ``n_delays``, ``delay_interval``, ``rank``; ``status``; the tables ``settings`` and ``sweep``.

    Raises
    ------
    ValueError
        When the systems or the candidates cannot be used; the message says what it expects.

    Examples
    --------
    >>> import numpy as np
    >>> phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (30, 1))
    >>> seen = np.cos(0.3 * np.arange(40) + phase)[..., None]
    >>> choice = choose_dsa({"rotation": seen}, ranks=[1, 2])
    >>> choice.n_delays, choice.rank, choice.status
    (2, 2, 'better than persistence')
    """
    from warpline.similarity.dsa import selection

    if isinstance(systems, Mapping):
        return selection.choose_dsa(named_as_text(systems), **options)
    return selection.choose_dsa(list(systems), **options)
