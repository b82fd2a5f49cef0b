"""Networks trained as one against the same networks one after another: networks x updates per second.

    python benchmarks/ensembles.py [--output ensembles.json] [--networks 1 4 16 64] [--updates 10]

The real training loop on trials of the default configuration, both ways in one run and in turns. On CUDA
where there is one; on a CPU one thread, and its CPU time, which other processes disturb less. A network
alone gives the rate of any number one after another.
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
MAMBA = {"model": "mamba", "d_model": 16, "d_state": 16, "d_conv": 4, "expand": 2, "n_layers": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    device = choose_device()
    device_name = torch.cuda.get_device_name() if device.type == "cuda" else "one CPU thread"
    config = load_files([Path(__file__).parent.parent / "config" / "config.yaml"])
    pipeline = Pipeline(Plan(config))

    def trials(split, count):
        job = {"taskset": "PDM", "task": "AntiDelayResponse", "split": split}
        settings = pipeline.trials.parameters(job)
        dataset = generate_trials(
            settings["taskset"], settings["task"], split, count, settings["seed"]
        )
        return [TaskData.from_dataset(dataset)]

    training = trials("train", 1000)
    validation = [data.to(device) for data in trials("validation", 8)]
    loop = {
        **config.training.model_dump(),
        "max_steps": arguments.updates,
        "evaluate_every": arguments.updates,
        # As few evaluations and checkpoints as possible: the updates are to be timed.
        "checkpoints": {"log": 0, "every": 0, "steps": []},
        "learning_rate": 1e-3,
        "trainable": "all",
    }
    n_inputs = training[0].inputs.shape[-1]

    def members(settings, count):
        return [
            Member(
                build_model(settings, n_inputs, 3, 50.0, seed).to(device),
                BatchOrder([1000], 64, 1, ["order", seed]),
                seed,
            )
            for seed in range(count)
        ]

    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def rate(run, count):
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return count * arguments.updates / (clock() - start)

    rows = []
    models = {
        "leaky_rnn": UNITS | {"model": "leaky_rnn", "units": arguments.units},
        "leaky_gru": UNITS | {"model": "leaky_gru", "units": arguments.units},
        "mamba_d16_l1": MAMBA,
    }
    for name, settings in models.items():
        for count in arguments.networks:
            # In turns, so that a change of the machine's load meets both. Training changes its networks:
            # each repeat builds new ones.
            single_rates, ensemble_rates = [], []
            for _ in range(arguments.repeats):
                member, ensemble = members(settings, 1)[0], members(settings, count)
                single_rates.append(
                    rate(
                        lambda member=member: train(
                            member.model,
                            training,
                            validation,
                            loop,
                            member.order,
                            member.noise_seed,
                        ),
                        1,
                    )
                )
                ensemble_rates.append(
                    rate(
                        lambda ensemble=ensemble: train_ensemble(
                            ensemble, training, validation, loop
                        ),
                        count,
                    )
                )
            # The fastest repeat is the least disturbed one.
            single_rate, ensemble_rate = max(single_rates), max(ensemble_rates)
            row = {
                "architecture": name,
                "networks": count,
                "device": device_name,
                "torch": torch.__version__,
                "updates": arguments.updates,
                "repeats": arguments.repeats,
                "alone_per_s": round(single_rate, 2),
                "alone_slowest_per_s": round(min(single_rates), 2),
                "together_per_s": round(ensemble_rate, 2),
                "together_slowest_per_s": round(min(ensemble_rates), 2),
                "times_as_fast": round(ensemble_rate / single_rate, 2),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
