import math

import pytest
import torch

from warpline.geometry import (
    Coordinate,
    Dynamics,
    InputManifold,
    dynamics_of,
    state_map,
    stream,
    tangents,
)
from warpline.geometry.derivatives.propagation import advance_of, initial_state
from warpline.geometry.derivatives.taylor import TaylorTensor, push_forward
from warpline.models.base import build_model

ACTIVATIONS = ("tanh", "relu", "leaky_relu", "softplus")


def manifold(n_steps=6):
    """Two coordinates, three channels, curved in kappa and different at each step."""

    def inputs(kappa, step):
        a, b = kappa[:, 0], kappa[:, 1]
        return torch.stack([a * b, torch.sin(b + step), a * a + 0.3], dim=1)

    return InputManifold(
        (Coordinate("strength", -1, 1), Coordinate("angle", -math.pi, math.pi, periodic=True)),
        inputs,
        n_steps,
    )


def network(kind="leaky_rnn", activation="tanh", units=7):
    settings = {"model": kind, "units": units, "activation": activation, "init": "gaussian",
                "gain": 1.3, "tau": 100, "noise": 0.0}  # fmt: skip
    return build_model(settings, n_inputs=3, n_outputs=2, dt=25, seed=3)


class CellOfMyOwn:
    """An LSTM with the state (h, c), of which h is observed."""

    def __init__(self, units=5, channels=3):
        generator = torch.Generator().manual_seed(5)
        self.units = units
        self.weight = torch.randn(
            4 * units, channels + units, dtype=torch.float64, generator=generator
        )

    def step(self, state, inputs):
        h, c = state.split(self.units, dim=-1)
        gates = torch.cat([inputs, h], -1) @ self.weight.T
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)

    def dynamics(self):
        return Dynamics(
            step=self.step,
            initial=lambda points: torch.zeros(points, 2 * self.units, dtype=torch.float64),
            duration=0.5,
            observe=lambda state: state[:, : self.units],
        )


def unrolled(dynamics, manifold, kappa, time_step, initial=None):
    """One point's observed state at a time step, (coordinate) to (unit): the map to be differentiated."""
    state = dynamics.initial(1) if initial is None else initial(kappa[None])
    for k in range(time_step):
        state = dynamics.step(state, manifold(kappa[None], k))
    return dynamics.observe(state)[0]


def all_dynamics():
    for kind in ("leaky_rnn", "leaky_gru"):
        for activation in ACTIVATIONS:
            yield pytest.param(dynamics_of(network(kind, activation)), id=f"{kind}-{activation}")
    yield pytest.param(CellOfMyOwn().dynamics(), id="lstm")
    own = CellOfMyOwn().dynamics()
    # Neither linear nor of the state's own shape.
    yield pytest.param(
        Dynamics(own.step, own.initial, 0.5, observe=lambda x: torch.exp(x[:, :4]) * x[:, 4:8]),
        id="lstm-observed",
    )


@pytest.mark.slow
@pytest.mark.parametrize("dynamics", all_dynamics())
def test_tangents_are_the_jacobian_of_the_unrolled_network(dynamics):
    paths = manifold()
    kappa = paths.grid(3, 3) * 0.9 + 0.05
    found = tangents(dynamics, paths, kappa, second=True)
    assert found.time_steps == tuple(range(7)) and found.names == ("strength", "angle", "time")
    for time_step in (0, 1, 4, 6):
        for point in (0, 5, 8):
            args = (
                (lambda k, time_step=time_step: unrolled(dynamics, paths, k, time_step)),
                kappa[point],
            )
            jacobian = torch.func.jacrev(args[0])(args[1])
            hessian = torch.func.jacfwd(torch.func.jacrev(args[0]))(args[1])
            close = {"rtol": 1e-10, "atol": 1e-12}
            torch.testing.assert_close(found.inputs[point, time_step], jacobian.T, **close)
            torch.testing.assert_close(
                found.second[point, time_step], hessian.permute(1, 2, 0), **close
            )
            now, then = (unrolled(dynamics, paths, kappa[point], time_step + i) for i in (0, 1))
            torch.testing.assert_close(found.states[point, time_step], now)
            torch.testing.assert_close(
                found.velocity[point, time_step], (then - now) / dynamics.duration
            )


