import math

import numpy as np
import pytest
import torch

from warpline.core import plugins
from warpline.models.base import Model, build_model, drive_noise
from warpline.models.initialisation import ACTIVATIONS, INITIALISATIONS, recurrent_matrix

MODELS = ["leaky_rnn", "leaky_gru"]


def settings(model="leaky_rnn", **changes):
    base = {
        "model": model,
        "units": 12,
        "activation": "tanh",
        "init": "orthogonal",
        "gain": 1.0,
        "tau": 100.0,
        "noise": 0.0,
        "parameters": {},
    }
    return base | changes


def build(model="leaky_rnn", dt=20.0, seed=1, **changes):
    return build_model(settings(model, **changes), n_inputs=4, n_outputs=3, dt=dt, seed=seed)


def plain_rnn(net, inputs):
    """The recurrence as it is written down, one step and one trial at a time, in float64."""
    p = {name: value.detach().double().numpy() for name, value in net.named_parameters()}
    states = np.zeros((*inputs.shape[:2], len(p["bias"])))
    for k in range(len(inputs)):
        h = np.zeros(len(p["bias"]))
        for t in range(inputs.shape[1]):
            new = np.tanh(p["weight_hh"] @ h + p["weight_in"] @ inputs[k, t] + p["bias"])
            h = (1 - net.alpha) * h + net.alpha * new
            states[k, t] = h
    return states @ p["weight_out"].T + p["bias_out"], states


def plain_gru(net, inputs):
    p = {name: value.detach().double().numpy() for name, value in net.named_parameters()}
    n = len(p["bias_candidate"])
    states = np.zeros((*inputs.shape[:2], n))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for k in range(len(inputs)):
        h = np.zeros(n)
        for t in range(inputs.shape[1]):
            own = p["weight_in"] @ inputs[k, t] + p["bias"]
            back = p["weight_hh"] @ h
            r, z = sigmoid(own[:n] + back[:n]), sigmoid(own[n : 2 * n] + back[n : 2 * n])
            new = np.tanh(own[2 * n :] + r * (back[2 * n :] + p["bias_candidate"]))
            h = h + net.alpha * z * (new - h)
            states[k, t] = h
    return states @ p["weight_out"].T + p["bias_out"], states


