"""Mamba against its recurrence as written, mambapy, mamba_ssm's reference scan and, on a GPU, its kernel."""

import sys
import types

import numpy as np
import pytest
import torch

from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.sensitivity import tangents
from warpline.models import selective_scan
from warpline.models.base import Model, build_model
from warpline.models.mamba_block import MambaBlock, ResidualBlock
from warpline.models.selective_scan import kernel_scan, kernel_states, torch_scan

SIZES = {"d_model": 8, "d_state": 5, "d_conv": 4, "expand": 2}


def build(n_layers=2, seed=1, moved=True, **changes):
    settings = {"model": "mamba", **SIZES, "n_layers": n_layers, "final_norm": True, **changes}
    net = build_model(settings, n_inputs=4, n_outputs=3, dt=20.0, seed=seed)
    if moved:  # away from initial values such as D = 1 and equal rows of A_log
        stream = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=stream))
    return net


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


# --- the recurrence as it is written down, one trial, step and channel at a time, in float64 ----------


def silu(x):
    return x / (1 + np.exp(-x))


def plain_layer(p, inputs):
    """One residual layer on (time, d_model); also the states (time, d_inner, d_state)."""
    n_inner, n_states = p["mixer.A_log"].shape
    width = p["mixer.conv1d.weight"].shape[-1]
    rank = p["mixer.dt_proj.weight"].shape[1]
    h, past = np.zeros((n_inner, n_states)), np.zeros((width, n_inner))
    outputs, states = [], []
    for x in inputs:
        scaled = x / np.sqrt(np.mean(x**2) + 1e-5) * p["norm.weight"]
        branches = p["mixer.in_proj.weight"] @ scaled
        past = np.vstack([past[1:], branches[:n_inner]])
        u = silu((past * p["mixer.conv1d.weight"][:, 0].T).sum(0) + p["mixer.conv1d.bias"])
        selected = p["mixer.x_proj.weight"] @ u
        b, c = selected[rank : rank + n_states], selected[rank + n_states :]
        raw = p["mixer.dt_proj.weight"] @ selected[:rank] + p["mixer.dt_proj.bias"]
        delta = np.log1p(np.exp(raw))
        y = np.zeros(n_inner)
        for d in range(n_inner):
            a = -np.exp(p["mixer.A_log"][d])
            h[d] = np.exp(delta[d] * a) * h[d] + delta[d] * u[d] * b
            y[d] = c @ h[d] + p["mixer.D"][d] * u[d]
        outputs.append(x + p["mixer.out_proj.weight"] @ (y * silu(branches[n_inner:])))
        states.append(h.copy())
    return np.array(outputs), np.array(states)


def plain_network(net, inputs):
    """Logits, and the states of every layer, of inputs (trial, time, channel)."""
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}
    logits, states = [], [[] for _ in net.layers]
    for trial in inputs:
        x = trial @ p["embedding.weight"].T + p["embedding.bias"]
        for k in range(len(net.layers)):
            start = f"layers.{k}."
            own = {n.removeprefix(start): v for n, v in p.items() if n.startswith(start)}
            x, h = plain_layer(own, x)
            states[k].append(h.reshape(len(h), -1))
        if "norm_f.weight" in p:
            size = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-5)
            x = x / size * p["norm_f.weight"]
        logits.append(x @ p["readout_layer.weight"].T + p["readout_layer.bias"])
    return np.array(logits), np.array(states)


@pytest.mark.parametrize("final_norm", [False, True])
@pytest.mark.parametrize("d_conv", [1, 4])
@pytest.mark.parametrize("layer", [None, 1, 2])
def test_states_and_outputs_at_every_step_are_the_written_recurrence(layer, d_conv, final_norm):
    net = build(layer=layer, d_conv=d_conv, final_norm=final_norm).double()
    assert ("norm_f.weight" in dict(net.named_parameters())) == final_norm
    inputs = normal(3, 17, 4)
    outputs, states = net(inputs)
    expected_outputs, expected_states = plain_network(net, inputs.numpy())
    kept = expected_states[1 if layer is None else layer - 1]
    np.testing.assert_allclose(states.detach().numpy(), kept, rtol=0, atol=1e-10)
    np.testing.assert_allclose(outputs.detach().numpy(), expected_outputs, rtol=0, atol=1e-10)
    assert torch.equal(net.outputs(inputs), outputs)


