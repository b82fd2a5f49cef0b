"""Speed of the recurrences in training against a plain loop over cells and torch.nn, in one run.

    python benchmarks/training.py [--output training.json] [--units 64 128 256] [--steps 400]

Forward and backward pass of a network with a readout. The loops compute the same function with the same
weights; that gradients agree is checked first. The plain one is the usual loop, with the input projection
inside and one operation at a time. The careful one projects the inputs of all steps before the loop, and
fuses what torch fuses. nn.RNN and nn.GRU (one layer, without a leak) have matrix products of the same sizes.

The bare products are those with the recurrent weights, which every implementation needs: in each step forward
and backward, and one for the gradient. Their time over that of a pass is the fraction of the products' speed
that is reached. All take turns. On CUDA where there is one; on a CPU one thread, and its CPU time, which
other processes disturb less.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from warpline.core.device import choose_device
from warpline.core.process import keep_freed_memory
from warpline.models.base import build_model, outputs_of


def read_out(net, states):
    """Return the outputs (trial, time, output) from the states of each step."""
    return torch.nn.functional.linear(torch.stack(states, 1), net.weight_out, net.bias_out)


def plain_leaky_rnn(net, inputs):
    """Run the recurrence of `warpline.models.leaky_rnn`, one cell after the other."""
    state = inputs.new_zeros(len(inputs), net.bias.numel())
    states = []
    for t in range(inputs.shape[1]):
        drive = torch.nn.functional.linear(inputs[:, t], net.weight_in, net.bias)
        recurrent = torch.nn.functional.linear(state, net.weight_hh)
        state = (1 - net.alpha) * state + net.alpha * net.activation(drive + recurrent)
        states.append(state)
    return read_out(net, states)


def plain_leaky_gru(net, inputs):
    """Run the recurrence of `warpline.models.leaky_gru`, one gate after the other."""
    units = net.bias_candidate.numel()
    w, v, b = net.weight_in.split(units), net.weight_hh.split(units), net.bias.split(units)
    linear = torch.nn.functional.linear
    state = inputs.new_zeros(len(inputs), units)
    states = []
    for t in range(inputs.shape[1]):
        u = inputs[:, t]
        reset = torch.sigmoid(linear(u, w[0], b[0]) + linear(state, v[0]))
        update = torch.sigmoid(linear(u, w[1], b[1]) + linear(state, v[1]))
        recurrent = linear(state, v[2], net.bias_candidate)
        candidate = net.activation(linear(u, w[2], b[2]) + reset * recurrent)
        state = state + net.alpha * update * (candidate - state)
        states.append(state)
    return read_out(net, states)


def careful_leaky_rnn(net, inputs):
    """Run the recurrence of `plain_leaky_rnn` with three operations a step."""
    state = inputs.new_zeros(len(inputs), net.bias.numel())
    drives = torch.nn.functional.linear(inputs, net.weight_in, net.bias)
    weight = net.weight_hh.t()
    states = []
    for drive in drives.unbind(1):
        state = torch.lerp(state, net.activation(torch.addmm(drive, state, weight)), net.alpha)
        states.append(state)
    return read_out(net, states)


def careful_leaky_gru(net, inputs):
    """Run the recurrence of `plain_leaky_gru` with one product of all gates a step."""
    units = net.bias_candidate.numel()
    state = inputs.new_zeros(len(inputs), units)
    drives = torch.nn.functional.linear(inputs, net.weight_in, net.bias)
    weight = net.weight_hh.t()
    states = []
    for drive in drives.unbind(1):
        recurrent = state @ weight
        gates = torch.sigmoid(drive[:, : 2 * units] + recurrent[:, : 2 * units])
        within = recurrent[:, 2 * units :] + net.bias_candidate
        reset, update = gates.chunk(2, dim=1)
        candidate = net.activation(torch.addcmul(drive[:, 2 * units :], reset, within))
        state = torch.lerp(state, candidate, net.alpha * update)
        states.append(state)
    return read_out(net, states)


class OfTorch(torch.nn.Module):
    """A layer of torch.nn with a readout."""

    def __init__(self, layer, units):
        super().__init__()
        self.layer = layer(7, units, batch_first=True)
        self.readout = torch.nn.Linear(units, 3)

    def forward(self, inputs):
        """Return the outputs."""
        return self.readout(self.layer(inputs)[0])


def bare_products(net, steps, batch):
    """Return a function that runs the matrix products with the recurrent weights, and nothing else."""
    weight = net.weight_hh.detach()
    states = torch.randn(steps, batch, weight.shape[1], device=weight.device)
    gradients = torch.randn(steps, batch, weight.shape[0], device=weight.device)
    forward, back = torch.empty_like(gradients[0]), torch.empty_like(states[0])

    def run():
        for state, gradient in zip(states.unbind(0), gradients.unbind(0), strict=True):
            torch.mm(state, weight.t(), out=forward)
            torch.mm(gradient, weight, out=back)
        torch.mm(gradients.flatten(0, 1).t(), states.flatten(0, 1))

    return run


def gradients_of(run, net, inputs):
    """Return the gradients of a loss of the outputs."""
    net.zero_grad()
    run(inputs).square().mean().backward()
    return [parameter.grad for parameter in net.parameters()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--units", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    device = choose_device(wanted=True)
    # As training does.
    keep_freed_memory()
    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def seconds(run):
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    rows = []
    cases = (
        ("leaky_rnn", plain_leaky_rnn, careful_leaky_rnn, torch.nn.RNN),
        ("leaky_gru", plain_leaky_gru, careful_leaky_gru, torch.nn.GRU),
    )
    for model, plain, careful, layer in cases:
        for units in arguments.units:
            settings = {"model": model, "units": units, "activation": "tanh", "init": "orthogonal"}
            settings |= {"gain": 1.0, "tau": 100.0, "noise": 0.0, "parameters": {}}
            net = build_model(settings, 7, 3, 20.0, seed=1).to(device)
            of_torch = OfTorch(layer, units).to(device)
            generator = torch.Generator().manual_seed(1)
            shape = (arguments.batch, arguments.steps, 7)
            inputs = torch.randn(shape, generator=generator).to(device)
            networks = {
                "plain": (net, lambda x: plain(net, x)),  # noqa: B023
                "careful": (net, lambda x: careful(net, x)),  # noqa: B023
                "torch_nn": (of_torch, of_torch),
                "warpline": (net, lambda x: outputs_of(net, x)),  # noqa: B023
            }
            expected, *others = (
                gradients_of(networks[way][1], net, inputs)
                for way in ("plain", "careful", "warpline")
            )
            for written in others:
                for a, b in zip(written, expected, strict=True):
                    assert (a - b).abs().max() <= 1e-4 * b.abs().max()

            ways = {
                way: lambda run=run, network=network: gradients_of(run, network, inputs)  # noqa: B023
                for way, (network, run) in networks.items()
            }
            ways["products"] = bare_products(net, arguments.steps, arguments.batch)
            times = {way: [] for way in ways}
            for _ in range(arguments.repeats + 1):
                for way, run in ways.items():
                    times[way].append(seconds(run))
            medians = {way: statistics.median(values[1:]) for way, values in times.items()}
            row = {
                "model": model,
                "units": units,
                "steps": arguments.steps,
                "batch": arguments.batch,
                "device": torch.cuda.get_device_name()
                if device.type == "cuda"
                else "one CPU thread",
                "torch": torch.__version__,
                "repeats": arguments.repeats,
            }
            row |= {f"{way}_ms": round(1000 * value, 1) for way, value in medians.items()}
            for way in ("plain", "careful", "torch_nn"):
                row[f"times_as_fast_as_{way}"] = round(medians[way] / medians["warpline"], 2)
            row["of_products"] = round(medians["products"] / medians["warpline"], 2)
            rows.append(row)
            print(
                "{model:10} {units:4} units: plain loop {plain_ms:7.1f} ms, careful loop {careful_ms:7.1f}, "
                "torch.nn {torch_nn_ms:7.1f}, Warpline {warpline_ms:7.1f}, bare products {products_ms:7.1f}; "
                "{times_as_fast_as_plain:.2f} times as fast as the plain loop, "
                "{times_as_fast_as_careful:.2f} as the careful one, {times_as_fast_as_torch_nn:.2f} as "
                "torch.nn, {of_products:.2f} of the products' speed".format(**row),
                flush=True,
            )
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
