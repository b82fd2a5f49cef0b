"""Times of spikes as counts in bins, or as rates by a Gaussian kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from warpline.similarity.input_errors import InputError

__all__ = ["bin_edges", "spike_counts", "spike_rates"]

REACH = 6.0
"""Kernel widths beyond which a Gaussian counts as 0: it leaves out 2e-9 of its area."""
MOST_BINS = 1_000_000
"""Bins of a trial: 1,000 s in bins of 1 ms. More are a wrong unit of time, and would fill the memory."""

Floats = NDArray[np.float64]


def bin_edges(window: tuple[float, float], width: float) -> Floats:
    """Return the edges of the bins that fill a window, shape (bin + 1,), in the unit of the window.

    Raises
    ------
    InputError
        When the window is not a whole number of bins, is empty or infinite, or has more than `MOST_BINS`.
    """
    start, stop = window
    if not (np.isfinite([start, stop]).all() and 0 < width < np.inf):
        raise InputError(
            "a window and a bin of finite width",
            f"{start:g} to {stop:g} ms, {width:g} ms",
            "Set both.",
        )
    if (stop - start) / width > MOST_BINS:
        raise InputError(
            f"at most {MOST_BINS:,} bins of a trial",
            f"{(stop - start) / width:.3g}, from {start:g} to {stop:g} ms in bins of {width:g} ms",
            "Widen the bin: it is in ms, as the window is.",
        )
    count = round((stop - start) / width)
    if count < 1 or abs(count * width - (stop - start)) > 1e-6 * width:
        raise InputError(
            f"a window of a whole number of bins of {width:g} ms",
            f"{start:g} to {stop:g} ms, {(stop - start) / width:.3g} bins",
            "Change the window or the bin.",
        )
    return np.asarray(start + width * np.arange(count + 1), dtype=np.float64)


def spike_counts(
    times: Floats, rows: NDArray[np.integer[Any]], n_rows: int, edges: Floats
) -> Floats:
    """Count spikes in bins.

    Parameters
    ----------
    times : ndarray, shape (spike,)
        In the unit of the edges, from the zero of the spike's own trial.
    rows : ndarray of int, shape (spike,)
        Row that a spike belongs to: its trial and unit.
    n_rows : int
    edges : ndarray, shape (bin + 1,)
        Equally spaced. A spike on an edge belongs to the later bin; one on the last edge to none. A spike
        within a millionth of a bin of an edge is on it: subtracted zeros of trials leave rounding errors.

    Returns
    -------
    ndarray, shape (row, bin)
    """
    n_bins = len(edges) - 1
    position = (times - edges[0]) / (edges[1] - edges[0])
    nearest = np.rint(position)
    bins = np.floor(np.where(np.abs(position - nearest) < 1e-6, nearest, position))
    inside = (bins >= 0) & (bins < n_bins)
    flat = rows[inside] * n_bins + bins[inside].astype(np.int64)
    return np.bincount(flat, minlength=n_rows * n_bins).reshape(n_rows, n_bins).astype(np.float64)


def spike_rates(
    times: Floats, rows: NDArray[np.integer[Any]], n_rows: int, edges: Floats, width: float
) -> Floats:
    """Return the mean over each bin of a Gaussian kernel estimate of the rate, in spikes per ms.

    r(bin) = sum over spikes s of [Phi((b - s) / w) - Phi((a - s) / w)] / (b - a) for a bin from a to b: the
    kernel is integrated exactly, so that each spike keeps its area whatever the bins (kernel estimate of
    Parzen 1962). Spikes up to six widths outside the window count. Where the recording ends at the window,
    the rate falls off towards its edge.

    Parameters
    ----------
    times, rows, n_rows, edges
        As `spike_counts`, in ms.
    width : float
        w, the standard deviation of the kernel in ms.

    Returns
    -------
    ndarray, shape (row, bin)
    """
    n_bins, bin_width = len(edges) - 1, float(edges[1] - edges[0])
    near = (times > edges[0] - REACH * width) & (times < edges[-1] + REACH * width)
    times, rows = times[near], rows[near]
    rates = np.zeros(n_rows * n_bins)
    # A spike reaches this many bins, the first of them being that of its left tail.
    n_reached = int(np.ceil(2 * REACH * width / bin_width)) + 2
    first = np.floor((times - REACH * width - edges[0]) / bin_width).astype(np.int64)
    for k in range(n_reached):
        bins = first + k
        inside = (bins >= 0) & (bins < n_bins)
        left = edges[0] + bins[inside] * bin_width - times[inside]
        area = ndtr((left + bin_width) / width) - ndtr(left / width)
        rates += np.bincount(
            rows[inside] * n_bins + bins[inside], weights=area, minlength=len(rates)
        )
    return np.asarray(rates.reshape(n_rows, n_bins) / bin_width, dtype=np.float64)