def test_the_final_norm_changes_outputs_and_no_state():
    """The weights of both are the same: a norm draws none."""
    inputs = normal(3, 17, 4, dtype=torch.float32)
    (with_norm, states), (without, same) = (
        build(moved=False, final_norm=norm)(inputs) for norm in (True, False)
    )
    assert torch.equal(states, same)
    assert (with_norm - without).abs().max() > 0.01


def test_a_network_from_before_the_setting_has_no_final_norm():
    settings = {"model": "mamba", **SIZES, "n_layers": 1}
    net = build_model(settings, n_inputs=4, n_outputs=3, dt=20.0, seed=1)
    assert not [name for name, _ in net.named_parameters() if "norm_f" in name]


def test_no_step_sees_a_later_input():
    net = build()
    inputs = normal(2, 12, 4, dtype=torch.float32)
    changed = inputs.clone()
    changed[:, 7:] += 1
    for before, after in zip(net(inputs), net(changed), strict=True):
        assert torch.equal(before[:, :7], after[:, :7])
        assert not torch.equal(before[:, 7], after[:, 7])


def test_it_fulfils_the_protocol():
    net = build(layer=1)
    assert isinstance(net, Model)
    outputs, states = net(torch.zeros(2, 7, 4))
    assert outputs.shape == (2, 7, 3) and states.shape == (2, 7, 16 * 5)
    assert net.input_weights == ("embedding.weight",)
    assert net.kernel == "torch"


