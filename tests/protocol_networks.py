"""Networks by which the switches of a published protocol are tried."""

from __future__ import annotations

MASTER = {"taskset": "PDM", "architecture": "leaky_rnn", "curriculum": "master"}


def rnn(units=6, **changes):
    """Return the settings of a small leaky RNN, or of another model."""
    settings = {"name": "rnn", "model": "leaky_rnn", "units": units, "activation": "tanh"}
    return settings | {"init": "xavier", "gain": 1.0, "tau": 100.0, "noise": 0.0} | changes


def dissimilarity(measure, *states, **settings):
    """Return the dissimilarity of two arrays of states."""
    made = [measure.represent(x, settings=settings) for x in states]
    return measure.compare_pairs(made, [(0, 1)], settings=settings, seed=0)[0]["dissimilarity"]
