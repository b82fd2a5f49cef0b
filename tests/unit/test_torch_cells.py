"""Models with the weights of torch.nn, and RNNs in current form: against torch, and by their geometry."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from warpline.core import plugins, result_files
from warpline.geometry.derivatives.dynamics import dynamics_of
from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.sensitivity import tangents
from warpline.geometry.derivatives.snapshot import state_map
from warpline.geometry.measurements.fixed_points import find_fixed_points
from warpline.models.base import Model, build_model
from warpline.models.checkpoints import CheckpointFile
from warpline.tasks.trials import generate_trials
from warpline.training.ensemble import can_be_batched
from warpline.training.job import prepare_member, read_job, train_members, write_member

UNITS, INPUTS, OUTPUTS = 6, 4, 3
CELLS = {
    "rnn": lambda: nn.RNN(INPUTS, UNITS, batch_first=True),
    "gru": lambda: nn.GRU(INPUTS, UNITS, batch_first=True),
    "lstm": lambda: nn.LSTM(INPUTS, UNITS, batch_first=True),
    "gru_cell": lambda: nn.GRUCell(INPUTS, UNITS),
    "lstm_cell": lambda: nn.LSTMCell(INPUTS, UNITS),
}
CURRENT = ["current_rnn", "low_rank_rnn"]
HEUN = "current_rnn, heun"
ALL = [*CELLS, *CURRENT, HEUN]


def build(model, dt=20.0, seed=1, **changes):
    if model == HEUN:
        model = "current_rnn"
        changes["parameters"] = {"solver": "heun", "biases": False, "feedforward": "normal"}
    settings = {
        "model": model,
        "units": UNITS,
        "activation": "tanh",
        "init": "orthogonal",
        "gain": 1.0,
        "tau": 100.0,
        "noise": 0.0,
        "parameters": {},
    }
    return build_model(settings | changes, INPUTS, OUTPUTS, dt=dt, seed=seed)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def module_of(make, seed=3):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make(), nn.Linear(UNITS, OUTPUTS)


def run_torch(module, inputs):
    """The states of torch's own module: h, and (h, c) of an LSTM, (trial, time, unit)."""
    if isinstance(module, nn.LSTM | nn.LSTMCell):
        cell = module
        if isinstance(module, nn.LSTM):
            cell = nn.LSTMCell(INPUTS, UNITS)
            cell.load_state_dict({k.removesuffix("_l0"): v for k, v in module.state_dict().items()})
        state, states = None, []
        for one in inputs.unbind(1):
            state = cell(one, state)
            states.append(torch.cat(state, -1))
        return torch.stack(states, 1)
    if isinstance(module, nn.GRUCell):
        state, states = None, []
        for one in inputs.unbind(1):
            state = module(one, state)
            states.append(state)
        return torch.stack(states, 1)
    return module(inputs)[0]


