import numpy as np
import pytest
import torch

from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData


@pytest.fixture
def data(task_settings):
    settings = task_settings(task="DelayResponse")
    return TaskData.from_dataset(generate_trials(settings, "DelayResponse", "train", 50, 1))


def test_tensors_are_the_dataset(task_settings, data):
    dataset = generate_trials(task_settings(task="DelayResponse"), "DelayResponse", "train", 50, 1)
    assert np.array_equal(data.inputs.numpy(), dataset["inputs"].values)
    assert data.ideal == pytest.approx(dataset["ideal"].values[dataset["scored"].values].mean())
    assert data.n_outputs == 3 and len(data) == 50 and data.dt == 100


def test_rows_are_cut_to_the_longest_and_lose_nothing(data):
    lengths = data.valid.sum(1)
    short = (lengths < lengths.max()).nonzero().flatten()[:5]
    rows = data.rows(short)
    assert rows.inputs.shape[1] == lengths[short].max() < data.inputs.shape[1]
    assert rows.valid.sum() == lengths[short].sum()


def test_every_trial_once_an_epoch():
    order = BatchOrder([40], 10, seed=1, name=["x"])
    epochs = [torch.cat([order(step)[1] for step in range(4 * e, 4 * e + 4)]) for e in range(3)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(40))
    assert not torch.equal(epochs[0], epochs[1])


def test_tasks_are_interleaved_evenly():
    order = BatchOrder([40, 40, 40], 10, seed=1, name=["x"])
    tasks = [order(step)[0] for step in range(300)]
    for round_ in range(100):
        assert sorted(tasks[3 * round_ : 3 * round_ + 3]) == [0, 1, 2]
    assert tasks[:3] != tasks[3:6] or tasks[:3] != tasks[6:9]


def test_order_has_no_state():
    a, b = (BatchOrder([40, 30], 10, seed=1, name=["x"]) for _ in range(2))
    for step in range(37):
        a(step)
    assert a(37)[0] == b(37)[0] and torch.equal(a(37)[1], b(37)[1])


def test_too_few_trials():
    with pytest.raises(ValueError, match=r"expected at least one batch \(64 trials\), got 50"):
        BatchOrder([50], 64, seed=1, name=["x"])
