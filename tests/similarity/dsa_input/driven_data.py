"""Linear driven systems for the tests of InputDSA."""

import numpy as np


def orthogonal(rng, n):
    """Draw a Haar-random orthogonal matrix."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))


def stable_system(rng, n, m, radius=0.9):
    """Draw A of a given spectral radius, and B."""
    a = rng.standard_normal((n, n))
    return a * radius / np.abs(np.linalg.eigvals(a)).max(), rng.standard_normal((n, m))


def slow_noise(rng, shape, correlation):
    """Draw stationary first-order autoregressive noise of unit variance, (trial, time, channel)."""
    noise = rng.standard_normal(shape)
    for t in range(1, shape[1]):
        noise[:, t] = correlation * noise[:, t - 1] + np.sqrt(1 - correlation**2) * noise[:, t]
    return noise


def simulate(a, b, inputs, *, lag=0, offset=0.0, start=None):
    """Return the states (trial, time, unit) of x(t + 1) = A x(t) + B u(t + 1 - lag) + offset."""
    n_trials, n_times, _ = inputs.shape
    x = np.zeros((n_trials, len(a))) if start is None else start
    states = np.empty((n_trials, n_times, len(a)))
    for t in range(n_times):
        if lag == 1:
            states[:, t] = x
        x = x @ a.T + inputs[:, t] @ b.T + offset
        if lag == 0:
            states[:, t] = x
    return states
