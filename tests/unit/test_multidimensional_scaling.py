"""Multidimensional scaling: points are placed, their stress is known, failed pairs do not count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.comparison.multidimensional_scaling import embed
from warpline.similarity.input_errors import InputError


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(3, 12))
def test_points_of_the_plane_are_placed_without_stress(seed, n):
    points = np.random.default_rng(seed).normal(size=(n, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    embedding = embed(distance)
    placed = np.linalg.norm(embedding.points[:, None] - embedding.points[None], axis=-1)
    assert embedding.stress < 1e-4
    np.testing.assert_allclose(placed, distance, atol=1e-3 * distance.max())


def test_stress_of_equal_distances():
    """Four systems all at distance 1 lie in the plane at best as a square: its stress is known.

    With side s and diagonal s sqrt 2, the sum of squared errors 4 (1 - s)^2 + 2 (1 - s sqrt 2)^2 is least at
    s = (2 + sqrt 2) / 4, where it is 6 - (4 + 2 sqrt 2)^2 / 8.
    """
    distance = 1 - np.eye(4)
    expected = np.sqrt((6 - (4 + 2 * np.sqrt(2)) ** 2 / 8) / 6)
    assert embed(distance).stress == pytest.approx(expected, abs=1e-4)
    assert embed(distance, 3).stress < 1e-4


def test_pairs_that_failed_do_not_count_in_the_embedding():
    points = np.array([[0.0, 0], [1, 0], [0, 1], [2, 2], [1, 3]])
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    distance[0, 4] = distance[4, 0] = np.nan
    assert embed(distance).stress < 1e-4
    with pytest.raises(InputError, match="1 of them without any"):
        embed(
            np.where(np.arange(5) == 4, np.nan, distance)
            + np.where(np.arange(5) == 4, np.nan, 0)[:, None]
        )
    with pytest.raises(InputError, match="symmetric matrix"):
        embed(np.ones((2, 3)))


def test_sets_without_a_pair_between_them_have_no_common_place():
    distance = 1 - np.eye(5)
    distance[:2, 2:] = distance[2:, :2] = np.nan
    with pytest.raises(InputError, match="2 sets of 2, 3 systems, between which every pair failed"):
        embed(distance)
    distance[1, 2] = distance[2, 1] = 1.0
    assert embed(distance).stress < 1e-4


def test_negative_dissimilarities_are_refused_and_rounding_is_not():
    distance = 1 - np.eye(3)
    distance[0, 1] = distance[1, 0] = -1e-12
    assert embed(distance).stress == embed(np.maximum(distance, 0)).stress
    distance[0, 1] = distance[1, 0] = -0.2
    with pytest.raises(InputError, match="points in space can have; got -0"):
        embed(distance)
