"""The metric over learning of networks whose readout reads more than their hidden state."""

import pytest
import torch

from warpline.analyses.learning import _share_seen
from warpline.geometry import Coordinate, InputManifold, dynamics_of, tangents
from warpline.models.base import build_model


@pytest.mark.slow
def test_the_readout_of_a_mamba_sees_a_share_of_its_whole_state():
    settings = {
        "model": "mamba",
        "d_model": 4,
        "d_state": 3,
        "d_conv": 3,
        "expand": 2,
        "n_layers": 2,
    }
    net = build_model(settings, n_inputs=3, n_outputs=2, dt=50, seed=1)
    dynamics = dynamics_of(net)
    manifold = InputManifold(
        (Coordinate("a", -1, 1), Coordinate("b", -1, 1)),
        lambda kappa, step: torch.cat([kappa, kappa[:, :1] * step], dim=1),
        n_steps=7,
    )
    kappa = manifold.grid(3, 3)
    share = _share_seen(tangents(dynamics, manifold, kappa, at=[5]), dynamics, manifold)

    def whole(at):
        state = dynamics.initial(1)
        for step in range(5):
            state = dynamics.step(state, manifold.inputs(at[None], step))
        return state[0]

    rows = torch.linalg.svd(net.readout_layer.weight.double().detach(), full_matrices=False).Vh
    for point, expected in zip(kappa, share, strict=True):
        vectors = torch.func.jacfwd(whole)(point).T
        seen = vectors[:, -4:] @ rows.T
        torch.testing.assert_close(expected, seen.square().sum() / vectors.square().sum())
