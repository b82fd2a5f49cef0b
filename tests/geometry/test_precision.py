"""Weights in single precision, and attention kernels without derivatives: what works, and what is said."""

import math

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from warpline.geometry import (
    Coordinate,
    Dynamics,
    InputManifold,
    dynamics_of,
    find_fixed_points,
    metric_stream,
    pullback_metric,
    row_space,
    state_map,
    state_subspaces,
    subspace_angles,
    tangents,
)
from warpline.geometry.measurements.update_alignment import alignment
from warpline.models import gru

PULSE = InputManifold(
    (Coordinate("strength", 0.2, 2.0), Coordinate("angle", -math.pi, math.pi, periodic=True)),
    lambda kappa, step: (
        (step < 3) * kappa[:, :1] * torch.stack([kappa[:, 1].cos(), kappa[:, 1].sin()], 1)
    ),
    n_steps=5,
)
KAPPA = PULSE.grid(2, 3)
ZEROS = torch.zeros(1, 2)
CALLS = {
    "tangents": lambda d: tangents(d, PULSE, KAPPA, at=[5]),
    "metric_stream": lambda d: metric_stream(d, PULSE, KAPPA, at=[5]),
    "state_map": lambda d: state_map(d, PULSE, 5),
    "find_fixed_points": lambda d: find_fixed_points(d, ZEROS, d.initial(1)),
}


@pytest.fixture
def module():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.GRU(2, 8)


def by_hand(cell, dtype=torch.float64):
    return Dynamics(lambda x, u: cell(u, x), lambda n: torch.zeros(n, 8), dtype=dtype)


def cell_of(module):
    cell = nn.GRUCell(2, 8)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in module.state_dict().items()})
    return cell


def test_models_with_weights_in_single_precision_are_taken_in_double(module):
    network = gru.Network.from_module(module)
    assert network.weight_hh_l0.dtype == torch.float32
    ours = pullback_metric(tangents(network, PULSE, KAPPA, at=[5])).matrix
    assert ours.dtype == torch.float64 and network.weight_hh_l0.dtype == torch.float32
    # Those of the same weights in double precision, to its rounding, by hand.
    theirs = pullback_metric(tangents(by_hand(cell_of(module).double()), PULSE, KAPPA, at=[5]))
    torch.testing.assert_close(ours, theirs.matrix, rtol=1e-12, atol=1e-14)
    points = find_fixed_points(dynamics_of(network), ZEROS, torch.zeros(1, 8))
    assert points.states.dtype == torch.float64 and points.fixed.all()


@pytest.mark.parametrize("call", CALLS)
def test_a_step_by_hand_in_single_precision_is_refused_with_the_remedy(module, call):
    message = r"a step in torch.float64.*module.double\(\).*dtype=torch.float32"
    with pytest.raises(TypeError, match=message):
        CALLS[call](by_hand(cell_of(module)))
    # States that lose the precision on the way, too.
    halved = Dynamics(lambda x, u: torch.tanh(x + u.sum()).float(), lambda n: torch.zeros(n, 8))
    with pytest.raises(TypeError, match=r"got states in torch.float32"):
        CALLS[call](halved)


def test_the_remedies_work(module):
    double = tangents(by_hand(cell_of(module).double()), PULSE, KAPPA, at=[5]).vectors
    single = tangents(by_hand(cell_of(module), torch.float32), PULSE, KAPPA, at=[5]).vectors
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-5)
    jet = state_map(by_hand(cell_of(module), torch.float32), PULSE, 5)(KAPPA.float(), order=2)
    torch.testing.assert_close(jet.first, single[:, 0, :2], rtol=1e-4, atol=1e-5)


# --- attention ----------------------------------------------------------------------------------


class Attention(nn.Module):
    """The state is a memory of the last 4 inputs, over which the next entry attends."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.q, self.k, self.v = (nn.Linear(n, 8) for n in (2, 8, 8, 8))

    def initial_state(self, trials):
        return self.q.weight.new_zeros(trials, 32)

    def step(self, state, inputs):
        memory, entry = state.unflatten(-1, (4, 8)), self.into(inputs)[:, None]
        heads = [x.unflatten(-1, (2, 4)).transpose(1, 2)
                 for x in (self.q(entry), self.k(memory), self.v(memory))]  # fmt: skip
        attended = nn.functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        return torch.tanh(torch.cat([memory[:, 1:], entry + attended], 1).flatten(1))

    def readout(self, state):
        return state

    def hidden(self, state):
        return state


@pytest.fixture
def attention():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return dynamics_of(Attention())


def second(dynamics):
    return state_map(dynamics, PULSE, 5)(KAPPA, order=2).second


@pytest.mark.parametrize(
    "call", [CALLS["tangents"], second, lambda d: find_fixed_points(d, ZEROS, d.initial(1))]
)
def test_a_kernel_without_the_derivative_names_the_one_that_has_it(attention, call):
    with (
        sdpa_kernel(SDPBackend.FLASH_ATTENTION),
        pytest.raises(TypeError, match=r"sdpa_kernel\(SDPBackend.MATH\)"),
    ):
        call(attention)
    with sdpa_kernel(SDPBackend.MATH):
        call(attention)


def test_second_derivatives_through_attention_are_those_of_difference_quotients(attention):
    size = 1e-5
    with sdpa_kernel(SDPBackend.MATH):
        exact = second(attention)
        first = state_map(attention, PULSE, 5)
        for j, direction in enumerate(torch.eye(2, dtype=torch.float64)):
            after, before = (first(KAPPA + sign * size * direction).first for sign in (1, -1))
            quotient = (after - before) / (2 * size)
            torch.testing.assert_close(exact[:, j], quotient, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_directions_that_rounding_makes_are_none(dtype):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 64, generator=generator, dtype=torch.float64)
    rows = torch.stack([first, -3 * first, second, first + second]).to(dtype)
    vectors = torch.randn(20, 2, 3, 64, generator=generator, dtype=torch.float64).to(dtype)
    of_rows = alignment(vectors, rows)
    assert of_rows.rank.tolist() == [1, 1, 2, 2]
    torch.testing.assert_close(of_rows.subspace[..., 3], of_rows.subspace[..., 2])
    assert row_space(rows, 1).square().sum(-1).round().tolist() == [[1, 1, 0, 0]]
    with pytest.raises(ValueError, match="2 independent directions"):
        subspace_angles(rows[:2], rows[2:3])
    # States that are all equal lie in no direction, though their mean is rounded.
    equal = first.to(dtype).expand(400, 1, -1)
    assert not state_subspaces(equal).any()