@pytest.mark.parametrize("model", CELLS)
def test_a_torch_module_and_its_model_give_the_same(model):
    module, readout = module_of(CELLS[model])
    network = plugins.load("models", model).Network.from_module(module, readout)
    inputs = normal(5, 9, INPUTS)
    outputs, states = network(inputs)
    expected = run_torch(module, inputs)
    torch.testing.assert_close(states, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(outputs, readout(expected[..., :UNITS]), atol=1e-6, rtol=0)
    if hasattr(module, "num_layers"):
        torch.testing.assert_close(states[..., :UNITS], module(inputs)[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("model", CELLS)
def test_a_state_dict_of_torch_is_loaded_as_it_is(model):
    module, readout = module_of(CELLS[model])
    network = build(model)
    given = {**module.state_dict(), "weight_out": readout.weight, "bias_out": readout.bias}
    assert not any(network.load_state_dict(given))
    again = CELLS[model]()
    kept = {
        name: value for name, value in network.state_dict().items() if name in again.state_dict()
    }
    again.load_state_dict(kept)
    for name, value in module.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize(("model", "kind"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_several_layers(model, kind, layers):
    module, readout = module_of(lambda: kind(INPUTS, UNITS, layers, batch_first=True))
    network = plugins.load("models", model).Network.from_module(module, readout)
    inputs = normal(5, 9, INPUTS)
    expected, last = module(inputs)
    outputs, states = network(inputs)
    torch.testing.assert_close(states[..., :UNITS], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(outputs, readout(expected), atol=1e-6, rtol=0)
    # The full state is that of all layers, as torch returns it.
    state = network.initial_state(5)
    for one in inputs.unbind(1):
        state = network.step(state, one)
    by_layer = torch.cat(last, -1) if model == "lstm" else last
    torch.testing.assert_close(state, by_layer.transpose(0, 1).flatten(1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_a_state_of_one_layer_is_no_state_of_two(kind):
    module = getattr(nn, kind.upper())(INPUTS, UNITS, num_layers=2)
    network = plugins.load("models", kind).Network.from_module(module)
    observed = network(normal(3, 4, INPUTS))[1][:, -1]
    with pytest.raises(
        ValueError, match=rf"full states of {2 * observed.shape[-1]} numbers \(2 la"
    ):
        network.step(observed, normal(3, INPUTS))


def test_relu_and_missing_biases_are_torch_s():
    module, readout = module_of(
        lambda: nn.RNN(INPUTS, UNITS, nonlinearity="relu", bias=False, batch_first=True)
    )
    network = plugins.load("models", "rnn").Network.from_module(module, readout)
    inputs = normal(5, 9, INPUTS)
    torch.testing.assert_close(network(inputs)[1], module(inputs)[0], atol=1e-6, rtol=0)


def test_an_lstm_is_observed_as_asked():
    module, _ = module_of(CELLS["lstm"])
    load = plugins.load("models", "lstm").Network.from_module
    inputs = normal(5, 9, INPUTS)
    whole, h = load(module)(inputs)[1], load(module, observed="h")(inputs)[1]
    assert whole.shape[-1] == 2 * UNITS and torch.equal(h, whole[..., :UNITS])
    assert load(module)(inputs)[0].shape == (5, 9, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LSTM(INPUTS, UNITS, bidirectional=True), "neither bidirectional"),
        (lambda: nn.LSTM(INPUTS, UNITS, proj_size=2), "nor has a projection"),
        (lambda: nn.LSTMCell(INPUTS, UNITS), "weights among weight_ih_l0.*got weight_ih,"),
        (lambda: nn.GRU(INPUTS, UNITS), "weights of this model's sizes, got weight_ih_l0"),
    ],
)
def test_modules_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        plugins.load("models", "lstm").Network.from_module(make())


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("gru", {"noise": 0.1}, "expected noise 0.*got 0.1"),
        ("gru", {"parameters": {"layers": 2}}, "among num_layers, got layers"),
        ("gru_cell", {"parameters": {"num_layers": 2}}, "among none, got num_layers"),
        ("lstm", {"parameters": {"observed": "c"}}, "expected observed 'state'.*got 'c'"),
        ("current_rnn", {"parameters": {"rank": 2}}, "among solver, biases, .*got rank"),
        ("current_rnn", {"parameters": {"solver": "rk4"}}, "one of euler, heun, got 'rk4'"),
        ("current_rnn", {"parameters": {"biases": 0}}, "true or false, got 0"),
        (
            "current_rnn",
            {"parameters": {"feedforward": "normal", "input_groups": [1, 2]}},
            r"groups of the 4 input channels, .*got \[1, 2\]",
        ),
        ("current_rnn", {"parameters": {"input_groups": [4]}}, "beside feedforward: normal"),
        ("low_rank_rnn", {"parameters": {"rank": 7}}, "a rank from 1 to units = 6, got 7"),
    ],
)
def test_settings_that_do_not_fit_are_refused(model, changes, message):
    with pytest.raises(ValueError, match=message):
        build(model, **changes)


@pytest.mark.parametrize("model", ALL)
def test_models_fulfil_the_protocols(model):
    network = build(model).double()
    assert isinstance(network, Model) and can_be_batched(network)
    inputs = normal(5, 7, INPUTS, dtype=torch.float64)
    outputs, states = network(inputs)
    state = network.initial_state(5)
    for k, one in enumerate(inputs.unbind(1)):
        state = network.step(state, one)
        torch.testing.assert_close(network.hidden(state), states[:, k])
        torch.testing.assert_close(network.readout(state), outputs[:, k])
    assert not any(
        torch.equal(a, b) and bool(a.any())
        for a, b in zip(build(model).parameters(), build(model, seed=2).parameters(), strict=True)
    )
    assert all(
        torch.equal(a, b)
        for a, b in zip(build(model).parameters(), build(model).parameters(), strict=True)
    )


@pytest.mark.parametrize("model", ALL)
def test_gradients_are_right(model):
    network = build(model).double()
    inputs = normal(2, 3, INPUTS, dtype=torch.float64)
    names = [name for name, _ in network.named_parameters()]

    def run(*values):
        return torch.func.functional_call(
            network, dict(zip(names, values, strict=True)), (inputs,)
        )[0]

    assert torch.autograd.gradcheck(run, tuple(network.parameters()), eps=1e-6, atol=1e-6)


# --- geometry -----------------------------------------------------------------------------------

MANIFOLD = InputManifold(
    (Coordinate("strength", 0.2, 2.0), Coordinate("angle", -math.pi, math.pi, periodic=True)),
    lambda kappa, step: torch.cat(
        [
            kappa[:, :1] * torch.stack([kappa[:, 1].cos(), kappa[:, 1].sin()], 1) * (step < 3),
            kappa.new_ones(len(kappa), 2),
        ],
        1,
    ),
    n_steps=5,
)


@pytest.mark.slow
@pytest.mark.parametrize("model", ALL)
def test_tangents_and_second_derivatives_are_autograd_s(model):
    network = build(model).double()
    kappa = MANIFOLD.grid(2, 3)

    def states(point):
        state = network.initial_state(1)
        for k in range(5):
            state = network.step(state, MANIFOLD(point[None], k))
        return network.hidden(state)[0]

    jet = state_map(network, MANIFOLD, 5)(kappa, order=2)
    for row, point in enumerate(kappa):
        first = torch.autograd.functional.jacobian(states, point)
        torch.testing.assert_close(jet.first[row], first.T, atol=1e-10, rtol=0)
        second = torch.stack(
            [
                torch.autograd.functional.hessian(lambda p, u=u: states(p)[u], point)
                for u in range(2)
            ]
        )
        torch.testing.assert_close(
            jet.second[row, ..., :2], second.movedim(0, -1), atol=1e-10, rtol=0
        )
    metric = tangents(network, MANIFOLD, kappa, at=[5]).vectors[:, 0, :2]
    torch.testing.assert_close(metric, jet.first)


@pytest.mark.parametrize("model", ALL)
def test_the_metric_is_that_of_difference_quotients(model):
    network = build(model).double()
    kappa, size = MANIFOLD.grid(2, 3), 1e-5

    def at(points):
        return network(MANIFOLD.sequence(points))[1][:, -1]

    quotients = torch.stack(
        [(at(kappa + size * one) - at(kappa - size * one)) / (2 * size) for one in torch.eye(2)], 1
    )
    vectors = tangents(network, MANIFOLD, kappa, at=[5]).vectors[:, 0, :2]
    torch.testing.assert_close(vectors @ vectors.mT, quotients @ quotients.mT, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("model", ALL)
def test_fixed_points_are_where_the_dynamics_rest(model):
    network = build(model, gain=0.5)
    dynamics = dynamics_of(network)
    inputs = normal(2, INPUTS, dtype=torch.float64)
    points = find_fixed_points(dynamics, inputs, dynamics.initial(1), relaxation=40)
    assert points.fixed.all() and points.point.tolist() == [0, 1]
    state = dynamics.initial(2)
    for _ in range(600):
        state = dynamics.step(state, inputs)
    torch.testing.assert_close(points.states, state, atol=1e-7, rtol=0)
    full = points.states.shape[1]
    assert full == (2 * UNITS if "lstm" in model else UNITS)


# --- the current form ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", CURRENT)
def test_the_fast_loop_is_the_written_recurrence(rng, model):
    network = build(model, parameters={"rank": 2} if model == "low_rank_rnn" else {})
    p = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    weights = p["weight_hh"] if model == "current_rnn" else p["m"] @ p["n"].T / UNITS
    inputs = rng.normal(size=(2, 9, INPUTS))
    outputs, states = network(torch.from_numpy(inputs).float())
    for k in range(2):
        x = np.zeros(UNITS)
        for t in range(9):
            change = -x + weights @ np.tanh(x) + p["weight_in"] @ inputs[k, t] + p["bias"]
            x = x + 20.0 / 100.0 * change
            np.testing.assert_allclose(states[k, t].detach(), x, atol=1e-6)
            expected = p["weight_out"] @ np.tanh(x) + p["bias_out"]
            np.testing.assert_allclose(outputs[k, t].detach(), expected, atol=1e-6)


def test_the_currents_of_a_low_rank_network_stay_in_the_span_of_m_and_inputs():
    network = build("low_rank_rnn", units=40, parameters={"rank": 2})
    states = network(normal(6, 30, INPUTS))[1].detach()
    basis = torch.linalg.qr(torch.cat([network.m, network.weight_in], 1).detach())[0]
    flat = states.flatten(0, 1)
    assert basis.shape == (40, 2 + INPUTS)
    torch.testing.assert_close(flat @ basis @ basis.T, flat, atol=1e-5, rtol=0)


def test_low_rank_is_the_current_form_with_its_matrix():
    low = build("low_rank_rnn", parameters={"rank": 2})
    full = build("current_rnn")
    weights = low.state_dict()
    m, n = weights.pop("m"), weights.pop("n")
    full.load_state_dict({**weights, "weight_hh": m @ n.T / UNITS})
    inputs = normal(3, 8, INPUTS)
    torch.testing.assert_close(low(inputs)[1], full(inputs)[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("model", CURRENT)
def test_the_noise_is_as_strong_at_any_time_step(model):
    for dt in (10.0, 50.0):
        network = build(model, dt=dt, units=20, noise=0.3)
        with torch.no_grad():
            for name in ("weight_hh", "m"):
                if hasattr(network, name):
                    getattr(network, name).zero_()
        steps = int(2000 / dt)
        noise = torch.Generator().manual_seed(1)
        states = network(torch.zeros(200, steps, INPUTS), noise)[1].detach()
        assert float(states[:, steps // 2 :].std()) == pytest.approx(0.3, rel=0.02)


def linear_current_rnn(solver, dt):
    """A network of linear units, x' = (W - I) x + B u, whose solution is known."""
    parameters = {"solver": solver, "biases": False}
    network = build("current_rnn", dt=dt, gain=0.5, parameters=parameters).double()
    network.activation = nn.Identity()
    return network


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_a_solver_has_its_order_on_a_linear_network(solver, order):
    drive = normal(1, INPUTS, dtype=torch.float64)
    errors = []
    for dt in (20.0, 10.0, 5.0):
        network = linear_current_rnn(solver, dt)
        matrix = network.weight_hh.detach() - torch.eye(UNITS)
        # Over two time constants: x(2) = A^-1 (exp(2 A) - I) B u.
        growth = torch.linalg.matrix_exp(2 * matrix) - torch.eye(UNITS)
        exact = torch.linalg.solve(matrix, growth @ network.weight_in.detach() @ drive[0])
        steps = int(200 / dt)
        states = network(drive[:, None].expand(1, steps, INPUTS))[1].detach()
        errors.append(float((states[0, -1] - exact).norm()))
    ratios = [coarse / fine for coarse, fine in itertools.pairwise(errors)]
    assert ratios == pytest.approx([2**order] * 2, rel=0.15)


def test_the_hidden_noise_of_heun_is_as_strong_at_any_time_step():
    for dt in (10.0, 50.0):
        network = build("current_rnn", dt=dt, units=20, noise=0.3, parameters={"solver": "heun"})
        with torch.no_grad():
            network.weight_hh.zero_()
        steps = int(2000 / dt)
        noise = torch.Generator().manual_seed(1)
        states = network(torch.zeros(200, steps, INPUTS), noise)[1].detach()
        assert float(states[:, steps // 2 :].std()) == pytest.approx(0.3, rel=0.02)


def test_normal_feedforward_weights_have_the_same_strength_group_by_group():
    network = build_model(
        {
            "model": "current_rnn", "units": 4000, "activation": "tanh", "init": "identity", "gain": 1,
            "tau": 100.0, "noise": 0.0,
            "parameters": {"feedforward": "normal", "input_groups": [1, 3], "biases": False},
        },
        n_inputs=4, n_outputs=2, dt=20.0, seed=1,
    )  # fmt: skip
    columns = network.weight_in.detach().std(dim=0).tolist()
    assert columns == pytest.approx([1, *[3**-0.5] * 3], rel=0.05)
    assert float(network.weight_out.detach().std()) == pytest.approx(4000**-0.5, rel=0.05)


@pytest.mark.parametrize("model", CURRENT)
def test_without_biases_silence_stays_silent(model):
    network = build(model, parameters={"biases": False, "solver": "heun"})
    assert not any("bias" in name for name, _ in network.named_parameters())
    outputs, states = network(torch.zeros(2, 5, INPUTS))
    assert not outputs.any() and not states.any()
    # An odd system: opposite inputs, opposite states.
    inputs = normal(3, 8, INPUTS)
    torch.testing.assert_close(network(-inputs)[1], -network(inputs)[1])


# --- training -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Return a file of trials of which the first stimulus channel minus the second tells the answer."""
    settings = {
        "name": "Set",
        "env": "perceptual_decision",
        "rules": ["Basic"],
        "variation": {"anti": False, "delay": False},
        "dt": 100,
        "timing": {"fixation": 100, "stimulus": 400, "decision": 200},
        "input_noise": 0.1,
        "parameters": {"cohs": [51.2]},
    }
    path = tmp_path_factory.mktemp("trials") / "trials.nc"
    result_files.write_dataset(generate_trials(settings, "Basic", "train", 128, 1), path, {})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("model", ALL)
def test_models_learn_and_their_weights_come_back(model, trials, tmp_path):
    loop = {
        "trainable": "all",
        "max_steps": 60,
        "learning_rate": 0.02,
        "gradient_clip": 1.0,
        "evaluate_every": 20,
        "target_fraction": 1.0,
        "sustained": 5,
        "checkpoints": {"log": 0, "every": 0, "steps": []},
        "resume_every": 100,
    }
    parameters = {}
    if model == HEUN:
        model, parameters = "current_rnn", {"solver": "heun", "biases": False}
    architecture = {
        "model": model,
        "units": 16,
        "activation": "tanh",
        "init": "orthogonal",
        "gain": 1.0,
        "tau": 100.0,
        "noise": 0.0,
        "parameters": parameters,
        "batch_size": 32,
    }
    settings = {
        "seed": 1,
        "run": ["Set", model, "x"],
        "architecture": architecture,
        "training": loop,
    }
    job = read_job(settings, [1], [trials], [trials], torch.device("cpu"))
    prepared = prepare_member(job, 1)
    (run,) = train_members(job, [prepared], [tmp_path])
    assert run.status in ("max_steps", "converged")
    assert run.history[-1].loss < 0.5 * run.history[0].loss
    write_member(job, prepared, run, tmp_path / "c.safetensors", tmp_path / "h.csv")
    data = job.validation[0]
    network = CheckpointFile(tmp_path / "c.safetensors").network(
        architecture, data.inputs.shape[-1], data.n_outputs, data.dt
    )
    assert torch.equal(network(data.inputs)[0], prepared.member.model(data.inputs)[0])
    # A frozen curriculum finds the input weights.
    assert set(network.input_weights) < {name for name, _ in network.named_parameters()}


def test_a_readout_that_is_no_linear_layer_is_refused():
    module = nn.LSTM(3, 5, batch_first=True)
    readout = nn.Sequential(nn.Linear(5, 2), nn.Tanh())
    with pytest.raises(TypeError, match=r"the readout as one torch\.nn\.Linear, got Sequential"):
        plugins.load("models", "lstm").Network.from_module(module, readout)
