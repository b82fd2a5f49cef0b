"""Hidden states of a network: in a time window, averaged by condition, as principal components."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

__all__ = ["condition_means", "cut_window", "hidden_states", "principal_components", "run_network"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

ARRAYS = 5
"""Largest number of arrays of the size of its states that a running model holds (Mamba)."""

SAMPLES = 8192
"""Number of states converted to double precision at once."""


def hidden_states(model: nn.Module, inputs: Floats, memory_mb: int = 1000) -> Floats:
    """Run a model noise-free and return its hidden states, (trial, time, unit); see `run_network`."""
    return run_network(model, inputs, memory_mb)[1]


def run_network(model: nn.Module, inputs: Floats, memory_mb: int = 1000) -> tuple[Floats, Floats]:
    """Run a model noise-free.

    Parameters
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`. It is not changed.
    inputs : ndarray, shape (trial, time, channel)
    memory_mb : int
        Limit on the memory of a run, in MB, the result aside. Trials run in batches within this limit, or
        one by one if a single trial exceeds it. A batch takes up to five times its states.

    Returns
    -------
    outputs : ndarray, shape (trial, time, output)
    states : ndarray, shape (trial, time, unit)
        In the precision of the weights, but at least single. Weights in half precision are numbers of
        single precision, in which they run: states would else be rounded to three digits at each step.

    Raises
    ------
    TypeError
        When the model returns anything but outputs and states, as a module of torch.nn does; when the
        inputs are no real numbers.
    ValueError
        When the inputs have other axes, none along one, or other channels than the model takes.
    """
    import torch

    if isinstance(inputs, torch.Tensor):
        inputs = inputs.detach().cpu().numpy()
    inputs = np.asarray(inputs)
    if inputs.dtype.kind not in "fiub":
        raise TypeError(f"expected inputs of real numbers, got values of type {inputs.dtype}")
    if inputs.ndim != 3 or 0 in inputs.shape:
        raise ValueError(
            f"expected inputs (trial, time, channel), at least one of each, got shape {inputs.shape}"
        )
    weight = next(model.parameters())
    device, dtype = weight.device, torch.promote_types(weight.dtype, torch.float32)
    if weight.dtype != dtype:
        model = copy.deepcopy(model).to(dtype)
    # Without dropout, whose states differ from run to run.
    training = [module for module in model.modules() if module.training]

    def run(start: int, stop: int) -> list[NDArray[np.floating[Any]]]:
        # A copy: a model that changes its inputs in place would change those of the caller.
        batch = torch.from_numpy(inputs[start:stop]).to(device, dtype, copy=True)
        try:
            results = model(batch)
        except RuntimeError as error:
            if "cannot be multiplied" not in str(error):
                raise
            raise ValueError(
                f"expected inputs of as many channels as {type(model).__name__} takes, got "
                f"{batch.shape[2]}; torch says: {error}"
            ) from error
        if not _are_outputs_and_states(results, batch.shape[:2]):
            raise TypeError(
                "expected a model that returns outputs and states, two tensors (trial, time, ...), got "
                f"another result of {type(model).__name__}: take a module of torch.nn by "
                "warpline.models.lstm.Network.from_module (rnn, gru alike), or write a model of your own"
            )
        return [result.cpu().numpy() for result in results]

    model.eval()
    try:
        with torch.no_grad():
            # One trial shows the sizes.
            first = run(0, 1)
            outputs, states = (np.empty((len(inputs), *one.shape[1:]), one.dtype) for one in first)
            batch_size = max(1, memory_mb * 2**20 // (ARRAYS * first[1].nbytes))
            for start in range(0, len(inputs), batch_size):
                batch = slice(start, start + batch_size)
                outputs[batch], states[batch] = run(start, start + batch_size)
    finally:
        for module in training:
            module.training = True
    return outputs, states


def _are_outputs_and_states(results: Any, sizes: tuple[int, ...]) -> bool:
    """Return whether a network's result is two tensors with these numbers of trials and times."""
    return (
        isinstance(results, tuple | list)
        and len(results) == 2
        and all(getattr(result, "shape", ())[:2] == sizes for result in results)
    )


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
        When the period has not the same duration in all trials.
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
    """Return the scores on the fewest principal components that explain a share of the variance.

    The axes are those of the centred states, but the scores are not centred: the position of the mean is
    part of the dynamics, and DSA depends on it. The part of the mean outside the axes becomes one more,
    constant, component, so that distances to the origin are preserved. CKA and Procrustes centre the
    states themselves. All measures are invariant to rotation, so that each network can have its own basis.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    variance : float
        Share of the variance to explain, in (0, 1].

    Returns
    -------
    scores : ndarray, shape (trial, time, component)
        At least one component, also for constant states.
    explained : float
        Share of the variance that they explain; 1 for constant states.
    """
    samples = states.reshape(-1, states.shape[-1])
    mean = samples.mean(axis=0, dtype=np.float64)
    # In chunks: all states of a Mamba, with hundreds of units, would take gigabytes in double precision.
    chunks = [samples[start : start + SAMPLES] for start in range(0, len(samples), SAMPLES)]
    scatter = np.zeros((len(mean), len(mean)))
    for chunk in chunks:
        centred = chunk - mean
        scatter += centred.T @ centred
    eigenvalues, vectors = np.linalg.eigh(scatter)
    eigenvalues, vectors = np.clip(eigenvalues[::-1], 0, None), vectors[:, ::-1]
    total = eigenvalues.sum()
    # Constant states, up to rounding, have no axes. Their distance to the origin is preserved.
    if total <= 1e-20 * max(float(total + len(samples) * mean @ mean), 1e-300):
        return np.full((*states.shape[:2], 1), float(np.linalg.norm(mean))), 1.0
    shares = np.cumsum(eigenvalues) / total
    n_axes = min(int(np.searchsorted(shares, variance)) + 1, len(shares))
    vectors = vectors[:, :n_axes]
    # The sign of an axis is arbitrary: its largest loading is made positive.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(n_axes)])
    scores = np.concatenate([chunk.astype(np.float64) @ vectors for chunk in chunks])
    residual = mean - vectors @ (vectors.T @ mean)
    if np.linalg.norm(residual) > 1e-9 * np.sqrt(total):
        scores = np.column_stack([scores, np.full(len(scores), np.linalg.norm(residual))])
    return scores.reshape(*states.shape[:2], -1), float(shares[n_axes - 1])


def condition_means(
    states: Floats, condition: Integers, go: Integers, end: Integers
) -> tuple[Floats, Integers]:
    """Average states over the trials of each condition, aligned to the start and then to the go signal.

    Delays differ between trials. Steps before the earliest go signal are aligned to the start of the
    trial, later steps to the trial's own go signal.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    condition : ndarray of int, shape (trial,)
    go, end : ndarray of int, shape (trial,)
        First step of the response, and one past its last.

    Returns
    -------
    means : ndarray, shape (condition, step, unit)
    aligned : ndarray of int, shape (step,)
        Step from the start of the trial; negative steps count back from the end of the response.
    """
    # Both parts are as long as the shortest of all trials.
    n_before = int(go.min())
    n_after = int((end - go).min())
    steps = np.concatenate(
        [
            np.broadcast_to(np.arange(n_before), (len(go), n_before)),
            go[:, None] + np.arange(n_after),
        ],
        axis=1,
    )
    aligned_states = states[np.arange(len(states))[:, None], steps]
    means = np.stack([aligned_states[condition == c].mean(axis=0) for c in np.unique(condition)])
    return means, np.concatenate([np.arange(n_before), np.arange(-n_after, 0)])