def test_same_seed_same_weights_and_the_global_stream_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    a, b, c = (build(seed=seed, moved=False) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    for (name, x), y, z in zip(a.named_parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(x, y)
        fixed = name.endswith(("A_log", ".D", "norm.weight", "norm_f.weight"))
        assert torch.equal(x, z) is fixed, name


# --- one step at a time -----------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("d_conv", [1, 3])
def test_steps_are_the_forward_pass(layer, d_conv):
    net = build(layer=layer, d_conv=d_conv).double()
    inputs = normal(5, 20, 4)
    outputs, states = net(inputs)
    state = net.initial_state(5)
    assert state.shape == (5, 2 * (16 * 5 + (d_conv - 1) * 16) + 8) and state.dtype == inputs.dtype
    for t in range(20):
        state = net.step(state, inputs[:, t])
        torch.testing.assert_close(net.hidden(state), states[:, t], rtol=0, atol=1e-10)
        torch.testing.assert_close(net.readout(state), outputs[:, t], rtol=0, atol=1e-10)


def test_nothing_feeds_back_from_the_features_in_the_state():
    net = build().double()
    state = normal(2, net.initial_state(1).shape[1])
    other = state.clone()
    other[:, -8:] += 1
    inputs = normal(2, 4, seed=1)
    assert torch.equal(net.step(state, inputs), net.step(other, inputs))
    assert not torch.equal(net.readout(state), net.readout(other))


def test_a_step_can_be_differentiated_forward_twice_and_batched():
    from torch.func import jacfwd, jvp, vmap

    net = build().double()
    size = net.initial_state(1).shape[1]
    state, way, inputs = normal(3, size), normal(3, size, seed=1), normal(3, 4, seed=2)

    def step(x):
        return net.step(x, inputs)

    def slope(x):
        return jvp(step, (x,), (way,))[1]

    second = jvp(slope, (state,), (way,))[1]
    e = 1e-4
    torch.testing.assert_close(
        slope(state),
        (step(state + e * way) - step(state - e * way)) / (2 * e),
        atol=1e-6,
        rtol=1e-6,
    )
    torch.testing.assert_close(
        second, (slope(state + e * way) - slope(state - e * way)) / (2 * e), atol=1e-6, rtol=1e-6
    )
    one = jacfwd(lambda x: net.step(x[None], inputs[:1])[0])(state[0])
    many = vmap(jacfwd(lambda x, u: net.step(x[None], u[None])[0]))(state, inputs)
    torch.testing.assert_close(many[0], one)


def test_the_readout_can_be_differentiated_twice_through_the_final_norm():
    """By autograd's own derivatives of the norm as it is written, at the last features of a state."""
    from torch.func import hessian, jacfwd

    net = build().double()
    state = net.step(normal(1, net.initial_state(1).shape[1]), normal(1, 4, seed=1))[0]
    weight, bias = net.readout_layer.weight.detach(), net.readout_layer.bias.detach()
    scale = net.norm_f.weight.detach()

    def written(features):
        return weight @ (features / (features.square().mean() + 1e-5).sqrt() * scale) + bias

    def readout(x):
        return net.readout(x[None])[0]

    first, second = jacfwd(readout)(state), hessian(readout)(state)
    torch.testing.assert_close(first[:, -8:], jacfwd(written)(state[-8:]))
    torch.testing.assert_close(second[:, -8:, -8:], hessian(written)(state[-8:]))
    assert not first[:, :-8].any()
    # A longer vector of features is the same answer, up to eps: its derivative along itself vanishes.
    assert (first[:, -8:] @ state[-8:]).abs().max() < 1e-3 * first.abs().max() * state[-8:].norm()


def test_the_pullback_metric_of_its_hidden_state_is_that_of_central_differences():
    """Of the forward pass, which shares no line with the steps that the geometry differentiates."""
    from warpline.geometry import Coordinate, InputManifold, metric_stream

    net = build(layer=1).double()

    def inputs(kappa, step):
        a, b = kappa[:, 0], kappa[:, 1]
        return torch.stack([a * b, torch.sin(b + step), a + 0.3, torch.cos(a * step)], dim=1)

    ways = (Coordinate("a", -1, 1), Coordinate("b", -1, 1))
    kappa = normal(4, 2, seed=5).clamp(-0.9, 0.9)
    metric = metric_stream(net, InputManifold(ways, inputs, n_steps=12), kappa, at=[3, 11]).matrix

    def states(at):
        return net(torch.stack([inputs(at, step) for step in range(12)], dim=1))[1]

    e, x = 1e-5, states(kappa)
    along = [
        (states(kappa + e * way) - states(kappa - e * way)) / (2 * e)
        for way in torch.eye(2).double()
    ]
    for place, k in enumerate((3, 11)):
        # After k steps the state is that of step k - 1; its velocity leads to the next.
        vectors = torch.stack([a[:, k - 1] for a in along] + [x[:, k] - x[:, k - 1]], dim=1)
        expected = vectors @ vectors.transpose(1, 2)
        torch.testing.assert_close(metric[:, place], expected, rtol=1e-6, atol=1e-9)


# --- the scan ---------------------------------------------------------------------------------------


def reference_scan(u, delta, a, b, c):
    """What mamba_ssm's `selective_scan_ref` computes, in the precision that it is given.

    u, delta (trial, channel, time); a (channel, state); b, c (trial, [group,] state, time).
    """
    b, c = (value if value.dim() == 4 else value.unsqueeze(1) for value in (b, c))
    each = u.shape[1] // b.shape[1]
    b, c = (value.repeat_interleave(each, dim=1) for value in (b, c))
    h = u.new_zeros(*u.shape[:2], a.shape[1])
    y = []
    for t in range(u.shape[2]):
        drive = (delta[:, :, t] * u[:, :, t])[..., None] * b[..., t]
        h = torch.exp(delta[:, :, t, None] * a) * h + drive
        y.append((h * c[..., t]).sum(-1))
    return torch.stack(y, dim=2)


@pytest.fixture
def scan_inputs():
    def make(*models, dtype=torch.float64):
        u, delta, a, b, c = (
            normal(*models, 9, 2, 6, seed=1, dtype=dtype),
            0.5 * normal(*models, 9, 2, 6, seed=2, dtype=dtype).exp(),
            -normal(*models, 6, 4, seed=3, dtype=dtype).exp(),
            normal(*models, 9, 2, 4, seed=4, dtype=dtype),
            normal(*models, 9, 2, 4, seed=5, dtype=dtype),
        )
        return tuple(value.requires_grad_() for value in (u, delta, a, b, c))

    return make


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_gradients_of_the_torch_scan(scan_inputs):
    assert torch.autograd.gradcheck(torch_scan, scan_inputs())
    # Either output alone, and a batch of gradients.
    for k in (0, 1):
        assert torch.autograd.gradcheck(lambda *x, k=k: torch_scan(*x)[k], scan_inputs())
    u, *rest = scan_inputs()
    jacobian = torch.func.jacrev(lambda x: torch_scan(x, *rest)[0])(u)
    expected = torch.autograd.functional.jacobian(lambda x: torch_scan(x, *rest)[0], u)
    torch.testing.assert_close(jacobian, expected)


def test_of_one_step(scan_inputs):
    one = [x[:1] if x.dim() == 3 else x for x in scan_inputs()]
    assert torch.autograd.gradcheck(torch_scan, one)


def test_torch_scan_is_mamba_ssm_s_reference(scan_inputs):
    u, delta, a, b, c = scan_inputs()
    y = reference_scan(
        *(x.permute(1, 2, 0) for x in (u, delta)), a, *(x.permute(1, 2, 0) for x in (b, c))
    )
    torch.testing.assert_close(
        torch_scan(u, delta, a, b, c)[0], y.permute(2, 0, 1), rtol=0, atol=1e-12
    )


@pytest.mark.slow
def test_a_kernel_gives_outputs_states_and_gradients(scan_inputs):
    """The path of CUDA with the reference in the kernel's place; the states by groups of one state."""
    inputs = scan_inputs()
    y, states = torch_scan(*inputs)
    torch.testing.assert_close(kernel_scan(reference_scan, *inputs), y, rtol=0, atol=1e-12)
    u, delta, a, b, _ = inputs
    torch.testing.assert_close(
        kernel_states(reference_scan, u, delta, a, b), states, rtol=0, atol=1e-12
    )
    assert torch.autograd.gradcheck(lambda *x: kernel_scan(reference_scan, *x), inputs)
    assert torch.autograd.gradcheck(
        lambda *x: kernel_states(reference_scan, *x), inputs[:4], atol=1e-6
    )


@pytest.mark.parametrize("shared", range(-1, 5))
@pytest.mark.parametrize("scan", ["torch", "kernel"])
def test_batched_over_models(scan_inputs, scan, shared):
    """As alone, also where one of the inputs is shared by all models."""

    def run(*x):
        return torch_scan(*x)[0] if scan == "torch" else kernel_scan(reference_scan, *x)

    stacked = [x.detach()[0] if k == shared else x.detach() for k, x in enumerate(scan_inputs(3))]
    dims = tuple(None if k == shared else 0 for k in range(5))
    leaves = [x.clone().requires_grad_() for x in stacked]
    together = torch.func.vmap(run, in_dims=dims)(*leaves)
    weight = normal(*together.shape, seed=9)
    (together * weight).sum().backward()
    for m in range(3):
        alone = [x.clone().requires_grad_() for x in stacked]
        y = run(*(x if k == shared else x[m] for k, x in enumerate(alone)))
        torch.testing.assert_close(together[m], y, rtol=0, atol=1e-12)
        (y * weight[m]).sum().backward()
        for k, (x, leaf) in enumerate(zip(alone, leaves, strict=True)):
            if k != shared:
                torch.testing.assert_close(leaf.grad[m], x.grad[m], rtol=0, atol=1e-11)


def test_a_network_by_a_kernel_is_the_network_by_torch(monkeypatch):
    net = build()
    inputs = normal(3, 11, 4, dtype=torch.float32)
    outputs, states = net(inputs)
    monkeypatch.setattr("warpline.models.mamba_block.kernel_for", lambda _: reference_scan)
    for got, expected in zip(net(inputs), (outputs, states), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture
def no_kernel_known():
    selective_scan.cuda_kernel.cache_clear()
    yield
    selective_scan.cuda_kernel.cache_clear()


@pytest.mark.parametrize("state", ["missing", "broken"])
def test_without_mamba_ssm_a_warning_names_the_remedy(monkeypatch, caplog, no_kernel_known, state):
    module = types.ModuleType("mamba_ssm.ops.selective_scan_interface")
    if state == "broken":

        def selective_scan_fn(*_):
            raise RuntimeError("no kernel image is available")

        module.selective_scan_fn = selective_scan_fn
        monkeypatch.setitem(sys.modules, "mamba_ssm", types.ModuleType("mamba_ssm"))
        monkeypatch.setitem(sys.modules, "mamba_ssm.ops", types.ModuleType("mamba_ssm.ops"))
        ones = torch.ones
        monkeypatch.setattr(torch, "ones", lambda *size, device=None: ones(*size))
    else:
        module = None
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", module)
    assert selective_scan.cuda_kernel() is None
    assert "mamba_ssm cannot be used" in caplog.text
    assert "no kernel image" in caplog.text or state == "missing"
    assert (
        "pip install --no-build-isolation --no-cache-dir 'mamba-ssm>=2.3.1,<2.3.3'" in caplog.text
    )


# --- mambapy ----------------------------------------------------------------------------------------


class _WithoutTransforms(torch.autograd.Function):
    """As mamba_ssm's own function, which `torch.func` refuses: its context is set up in the forward pass."""

    @staticmethod
    def forward(ctx, u, *_):
        return u.clone()

    @staticmethod
    def backward(ctx, gradient):
        return (gradient, None, None, None, None)


def test_the_kernel_is_found_inside_a_transform(monkeypatch, no_kernel_known):
    """An ensemble that is resumed asks for the kernel first inside `torch.func.vmap`."""
    module = types.ModuleType("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = lambda *tensors: _WithoutTransforms.apply(*tensors)
    monkeypatch.setitem(sys.modules, "mamba_ssm", types.ModuleType("mamba_ssm"))
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops", types.ModuleType("mamba_ssm.ops"))
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", module)
    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda *size, device=None: ones(*size))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    found = []
    torch.func.vmap(lambda x: found.append(selective_scan.cuda_kernel()) or x)(ones(3))
    assert found == [module.selective_scan_fn]


# What mamba_ssm.Mamba(d_model=8, d_state=5) holds, read in its source (2.3).
MAMBA_SSM = {
    "A_log": (16, 5),
    "D": (16,),
    "in_proj.weight": (32, 8),
    "conv1d.weight": (16, 1, 4),
    "conv1d.bias": (16,),
    "x_proj.weight": (11, 16),
    "dt_proj.weight": (16, 1),
    "dt_proj.bias": (16,),
    "out_proj.weight": (8, 16),
}


def test_parameters_are_mamba_ssm_s():
    block = MambaBlock(**SIZES)
    assert {name: tuple(value.shape) for name, value in block.state_dict().items()} == MAMBA_SSM


def mambapy_config(n_layers=1):
    mambapy = pytest.importorskip("mambapy.mamba")
    sizes = {key: SIZES[key] for key in ("d_model", "d_state", "d_conv")}
    return mambapy, mambapy.MambaConfig(n_layers=n_layers, expand_factor=SIZES["expand"], **sizes)


def test_initial_values_are_mambapy_s_bit_by_bit():
    mambapy, config = mambapy_config()
    torch.manual_seed(4)
    theirs = mambapy.ResidualBlock(config).state_dict()
    torch.manual_seed(4)
    ours = ResidualBlock(**SIZES).state_dict()
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_outputs_and_gradients_are_mambapy_s_and_weights_load_both_ways():
    mambapy, config = mambapy_config(n_layers=2)
    net = build()
    theirs = mambapy.Mamba(config)
    theirs.load_state_dict(net.layers.state_dict(prefix="layers."), strict=True)
    net.layers.load_state_dict(theirs.layers.state_dict(), strict=True)
    x = normal(3, 33, 8, dtype=torch.float32)
    ours = x.transpose(0, 1)
    for layer in net.layers:
        ours, _ = layer(ours, False)
    expected = theirs(x)
    torch.testing.assert_close(ours.transpose(0, 1), expected, rtol=1e-5, atol=1e-6)
    weight = normal(*expected.shape, dtype=torch.float32, seed=7)
    (ours.transpose(0, 1) * weight).sum().backward()
    (expected * weight).sum().backward()
    got = dict(net.layers.named_parameters(prefix="layers"))
    for name, value in theirs.named_parameters():
        torch.testing.assert_close(got[name].grad, value.grad, rtol=1e-4, atol=1e-5, msg=name)


# --- on a GPU with mamba_ssm ------------------------------------------------------------------------


@pytest.fixture
def mamba_ssm(cuda):
    """mamba_ssm's own tolerance of its kernel against its reference is rtol 6e-4, atol 2e-3."""
    return pytest.importorskip("mamba_ssm")


@pytest.mark.gpu
def test_outputs_gradients_and_weights_are_mamba_ssm_s(mamba_ssm):
    torch.manual_seed(4)
    theirs = mamba_ssm.Mamba(**SIZES, device="cpu").cuda()
    torch.manual_seed(4)
    ours = MambaBlock(**SIZES)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value.cpu()), name
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    ours.cuda()
    x = normal(3, 33, 8, dtype=torch.float32).cuda()
    got, expected = ours(x.transpose(0, 1), False)[0].transpose(0, 1), theirs(x)
    torch.testing.assert_close(got, expected, rtol=6e-4, atol=2e-3)
    got.square().sum().backward()
    expected.square().sum().backward()
    for (name, value), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(value.grad, other.grad, rtol=5e-3, atol=5e-3, msg=name)


@pytest.mark.gpu
def test_the_kernel_on_cuda_is_the_scan_on_the_cpu(mamba_ssm):
    net = build()
    inputs = normal(5, 60, 4, dtype=torch.float32)
    expected = net(inputs)
    net.cuda()
    assert net.kernel.startswith("mamba_ssm 2.")
    got = net(inputs.cuda())
    for value, other in zip(got, expected, strict=True):
        torch.testing.assert_close(value.cpu(), other, rtol=6e-4, atol=2e-3)
    # In double precision there is no kernel: torch's operations on the GPU.
    assert build().double().cuda().kernel == "torch"


@pytest.mark.gpu
def test_the_kernel_batches_over_models(mamba_ssm, scan_inputs):
    kernel = selective_scan.cuda_kernel()
    inputs = [x.detach().cuda() for x in scan_inputs(3, dtype=torch.float32)]
    together = torch.func.vmap(lambda *x: kernel_scan(kernel, *x))(*inputs)
    for m in range(3):
        alone = torch_scan(*(x[m] for x in inputs))[0]
        torch.testing.assert_close(together[m], alone, rtol=6e-4, atol=2e-3)


@pytest.mark.gpu
def test_the_kernel_is_found_inside_a_transform_on_a_gpu(mamba_ssm, no_kernel_known):
    found = []
    batch = torch.ones(3, device="cuda")
    torch.func.vmap(lambda x: found.append(selective_scan.cuda_kernel()) or x)(batch)
    assert found[0] is not None


@pytest.mark.slow
def test_curvature_finds_a_second_derivative_of_the_step():
    """torch has no second forward derivative of silu: the step is written without it."""

    def shown(kappa, step):
        k = kappa[:, 0]
        return torch.stack([k, k**2, torch.sin(k * (step + 1)), torch.ones_like(k)], dim=1)

    inputs = InputManifold((Coordinate("k", -1.0, 1.0),), shown, n_steps=6)
    kappa = torch.tensor([[-0.4], [0.3]], dtype=torch.float64)
    net, h = build(), 1e-4
    below, above = (tangents(net, inputs, kappa + sign * h, at=[6]).inputs for sign in (-1, 1))
    second = tangents(net, inputs, kappa, at=[6], second=True).second
    assert float(second.abs().max()) > 1e-4
    torch.testing.assert_close(second[:, :, 0], (above - below) / (2 * h), rtol=1e-5, atol=1e-8)
