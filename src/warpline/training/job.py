"""A training job: the networks of one or several seeds, trained on the same trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from warpline.console.tensorboard import tensorboard_callback
from warpline.core import random_streams, result_files
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.checkpoint_schedule import kept_steps
from warpline.training.ensemble import Member, can_be_batched, train_ensemble
from warpline.training.loop import train
from warpline.training.run import TrainingRun, none_for_nan

__all__ = [
    "PreparedMember",
    "TrainingJob",
    "checkpoint_summary",
    "prepare_member",
    "read_job",
    "train_members",
    "write_member",
]


@dataclass(frozen=True)
class TrainingJob:
    """What the networks of a job share.

    Attributes
    ----------
    settings : mapping
        ``seed`` (root seed, or None), ``run`` (task set, architecture and curriculum: the name of the run
        without its seed), ``architecture`` (with ``batch_size``), ``training`` (see
        `warpline.training.loop.train`).
    seeds : sequence of int
        One network per seed.
    training, validation : list of TaskData
        One each per task, in the same order.
    checksums : list of str
        SHA-256 of the files of trials.
    device : torch.device
    code : str
        Digest of the code.
    root : int
        Root seed: that of the settings, or one of this job's own where they have none.
    """

    settings: Mapping[str, Any]
    seeds: Sequence[int]
    training: list[TaskData]
    validation: list[TaskData]
    checksums: list[str]
    device: torch.device
    code: str = ""
    root: int = 0

    def stream_name(self, seed: int) -> list[str | int]:
        """Return the name of a network's random streams."""
        return [*self.settings["run"], seed]


def read_job(
    settings: Mapping[str, Any],
    seeds: Sequence[int],
    training: Sequence[str | Path],
    validation: Sequence[str | Path],
    device: torch.device,
    code: str = "",
) -> TrainingJob:
    """Read the trials of a job.

    Parameters
    ----------
    settings, seeds, device, code
        As in `TrainingJob`.
    training, validation : sequence of str or pathlib.Path
        Files of trials (netCDF), one each per task, in the same order.

    Raises
    ------
    FileNotFoundError, DamagedFileError
        As `warpline.core.result_files.read_dataset`.
    """
    all_scored = settings["training"].get("target") == "fixed"

    def read(paths: Sequence[str | Path]) -> list[TaskData]:
        return [
            TaskData.from_dataset(result_files.read_dataset(path), all_scored) for path in paths
        ]

    return TrainingJob(
        settings,
        seeds,
        read(training),
        [data.to(device) for data in read(validation)],
        [result_files.checksum(path) for path in [*training, *validation]],
        device,
        code,
        random_streams.root_of(settings["seed"]),
    )


@dataclass(frozen=True)
class PreparedMember:
    """A network ready for training, and the provenance of its files."""

    member: Member
    provenance: Mapping[str, Any]


