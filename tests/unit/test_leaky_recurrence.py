"""The recurrences with hand-written gradients against the same models written step by step."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, hessian, jacfwd, jvp, vmap

from warpline.models.base import build_model, outputs_of
from warpline.models.initialisation import ACTIVATIONS

MODELS = ("leaky_rnn", "leaky_gru")


def build(model, units=12, dtype=torch.float64, **changes):
    settings = {"model": model, "units": units, "activation": "tanh", "init": "orthogonal"}
    settings |= {"gain": 1.5, "tau": 50.0, "noise": 0.0, **changes}
    net = build_model(settings, n_inputs=4, n_outputs=3, dt=20.0, seed=1).to(dtype)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        # Biases other than zero.
        for value in net.parameters():
            value += 0.1 * torch.randn(value.shape, generator=generator, dtype=dtype)
    return net


def trials(count=5, steps=9, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    return 2 * torch.randn(count, steps, 4, generator=generator, dtype=dtype)


def by_steps(net, inputs):
    """Run a network step by step, under autograd."""
    state = net.initial_state(len(inputs))
    states = []
    for inputs_t in inputs.unbind(1):
        state = net.step(state, inputs_t)
        states.append(state)
    return torch.stack(states, 1)


def gradients(net, run, inputs):
    """Gradients of weights and inputs, of a loss of outputs and states."""
    inputs = inputs.clone().requires_grad_()
    states = run(net, inputs)
    loss = net.readout(states).square().mean() + (states**3).sum(-1).tanh().mean()
    return torch.autograd.grad(loss, [inputs, *net.parameters()])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("model", [*MODELS, "without_reset", "ei_rnn"])
@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["double", "single"]
)
def test_gradients_are_those_of_the_steps(model, activation, dtype, close):
    if model == "ei_rnn":
        if activation not in ("relu", "softplus"):
            pytest.skip("rates of the excitatory-inhibitory network are not negative")
        settings = {"model": model, "units": 20, "activation": activation, "init": "gaussian"}
        settings |= {"gain": 0.9, "tau": 50.0, "noise": 0.0}
        net = build_model(settings, n_inputs=4, n_outputs=1, dt=20.0, seed=1).to(dtype)
    elif model == "without_reset":
        net = build("leaky_gru", activation=activation, dtype=dtype, reset_gate="unused")
    else:
        net = build(model, activation=activation, dtype=dtype)
    inputs = trials(steps=40, dtype=dtype)
    expected = gradients(net, by_steps, inputs)
    written = gradients(net, lambda net, x: net(x)[1], inputs)
    for a, b in zip(written, expected, strict=True):
        assert (a - b).abs().max() <= close * b.abs().max()


def test_softplus_is_linear_where_torch_has_it_so():
    net = build("leaky_rnn", activation="softplus")
    with torch.no_grad():
        net.bias[:6] += 30.0
        net.weight_hh *= 0.1
    expected = gradients(net, by_steps, trials())
    for a, b in zip(gradients(net, lambda net, x: net(x)[1], trials()), expected, strict=True):
        assert (a - b).abs().max() <= 1e-12 * b.abs().max()


@pytest.mark.parametrize("model", MODELS)
def test_gradients_twice_have_the_same_bits(model):
    net, inputs = build(model, dtype=torch.float32), trials(dtype=torch.float32)
    first, second = (gradients(net, lambda net, x: net(x)[1], inputs) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("model", [*MODELS, "ei_rnn"])
def test_outputs_alone_are_those_beside_the_states(model):
    settings = {"model": model, "units": 20, "activation": "relu", "init": "gaussian"}
    settings |= {"gain": 0.9, "tau": 50.0, "noise": 0.3}
    net = build_model(settings, n_inputs=4, n_outputs=1, dt=20.0, seed=1)
    inputs = trials(dtype=torch.float32)
    outputs = net(inputs, torch.Generator().manual_seed(5))[0]
    torch.testing.assert_close(
        outputs_of(net, inputs, torch.Generator().manual_seed(5)), outputs, rtol=1e-5, atol=1e-6
    )


def stacked(nets):
    names = [name for name, _ in nets[0].named_parameters()]
    return {
        name: torch.stack([dict(net.named_parameters())[name].detach() for net in nets])
        for name in names
    }


@pytest.mark.parametrize("shared_inputs", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_networks_in_one_batch_have_the_gradients_of_each(model, shared_inputs):
    nets = [build(model, gain=gain) for gain in (0.5, 1.0, 1.5)]
    rows = {name: value.requires_grad_() for name, value in stacked(nets).items()}
    inputs = trials() if shared_inputs else torch.stack([trials() * k for k in (1, 2, 3)])

    def states(weights, inputs):
        return functional_call(nets[0], weights, (inputs,))[1]

    together = vmap(states, in_dims=(0, None if shared_inputs else 0))(rows, inputs)
    found = torch.autograd.grad(together.square().sum(), list(rows.values()), allow_unused=True)
    for k, net in enumerate(nets):
        alone = net(inputs if shared_inputs else inputs[k])[1]
        torch.testing.assert_close(together[k], alone, rtol=1e-12, atol=1e-13)
        expected = torch.autograd.grad(
            alone.square().sum(), list(net.parameters()), allow_unused=True
        )
        for a, b in zip(found, expected, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a[k], b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_every_derivative_of_torch_func_is_that_of_the_steps(model):
    net, inputs = build(model, units=4), trials(count=2, steps=4)
    net.requires_grad_(False)

    def written(x):
        return net(x)[1]

    def stepped(x):
        return by_steps(net, x)

    for derivative in (
        lambda run: jvp(run, (inputs,), (inputs.cos(),))[1],
        lambda run: jacfwd(run)(inputs),
        lambda run: torch.func.jacrev(run)(inputs),
        lambda run: vmap(torch.func.grad(lambda x: run(x[None]).square().sum()))(inputs),
        lambda run: hessian(lambda x: run(x[None])[0, -1, 0])(inputs[0]),
    ):
        torch.testing.assert_close(derivative(written), derivative(stepped), rtol=1e-10, atol=1e-12)
    with forward_ad.dual_level():
        states = net(forward_ad.make_dual(inputs, inputs.cos()))[1]
        tangent = forward_ad.unpack_dual(states).tangent
    torch.testing.assert_close(tangent, jvp(stepped, (inputs,), (inputs.cos(),))[1])


def test_an_activation_of_ones_own_runs_step_by_step():
    net = build("leaky_rnn")
    net.activation = nn.Softsign()
    torch.testing.assert_close(
        gradients(net, lambda net, x: net(x)[1], trials()), gradients(net, by_steps, trials())
    )


@pytest.mark.parametrize("model", MODELS)
def test_second_derivatives_by_autograd_are_refused(model):
    net = build(model)
    loss = net(trials())[1].square().sum()
    (gradient,) = torch.autograd.grad(loss, net.weight_hh, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()
