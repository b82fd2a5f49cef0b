"""Networks trained as one against the same networks one after another: networks x updates per second.

    python benchmarks/ensembles.py [--output ensembles.json] [--networks 1 4 16 64] [--updates 40]

The real training loop on trials of the default configuration, all ways in one run and in turns. On CUDA
where there is one, with updates replayed as CUDA graphs and without; on a CPU one thread, and its CPU time,
which other processes disturb less. A network alone gives the rate of any number one after another. Each rate
is that of the updates after the first five: building, the first evaluation and capturing are left out.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from warpline.core.device import choose_device
from warpline.models.base import build_model
from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.ensemble import Member, train_ensemble
from warpline.training.loop import train

UNITS = {"activation": "tanh", "init": "orthogonal", "gain": 1.0, "tau": 100.0, "noise": 0.0}
FIRST = 5
"""Updates before those that are timed."""
MAMBA = {"model": "mamba", "d_model": 16, "d_state": 16, "d_conv": 4, "expand": 2, "n_layers": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    device = choose_device(wanted=True)
    device_name = torch.cuda.get_device_name() if device.type == "cuda" else "one CPU thread"
    config = load_files([Path(__file__).parent.parent / "config" / "config.yaml"])
    pipeline = Pipeline(Plan(config))

    def trials(split, count):
        settings = pipeline.trials.split_settings("PDM", "AntiDelayResponse", split)
        dataset = generate_trials(
            settings["taskset"], settings["task"], split, count, settings["seed"]
        )
        return [TaskData.from_dataset(dataset)]

    training = trials("train", 1000)
    validation = [data.to(device) for data in trials("validation", 8)]
    loop = {
        **config.training.model_dump(),
        "max_steps": FIRST + arguments.updates + 1,
        "evaluate_every": FIRST + arguments.updates + 1,
        # One evaluation and two checkpoints, at the ends: the updates are to be timed.
        "checkpoints": {"log": 0, "every": 0, "steps": []},
        "learning_rate": 1e-3,
        "trainable": "all",
    }
    n_inputs = training[0].inputs.shape[-1]

    clock = time.perf_counter if device.type == "cuda" else time.process_time
    starts = []

    def order(seed):
        """Return the order of a network's trials; that of seed 0 notes when an update starts."""
        batches = BatchOrder([1000], 64, 1, ["order", seed])

        def noted(step):
            starts.append(clock())
            return batches(step)

        return batches if seed else noted

    def members(settings, count):
        return [
            Member(build_model(settings, n_inputs, 3, 50.0, seed).to(device), order(seed), seed)
            for seed in range(count)
        ]

    def train_alone(settings):
        (member,) = members(settings, 1)
        train(member.model, training, validation, loop, member.order, member.noise_seed)

    def train_together(settings, count, capture):
        train_ensemble(members(settings, count), training, validation, loop, capture)

    # Each update ends with numbers that go to the CPU: its start is the end of the one before.
    def rate(run, count):
        starts.clear()
        run()
        return count * arguments.updates / (starts[-1] - starts[FIRST])

    rows = []
    models = {
        "leaky_rnn": UNITS | {"model": "leaky_rnn", "units": arguments.units},
        "leaky_gru": UNITS | {"model": "leaky_gru", "units": arguments.units},
        "mamba_d16_l1": MAMBA,
    }
    for name, settings in models.items():
        for count in arguments.networks:
            ways = {
                "alone": (lambda: train_alone(settings), 1),  # noqa: B023
                "together": (lambda: train_together(settings, count, True), count),  # noqa: B023
            }
            if device.type == "cuda":
                ways["together_not_captured"] = (
                    lambda: train_together(settings, count, False),  # noqa: B023
                    count,
                )
            # In turns, so that a change of the machine's load meets all. Each run builds its networks anew.
            rates = {way: [] for way in ways}
            for _ in range(arguments.repeats):
                for way, (run, trained) in ways.items():
                    rates[way].append(rate(run, trained))
            row = {
                "architecture": name,
                "networks": count,
                "device": device_name,
                "torch": torch.__version__,
                "updates": arguments.updates,
                "repeats": arguments.repeats,
            }
            # The fastest repeat is the least disturbed one.
            for way, values in rates.items():
                row |= {f"{way}_per_s": round(max(values), 1)}
                row |= {f"{way}_slowest_per_s": round(min(values), 1)}
            row["times_as_fast"] = round(max(rates["together"]) / max(rates["alone"]), 2)
            rows.append(row)
            print(json.dumps(row), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
