"""A training job as functions: files of each seed, resume keys, and how a run that diverges ends."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from warpline.comparison.statistics import run_table
from warpline.core import result_files, tensor_files
from warpline.models.checkpoints import CheckpointFile
from warpline.tasks.trials import generate_trials
from warpline.training.job import (
    checkpoint_summary,
    prepare_member,
    read_job,
    train_members,
    write_member,
)
from warpline.training.run import Evaluation, TrainingRun

SETTINGS = {
    "seed": 1,
    "run": ["Set", "rnn", "master"],
    "architecture": {
        "model": "leaky_rnn",
        "units": 12,
        "activation": "tanh",
        "init": "orthogonal",
        "gain": 1.0,
        "tau": 100.0,
        "noise": 0.05,
        "parameters": {},
        "batch_size": 16,
    },
    "training": {
        "trainable": "all",
        "max_steps": 12,
        "learning_rate": 1e-2,
        "gradient_clip": 1.0,
        "evaluate_every": 6,
        "target_fraction": 1.0,
        "sustained": 3,
        "checkpoints": {"log": 3, "every": 0, "steps": []},
        "resume_every": 5,
    },
}


@pytest.fixture
def trials(task_settings, tmp_path):
    """Return the files of training and validation trials."""
    paths = {}
    for split, count in (("train", 48), ("validation", 24)):
        paths[split] = tmp_path / f"{split}.nc"
        dataset = generate_trials(task_settings(), "Basic", split, count, 1)
        result_files.write_dataset(dataset, paths[split], {})
    return paths


@pytest.fixture
def make_job(trials):
    def make(seeds=(1,), settings=SETTINGS, code="c"):
        device = torch.device("cpu")
        return read_job(settings, seeds, [trials["train"]], [trials["validation"]], device, code)

    return make


@pytest.fixture
def finish(tmp_path):
    """Return a function that trains the networks of a job; it returns the folder of their files."""

    def run(job, name, **further):
        folders = [tmp_path / name / str(seed) for seed in job.seeds]
        networks = [prepare_member(job, seed, **further) for seed in job.seeds]
        runs = train_members(job, networks, folders)
        for network, result, folder in zip(networks, runs, folders, strict=True):
            write_member(job, network, result, folder / "c.safetensors", folder / "h.csv")
        return tmp_path / name

    return run


def changed(**changes):
    """Return the settings with other settings of the loop."""
    return SETTINGS | {"training": SETTINGS["training"] | changes}


@pytest.mark.slow
def test_two_seeds_leave_the_bytes_of_a_job_each(make_job, finish):
    both = finish(make_job((1, 2)), "both")
    for seed in (1, 2):
        alone = finish(make_job((seed,)), f"alone {seed}")
        for name in (f"{seed}/c.safetensors", f"{seed}/h.csv"):
            assert (both / name).read_bytes() == (alone / name).read_bytes()
    first, second = (CheckpointFile(both / f"{seed}/c.safetensors") for seed in (1, 2))
    assert not np.array_equal(first.weights(0)["weight_in"], second.weights(0)["weight_in"])


def test_files_name_the_run_and_its_seed(make_job, finish):
    folder = finish(make_job((2,)), "one")
    checkpoints = CheckpointFile(folder / "2/c.safetensors")
    assert checkpoints.settings["streams"] == {
        "weights": ["Set", "rnn", "master", 2],
        "run": ["Set", "rnn", "master", 2],
    }
    assert checkpoints.settings["training"] == SETTINGS["training"]
    assert checkpoints.status == "max_steps" and checkpoints.steps == [0, 1, 3, 12]
    history = result_files.read_table(folder / "2/h.csv")
    assert history["step"].tolist() == [0, 1, 3, 6, 12]
    header = result_files.read_table_metadata(folder / "2/h.csv")
    assert header["last_step"] == 12 and 0 < header["chance"] < header["ideal"] <= 1
    assert np.allclose(history["chance"], header["chance"])
    runs = run_table([(header, history)])
    assert runs["chance"].tolist() == [header["chance"]]


def test_kept_checkpoints_have_the_bytes_that_they_have_among_all(make_job, finish):
    folders = [
        finish(
            make_job(settings=changed(checkpoints=SETTINGS["training"]["checkpoints"] | keep)), name
        )
        for name, keep in (("all", {}), ("some", {"keep": [0.25]}))
    ]
    every, some = (CheckpointFile(folder / "1/c.safetensors") for folder in folders)
    assert (every.steps, some.steps) == ([0, 1, 3, 12], [0, 3, 12])
    assert some.provenance["checkpoints"] == [
        entry for entry in every.provenance["checkpoints"] if entry["step"] in some.steps
    ]
    for step in some.steps:
        for name, value in every.weights(step).items():
            assert value.tobytes() == some.weights(step)[name].tobytes()
    histories = [result_files.read_table(folder / "1/h.csv") for folder in folders]
    assert histories[0].equals(histories[1])


def test_the_order_of_the_seeds_changes_no_network(make_job, finish):
    a, b = finish(make_job((1, 2)), "a"), finish(make_job((2, 1)), "b")
    assert (a / "2/c.safetensors").read_bytes() == (b / "2/c.safetensors").read_bytes()


def test_training_starts_from_the_last_weights_of_a_pretraining(make_job, finish):
    pretraining = SETTINGS | {"run": ["Set", "rnn", "pretraining Basic"]}
    initial = finish(make_job(settings=pretraining), "pre") / "1/c.safetensors"
    folder = finish(make_job(), "main", initial=initial)
    checkpoints = CheckpointFile(folder / "1/c.safetensors")
    assert checkpoints.provenance["pretraining"] == "max_steps"
    for name, value in CheckpointFile(initial).weights().items():
        assert np.array_equal(checkpoints.weights(0)[name], value)


@pytest.mark.slow
def test_the_resume_key_depends_on_every_cause(make_job, finish, trials, task_settings):
    first, second = finish(make_job((1, 2)), "pre").glob("*/c.safetensors")

    def key(job, seed=1, **further):
        return prepare_member(job, seed, **further).member.resume_key

    keys = [
        key(make_job()),
        key(make_job(), seed=2),
        key(make_job(code="d")),
        key(make_job(settings=changed(max_steps=13))),
        key(make_job(settings=SETTINGS | {"seed": 2})),
        key(make_job(settings=SETTINGS | {"run": ["Set", "rnn", "other"]})),
        key(replace(make_job(), device=torch.device("meta"))),
        key(make_job(), initial=first),
        key(make_job(), initial=second),
    ]
    assert key(make_job()) == keys[0] == key(make_job((1, 2, 3)))
    for split in ("train", "validation"):
        dataset = generate_trials(task_settings(), "Basic", split, 32, 9)
        result_files.write_dataset(dataset, trials[split], {})
        keys.append(key(make_job()))
    assert len(set(keys)) == len(keys)


@pytest.mark.slow
def test_an_interrupted_job_is_resumed_with_its_key(make_job, finish, tmp_path, caplog):
    caplog.set_level("INFO")
    whole = finish(make_job(), "whole")
    state = tmp_path / "state.safetensors"
    finish(make_job(), "first", resume_path=state)
    assert tensor_files.read_tensor_metadata(state)["step"] == 10
    resumed = finish(make_job(), "second", resume_path=state)
    assert "going on from update 10" in caplog.text
    for name in ("1/c.safetensors", "1/h.csv"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    finish(make_job(code="other"), "third", resume_path=state)
    assert "other parameters, code or trials" in caplog.text


def test_a_run_that_diverges_is_a_status(make_job, finish):
    settings = changed(learning_rate=1e38, gradient_clip=1e30)
    settings["architecture"] = SETTINGS["architecture"] | {"activation": "relu"}
    folder = finish(make_job((1, 2), settings), "diverged")
    for seed in (1, 2):
        checkpoints = CheckpointFile(folder / f"{seed}/c.safetensors")
        assert checkpoints.status == "diverged" and checkpoints.steps[0] == 0
        for step in checkpoints.steps:
            assert all(np.isfinite(value).all() for value in checkpoints.weights(step).values())


def test_networks_are_trained_as_one_on_a_gpu_alone(make_job):
    alone = make_job()
    both = replace(alone, seeds=(1, 2))
    for job in (alone, both):
        assert "trained_as_one" not in prepare_member(job, 1).provenance


@pytest.mark.gpu
def test_networks_trained_as_one_name_each_other(make_job, finish, cuda):
    job = make_job((1, 2))
    job = replace(job, device=cuda, validation=[data.to(cuda) for data in job.validation])
    folder = finish(job, "gpu")
    for seed in (1, 2):
        provenance = CheckpointFile(folder / f"{seed}/c.safetensors").provenance
        assert provenance["trained_as_one"] == [
            ["Set", "rnn", "master", 1],
            ["Set", "rnn", "master", 2],
        ]


def test_the_summary_is_the_mean_over_tasks(make_job):
    def row(step, task, loss, accuracy):
        return Evaluation(step, task, loss, accuracy, 1.0, 0.5, 0.5)

    history = [
        row(0, "A", 1.0, 0.2),
        row(0, "B", 2.0, 0.4),
        row(5, "A", 0.5, 0.6),
        row(9, "A", float("nan"), 0.0),
    ]
    run = TrainingRun(history=history, checkpoints={0: {}, 9: {}})
    assert checkpoint_summary(run) == [
        {"step": 0, "loss": 1.5, "accuracy": pytest.approx(0.3)},
        {"step": 9, "loss": None, "accuracy": 0.0},
    ]
