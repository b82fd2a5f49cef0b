"""Spike times as counts and rates, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.datasets.spike_trains import bin_edges, spike_counts, spike_rates
from warpline.similarity.input_errors import InputError


def test_counts_by_hand():
    times = np.array([0.0, 9.999, 10.0, 25.0, 30.0, -0.001, 12.0])
    rows = np.array([0, 0, 0, 1, 1, 1, 1])
    counts = spike_counts(times, rows, 3, bin_edges((0.0, 30.0), 10.0))
    assert counts.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]


@given(
    st.lists(st.floats(-40, 140), min_size=1, max_size=30),
    st.floats(1, 30),
    st.sampled_from([5.0, 10.0, 20.0]),
)
@settings(deadline=None)
def test_rates_are_the_integral_of_the_kernel(times, width, bin_width):
    times = np.array(times)
    edges = bin_edges((0.0, 100.0), bin_width)
    rates = spike_rates(times, np.zeros(len(times), int), 1, edges, width)
    # A midpoint sum of the density on a fine grid.
    fine = (np.arange(100 * 40) + 0.5) / 40
    density = np.exp(-0.5 * ((fine[:, None] - times) / width) ** 2).sum(1)
    density /= width * np.sqrt(2 * np.pi)
    expected = density.reshape(len(edges) - 1, -1).mean(1)
    np.testing.assert_allclose(rates[0], expected, atol=1e-4)


def test_a_spike_inside_keeps_its_area():
    edges = bin_edges((0.0, 1000.0), 10.0)
    rates = spike_rates(np.array([500.0, 431.0]), np.array([0, 1]), 2, edges, 15.0)
    np.testing.assert_allclose(rates.sum(1) * 10.0, 1.0, atol=1e-8)


def test_a_window_is_a_whole_number_of_bins():
    with pytest.raises(
        InputError, match=r"whole number of bins of 20 ms; got 0 to 110 ms, 5\.5 bins"
    ):
        bin_edges((0.0, 110.0), 20.0)


@pytest.mark.parametrize("zero", [0.3, 12.3, 5000.123, 90000.001])
def test_spikes_on_an_edge_stay_there_after_subtraction_of_the_zero(zero):
    """Spikes on a grid of 1 ms, on a clock in seconds: each bin of 20 ms has 20 of them."""
    grid = np.arange(-200, 800) / 1000
    times = 1000 * (zero + grid) - 1000 * zero
    counts = spike_counts(times, np.zeros(1000, int), 1, bin_edges((-200.0, 800.0), 20.0))
    assert counts[0].tolist() == [20.0] * 50
