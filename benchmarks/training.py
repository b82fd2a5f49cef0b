"""Speed of the models' recurrence in training against a plain loop over cells, in one run.

    python benchmarks/training.py [--output training.json] [--units 64 128 256] [--steps 400]

Both compute the same function with the same weights, which is checked first. The plain loop is the usual
one, with the input projection inside and one operation at a time. On CUDA where there is one, else one
thread.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from warpline.core.device import choose_device
from warpline.models.base import build_model


def plain_leaky_rnn(net, inputs):
    """Run the recurrence of `warpline.models.leaky_rnn`, one cell after the other."""
    state = inputs.new_zeros(len(inputs), net.bias.numel())
    states = []
    for t in range(inputs.shape[1]):
        drive = torch.nn.functional.linear(inputs[:, t], net.weight_in, net.bias)
        recurrent = torch.nn.functional.linear(state, net.weight_hh)
        state = (1 - net.alpha) * state + net.alpha * net.activation(drive + recurrent)
        states.append(state)
    hidden = torch.stack(states, 1)
    return torch.nn.functional.linear(hidden, net.weight_out, net.bias_out), hidden


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
    hidden = torch.stack(states, 1)
    return torch.nn.functional.linear(hidden, net.weight_out, net.bias_out), hidden


def seconds_per_update(run, net, inputs, repeats):
    """Return the median time of a forward and backward pass; the first one warms up."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        net.zero_grad()
        run(inputs)[0].square().mean().backward()
        if inputs.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--units", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    device = choose_device()
    rows = []
    for model, plain in (("leaky_rnn", plain_leaky_rnn), ("leaky_gru", plain_leaky_gru)):
        for units in arguments.units:
            settings = {"model": model, "units": units, "activation": "tanh", "init": "orthogonal"}
            settings |= {"gain": 1.0, "tau": 100.0, "noise": 0.0, "parameters": {}}
            net = build_model(settings, 7, 3, 20.0, seed=1).to(device)
            generator = torch.Generator().manual_seed(1)
            inputs = torch.randn(arguments.batch, arguments.steps, 7, generator=generator).to(
                device
            )
            with torch.no_grad():
                torch.testing.assert_close(
                    net(inputs)[1], plain(net, inputs)[1], atol=1e-4, rtol=1e-4
                )
            seconds = seconds_per_update(net, net, inputs, arguments.repeats)
            plain_seconds = seconds_per_update(
                lambda x: plain(net, x),  # noqa: B023
                net,
                inputs,
                arguments.repeats,
            )
            rows.append(
                {
                    "model": model,
                    "units": units,
                    "steps": arguments.steps,
                    "batch": arguments.batch,
                    "device": device.type,
                    "plain_ms": round(1000 * plain_seconds, 1),
                    "warpline_ms": round(1000 * seconds, 1),
                    "ratio": round(plain_seconds / seconds, 2),
                }
            )
            print(
                "{model:10} {units:4} units: plain {plain_ms:7.1f} ms, Warpline {warpline_ms:7.1f} ms, "
                "{ratio:.2f} times as fast".format(**rows[-1])
            )
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
