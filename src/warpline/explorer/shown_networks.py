"""What the explorer shows of each network: its history, and its states by condition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.comparison.statistics import run_table
from warpline.core import result_files
from warpline.explorer.embedding import number, quantised
from warpline.figures.words import condition_in_words, name_of_ideal

__all__ = ["NetworkName", "as_entry", "condition_states", "histories", "runs"]


@dataclass(frozen=True)
class NetworkName:
    """What tells a network from all others of a run."""

    taskset: str
    architecture: str
    curriculum: str
    seed: int


def _updates(steps: Iterable[float]) -> list[int]:
    """Return numbers of updates as whole numbers; a ValueError where one is NaN or infinite."""
    steps = list(steps)
    if not np.isfinite(steps).all():
        raise ValueError(f"expected numbers of updates, got {steps}: make the file anew")
    return [int(step) for step in steps]


def _history(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the loss and the accuracy of each task, by update."""
    tasks = {}
    for task, of_task in rows.groupby("task", sort=False):
        of_task = of_task.sort_values("step")
        tasks[str(task)] = {
            "step": _updates(of_task["step"]),
            "loss": [number(loss, 4) for loss in of_task["loss"]],
            "accuracy": [number(accuracy, 4) for accuracy in of_task["accuracy"]],
        }
    return tasks


def histories(paths: Sequence[str | Path]) -> dict[NetworkName, dict[str, Any]]:
    """Return the training histories, by network.

    Parameters
    ----------
    paths : sequence of path
        Tables of the training, a file per network.

    Returns
    -------
    dict
        ``tasks`` (``step``, ``loss``, ``accuracy`` by task), and ``target_fraction``, the share of an ideal
        observer's accuracy at which training stopped; None where nothing was trained. ``held_against``:
        what that accuracy is (`warpline.figures.words.name_of_ideal`).
    """
    by_network = {}
    for path in paths:
        settings = result_files.read_table_metadata(path)["settings"]
        name = NetworkName(*settings["streams"]["run"])
        # A network from elsewhere has no training loop, but is held against the same.
        training = settings.get("training", settings)
        by_network[name] = {
            "tasks": _history(result_files.read_table(path)),
            "target_fraction": training.get("target_fraction"),
            "held_against": name_of_ideal(training),
        }
    return by_network


def runs(paths: Sequence[str | Path]) -> dict[NetworkName, dict[str, Any]]:
    """Return how each training ended (see `warpline.comparison.statistics.run_table`), by network."""
    tables = ((result_files.read_table_metadata(p), result_files.read_table(p)) for p in paths)
    by_network = {}
    for row in run_table(tables).to_dict("records"):
        name = NetworkName(*(row.pop(field) for field in NetworkName.__dataclass_fields__))
        by_network[name] = {
            str(key): number(value) if isinstance(value, float) else value
            for key, value in row.items()
        }
    return by_network


def _of_seed(dataset: xr.Dataset) -> dict[str, Any]:
    states = dataset["condition_states"].transpose("checkpoint", "condition", "time", "axis")
    return {
        "points": quantised(states.values),
        "axis_variance": [number(share, 4) for share in dataset["axis_variance"].values],
        "shown_variance": [number(share, 4) for share in dataset["shown_variance"].values],
        "step": _updates(dataset["step"].values),
        "actual": [number(fraction) for fraction in dataset["fraction"].values],
        "accuracy": [number(accuracy, 4) for accuracy in dataset["accuracy"].values],
    }


def condition_states(
    paths: Iterable[str | Path],
) -> tuple[dict[NetworkName, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the states averaged by condition, by network, and what the conditions are, by task set.

    Parameters
    ----------
    paths : iterable of path
        Files of `warpline.comparison.trajectories.split_condition_states`.
    """
    by_network: dict[NetworkName, dict[str, Any]] = {}
    conditions: dict[str, dict[str, Any]] = {}
    for path in paths:
        dataset = result_files.read_dataset(path)
        names = [str(dataset.attrs[key]) for key in ("taskset", "architecture", "curriculum")]
        conditions[names[0]] = {
            "label": [condition_in_words(str(label)) for label in dataset["label"].values],
            "signal": [number(signal, 4) for signal in dataset["signal"].values],
            "time": [number(time) for time in dataset["time"].values],
        }
        for seed in dataset["seed"].values:
            name = NetworkName(names[0], names[1], names[2], int(seed))
            by_network[name] = _of_seed(dataset.sel(seed=seed))
    return by_network, conditions


def as_entry(
    name: NetworkName, run: dict[str, Any], history: dict[str, Any], states: dict[str, Any] | None
) -> dict[str, Any]:
    """Return all that the page holds of a network."""
    return {**asdict(name), **run, "history": history, "states": states}
