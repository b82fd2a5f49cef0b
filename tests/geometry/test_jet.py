import numpy as np
import pytest
import torch
from torch.func import hessian, jacrev, vmap

from warpline.geometry import Coordinate, immersion_of


def points(count=7, m=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, m, generator=generator, dtype=torch.float64) * 2 - 1


def test_derivatives_of_a_network_slice_are_those_of_reverse_mode(network_slice):
    states, immersion = network_slice
    kappa = points()
    jet = immersion(kappa, order=2)

    def one(point):
        return states(point[None])[0]

    assert torch.allclose(jet.value, states(kappa))
    assert torch.allclose(jet.first.mT, vmap(jacrev(one))(kappa), rtol=1e-11, atol=1e-13)
    assert torch.allclose(
        jet.second.movedim(3, 1), vmap(hessian(one))(kappa), rtol=1e-10, atol=1e-12
    )
    first = immersion(kappa)
    assert first.second is None and torch.allclose(first.first, jet.first, rtol=1e-13)


def test_second_derivatives_name_their_coordinates():
    line = tuple(Coordinate(name, -1, 1) for name in "xyz")
    immersion = immersion_of(
        lambda k: torch.stack([k[:, 0] ** 2 * k[:, 1], k[:, 1] * k[:, 2]], 1), line
    )
    second = immersion(torch.tensor([[2.0, 3.0, 5.0]], dtype=torch.float64), order=2).second[0]
    expected = torch.zeros(3, 3, 2, dtype=torch.float64)
    expected[0, 0, 0], expected[0, 1, 0], expected[1, 0, 0] = 6, 4, 4
    expected[1, 2, 1] = expected[2, 1, 1] = 1
    assert torch.equal(second, expected)


def test_the_metric_of_a_jet_is_its_gram_matrix(surfaces):
    kappa = points()
    metric = surfaces.torus()(kappa).metric
    expected = torch.diag_embed(torch.stack([torch.ones(7), (2 + kappa[:, 0].cos()) ** 2], 1))
    assert torch.allclose(metric, expected.to(metric), atol=1e-14)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            lambda k: torch.from_numpy(np.sin(k.numpy())),
            TypeError,
            "plain differentiable torch operations",
        ),
        (lambda k: k.sum(1), ValueError, r"\(point, unit\) with 7 points"),
    ],
)
def test_functions_that_are_no_immersions_are_refused(function, error, message):
    immersion = immersion_of(function, (Coordinate("x", -1, 1), Coordinate("y", -1, 1)))
    with pytest.raises(error, match=message):
        immersion(points())


def test_wrong_calls_are_refused(surfaces):
    with pytest.raises(ValueError, match=r"shape \(point, 2\)"):
        surfaces.torus()(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="order 1 or 2"):
        surfaces.torus()(torch.zeros(3, 2), order=3)
    with pytest.raises(ValueError, match="at least one coordinate"):
        immersion_of(lambda k: k, ())
