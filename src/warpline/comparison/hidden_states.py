"""Hidden states of a network on trials: whole, in a window, averaged by condition, as components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

__all__ = ["condition_means", "cut_window", "hidden_states", "principal_components"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

ARRAYS = 5
"""How many arrays of the size of its states a model holds at most while it runs (Mamba)."""

SAMPLES = 8192
"""States that are taken to double precision at once."""


def hidden_states(
    model: nn.Module, inputs: NDArray[np.float32], memory_mb: int = 1000
) -> NDArray[np.float32]:
    """Run a model noise-free and return its hidden states.

    Parameters
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`.
    inputs : ndarray, shape (trial, time, channel)
    memory_mb : int
        Bound on what a run takes beside the result: trials are run in portions that keep to it, or one
        by one where a single trial passes it. A portion takes up to five times its states.

    Returns
    -------
    ndarray, shape (trial, time, unit)
    """
    import torch

    device = next(model.parameters()).device

    def run(start: int, stop: int) -> NDArray[np.float32]:
        batch = torch.from_numpy(inputs[start:stop]).to(device)
        states: NDArray[np.float32] = model(batch)[1].cpu().numpy()
        return states

    with torch.no_grad():
        first = run(0, 1)
        states = np.empty((len(inputs), *first.shape[1:]), first.dtype)
        portion = max(1, memory_mb * 2**20 // (ARRAYS * first.nbytes))
        for start in range(0, len(inputs), portion):
            states[start : start + portion] = run(start, start + portion)
    return states


def cut_window(states: Floats, start: Integers, stop: Integers) -> Floats:
    """Cut the same period out of every trial.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    start, stop : ndarray of int, shape (trial,)
        First step of the period, and one past its last.

    Returns
    -------
    ndarray, shape (trial, step, unit)

    Raises
    ------
    ValueError
        When the period does not last equally long in all trials.
    """
    lengths = np.unique(stop - start)
    if len(lengths) != 1:
        raise ValueError(
            "expected a period of one duration in all trials, got "
            f"{', '.join(str(n) for n in lengths)} steps: models are compared in a fixed window"
        )
    steps = start[:, None] + np.arange(lengths[0])
    return states[np.arange(len(states))[:, None], steps]


def principal_components(states: Floats, variance: float) -> tuple[NDArray[np.float64], float]:
    """Return the scores on the fewest principal components that keep a share of the variance.

    The axes are those of the centred states, but the scores are not centred: where the mean lies is
    part of the dynamics, and DSA depends on it. What the mean has outside the kept axes becomes one
    more, constant, component, so that distances to the origin stay what they were. CKA and Procrustes
    centre by themselves; all measures are invariant to rotation, so that each network may have a basis
    of its own.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    variance : float
        In (0, 1].

    Returns
    -------
    scores : ndarray, shape (trial, time, component)
        At least one component, also for constant states.
    kept : float
        The share that they keep; 1 for constant states.
    """
    samples = states.reshape(-1, states.shape[-1])
    mean = samples.mean(axis=0, dtype=np.float64)
    # In portions: with a Mamba's hundreds of units the states in double precision would be gigabytes.
    portions = [samples[start : start + SAMPLES] for start in range(0, len(samples), SAMPLES)]
    scatter = np.zeros((len(mean), len(mean)))
    for portion in portions:
        centred = portion - mean
        scatter += centred.T @ centred
    eigenvalues, vectors = np.linalg.eigh(scatter)
    eigenvalues, vectors = np.clip(eigenvalues[::-1], 0, None), vectors[:, ::-1]
    total = eigenvalues.sum()
    if total <= 1e-20 * max(float(total + len(samples) * mean @ mean), 1e-300):
        return np.full((*states.shape[:2], 1), float(np.linalg.norm(mean))), 1.0
    shares = np.cumsum(eigenvalues) / total
    count = min(int(np.searchsorted(shares, variance)) + 1, len(shares))
    vectors = vectors[:, :count]
    # The sign of a component is arbitrary: let its largest loading be positive.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(count)])
    scores = np.concatenate([portion.astype(np.float64) @ vectors for portion in portions])
    outside = mean - vectors @ (vectors.T @ mean)
    if np.linalg.norm(outside) > 1e-9 * np.sqrt(total):
        scores = np.column_stack([scores, np.full(len(scores), np.linalg.norm(outside))])
    return scores.reshape(*states.shape[:2], -1), float(shares[count - 1])


def condition_means(
    states: Floats, condition: Integers, go: Integers, end: Integers
) -> tuple[Floats, Integers]:
    """Average states over the trials of each condition, aligned on the start and then on the go signal.

    Delays differ from trial to trial. Steps before the earliest go signal are aligned on the start of
    the trial, steps after it on the trial's own go signal.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    condition : ndarray of int, shape (trial,)
    go, end : ndarray of int, shape (trial,)
        First step of the response, and one past the trial's last.

    Returns
    -------
    means : ndarray, shape (condition, step, unit)
    aligned : ndarray of int, shape (step,)
        Step from the start of the trial; negative steps count back from the end of the response.
    """
    before = int(go.min())
    after = int((end - go).min())
    steps = np.concatenate(
        [np.broadcast_to(np.arange(before), (len(go), before)), go[:, None] + np.arange(after)],
        axis=1,
    )
    picked = states[np.arange(len(states))[:, None], steps]
    means = np.stack([picked[condition == c].mean(axis=0) for c in np.unique(condition)])
    return means, np.concatenate([np.arange(before), np.arange(-after, 0)])