def prepare_member(
    job: TrainingJob,
    seed: int,
    initial: str | Path | None = None,
    resume_path: Path | None = None,
) -> PreparedMember:
    """Build the network of a seed, with its random streams, provenance and resume key.

    Parameters
    ----------
    job : TrainingJob
    seed : int
        One of the job's.
    initial : str or pathlib.Path, optional
        Checkpoint file whose last weights the network starts from.
    resume_path : pathlib.Path, optional
        File for the state of an unfinished run.

    Raises
    ------
    FileNotFoundError, DamagedFileError
        When there is no such checkpoint file, or it is damaged.
    """
    root, architecture = job.root, job.settings["architecture"]
    stream_name = job.stream_name(seed)
    first_task = job.training[0]
    model = build_model(
        architecture,
        n_inputs=first_task.inputs.shape[-1],
        n_outputs=first_task.n_outputs,
        dt=first_task.dt,
        seed=random_streams.integer_seed(root, "weights", *stream_name, bits=63),
    )

    # Nothing here names the other seeds of the job: files do not depend on how seeds are cut into jobs.
    provenance: dict[str, Any] = {
        "settings": {**job.settings, "streams": {"weights": stream_name, "run": stream_name}},
        "code": job.code,
        "device": job.device.type,
    }
    if initial:
        pretrained = CheckpointFile(initial)
        provenance["pretraining"] = pretrained.status
        pretrained.load_into(model)
    model.to(job.device)
    if hasattr(model, "kernel"):
        provenance["kernel"] = model.kernel
    # The exception: trained as one, the last bits of a network depend on the others.
    if job.device.type == "cuda" and len(job.seeds) > 1 and can_be_batched(model):
        provenance["trained_as_one"] = [job.stream_name(other) for other in job.seeds]

    # A state of other settings, code, device, trials or initial weights must not be resumed.
    causes = [provenance, *job.checksums]
    if initial:
        causes.append(result_files.checksum(initial))
    resume_key = hashlib.sha256(json.dumps(causes, sort_keys=True).encode()).hexdigest()
    order = BatchOrder(
        [len(data) for data in job.training],
        architecture["batch_size"],
        root,
        ("order", *stream_name),
        job.settings["training"].get("interleave", True),
    )
    noise_seed = random_streams.integer_seed(root, "noise", *stream_name, bits=63)
    return PreparedMember(Member(model, order, noise_seed, resume_path, resume_key), provenance)


def train_members(
    job: TrainingJob, prepared: Sequence[PreparedMember], folders: Sequence[Path]
) -> list[TrainingRun]:
    """Train the networks of a job: as one on a GPU, one after another on a CPU.

    Parameters
    ----------
    job : TrainingJob
    prepared : sequence of PreparedMember
    folders : sequence of pathlib.Path
        Folder of each network's results, which names it in TensorBoard.

    Returns
    -------
    list of TrainingRun
        In the order of `prepared`.
    """
    settings = job.settings["training"]
    members = [network.member for network in prepared]
    if "trained_as_one" in prepared[0].provenance:
        return train_ensemble(members, job.training, job.validation, settings)
    runs = []
    for member, folder in zip(members, folders, strict=True):
        with tensorboard_callback(folder) as callback:
            run = train(
                member.model,
                job.training,
                job.validation,
                settings,
                member.order,
                member.noise_seed,
                member.resume_path,
                member.resume_key,
                callback,
            )
        runs.append(run)
    return runs


def checkpoint_summary(run: TrainingRun) -> list[dict[str, Any]]:
    """Return step, loss and accuracy of each checkpoint, means over the tasks of a run.

    The loss is None where it is not finite.
    """
    return [
        {
            "step": step,
            "loss": none_for_nan(float(np.mean([row.loss for row in run.at(step)]))),
            "accuracy": float(np.mean([row.accuracy for row in run.at(step)])),
        }
        for step in run.checkpoints
    ]


def write_member(
    job: TrainingJob,
    prepared: PreparedMember,
    run: TrainingRun,
    checkpoints: str | Path,
    history: str | Path,
) -> None:
    """Write the kept checkpoints (safetensors) and the whole history (CSV) of a trained network."""
    provenance = {
        **prepared.provenance,
        "status": run.status,
        "last_step": run.step,
        "ideal": float(np.mean([data.ideal for data in job.validation])),
        "chance": float(np.mean([data.chance for data in job.validation])),
    }
    # Which fractions of training a step is near is known only now that the run has ended.
    fractions = job.settings["training"]["checkpoints"].get("keep")
    steps = kept_steps(sorted(run.checkpoints), fractions)
    weights = {step: run.checkpoints[step] for step in steps}
    summary = [row for row in checkpoint_summary(run) if row["step"] in weights]
    write_checkpoints(checkpoints, weights, summary, provenance)
    table = pd.DataFrame([vars(row) for row in run.history])
    result_files.write_table(table, history, provenance)
