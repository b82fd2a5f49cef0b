"""Train the networks of one or several seeds on one or several interleaved tasks (rules pretrain, train)."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from warpline.console import script
from warpline.console.tensorboard import watching
from warpline.core import random_streams, result_files
from warpline.core.device import choose_device
from warpline.core.process import run
from warpline.models.base import build_model
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.ensemble import Member, can_be_batched, train_together
from warpline.training.loop import none_for_nan, train


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--train", nargs="+", required=True, help="training trials, a file per task"
    )
    parser.add_argument("--validation", nargs="+", required=True, help="in the same order")
    parser.add_argument(
        "--initial", nargs="+", help="checkpoints whose last weights to start from, a file per seed"
    )
    parser.add_argument("--resume", nargs="+", type=Path, help="states of unfinished runs")
    parser.add_argument(
        "--checkpoints", nargs="+", type=Path, required=True, help="a file per seed"
    )
    parser.add_argument("--history", nargs="+", type=Path, required=True, help="a file per seed")
    arguments = parser.parse_args()
    root, streams = arguments.settings["seed"], arguments.settings["streams"]
    architecture, loop = arguments.settings["architecture"], arguments.settings["training"]
    every = [None] * len(streams)
    initials, resumes = arguments.initial or every, arguments.resume or every

    device = choose_device()
    training = [TaskData.from_dataset(result_files.read_dataset(path)) for path in arguments.train]
    validation = [
        TaskData.from_dataset(result_files.read_dataset(path)).to(device)
        for path in arguments.validation
    ]
    first = training[0]
    members, provenances = [], []
    for stream, initial, resume in zip(streams, initials, resumes, strict=True):
        model = build_model(
            architecture,
            n_inputs=first.inputs.shape[-1],
            n_outputs=first.n_outputs,
            dt=first.dt,
            seed=random_streams.integer_seed(root, "weights", *stream["weights"], bits=63),
        )
        # What sets one network apart from the others of the job is in its own file alone.
        provenance = {
            "settings": {**arguments.settings, "streams": stream},
            "code": arguments.code,
            "device": device.type,
        }
        if initial:
            found = result_files.read_tensor_metadata(initial)
            provenance["pretraining"] = found["status"]
            prefix = f"{found['checkpoints'][-1]['step']:08d}/"
            tensors, _ = result_files.read_tensors(initial, prefix)
            model.load_state_dict({k: torch.from_numpy(value) for k, value in tensors.items()})
        model.to(device)
        if hasattr(model, "kernel"):
            provenance["kernel"] = model.kernel
        if device.type == "cuda" and len(streams) > 1 and can_be_batched(model):
            provenance["trained_as_one"] = [other["run"] for other in streams]
        inputs = [*arguments.train, *arguments.validation, *filter(None, [initial])]
        causes = [provenance, *map(result_files.checksum, inputs)]
        key = hashlib.sha256(json.dumps(causes, sort_keys=True).encode()).hexdigest()
        order = BatchOrder(
            [len(data) for data in training],
            architecture["batch_size"],
            root,
            ("order", *stream["run"]),
        )
        noise_seed = random_streams.integer_seed(root, "noise", *stream["run"], bits=63)
        members.append(Member(model, order, noise_seed, resume, key))
        provenances.append(provenance)

    if "trained_as_one" in provenances[0]:
        runs = train_together(members, training, validation, loop)
    else:
        runs = []
        for one, checkpoints in zip(members, arguments.checkpoints, strict=True):
            with watching(checkpoints.parent) as watch:
                run = train(
                    one.model,
                    training,
                    validation,
                    loop,
                    one.order,
                    one.noise_seed,
                    one.resume_path,
                    one.resume_key,
                    watch,
                )
            runs.append(run)

    for run, provenance, checkpoints, history in zip(
        runs, provenances, arguments.checkpoints, arguments.history, strict=True
    ):
        summary = [
            {
                "step": step,
                "loss": none_for_nan(float(np.mean([row.loss for row in run.at(step)]))),
                "accuracy": float(np.mean([row.accuracy for row in run.at(step)])),
            }
            for step in run.checkpoints
        ]
        provenance |= {
            "status": run.status,
            "last_step": run.step,
            "ideal": float(np.mean([data.ideal for data in validation])),
        }
        result_files.write_tensors(
            {
                f"{step:08d}/{name}": value
                for step, weights in run.checkpoints.items()
                for name, value in weights.items()
            },
            checkpoints,
            {**provenance, "checkpoints": summary},
        )
        result_files.write_table(
            pd.DataFrame([vars(row) for row in run.history]), history, provenance
        )
    # Not before all are written: a job that is killed in between starts anew, but not from nothing.
    for resume in filter(None, resumes):
        resume.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
