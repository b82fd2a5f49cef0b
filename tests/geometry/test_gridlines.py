import math

import pytest
import torch

from warpline.geometry import Coordinate, DegenerateMetricError, geodesic_gridlines, immersion_of


def test_a_sheared_plane_has_straight_lines_at_right_angles():
    shear = torch.tensor([[1.0, 0.5, 0.0], [0.0, 2.0, 0.0]]).double()
    domain = (Coordinate("x", -1, 2), Coordinate("y", -1, 1))
    plane = immersion_of(lambda k: k @ shear, domain)
    grid = geodesic_gridlines(plane, spacing=0.5, points=11)
    drawn = grid.kappa @ shear
    ends = drawn[:, -1] - drawn[:, 0]
    along = torch.nn.functional.normalize(ends, dim=1)
    off = torch.linalg.cross(drawn - drawn[:, :1], along[:, None].expand_as(drawn))
    assert off.abs().max() < 1e-6
    for line, direction in enumerate(along):
        crossing = along[grid.family != grid.family[line]]
        assert (crossing @ direction).abs().max() < 1e-6
        parallel = (grid.family == grid.family[line]).nonzero()[:, 0]
        gaps = torch.linalg.cross(
            drawn[parallel, 10] - drawn[line, 10], direction.expand(len(parallel), 3)
        )
        assert torch.allclose(
            gaps.norm(dim=1), (grid.offset[parallel] - grid.offset[line]).abs(), atol=1e-6
        )
    assert torch.allclose(grid.length.sum(1), ends.norm(dim=1), atol=1e-6)
    assert grid.spacing == (0.5, 0.5)
    # Base lines through (0.5, 0), first along x, of length 3.
    assert (grid.family == 0).sum() == 7 and set(grid.status) == {("left the domain",) * 2}
    edges = torch.cat([grid.kappa[:, 0], grid.kappa[:, -1]])
    at_edge = ((edges - torch.tensor([-1.0, -1])).abs() < 1e-6) | (
        (edges - torch.tensor([2.0, 1])).abs() < 1e-6
    )
    assert at_edge.any(1).all()


@pytest.mark.slow
def test_lines_across_an_equator_are_meridians(surfaces):
    sphere = surfaces.sphere(2.0)
    grid = geodesic_gridlines(
        sphere, torch.tensor([math.pi / 2, 0.2]), count=(2, 5), points=21, tolerance=1e-6
    )
    across = grid.family == 1
    # Base line 1 is the equator, cut opposite the origin; from it lines run to both poles.
    assert across.sum() == 5
    # The longitude of a pole itself is anything.
    phi = grid.kappa[across][:, 1:-1, 1]
    assert (phi - phi[:, 19:20]).abs().max() < 1e-5
    offsets = (grid.kappa[across][:, 20, 1] - 0.2) * 2
    assert torch.allclose(offsets.abs(), grid.offset[across].abs(), atol=1e-5)
    assert torch.allclose(grid.length[across], torch.tensor(math.pi).double(), atol=1e-4)
    ends = {status for line in across.nonzero()[:, 0].tolist() for status in grid.status[line]}
    assert ends == {"degenerate"}


@pytest.mark.slow
def test_both_families_have_one_spacing_by_default_and_lines_run_through_the_origin(network_slice):
    _, immersion = network_slice
    grid = geodesic_gridlines(immersion, count=5, points=9)
    assert grid.spacing[0] == grid.spacing[1]
    counts = [int((grid.family == k).sum()) for k in (0, 1)]
    assert max(counts) == 5 and torch.isfinite(grid.kappa).all()
    middle = grid.kappa[grid.offset == 0][:, 8]
    assert middle.shape == (2, 2) and middle.abs().max() < 1e-12
    # At right angles in the states, not in kappa.
    jet = immersion(torch.zeros(1, 2).double())
    steps = (grid.kappa[grid.offset == 0][:, 9] - middle) @ jet.first[0]
    cosine = torch.nn.functional.cosine_similarity(steps[0], steps[1], dim=0)
    assert abs(float(cosine)) < 0.05
    two = geodesic_gridlines(immersion, count=(5, 3), points=9)
    assert [int((two.family == k).sum()) for k in (0, 1)] == [5, 3]


@pytest.mark.slow
def test_a_line_that_never_leaves_ends_all_the_same(surfaces):
    grid = geodesic_gridlines(surfaces.torus(), count=3, points=5)
    assert torch.isfinite(grid.kappa).all()
    span = grid.kappa.amax((0, 1)) - grid.kappa.amin((0, 1))
    assert (span <= 2 * math.pi + 1e-6).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count of lines from 1 to 1000"),
        ({"spacing": 0.0}, "at most 1000 lines"),
        ({"spacing": 1e-9}, "at most 1000 lines"),
        ({"origin": torch.tensor([3.0, 1.0])}, "first in"),
    ],
)
def test_bad_grids_are_refused(network_slice, change, message):
    with pytest.raises(ValueError, match=message):
        geodesic_gridlines(network_slice[1], **change)


def test_an_origin_in_a_corner_that_lines_leave_at_once_is_refused():
    shear = torch.tensor([[1.0, 0.0], [0.5, 1.0]]).double()
    plane = immersion_of(lambda k: k @ shear, (Coordinate("x", -1, 2), Coordinate("y", -1, 1)))
    with pytest.raises(ValueError, match="origin inside the domain, got x = 2, y = 1"):
        geodesic_gridlines(plane, torch.tensor([2.0, 1.0]))


def test_no_gridlines_without_rank_or_two_coordinates(surfaces):
    with pytest.raises(ValueError, match="two coordinates for gridlines, got 3"):
        geodesic_gridlines(surfaces.three_sphere())
    flat = immersion_of(lambda k: k[:, :1].expand(-1, 3), surfaces.sphere().coordinates)
    with pytest.raises(DegenerateMetricError, match="theta"):
        geodesic_gridlines(flat)
