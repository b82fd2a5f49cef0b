import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.geometry.measurements.update_alignment import (
    alignment,
    alignment_table,
    chance_alignment,
    chance_quantile,
    update_directions,
    update_spectrum,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_rank_one_update_has_its_two_readings():
    """dW = u v' sends activity to u; the symmetric part's eigenvectors halve the angle of u and v."""
    u, v = torch.eye(5, dtype=torch.float64)[:2]
    start = normal(5, 5)
    both = update_directions(start, start + 3 * torch.outer(u, v), 1)
    assert both["singular_vectors"][0].abs().numpy() == pytest.approx(u.numpy(), abs=1e-12)
    read = both["right_singular_vectors"][0].abs()
    assert read.numpy() == pytest.approx(v.numpy(), abs=1e-12), "activity along v is what it reads"
    sizes = update_spectrum(start, start + 3 * torch.outer(u, v))
    assert sizes.numpy() == pytest.approx([3, 0, 0, 0, 0], abs=1e-12)
    halves = both["eigenvectors"][0].abs()
    assert halves.numpy() == pytest.approx([math.sqrt(0.5)] * 2 + [0] * 3, abs=1e-12)
    found = alignment(u.view(1, 1, 1, 5), both["eigenvectors"])
    assert found.cosine.item() == pytest.approx(math.sqrt(0.5))


def test_a_symmetric_update_has_one_reading_whatever_the_sign():
    frame, _ = torch.linalg.qr(normal(6, 6))
    values = torch.tensor([1.0, -5.0, 3.0, 0.1, -0.2, 0.3]).double()
    both = update_directions(torch.zeros(6, 6).double(), frame @ values.diag() @ frame.T, 3)
    for name in ("eigenvectors", "singular_vectors", "right_singular_vectors"):
        cosines = (both[name] @ frame[:, [1, 2, 0]]).abs()
        assert torch.allclose(cosines, torch.eye(3).double(), atol=1e-10), name


@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_rounding_of_single_weights_is_no_direction_of_a_small_update(size):
    start, u = normal(64, 64).float() / 8, torch.nn.functional.normalize(normal(64, seed=1), dim=0)
    trained = (start.double() + size * torch.outer(u, u)).float()
    (found,) = update_directions(start, trained, 1)["eigenvectors"]
    assert abs(float(found @ u)) > 0.999
    with pytest.raises(ValueError, match="from 1 to 1 directions"):
        update_directions(start, trained, 2)


def test_directions_that_an_update_does_not_have_are_refused():
    zero, line = torch.zeros(4, 4), torch.outer(torch.ones(4), torch.arange(4.0))
    with pytest.raises(ValueError, match="from 1 to 0 directions"):
        update_directions(zero, zero, 1)
    with pytest.raises(ValueError, match=r"from 1 to 1 directions.* got 2"):
        update_directions(zero, line, 2)
    skew = line - line.T
    with pytest.raises(ValueError, match="symmetric part"):
        update_directions(zero, skew, 1)
    with pytest.raises(ValueError, match="one gate's block"):
        update_directions(torch.zeros(12, 4), torch.ones(12, 4), 1)


def test_known_angles():
    directions = torch.tensor([[2.0, 0, 0], [0, -1, 0]]).double()
    tangents = torch.tensor([[1.0, 1, 0], [0, 0, 3], [-1, 2, 2], [0, 0, 0]]).double()
    found = alignment(tangents.view(4, 1, 1, 3), directions)
    root = math.sqrt(0.5)
    expected = [[root, root], [0, 0], [1 / 3, 2 / 3], [math.nan, math.nan]]
    assert found.cosine.view(4, 2).numpy() == pytest.approx(np.array(expected), nan_ok=True)
    expected = [[root, 1], [0, 0], [1 / 3, math.sqrt(5) / 3], [math.nan, math.nan]]
    assert found.subspace.view(4, 2).numpy() == pytest.approx(np.array(expected), nan_ok=True)
    assert found.rank.tolist() == [1, 2] and found.units == 3


def test_a_readout_with_dependent_rows_spans_less():
    """Two logits that are opposite, then a row of its own."""
    rows = torch.tensor([[1.0, 1, 0], [-1, -1, 0], [1, 0, 0]]).double()
    found = alignment(torch.tensor([1.0, -1, 0]).double().view(1, 1, 1, 3), rows)
    assert found.rank.tolist() == [1, 1, 2]
    assert found.subspace.flatten().numpy() == pytest.approx([0, 0, 1], abs=1e-12)
    assert found.cosine.flatten().numpy() == pytest.approx([0, 0, math.sqrt(0.5)], abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50).filter(lambda x: abs(x) > 0.02))