@pytest.mark.parametrize(("model", "plain"), [("leaky_rnn", plain_rnn), ("leaky_gru", plain_gru)])
def test_fast_loop_is_the_written_recurrence(rng, model, plain):
    net = build(model)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(
                0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
            )
    inputs = rng.normal(size=(5, 9, 4))
    outputs, states = net(torch.from_numpy(inputs).float())
    expected_outputs, expected_states = plain(net, inputs)
    np.testing.assert_allclose(states.detach().numpy(), expected_states, atol=1e-6)
    np.testing.assert_allclose(outputs.detach().numpy(), expected_outputs, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_gradients_are_right(model, activation):
    net = build(model, activation=activation).double()
    inputs = torch.randn(2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    names = [name for name, _ in net.named_parameters()]

    def run(*values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), (inputs,))[0]

    assert torch.autograd.gradcheck(run, tuple(net.parameters()), eps=1e-6, atol=1e-6)


def test_reset_gate_works():
    net = build("leaky_gru")
    inputs = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    net(inputs)[0].square().sum().backward()
    assert net.weight_in.grad[:12].abs().max() > 1e-4
    assert net.weight_hh.grad[:12].abs().max() > 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_models_fulfil_the_protocol(model):
    net = build(model)
    assert isinstance(net, Model)
    outputs, states = net(torch.zeros(2, 7, 4))
    assert outputs.shape == (2, 7, 3) and states.shape == (2, 7, 12)
    assert net.input_weights == ("weight_in",)


@pytest.mark.parametrize("model", MODELS)
def test_same_seed_same_weights(model):
    a, b, c = build(model, seed=1), build(model, seed=1), build(model, seed=2)
    for x, y, z in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(x, y)
        assert not x.any() or not torch.equal(x, z)


@pytest.mark.parametrize("model", MODELS)
def test_noise_only_with_a_generator(model):
    net = build(model, noise=0.5)
    inputs = torch.zeros(2, 5, 4)
    quiet = net(inputs)[1]
    assert torch.equal(quiet, net(inputs)[1])
    noisy = net(inputs, torch.Generator().manual_seed(1))[1]
    assert not torch.equal(quiet, noisy)
    assert torch.equal(noisy, net(inputs, torch.Generator().manual_seed(1))[1])


@pytest.mark.parametrize("dt", [10.0, 20.0, 50.0, 100.0])
@pytest.mark.parametrize("model", ["leaky_rnn", "leaky_gru", "ei_rnn"])
def test_the_hidden_noise_is_as_strong_at_any_time_step(model, dt):
    """Of linear units without recurrence, whose gates are open: their SD is the setting."""
    activation = "relu" if model == "ei_rnn" else "tanh"
    changes = {"noise": 0.3, "units": 20, "activation": activation, "init": "gaussian"}
    net = build_model(settings(model, **changes), n_inputs=2, n_outputs=1, dt=dt, seed=1)
    net.activation = torch.nn.Identity()
    with torch.no_grad():
        net.weight_hh.zero_()
        net.bias.zero_()
        if model == "leaky_gru":
            net.bias[20:40] = 100.0  # the update gate
    # From ten time constants on. Correlated over two of them, that is some 40 000 independent values.
    steps = int(2000 / dt)
    states = net(torch.zeros(200, steps, 2), torch.Generator().manual_seed(1))[1].detach()
    assert float(states[:, steps // 2 :].std()) == pytest.approx(0.3, rel=0.015)


def test_the_noise_of_a_small_step_is_that_of_euler_and_maruyama():
    alpha = 1e-4
    assert alpha * drive_noise(0.3, alpha) == pytest.approx(math.sqrt(2 * 0.3**2 * alpha), rel=1e-4)


def test_smaller_steps_approach_one_solution():
    inputs = torch.ones(1, 400, 4)
    ends = []
    for dt in (4.0, 2.0, 1.0):
        steps = int(400 / dt)
        ends.append(build(dt=dt)(inputs[:, :steps])[1][0, -1])
    first, second = (ends[0] - ends[2]).norm(), (ends[1] - ends[2]).norm()
    assert second < 0.5 * first


N = 400


@pytest.fixture(scope="module")
def matrices():
    return {
        name: recurrent_matrix(name, N, "relu", 1.5, torch.Generator().manual_seed(1))
        for name in INITIALISATIONS
    }


def test_kaiming(matrices):
    assert matrices["kaiming"].std() == pytest.approx(1.5 * math.sqrt(2 / N), rel=0.02)
    tanh = recurrent_matrix("kaiming", N, "tanh", 1.0, torch.Generator().manual_seed(1))
    assert tanh.std() == pytest.approx(5 / 3 / math.sqrt(N), rel=0.02)


def test_xavier(matrices):
    assert matrices["xavier"].std() == pytest.approx(1.5 / math.sqrt(N), rel=0.02)
    assert matrices["xavier"].abs().max() <= 1.5 * math.sqrt(3 / N) + 1e-6


def test_orthogonal(matrices):
    product = matrices["orthogonal"] @ matrices["orthogonal"].T
    torch.testing.assert_close(product, 1.5**2 * torch.eye(N), atol=1e-4, rtol=0)


def test_identity(matrices):
    assert torch.equal(matrices["identity"], 1.5 * torch.eye(N))


def test_gaussian(matrices):
    assert matrices["gaussian"].std() == pytest.approx(1.5 / math.sqrt(N), rel=0.02)
    radius = np.abs(np.linalg.eigvals(matrices["gaussian"].numpy())).max()
    assert radius == pytest.approx(1.5, rel=0.1)


def test_unknown_initialisation():
    with pytest.raises(ValueError, match=r"expected an initialisation among kaiming.*got 'zeros'"):
        recurrent_matrix("zeros", 3, "tanh", 1.0, torch.Generator())


def test_a_forward_of_one_s_own_is_what_is_trained():
    """A model that derives from another may override ``forward`` alone: its inherited ``outputs`` is passed over."""
    from warpline.models.base import outputs_of
    from warpline.models.leaky_rnn import Network

    class Doubled(Network):
        def forward(self, inputs, generator=None):
            outputs, states = super().forward(inputs, generator)
            return 2 * outputs, states

    class Both(Doubled):
        def outputs(self, inputs, generator=None):
            return 3 * super().outputs(inputs, generator)

    settings = {
        "units": 5, "dt": 20.0, "tau": 100.0, "activation": "tanh", "init": "orthogonal", "gain": 1.0,
        "noise": 0.0, "parameters": {},
    }  # fmt: skip
    made = [
        kind(3, 2, 20.0, settings, torch.Generator().manual_seed(1)).eval()
        for kind in (Network, Doubled, Both)
    ]
    inputs = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(2))
    plain, doubled, both = (outputs_of(network, inputs) for network in made)
    torch.testing.assert_close(doubled, 2 * plain)
    torch.testing.assert_close(both, 3 * plain)


def test_a_model_of_one_s_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "class Mine(torch.nn.Module):\n"
        "    input_weights = ('inp.weight',)\n"
        "    def __init__(self, n_inputs, n_outputs, dt, settings, generator):\n"
        "        super().__init__()\n"
        "        self.inp = torch.nn.Linear(n_inputs, settings['units'])\n"
        "        self.out = torch.nn.Linear(settings['units'], n_outputs)\n"
        "    def forward(self, inputs, generator=None):\n"
        "        states = torch.cumsum(self.inp(inputs), 1)\n"
        "        return self.out(states), states\n"
        "class Wrong(Mine):\n"
        "    input_weights = ('weight',)\n"
    )
    assert build(f"{file}:Mine")(torch.zeros(1, 2, 4))[0].shape == (1, 2, 3)
    with pytest.raises(
        TypeError, match=r"expected Wrong.input_weights to name some of .*inp.weight"
    ):
        build(f"{file}:Wrong")


@pytest.mark.parametrize("name", ["leaky_rnn", "leaky_gru"])
def test_step_by_step_is_the_same_as_all_at_once(name):
    model = build(name).double()
    inputs = torch.randn(5, 9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    outputs, states = model(inputs)
    state = model.initial_state(5)
    assert isinstance(model.step_duration, float) and 0 < model.step_duration <= 1
    for k in range(9):
        state = model.step(state, inputs[:, k])
        assert torch.allclose(model.hidden(state), states[:, k], rtol=0, atol=1e-12)
        assert torch.allclose(model.readout(state), outputs[:, k], rtol=0, atol=1e-12)


# --- the excitatory-inhibitory and the static network -------------------------------------------


def build_ei(seed=1, n_inputs=3, **changes):
    own = settings("ei_rnn", units=20, activation="relu", init="gaussian") | changes
    return build_model(own, n_inputs=n_inputs, n_outputs=1, dt=20.0, seed=seed)


def build_static(**changes):
    return build_model(settings("static_mlp", units=5) | changes, 3, 1, dt=100.0, seed=1)


@pytest.mark.parametrize("make", [build_ei, build_static])
def test_other_networks_fulfil_the_protocols(make, rng):
    net = make().double()
    assert isinstance(net, Model)
    inputs = torch.from_numpy(rng.uniform(size=(4, 6, 3)))
    outputs, states = net(inputs)
    assert outputs.shape == (4, 6, 1) and net.input_weights == ("weight_in",)
    state = net.initial_state(4)
    for t in range(6):
        state = net.step(state, inputs[:, t])
        torch.testing.assert_close(net.hidden(state), states[:, t])
        torch.testing.assert_close(net.readout(state), outputs[:, t])
    again = make()
    assert all(
        torch.equal(a.double(), b)
        for a, b in zip(again.parameters(), net.parameters(), strict=True)
    )


@pytest.mark.parametrize("make", [build_ei, build_static])
@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_gradients_of_other_networks_are_right(make, activation):
    net = make(activation=activation).double()
    inputs = torch.rand(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    names = [name for name, _ in net.named_parameters()]

    def run(*values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), (inputs,))[0]

    assert torch.autograd.gradcheck(run, tuple(net.parameters()), eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [build_ei, build_static])
def test_noise_of_other_networks_comes_from_the_generator(make):
    net = make(noise=0.5)
    inputs = torch.zeros(2, 5, 3)
    noisy = net(inputs, torch.Generator().manual_seed(1))[1]
    assert torch.equal(noisy, net(inputs, torch.Generator().manual_seed(1))[1])
    assert not torch.equal(noisy, net(inputs)[1])


def holds_dale_s_law(net):
    recurrent, feedforward, readout = net.effective_weights()
    units = len(net.bias)
    size = 2 * units // 5
    first, second, inhibitory = torch.arange(units).split([size, size, units - 2 * size])
    assert (recurrent[:, : 2 * size] >= 0).all() and (recurrent[:, inhibitory] <= 0).all()
    assert recurrent[:, inhibitory].sum() < 0 < recurrent[inhibitory][:, first].sum()
    # The populations excite themselves and the inhibitory units, not one another.
    assert recurrent[first][:, first].sum() > 0 and recurrent[second][:, second].sum() > 0
    assert not recurrent[first][:, second].any() and not recurrent[second][:, first].any()
    assert (feedforward >= 0).all()
    assert not feedforward[first, 1].any() and not feedforward[second, 0].any()
    assert not feedforward[inhibitory, :2].any()
    assert (readout[:, first] >= 0).all() and (readout[:, second] <= 0).all()
    assert not readout[:, inhibitory].any()


@pytest.mark.parametrize("init", INITIALISATIONS[:3] + INITIALISATIONS[4:])
def test_dale_s_law_and_balance_at_the_start(init):
    net = build_ei(units=50, init=init, gain=1.3)
    holds_dale_s_law(net)
    recurrent = net.effective_weights()[0].detach()
    torch.testing.assert_close(recurrent.sum(1), torch.zeros(50), atol=1e-5, rtol=0)
    assert torch.linalg.eigvals(recurrent).abs().max() == pytest.approx(1.3, rel=1e-3)


def test_dale_s_law_outlives_training_steps_that_cross_zero():
    net = build_ei()
    adam = torch.optim.Adam(net.parameters(), lr=0.3)
    generator = torch.Generator().manual_seed(0)
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    for _ in range(20):
        inputs = torch.rand(8, 10, 3, generator=generator)
        loss = (net(inputs)[0][:, -1, 0] + 1).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    crossed = (net.weight_hh * before["weight_hh"] < 0).sum()
    assert crossed > 10
    holds_dale_s_law(net)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "tanh"}, "among relu, softplus.*got 'tanh'"),
        ({"units": 2}, "3 units or at least 5.*2 units"),
        ({"units": 4}, "3 units or at least 5.*4 units"),
        ({"n_inputs": 1}, "at least two inputs.*got 1 inputs"),
        ({"init": "identity"}, "no inhibition"),
    ],
)
def test_networks_that_cannot_obey_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build_ei(**changes)


