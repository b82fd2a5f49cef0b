"""Steps that have no derivative that torch can find are refused before the work starts."""

import pytest
import torch

from warpline.geometry import (
    Coordinate,
    Dynamics,
    InputManifold,
    immersion_of,
    state_map,
    tangents,
)
from warpline.geometry.derivatives.smoothness import check_differentiable

UNITS = 12
GENERATOR = torch.Generator().manual_seed(2)
RECURRENT = torch.randn(UNITS, UNITS, dtype=torch.float64, generator=GENERATOR) / UNITS**0.5
INPUT = torch.randn(2, UNITS, dtype=torch.float64, generator=GENERATOR)
MIXED = torch.randn(3, UNITS, dtype=torch.float64, generator=GENERATOR)


class WrongSlope(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(context, inputs, output):
        context.save_for_forward(inputs[0])

    @staticmethod
    def jvp(context, tangent):
        return context.saved_tensors[0] * tangent

    generate_vmap_rule = True


class NoForward(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.tanh()

    @staticmethod
    def backward(context, gradient):
        return gradient


def leaky(activation, recurrent=True, leak=0.1):
    def step(state, inputs):
        drive = inputs @ INPUT + (state @ RECURRENT if recurrent else 0)
        return (1 - leak) * state + leak * activation(drive)

    return step


def dynamics(step, **changes):
    settings = {"initial": lambda points: torch.zeros(points, UNITS, dtype=torch.float64)}
    return Dynamics(step=step, **(settings | changes))


def line(n_steps=20):
    return InputManifold(
        (Coordinate("x", -1, 1),),
        lambda kappa, step: torch.cat([kappa, torch.cos(3 * kappa)], dim=1),
        n_steps,
    )


@pytest.mark.parametrize(
    "activation",
    [torch.tanh, torch.relu, torch.abs, lambda x: torch.tanh(50 * x), lambda x: x.clamp(0, 1), torch.nn.functional.gelu],
    ids=["tanh", "relu", "abs", "steep", "clamp", "gelu"],
)  # fmt: skip
def test_kinks_and_steep_sigmoids_pass(activation):
    check_differentiable(dynamics(leaky(activation)), line(), line().grid(41))


@pytest.mark.parametrize(
    "activation",
    [
        torch.sign,
        lambda x: torch.round(4 * x) / 4,
        lambda x: torch.nn.functional.one_hot(x.argmax(-1), UNITS).double(),
        lambda x: (x > 0).double(),
        lambda x: torch.tanh(x.detach()),
        lambda x: torch.tanh(x) + 0.3 * torch.sign(x),
        WrongSlope.apply,
    ],
    ids=["sign", "round", "argmax", "threshold", "detach", "partly", "wrong-jvp"],
)
@pytest.mark.parametrize("recurrent", [True, False])
def test_jumps_and_hidden_dependence_are_refused(activation, recurrent):
    with pytest.raises(TypeError, match=r"expected the step.*differentiable torch operations"):
        tangents(dynamics(leaky(activation, recurrent)), line(), line().grid(5))


@pytest.mark.parametrize("hidden", [torch.detach, torch.sign, lambda x: (8 * x).round() / 8])
def test_one_unit_of_many_is_enough(hidden):
    # Of 64 units, of which it is less than a twentieth of the change.
    generator = torch.Generator().manual_seed(0)
    recurrent = torch.randn(64, 64, dtype=torch.float64, generator=generator) / 8
    weights = torch.randn(2, 64, dtype=torch.float64, generator=generator)

    def step(state, inputs):
        following = torch.tanh(state @ recurrent + inputs @ weights)
        return torch.cat([hidden(following[:, :1]), following[:, 1:]], dim=1)

    one = dynamics(step, initial=lambda points: torch.zeros(points, 64, dtype=torch.float64))
    with pytest.raises(TypeError, match=r"explain only .* of how 1 of its 64 units change"):
        check_differentiable(one, line(), line().grid(41))


def test_torch_s_own_error_is_put_into_words():
    with pytest.raises(TypeError, match=r"jvp and vmap.*torch says: .*(jvp|setup_context)"):
        tangents(dynamics(leaky(NoForward.apply)), line(), line().grid(5))
    with pytest.raises(TypeError, match="torch says"):
        tangents(
            dynamics(leaky(lambda x: torch.from_numpy(x.numpy()).tanh())), line(), line().grid(5)
        )


def test_what_is_observed_is_checked_too():
    with pytest.raises(TypeError, match="what is observed"):
        tangents(dynamics(leaky(torch.tanh), observe=torch.sign), line(), line().grid(5))


@pytest.mark.parametrize(
    ("step", "match"),
    [
        (lambda x, u: x + torch.rand_like(x), "two calls with the same ones differ"),
        (lambda x, u: x - x.mean(0) + u @ INPUT, "each point by itself"),
        (lambda x, u: x[:, :3], "expected a step from states"),
    ],
)
def test_steps_of_another_form(step, match):
    with pytest.raises(TypeError, match=match):
        tangents(dynamics(step), line(), line().grid(5))


def test_integer_states():
    with pytest.raises(TypeError, match=r"floating point.*int64"):
        tangents(
            dynamics(lambda x, u: x, initial=lambda n: torch.zeros(n, 3, dtype=torch.long)),
            line(),
            line().grid(5),
        )


def test_a_diverging_network_is_named():
    with pytest.raises(ValueError, match="finite"):
        tangents(dynamics(lambda x, u: torch.exp(10 * x + 10)), line(), line().grid(5))


def test_a_network_whose_input_has_no_effect_passes():
    found = tangents(dynamics(lambda x, u: 0.5 * x), line(4), line(4).grid(3))
    assert not found.inputs.any()


def test_one_point_is_enough():
    check_differentiable(dynamics(leaky(torch.tanh)), line(), line().grid(2)[:1])
    with pytest.raises(TypeError, match="expected the step"):
        check_differentiable(dynamics(leaky(torch.sign)), line(), line().grid(2)[:1])


def normalised(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def layer_norm(x):
    return torch.nn.functional.layer_norm(x, x.shape[-1:])


def on_a_line(norm, size=6):
    return lambda kappa: norm(torch.sin(kappa * torch.arange(1.0, size + 1, dtype=kappa.dtype)))


def test_second_derivatives_that_torch_has_wrong_are_refused():
    """torch's jvp of a jvp of layer_norm is no second derivative; first derivatives are right."""
    kappa = line().grid(5)
    exact, written = (
        immersion_of(on_a_line(norm), line().coordinates) for norm in (layer_norm, normalised)
    )
    torch.testing.assert_close(exact(kappa).first, written(kappa).first)
    step = 1e-4
    difference = (written(kappa + step).first - written(kappa - step).first) / (2 * step)
    torch.testing.assert_close(
        written(kappa, order=2).second[:, 0], difference, rtol=1e-5, atol=1e-5
    )
    with pytest.raises(TypeError, match=r"second derivatives.*layer_norm"):
        exact(kappa, order=2)


def test_a_step_whose_second_derivatives_torch_has_wrong_is_refused():
    one, other = dynamics(leaky(layer_norm)), dynamics(leaky(normalised))
    torch.testing.assert_close(
        tangents(one, line(), line().grid(5)).inputs, tangents(other, line(), line().grid(5)).inputs
    )
    assert tangents(other, line(), line().grid(5), second=True).second.isfinite().all()
    with pytest.raises(TypeError, match=r"expected the step.*second derivatives"):
        tangents(one, line(), line().grid(5), second=True)
    with pytest.raises(TypeError, match="second derivatives"):
        state_map(one, line(), 3)(line().grid(5), order=2)


def test_an_observed_map_whose_second_derivatives_torch_has_wrong_is_refused():
    step = leaky(normalised)
    one, other = (dynamics(step, observe=norm) for norm in (layer_norm, normalised))
    assert tangents(other, line(), line().grid(5), second=True).second.isfinite().all()
    with pytest.raises(TypeError, match=r"expected what is observed.*second derivatives"):
        tangents(one, line(), line().grid(5), second=True)


def test_initial_states_whose_second_derivatives_torch_has_wrong_are_refused():
    one, other = (on_a_line(norm, UNITS) for norm in (layer_norm, normalised))
    network, kappa = dynamics(leaky(torch.tanh)), line().grid(5)
    assert tangents(network, line(), kappa, second=True, initial=other).second.isfinite().all()
    assert tangents(network, line(), kappa, initial=one).inputs.isfinite().all()
    with pytest.raises(TypeError, match=r"expected the initial state.*second derivatives"):
        tangents(network, line(), kappa, second=True, initial=one)
    with pytest.raises(TypeError, match=r"expected the initial state.*second derivatives"):
        state_map(network, line(), 3, initial=one)(kappa, order=2)


@pytest.mark.parametrize("pieces", [(), (0, 20)], ids=["step by step", "in pieces"])
def test_inputs_whose_second_derivatives_torch_has_wrong_are_refused(pieces):
    """Also where they begin late in the trial."""

    def inputs_of(norm):
        def shown(kappa, step):
            # Away from 0, where all sines are 0 and the norm is steep.
            of_step = on_a_line(norm)(0.2 * kappa + 0.5)[:, :2]
            return of_step if step >= 20 else 0 * of_step

        return InputManifold(line().coordinates, shown, n_steps=24, pieces=pieces)

    network, kappa = dynamics(leaky(torch.tanh)), line().grid(5)
    one, other = (inputs_of(norm) for norm in (layer_norm, normalised))
    assert tangents(network, other, kappa, second=True).second.isfinite().all()
    torch.testing.assert_close(
        tangents(network, one, kappa).inputs, tangents(network, other, kappa).inputs
    )
    with pytest.raises(TypeError, match=r"expected the inputs.*second derivatives"):
        tangents(network, one, kappa, second=True)
    with pytest.raises(TypeError, match=r"expected the inputs.*second derivatives"):
        state_map(network, one, 24)(kappa, order=2)


@pytest.mark.parametrize("width", [1.0, 1e6], ids=["of one", "wide"])
def test_no_direction_hides_second_derivatives_that_torch_has_wrong(width):
    """layer_norm of kappa does not change where all coordinates change alike, nor much in small steps."""
    coordinates = tuple(Coordinate(name, 0.0, width) for name in "abc")
    kappa = width * torch.tensor([[0.2, 0.5, 0.9], [0.3, 0.1, 0.6]], dtype=torch.float64)
    network = dynamics(lambda x, u: x + 0.1 * (torch.tanh(x @ RECURRENT + u @ MIXED) - x))

    def inputs_of(norm, pieces):
        return InputManifold(
            coordinates, lambda kappa, step: norm(kappa / width), n_steps=4, pieces=pieces
        )

    def initial(kappa):
        return layer_norm(kappa / width) @ MIXED

    for pieces in ((), (0,)):
        found = tangents(network, inputs_of(normalised, pieces), kappa, second=True)
        assert found.second.isfinite().all()
        with pytest.raises(TypeError, match=r"expected the inputs.*second derivatives"):
            tangents(network, inputs_of(layer_norm, pieces), kappa, second=True)
    with pytest.raises(TypeError, match=r"expected the initial state.*second derivatives"):
        tangents(network, inputs_of(normalised, ()), kappa, second=True, initial=initial)
    with pytest.raises(TypeError, match=r"expected the function.*second derivatives"):
        immersion_of(lambda kappa: layer_norm(kappa / width), coordinates)(kappa, order=2)


@pytest.mark.parametrize("activation", [torch.relu, torch.abs, lambda x: torch.tanh(50 * x)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kinks_pass_the_test_of_second_derivatives(activation, dtype):
    single = dynamics(
        lambda x, u: 0.9 * x + 0.1 * activation(u @ INPUT.to(u.dtype) + x @ RECURRENT.to(u.dtype)),
        initial=lambda points: torch.zeros(points, UNITS, dtype=dtype),
        dtype=dtype,
    )
    assert tangents(single, line(), line().grid(41), second=True).second.isfinite().all()