def test_alignment_knows_neither_rotation_nor_length_nor_sign(seed, factor):
    turn, _ = torch.linalg.qr(normal(7, 7, seed=seed))
    tangents, directions = normal(3, 2, 2, 7, seed=seed + 1), normal(4, 7, seed=seed + 2)
    ours = alignment(tangents, directions)
    theirs = alignment(factor * tangents @ turn, -directions / factor @ turn)
    assert torch.allclose(ours.cosine, theirs.cosine, atol=1e-9)
    assert torch.allclose(ours.subspace, theirs.subspace, atol=1e-9)
    # A subspace grows with every direction, and holds each of them.
    assert (ours.subspace.diff(dim=-1) >= -1e-12).all()
    assert (ours.subspace >= ours.cosine - 1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize(("units", "dimension"), [(3, 1), (20, 1), (20, 4), (100, 10), (5, 5)])
def test_chance_is_what_random_directions_do(units, dimension):
    vectors = normal(200_000, units)
    cosines = vectors[:, :dimension].norm(dim=1) / vectors.norm(dim=1)
    assert chance_alignment(units, dimension) == pytest.approx(cosines.mean().item(), abs=2e-3)
    level = torch.quantile(cosines, 0.95).item()
    assert chance_quantile(units, dimension) == pytest.approx(level, abs=5e-3)


def test_chance_in_closed_form():
    assert chance_alignment(2) == pytest.approx(2 / math.pi)
    assert chance_alignment(3) == pytest.approx(0.5)
    assert chance_alignment(1000, 90) == pytest.approx(0.3, abs=1e-3)
    # The z-coordinate of a uniform point of the sphere is uniform.
    assert chance_quantile(3) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="from 1 to 3"):
        chance_alignment(3, 4)


def test_the_table_counts_points_and_names_chance():
    tangents = normal(40, 3, 2, 10)
    tangents[:, 0, 1] = 0
    tangents[:10, 1, 1] = 0
    targets = {"update": normal(3, 10, seed=1), "readout": normal(1, 10, seed=2)}
    table = alignment_table(tangents, targets, ["angle", "time"])
    assert len(table) == 3 * 2 * 2 * (3 + 1)
    row = table.set_index(["target", "moment", "tangent", "measure", "direction"]).loc
    own = row["update", 2, "time", "cosine", 3]
    values = alignment(tangents, targets["update"]).cosine[:, 2, 1, 2].numpy()
    assert own["mean"] == pytest.approx(values.mean())
    quartiles = own[["lower_quartile", "median", "upper_quartile"]].to_list()
    assert quartiles == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]).tolist())
    assert own["chance"] == pytest.approx(chance_alignment(10))
    assert row["update", 2, "time", "subspace", 3]["chance"] == chance_alignment(10, 3)
    assert row["update", 2, "time", "subspace", 3]["chance_95"] == chance_quantile(10, 3)
    assert row["update", 0, "time", "cosine", 1]["n_points"] == 0
    assert np.isnan(row["update", 0, "time", "cosine", 1]["mean"])
    assert row["readout", 1, "time", "cosine", 1]["n_points"] == 30
    with pytest.raises(ValueError, match="2 names"):
        alignment_table(tangents, targets, ["angle"])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 1, 1, 4\) and \(2, 3\)"):
        alignment(torch.ones(1, 1, 1, 4), torch.ones(2, 3))
    with pytest.raises(ValueError, match="some length"):
        alignment(torch.ones(1, 1, 1, 3), torch.zeros(1, 3))
