"""Train one network on one or several interleaved tasks (rules pretrain and train)."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from warpline import cli, seeding, store
from warpline.batches import BatchOrder, TaskData
from warpline.device import choose_device
from warpline.models.base import build_model
from warpline.monitor import watching
from warpline.training import none_for_nan, train


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--train", nargs="+", required=True, help="training trials, a file per task"
    )
    parser.add_argument("--validation", nargs="+", required=True, help="in the same order")
    parser.add_argument("--initial", help="checkpoints whose last weights to start from")
    parser.add_argument("--resume", type=Path, help="state of an unfinished run")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    root, streams, architecture = settings["seed"], settings["streams"], settings["architecture"]

    device = choose_device()
    inputs = [*arguments.train, *arguments.validation, *filter(None, [arguments.initial])]
    causes = [settings, arguments.code, device.type, *map(store.checksum, inputs)]
    key = hashlib.sha256(json.dumps(causes, sort_keys=True).encode()).hexdigest()
    training = [TaskData.from_dataset(store.read_dataset(path)) for path in arguments.train]
    validation = [
        TaskData.from_dataset(store.read_dataset(path)).to(device) for path in arguments.validation
    ]
    first = training[0]
    model = build_model(
        architecture,
        n_inputs=first.inputs.shape[-1],
        n_outputs=first.n_outputs,
        dt=first.dt,
        seed=seeding.integer_seed(root, "weights", *streams["weights"], bits=63),
    )
    inherited = {}
    if arguments.initial:
        found = store.read_tensor_metadata(arguments.initial)
        inherited = {"pretraining": found["status"]}
        prefix = f"{found['checkpoints'][-1]['step']:08d}/"
        tensors, _ = store.read_tensors(arguments.initial, prefix)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    model.to(device)

    with watching(arguments.checkpoints.parent) as watch:
        run = train(
            model,
            training,
            validation,
            settings["training"],
            BatchOrder(
                [len(data) for data in training],
                architecture["batch_size"],
                root,
                ("order", *streams["run"]),
            ),
            noise_seed=seeding.integer_seed(root, "noise", *streams["run"], bits=63),
            resume_path=arguments.resume,
            resume_key=key,
            watch=watch,
        )

    summary = [
        {
            "step": step,
            "loss": none_for_nan(float(np.mean([row.loss for row in run.at(step)]))),
            "accuracy": float(np.mean([row.accuracy for row in run.at(step)])),
        }
        for step in run.checkpoints
    ]
    provenance = {
        "settings": settings,
        "code": arguments.code,
        "device": device.type,
        "status": run.status,
        "last_step": run.step,
        "ideal": float(np.mean([data.ideal for data in validation])),
        **inherited,
    }
    store.write_tensors(
        {
            f"{step:08d}/{name}": value
            for step, weights in run.checkpoints.items()
            for name, value in weights.items()
        },
        arguments.checkpoints,
        {**provenance, "checkpoints": summary},
    )
    store.write_table(
        pd.DataFrame([vars(row) for row in run.history]), arguments.history, provenance
    )
    if arguments.resume:
        arguments.resume.unlink(missing_ok=True)


if __name__ == "__main__":
    cli.run(main)