def test_the_static_network_forgets_its_state(rng):
    net = build_static()
    inputs = torch.from_numpy(rng.normal(size=(4, 3))).float()
    there, here = (net.step(torch.full((4, 5), value), inputs) for value in (0.0, 3.0))
    assert torch.equal(there, here)
    forward = net(inputs[None])[0][0]
    backward = net(inputs.flip(0)[None])[0][0].flip(0)
    torch.testing.assert_close(forward, backward)


RECURRENT = sorted({*plugins.available("models")} - {"mamba"})


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize(
    ("key", "values"), [("tau", (50.0, 200.0)), ("parameters", ({}, {"a": 1}))]
)
def test_a_setting_is_stated_as_unused_where_nothing_depends_on_it(name, key, values):
    settings = {"model": name, "units": 10, "init": "gaussian", "gain": 0.9, "tau": 100.0}
    settings |= {"activation": "relu" if name == "ei_rnn" else "tanh", "noise": 0.0}
    inputs = torch.ones(1, 5, 2)
    try:
        first, second = (
            build_model(settings | {"parameters": {}, key: value}, 2, 1, 20.0, seed=1)(inputs)[1]
            for value in values
        )
        is_unused = torch.equal(first, second)
    except ValueError as error:
        assert "expected parameters among" in str(error)
        is_unused = False
    stated = plugins.literal_class_attribute("models", name, "unused") or ()
    assert (key in stated) == is_unused
