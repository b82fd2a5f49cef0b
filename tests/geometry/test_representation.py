"""Shares of the metric, signed decoder cosines, subspaces over time, grids at arc length: closed forms."""

import math

import numpy as np
import pytest
import torch

from warpline.geometry import (
    Coordinate,
    Tangents,
    arc_length_mesh,
    decoder_cosines,
    metric_shares,
    pullback_metric,
    readout_split,
    row_space,
    state_subspaces,
    subspace_similarity,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tangents_of(vectors):
    """Tangents of one or two inputs with given vectors (point, time, tangent, unit)."""
    points, times, count, units = vectors.shape
    coordinates = tuple(Coordinate(f"angle_{k + 1}", -1, 1) for k in range(count - 1))
    states = torch.zeros(points, times, units, dtype=torch.float64)
    return Tangents(
        kappa=torch.zeros(points, count - 1, dtype=torch.float64),
        time_steps=tuple(range(times)),
        coordinates=coordinates,
        duration=1.0,
        full_states=states,
        states=states,
        vectors=vectors,
        second=None,
    )


# --- shares --------------------------------------------------------------------------------------


def test_the_share_of_an_item_is_that_of_its_squared_length():
    vectors = torch.zeros(3, 2, 3, 4, dtype=torch.float64)
    vectors[:, 1, 0, 0], vectors[:, 1, 1, 1], vectors[:, 1, 2, 2] = 1.0, 3.0, 100.0
    shares, trace = metric_shares(pullback_metric(tangents_of(vectors)))
    # Time counts in neither; before the items there is nothing to share.
    assert shares[:, 1].numpy() == pytest.approx(np.array([[0.1, 0.9]] * 3))
    assert trace[:, 1].tolist() == pytest.approx([10] * 3)
    assert torch.isnan(shares[:, 0]).all() and not trace[:, 0].any()


def test_shares_are_blind_to_rotations_and_to_the_scale_of_states():
    vectors = normal(5, 2, 3, 6)
    frame, _ = torch.linalg.qr(normal(6, 6, seed=1))
    shares, trace = metric_shares(pullback_metric(tangents_of(vectors)))
    turned, scaled = metric_shares(pullback_metric(tangents_of(7 * vectors @ frame)))
    torch.testing.assert_close(turned, shares)
    torch.testing.assert_close(scaled, 49 * trace)


# --- the decoder ---------------------------------------------------------------------------------


def test_the_cosine_to_the_decoder_has_its_sign():
    angles = torch.linspace(0, 2 * math.pi, 9, dtype=torch.float64)
    vectors = torch.zeros(9, 1, 2, 3, dtype=torch.float64)
    vectors[:, 0, 0, 0], vectors[:, 0, 0, 1] = angles.cos(), angles.sin()
    vectors[:, 0, 0] *= 5
    rows = torch.tensor([[2.0, 0, 0], [0, 0, 1.0]]).double()
    cosines = decoder_cosines(tangents_of(vectors), rows)
    assert cosines[:, 0, 0, 0].numpy() == pytest.approx(angles.cos().numpy(), abs=1e-12)
    assert cosines[:, 0, 0, 1].abs().max() == 0
    assert torch.isnan(cosines[:, 0, 1]).all(), "a vector that is 0 has no angle"


def test_to_one_row_the_share_that_the_readout_sees_is_the_squared_cosine():
    tangents, row = tangents_of(normal(6, 3, 3, 8)), normal(1, 8, seed=2)
    seen = readout_split(tangents, row).fraction
    torch.testing.assert_close(decoder_cosines(tangents, row)[..., 0].square(), seen)
    # A Jacobian at every state that is the same everywhere is that Jacobian.
    everywhere = row.expand(6, 3, 1, 8)
    torch.testing.assert_close(
        decoder_cosines(tangents, everywhere), decoder_cosines(tangents, row)
    )
    bases = row_space(everywhere, 3), row_space(row, 3)
    for basis in bases:
        assert basis.shape == (3, 1, 8)
    torch.testing.assert_close(bases[0].mT @ bases[0], bases[1].mT @ bases[1])


def test_the_row_space_of_a_readout_that_turns_is_what_it_sees_most():
    """Rows that are near e_1 at all points, and turn a little towards another unit at each."""
    rows = torch.zeros(10, 2, 1, 12, dtype=torch.float64)
    rows[..., 0, 0] = 1
    for point in range(10):
        rows[point, :, 0, point + 1] = 0.1
    space = row_space(rows, 2)
    assert space[:, 0, 0].abs().numpy() == pytest.approx([1, 1], abs=0.01)


# --- subspaces of states -------------------------------------------------------------------------


def ring(plane, offset=0.0):
    """States on a circle in a plane of two rows, away from the origin by an offset along unit 5."""
    angle = torch.linspace(0, 2 * math.pi, 13, dtype=torch.float64)[:-1]
    states = torch.stack([angle.cos(), angle.sin()], 1) @ plane
    states[:, 5] += offset
    return states


@pytest.mark.parametrize("turn", [0.0, 0.4, math.pi / 2])
def test_planes_that_share_a_line_have_one_cosine_of_1_and_that_of_the_turn(turn):
    first, second = torch.zeros(2, 6).double(), torch.zeros(2, 6).double()
    first[0, 0] = first[1, 1] = second[0, 0] = 1
    second[1, 1], second[1, 2] = math.cos(turn), math.sin(turn)
    states = torch.stack([ring(first), ring(second)], dim=1)
    bases = state_subspaces(states)
    largest, mean = subspace_similarity(bases, bases)
    assert largest[0, 1].item() == pytest.approx(1)
    assert mean[0, 1].item() == pytest.approx((1 + math.cos(turn)) / 2)
    torch.testing.assert_close(mean, mean.T)
    assert mean.diagonal().tolist() == pytest.approx([1, 1])


def test_a_mean_far_from_0_is_no_direction_of_variation():
    plane = torch.zeros(2, 6).double()
    plane[0, 0] = plane[1, 1] = 1
    states = torch.stack([ring(plane), ring(plane, offset=10.0)], dim=1)
    centred = state_subspaces(states)
    assert subspace_similarity(centred, centred)[1][0, 1].item() == pytest.approx(1)
    raw = state_subspaces(states, centred=False)
    assert raw[1, 0, 5].abs().item() == pytest.approx(1), "the authors' first direction is the mean"


def test_states_that_are_all_equal_span_nothing():
    states = normal(1, 1, 6).expand(7, 1, 6)
    bases = state_subspaces(states)
    assert not bases.any()
    assert all(torch.isnan(values).all() for values in subspace_similarity(bases, bases))
    with pytest.raises(ValueError, match="dimension from 1 to 6, got 7"):
        state_subspaces(states, dimension=7)


# --- grids at arc length -------------------------------------------------------------------------


def test_a_grid_that_is_stretched_alike_keeps_its_shape():
    matrix = torch.tensor([[4.0, 1.0], [1.0, 9.0]]).double().expand(5, 4, 2, 2)
    mesh = arc_length_mesh(matrix, [0.5, 1.0])
    assert mesh[:, 0, 0].tolist() == pytest.approx([-2, -1, 0, 1, 2])
    # The middle of an even number of points lies between two.
    assert mesh[0, :, 1].tolist() == pytest.approx([-4.5, -1.5, 1.5, 4.5])


def test_lines_spread_where_the_states_are_stretched():
    """Speed 1 + x^2 on [-1, 1]: the length from 0 is x + x^3 / 3. Time is left out."""
    x = torch.linspace(-1, 1, 201, dtype=torch.float64)
    matrix = torch.zeros(201, 3, 3, 3, dtype=torch.float64)
    matrix[..., 0, 0] = ((1 + x**2) ** 2)[:, None]
    matrix[..., 1, 1], matrix[..., 2, 2] = 1, 50
    mesh = arc_length_mesh(matrix, [0.01, 1.0])
    torch.testing.assert_close(mesh[:, 1, 0], x + x**3 / 3, atol=1e-4, rtol=0)
    gaps = mesh[:, 1, 0].diff()
    assert gaps[0] > 1.9 * gaps[100]
    with pytest.raises(ValueError, match="for each of 2 coordinates"):
        arc_length_mesh(matrix, [0.01])