@pytest.mark.parametrize("kind", ["leaky_rnn", "leaky_gru"])
def test_tangents_agree_with_central_differences(kind):
    dynamics, paths = dynamics_of(network(kind)), manifold()
    kappa, step = paths.grid(2, 3) * 0.8, 1e-5
    found = tangents(dynamics, paths, kappa, second=True)
    for i in range(2):
        shift = step * torch.eye(2, dtype=torch.float64)[i]
        up, down = (tangents(dynamics, paths, kappa + s * shift) for s in (1, -1))
        first = (up.states - down.states) / (2 * step)
        second = (up.inputs - down.inputs) / (2 * step)
        torch.testing.assert_close(found.inputs[:, :, i], first, rtol=0, atol=1e-6)
        torch.testing.assert_close(found.second[:, :, i], second, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["leaky_rnn", "leaky_gru"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("second", [False, True])
def test_taylor_tensors_agree_with_torch_func(kind, activation, second):
    """Taylor arithmetic and torch.func are two implementations of one thing."""
    dynamics, paths = dynamics_of(network(kind, activation)), manifold()
    kappa = paths.grid(3, 3)
    quick = generic = initial_state(dynamics, kappa, second, None, paths.coordinates)
    advance = advance_of(dynamics, paths, kappa, second)
    variable = TaylorTensor.variable(kappa, second)
    for k in range(6):
        quick = advance(quick, k)
        inputs = push_forward(lambda at, k=k: paths(at, k), variable)
        generic = push_forward(dynamics.step, generic, inputs)
    torch.testing.assert_close(quick.coefficients, generic.coefficients, rtol=1e-12, atol=1e-13)


def test_the_adjoint_identity():
    """lambda_T . a_T = sum_k lambda_{k+1} . F_u d_kappa u, with lambda_k = F_x^T lambda_{k+1}, exactly."""
    dynamics, paths = dynamics_of(network("leaky_gru")), manifold()
    kappa = paths.grid(2, 2)
    found = tangents(dynamics, paths, kappa)
    costate = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    left = torch.einsum("pn,pin->pi", costate, found.inputs[:, -1])
    right = torch.zeros_like(left)
    for k in reversed(range(6)):
        _, pull = torch.func.vjp(
            lambda x, at, k=k: dynamics.step(x, paths(at, k)), found.states[:, k], kappa
        )
        costate, gain = pull(costate)
        right += gain
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-14)


def test_initial_states_that_depend_on_kappa():
    def initial(kappa):
        return torch.stack([kappa[:, 0] ** 2, kappa[:, 1].sin(), kappa[:, 0] * kappa[:, 1]], 1)

    dynamics = dynamics_of(network(units=3))
    paths, kappa = manifold(), manifold().grid(2, 2)
    found = tangents(dynamics, paths, kappa, second=True, initial=initial)
    for time_step in (0, 3):

        def final(k, time_step=time_step):
            return unrolled(dynamics, paths, k, time_step, initial)

        jacobian = torch.func.jacrev(final)(kappa[1])
        hessian = torch.func.jacfwd(torch.func.jacrev(final))(kappa[1])
        torch.testing.assert_close(found.inputs[1, time_step], jacobian.T)
        torch.testing.assert_close(found.second[1, time_step], hessian.permute(1, 2, 0))


def test_only_the_time_steps_asked_for_and_beyond_the_last_input():
    dynamics, paths = dynamics_of(network()), manifold()
    kappa = paths.grid(4, 3)
    everything, few = (
        tangents(dynamics, paths, kappa),
        tangents(dynamics, paths, kappa, at=[2, 6, 9]),
    )
    assert few.time_steps == (2, 6, 9) and few.vectors.shape == (12, 3, 3, 7)
    assert few.full_states is few.states
    torch.testing.assert_close(few.vectors[:, :2], everything.vectors[:, [2, 6]])
    held = unrolled(dynamics, paths, kappa[7], 9)
    torch.testing.assert_close(few.states[7, 2], held)
    assert [time_step.step for time_step in stream(dynamics, paths, kappa, at=[1, 5])] == [1, 5]
    for bad in ([], [3, 3], [4, 1], [-1, 2]):
        with pytest.raises(ValueError, match="rising order, from 0"):
            tangents(dynamics, paths, kappa, at=bad)


def test_chunks_and_progress():
    dynamics, paths = CellOfMyOwn().dynamics(), manifold()
    kappa = paths.grid(4, 3)
    calls = []
    at_once = tangents(dynamics, paths, kappa, second=True)
    parts = tangents(
        dynamics, paths, kappa, second=True, chunk=5, progress=lambda *at: calls.append(at)
    )
    for name in ("full_states", "states", "vectors", "second"):
        torch.testing.assert_close(getattr(parts, name), getattr(at_once, name))
    assert calls == [(k, 21) for k in range(1, 22)]
    with pytest.raises(ValueError, match="at least 1 point"):
        tangents(dynamics, paths, kappa, chunk=0)


def test_no_graph_is_kept_and_grad_mode_is_left_alone():
    dynamics = Dynamics(
        step=network("leaky_gru").double().step,
        initial=lambda points: torch.zeros(points, 7, dtype=torch.float64),
    )
    for time_step in stream(dynamics, manifold(), manifold().grid(2, 2)):
        assert torch.is_grad_enabled()
        assert not time_step.state.requires_grad and not time_step.inputs.requires_grad


def test_a_state_map_is_the_states_of_a_time_step():
    model, paths = network("leaky_gru"), manifold()
    kappa = paths.grid(3, 3)
    full = tangents(model, paths, kappa, second=True)
    immersion = state_map(model, paths, 4)
    jet = immersion(kappa, order=2)
    torch.testing.assert_close(jet.value, full.states[:, 4])
    torch.testing.assert_close(jet.first, full.inputs[:, 4])
    torch.testing.assert_close(jet.second, full.second[:, 4])
    assert immersion(kappa).second is None and immersion.coordinates == paths.coordinates
    for time_step, order, match in ((0, 1, "time step from 1"), (3, 3, "order 1 or 2")):
        with pytest.raises(ValueError, match=match):
            state_map(model, paths, time_step)(kappa, order=order)


def test_points_outside_the_domain():
    outside = torch.tensor([[1.5, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"strength in \[-1, 1\], got values from 1.5"):
        tangents(network(), manifold(), outside)
    with pytest.raises(ValueError, match="at least one point"):
        tangents(network(), manifold(), torch.zeros(0, 2))


def test_a_state_map_goes_on_past_its_domain_but_not_into_other_shapes():
    """Curves look a step past the edge that they leave by."""
    immersion = state_map(network(), manifold(), 3)
    outside = torch.tensor([[1.5, 0.0]], dtype=torch.float64)
    exact = unrolled(dynamics_of(network()), manifold(), outside[0], 3)
    torch.testing.assert_close(immersion(outside).value[0], exact)
    with pytest.raises(ValueError, match=r"\(point, 2\), got \(1, 1\)"):
        immersion(outside[:, :1])


def scaled(kappa, strength):
    return torch.cat([strength * kappa, kappa[:, :1] ** 2], dim=1)


def off_at_first(kappa, strength):
    """In the first piece, inputs that do not depend on kappa."""
    if not strength:
        return kappa.new_ones(len(kappa), 3)
    return torch.stack([kappa[:, 0].cos(), strength * kappa[:, 1], kappa[:, 0].sin()], dim=1)


def compared(kappa, strength):
    """A comparison, which Taylor tensors refuse: torch.func takes it."""
    return scaled(torch.where(kappa > 0, kappa, 0.5 * kappa), strength)


@pytest.mark.parametrize("of_strength", [scaled, off_at_first, compared])
def test_inputs_known_to_be_constant_in_pieces_give_the_same(of_strength):
    def inputs(kappa, step):
        return of_strength(kappa, (0.0, 1.0, -0.5)[(step >= 2) + (step >= 5)])

    plain = InputManifold(manifold().coordinates, inputs, 8)
    known = InputManifold(manifold().coordinates, inputs, 8, pieces=(0, 2, 5))
    kappa, time_steps = plain.grid(3, 3), (*range(9), 11)
    for second in (False, True):
        one = tangents(network("leaky_gru"), plain, kappa, at=time_steps, second=second)
        other = tangents(network("leaky_gru"), known, kappa, at=time_steps, second=second)
        torch.testing.assert_close(other.vectors, one.vectors)
        if second:
            torch.testing.assert_close(other.second, one.second)
