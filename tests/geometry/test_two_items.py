"""Planted cases: two angles on rings, at the report of the first and at that of the second."""

import math

import pytest
import torch

from warpline.geometry import Coordinate, Tangents
from warpline.geometry.measurements.two_items import (
    Thresholds,
    isometry_defect,
    procrustes_residual,
    strength,
    two_items,
)

AXES = torch.linalg.qr(
    torch.randn(10, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
).Q
SEEN, UNSEEN, FIRST, SECOND = AXES[:2], AXES[2:4], AXES[4:6], AXES[6:8]
ITEMS = (("angle_1",), ("angle_2",))


def planted(*plane_pairs):
    """Tangents of states sum_i ring(angle_i) @ plane_i, with a pair of planes (2, unit) per time step."""
    circle = Coordinate("angle_1", -math.pi, math.pi, periodic=True)
    coordinates = (circle, Coordinate("angle_2", -math.pi, math.pi, periodic=True))
    kappa = torch.cartesian_prod(circle.values(8), circle.values(8))
    tangent = torch.stack([-kappa.sin(), kappa.cos()], -1)
    inputs = torch.stack(
        [
            torch.stack([tangent[:, i] @ plane for i, plane in enumerate(planes)], 1)
            for planes in plane_pairs
        ],
        1,
    )
    velocity = torch.zeros_like(inputs[:, :, :1])
    states = torch.zeros_like(inputs[:, :, 0])
    vectors = torch.cat([inputs, velocity], 2)
    return Tangents(
        kappa, tuple(range(len(plane_pairs))), coordinates, 1.0, states, states, vectors
    )


def leaning(angle, out):
    """A plane at an angle to the decoder."""
    return math.cos(angle) * SEEN + math.sin(angle) * out


def judged(first, second, **thresholds):
    return two_items(
        planted(first, second), SEEN, ITEMS, (0, 1), thresholds=Thresholds(**thresholds)
    )


def test_pure_warping():
    one, two = leaning(0.8, FIRST), leaning(0.8, SECOND)
    found = judged((one, 0.2 * two), (0.2 * one, two))
    assert found.verdict == "warping"
    assert found.warping_share == pytest.approx(1)
    assert found.falls == pytest.approx((25, 25))
    assert found.turn == pytest.approx(0, abs=1e-7)
    # Each length changes by a factor 5; the rings are orthogonal but for the decoder.
    assert found.defect > 2 and found.residual > 0.1
    expected = torch.tensor([[1, 0.04], [0.04, 1]], dtype=torch.float64)
    torch.testing.assert_close(found.strengths, expected)
    torch.testing.assert_close(found.decoded, expected * math.cos(0.8) ** 2)
    assert found.log_ratios.tolist() == pytest.approx([math.log(25), -math.log(25)])


def test_pure_realignment():
    """One rotation exchanges what the decoder sees and what it does not."""
    found = judged(
        (leaning(0.1, UNSEEN), leaning(0.1 + math.pi / 2, UNSEEN)),
        (leaning(0.1 + math.pi / 2, UNSEEN), leaning(0.1 + math.pi, UNSEEN)),
    )
    assert found.verdict == "realignment"
    assert found.warping_share == pytest.approx(0, abs=1e-12)
    assert found.defect == pytest.approx(0, abs=1e-7)
    assert found.residual == pytest.approx(0, abs=1e-12)
    assert found.turn == pytest.approx(math.pi / 2)


def test_half_of_each_is_mixed():
    found = judged(
        (leaning(0.4, FIRST), 0.3 * leaning(1.3, SECOND)),
        (0.3 * leaning(1.3, FIRST), leaning(0.4, SECOND)),
    )
    assert found.verdict == "mixed" and 1 / 3 < found.warping_share < 2 / 3


def test_shrinkage_inside_the_decoder_alone_is_not_realignment():
    """The trap: w is near 0, as what lies outside the decoder keeps S up, but nothing has turned."""
    outside, inside = math.sqrt(1.06), math.sqrt(0.009)
    one, two = (
        {"own": axis + outside * out, "other": inside * axis + outside * out}
        for axis, out in ((SEEN, FIRST), (UNSEEN, SECOND))
    )
    decoder = torch.cat([SEEN, UNSEEN])
    states = planted((one["own"], two["other"]), (one["other"], two["own"]))
    found = two_items(states, decoder, ITEMS, (0, 1))
    assert found.warping_share == pytest.approx(0.14, abs=0.005)
    assert found.defect == pytest.approx(0.93, abs=0.01)
    assert found.verdict == "mixed"
    # The metric's own part catches it: with no such part asked for it would pass.
    careless = Thresholds(defect=math.inf, residual=1)
    assert two_items(states, decoder, ITEMS, (0, 1), thresholds=careless).verdict == "realignment"


def test_a_large_share_with_a_turn_is_not_warping():
    one, two = leaning(0.8, FIRST), leaning(0.8, SECOND)
    turned = leaning(0.8, UNSEEN)
    assert judged((one, 0.2 * two), (0.2 * turned, two)).verdict == "mixed"
    assert judged((one, 0.2 * two), (0.2 * turned, two), turn=math.pi / 2).verdict == "warping"


def test_a_decoder_that_does_not_turn():
    one, two = leaning(0.3, FIRST), leaning(1.2, SECOND)
    found = judged((one, two), (one, two))
    assert found.verdict == "no switch" and math.isnan(found.warping_share)
    assert judged((two, one), (one, two)).verdict == "no switch"


def test_an_item_that_is_gone():
    one, two = leaning(0.8, FIRST), leaning(0.8, SECOND)
    found = judged((one, 0.2 * two), (0 * one, two))
    assert found.turn == 0 and found.defect == math.inf
    assert math.isnan(found.warping_share) and found.verdict == "mixed"


def test_the_turn_of_an_item_on_a_line_is_that_of_its_one_direction():
    """A second direction, which two dimensions ask for, would be rounding, and its turn anything."""
    axis, turned = AXES[8], math.cos(0.3) * AXES[8] + math.sin(0.3) * AXES[9]
    found = planted((SEEN, UNSEEN), (SEEN, UNSEEN))
    for time, direction in enumerate((axis, turned)):
        found.vectors[:, time, 0] = found.kappa[:, :1].exp() * direction
    for dimension in (1, 2):
        judged = two_items(found, SEEN + AXES[8:], ITEMS, (0, 1), dimension=dimension)
        assert judged.turn == pytest.approx(0.3)


def test_the_measures_in_closed_form():
    vectors = torch.randn(5, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    turned = vectors @ torch.linalg.qr(AXES[:6, :6]).Q
    assert isometry_defect(vectors, turned) == pytest.approx(0, abs=1e-7)
    assert isometry_defect(vectors, 3 * turned) == pytest.approx(2 * math.log(3) * math.sqrt(2))
    assert procrustes_residual(vectors, 3 * turned) == pytest.approx(0, abs=1e-12)
    # Different rotations at different points are no rotation of state space.
    mixed = torch.cat([turned[:2], vectors[2:]])
    assert procrustes_residual(vectors, mixed) > 0.05
    weights = AXES[:3, :6]
    exact = torch.stack([torch.trace(weights @ a.T @ a @ weights.T) for a in vectors]).mean()
    torch.testing.assert_close(strength(vectors, weights), exact)


def test_what_is_asked_must_be_there():
    states = planted((FIRST, SECOND), (FIRST, SECOND))
    with pytest.raises(ValueError, match=r"time steps of the tangents, \[0, 1\]; got \[7\]"):
        two_items(states, SEEN, ITEMS, (0, 7))
    with pytest.raises(ValueError, match="among angle_1, angle_2"):
        two_items(states, SEEN, (("angle_1",), ("angle_3",)), (0, 1))
