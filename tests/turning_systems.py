"""Systems whose states turn at one of three frequencies, alone and in groups."""

import numpy as np

DSA = {"n_delays": 2, "rank": 2}


def rotation(frequency, seed, n_trials=8, n_times=25, noise=0.05):
    """States that turn at a frequency, seen by five units."""
    rng = np.random.default_rng(seed)
    phase = frequency * np.arange(n_times) + rng.uniform(0, 2 * np.pi, n_trials)[:, None]
    states = np.stack([np.cos(phase), np.sin(phase)], axis=-1) @ rng.normal(size=(2, 5))
    return states + noise * rng.normal(size=states.shape)


SYSTEMS = {
    "a": rotation(0.3, 0),
    "b": rotation(0.3, 1),
    "c": rotation(0.7, 2),
    "d": rotation(0.7, 3),
}
GROUPS = {
    "monkey": [rotation(0.3, k) for k in range(4)],
    "rnn": {name: rotation(0.3, 10 + k) for k, name in enumerate("abc")},
    "decoy": [rotation(0.8, 20 + k) for k in range(3)],
}
