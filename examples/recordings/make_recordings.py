"""Make synthetic recordings: spikes of neurons that observe trained networks, and an untrained decoy.

Run after the networks are trained, from the project's folder:

    snakemake --cores 2 --configfile examples/recordings/networks.yaml
    python examples/recordings/make_recordings.py
    snakemake --cores 2 --configfile examples/recordings/networks.yaml examples/recordings/compare.yaml
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import warpline

ROOT_SEED = 7
N_TRIALS, N_NEURONS = 400, 100
MEAN_RATE = 20.0
"""Spikes per second, of every neuron."""
SOURCES = {
    "rnn": ("leaky_rnn", "master"),
    "gru": ("leaky_gru", "master"),
    "decoy": ("leaky_rnn", "untrained"),
}
"""Observed network (architecture, curriculum) by the name of its recordings."""


def window_states(run, n_trials):
    """Return a network's states in the stimulus, on trials that no comparison uses, and these trials."""
    trials = run.trials(split="validation").isel(trial=slice(n_trials))
    with torch.no_grad():
        states = run.model()(torch.from_numpy(trials["inputs"].values))[1].numpy()
    start = trials["start"].sel(period="stimulus").values
    stop = trials["stop"].sel(period="stimulus").values
    steps = start[:, None] + np.arange(stop[0] - start[0])
    return np.take_along_axis(states, steps[..., None], axis=1), trials


def spike_times(states, dt, n_neurons, mean_rate, rng):
    """Draw Poisson spikes of neurons whose log rates are random projections of the states.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    dt : float
        Time step in ms.
    n_neurons : int
    mean_rate : float
        In spikes per second.
    rng : numpy.random.Generator

    Returns
    -------
    times, neurons, trials : ndarray, shape (spike,)
        Times in ms from the first step of the trial.
    """
    projection = rng.normal(size=(states.shape[-1], n_neurons))
    drive = states.reshape(-1, states.shape[-1]) @ projection
    drive = (drive - drive.mean(0)) / drive.std(0)
    rates = mean_rate * np.exp(0.6 * drive) / np.exp(0.6 * drive).mean(0)
    counts = rng.poisson(rates * dt / 1000).reshape(*states.shape[:2], n_neurons)
    trials, steps, neurons = np.nonzero(counts)
    repeats = counts[trials, steps, neurons]
    trials, steps, neurons = (np.repeat(index, repeats) for index in (trials, steps, neurons))
    return dt * (steps + rng.uniform(size=len(steps))), neurons, trials


def make(run, folder, name, n_trials, n_neurons, mean_rate, rng):
    """Write the spikes of one recording (npz) and its table of trials (CSV)."""
    states, trials = window_states(run, n_trials)
    dt = float(trials.attrs["dt"])
    times, neurons, trial_of_spike = spike_times(states, dt, n_neurons, mean_rate, rng)
    np.savez(folder / f"{name}.npz", times=times, neurons=neurons, trials=trial_of_spike)
    table = {key: trials[key].values for key in ("ground_truth", "coh")}
    pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default="results")
    parser.add_argument("--name", default="recordings")
    parser.add_argument("--folder", type=Path, default=Path("examples/recordings/data"))
    parser.add_argument("--seed", type=int, default=ROOT_SEED)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for k, (name, (architecture, curriculum)) in enumerate(SOURCES.items()):
        rng = np.random.default_rng([arguments.seed, k])
        run = warpline.open_run(
            arguments.name, "PDM", architecture, curriculum, 1, arguments.results
        )
        make(run, arguments.folder, name, N_TRIALS, N_NEURONS, MEAN_RATE, rng)
        observed = f"{N_NEURONS} neurons on {N_TRIALS} trials of {architecture}/{curriculum}"
        print(f"{arguments.folder / name}.npz: {observed}")


if __name__ == "__main__":
    main()
