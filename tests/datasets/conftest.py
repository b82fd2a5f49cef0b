"""States and spikes that tests write to files."""

from __future__ import annotations

import numpy as np
import pytest
from recording_files import TIMES, TRIALS, UNITS


@pytest.fixture
def states(rng):
    return rng.normal(size=(TRIALS, TIMES, UNITS))


@pytest.fixture
def spikes(rng):
    """Spikes of 3 units in 5 trials of 1 s, and their counts in bins of 100 ms."""
    n = 400
    trial, unit = rng.integers(0, 5, n), rng.integers(0, 3, n)
    times = rng.uniform(0, 1, n)
    counts = np.zeros((5, 10, 3))
    np.add.at(counts, (trial, (times * 10).astype(int), unit), 1)
    return times, unit, trial, counts
