"""Speed of Mamba's forward and backward pass against a plain loop, mambapy and (CUDA) mamba_ssm's kernel.

    python benchmarks/mamba.py [--output mamba.json] [--steps 80 128 200] [--batch 64 1]

All implementations compute the same function with the same weights, which is checked first. They take turns.
One trial is the case in which a parallel scan has most to gain. mambapy's fills the steps up to a power of
two, so that 128 steps cost it no more.
The device is CUDA if present, else one CPU thread, timed by its CPU time, which other processes disturb less.
"""

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path

import torch
from torch.nn import functional

from warpline.core.process import keep_freed_memory
from warpline.models import mamba_block
from warpline.models.base import build_model
from warpline.models.selective_scan import cuda_kernel

SIZES = {
    "mamba_d8_l1": (8, 1),
    "mamba_d8_l2": (8, 2),
    "mamba_d16_l1": (16, 1),
    "mamba_d16_l2": (16, 2),
}


def plain_block(mixer, inputs):
    """Run a layer on inputs (time, trial, feature) by torch's convolution and a loop over time."""
    x, z = mixer.in_proj(inputs).chunk(2, dim=-1)
    padded = functional.pad(x.permute(1, 2, 0), (mixer.d_conv - 1, 0))
    u = functional.silu(mixer.conv1d(padded)).permute(2, 0, 1)
    dt, b, c = mixer.x_proj(u).split([mixer.dt_rank, mixer.d_state, mixer.d_state], dim=-1)
    delta = functional.softplus(mixer.dt_proj(dt))
    decay = torch.exp(delta[..., None] * -torch.exp(mixer.A_log))
    drive = (delta * u)[..., None] * b[..., None, :]
    h = torch.zeros_like(drive[0])
    outputs = []
    for decay_t, drive_t, c_t in zip(decay.unbind(0), drive.unbind(0), c.unbind(0), strict=True):
        h = decay_t * h + drive_t
        outputs.append((h @ c_t[..., None]).squeeze(-1))
    return mixer.out_proj((torch.stack(outputs) + mixer.D * u) * functional.silu(z))


def plain(net, inputs):
    """Run the network by plain layers."""
    x = net.embedding(inputs.transpose(0, 1))
    for layer in net.layers:
        x = x + plain_block(layer.mixer, layer.norm(x))
    return net.readout_layer(x).transpose(0, 1)


def mambapy_network(net, d_model, n_layers):
    """Return mambapy's layers (parallel scan) with the network's weights, and a function that runs them."""
    from mambapy.mamba import Mamba, MambaConfig

    mamba = Mamba(MambaConfig(d_model=d_model, n_layers=n_layers)).to(net.embedding.weight.device)
    mamba.layers.load_state_dict(net.layers.state_dict(), strict=True)
    return mamba, lambda inputs: net.readout_layer(mamba(net.embedding(inputs)))


def by_torch(net, inputs):
    """Run the network by the torch scan, even if there is a kernel."""
    kernel_for = mamba_block.kernel_for
    mamba_block.kernel_for = lambda _: None
    try:
        return net.outputs(inputs)
    finally:
        mamba_block.kernel_for = kernel_for


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", default=[80, 128, 200])
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 1])
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    # As training does.
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device_name = torch.cuda.get_device_name() if device.type == "cuda" else "one CPU thread"

    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def milliseconds(run, modules, inputs):
        for module in modules:
            module.zero_grad()
        start = clock()
        run(inputs).square().mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (clock() - start)

    rows = []
    for name, (d_model, n_layers) in SIZES.items():
        settings = {"model": "mamba", "d_model": d_model, "n_layers": n_layers}
        settings |= {"d_state": 16, "d_conv": 4, "expand": 2}
        net = build_model(settings, 7, 3, 50.0, seed=1).to(device)
        mambapy_layers, mambapy = mambapy_network(net, d_model, n_layers)
        implementations = {
            "loop": lambda x, net=net: plain(net, x),
            "mambapy": mambapy,
            "warpline": lambda x, net=net: by_torch(net, x),
        }
        if device.type == "cuda" and cuda_kernel():
            implementations["mamba_ssm"] = net.outputs
        for batch, steps in itertools.product(arguments.batch, arguments.steps):
            inputs = torch.randn(batch, steps, 7, device=device)
            with torch.no_grad():
                expected = plain(net, inputs)
                for run in implementations.values():
                    torch.testing.assert_close(run(inputs), expected, atol=2e-3, rtol=1e-3)

            # In turns, so that a change of the machine's load meets all of them; the first pass warms up.
            times = {label: [] for label in implementations}
            for _ in range(arguments.repeats + 1):
                for label, run in implementations.items():
                    times[label].append(milliseconds(run, (net, mambapy_layers), inputs))
            medians = {label: statistics.median(passes[1:]) for label, passes in times.items()}
            row = {"architecture": name, "steps": steps, "batch": batch}
            row |= {"device": device_name, "torch": torch.__version__, "repeats": arguments.repeats}
            row |= {f"{label}_ms": round(value, 2) for label, value in medians.items()}
            row |= {
                f"times_as_fast_as_{label}": round(value / medians["warpline"], 2)
                for label, value in medians.items()
                if label != "warpline"
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
