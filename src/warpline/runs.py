"""The results of a pipeline run: its networks, with their tasks' inputs, and its tables."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpline.core import result_files
from warpline.core.number_arguments import short_text, takes_numbers
from warpline.core.random_streams import SEED_BOUND
from warpline.models.checkpoints import CheckpointFile
from warpline.pipeline.paths import split_seeds
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.training import Pretrain, Train
from warpline.pipeline.stages.trajectories import ComputeTrajectories
from warpline.pipeline.stages.trials import GenerateEvaluationTrials, GenerateTrials

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray
    from torch import nn

    from warpline.geometry.derivatives.dynamics import Dynamics
    from warpline.geometry.derivatives.input_manifold import InputManifold
    from warpline.tasks.base import RuleTask

__all__ = ["Run", "list_runs", "load_table", "open_run"]

LONGEST_NAME = 255
"""Bytes of the name of a file or folder on Linux."""
PRETRAINING = "pretraining "
"""What the curriculum of a pretrained network starts with; the tasks follow, joined by +."""


@dataclass(frozen=True)
class Run:
    """One network of a pipeline run: trained, or given by its weights.

    Attributes
    ----------
    name, taskset, architecture, curriculum : str
        The network that several curricula start from has the curriculum ``pretraining TASKS``.
    seed : int
    results : pathlib.Path
        The folder that holds ``<name>``.
    """

    name: str
    taskset: str
    architecture: str
    curriculum: str
    seed: int
    results: Path = Path("results")

    def _path(self, pattern: str, **wildcards: str) -> Path:
        # The fields are filled in before the folder comes to it: its name may hold braces.
        return self.results / self.name / pattern.format(**{**vars(self), **wildcards})

    def _training_path(self, output: str) -> Path:
        """Return an output of the job that trained the network."""
        stage = Pretrain if self.curriculum.startswith(PRETRAINING) else Train
        pretraining = self.curriculum.removeprefix(PRETRAINING)
        return self._path(stage.outputs[output], pretraining=pretraining)

    @property
    def checkpoints(self) -> CheckpointFile:
        """The file of checkpoints, read anew."""
        return CheckpointFile(self._training_path("checkpoints"))

    @property
    def info(self) -> dict[str, Any]:
        """Settings, status, device and code digest of the run, and a summary of its checkpoints."""
        return self.checkpoints.provenance

    @property
    def steps(self) -> list[int]:
        """Steps (numbers of updates) of the checkpoints."""
        return self.checkpoints.steps

    @takes_numbers()
    def weights(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the weights of one checkpoint, by default the last.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        """
        return self.checkpoints.weights(step)

    @takes_numbers()
    def model(self, step: int | None = None) -> nn.Module:
        """Return the network with the weights of one checkpoint, by default the last.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        """
        # All tasks of a task set have the same channels and outputs.
        trials, checkpoints = self.trials(self._learned_tasks()[0]), self.checkpoints
        return checkpoints.network(
            checkpoints.settings["architecture"],
            n_inputs=trials.sizes["channel"],
            n_outputs=int(trials.attrs["n_outputs"]),
            dt=float(trials.attrs["dt"]),
            step=step,
        )

    @takes_numbers()
    def dynamics(self, step: int | None = None) -> Dynamics:
        """Return the network as a map from state to state, in double precision, for `warpline.geometry`.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        TypeError
            When the model cannot be taken a step at a time.
        """
        from warpline.geometry.derivatives.dynamics import dynamics_of

        return dynamics_of(self.model(step))

    def history(self) -> pd.DataFrame:
        """Return loss and accuracy over training."""
        return result_files.read_table(self._training_path("history"))

    def trajectories(self) -> xr.Dataset:
        """Return the hidden states of the compared checkpoints (checkpoint, trial, time, component).

        Raises
        ------
        FileNotFoundError
            When the run has no trajectories, such as those of an analysis of warping alone.
        """
        folder = self._path(ComputeTrajectories.outputs["trajectories"].partition("/seed~")[0])
        for path in sorted(folder.glob("seed~*.nc")):
            if self.seed in split_seeds(path.stem.removeprefix("seed~")):
                return result_files.read_dataset(path).sel(seed=self.seed)
        raise FileNotFoundError(
            f"expected trajectories of seed {self.seed} in {folder}, found none"
        )

    # --- the task -------------------------------------------------------------------------------

    def _learned_tasks(self) -> list[str]:
        return [str(task) for task in self.history()["task"].unique()]

    @property
    def task(self) -> str:
        """The task on which the network is analysed: the target, or the one task that it learned.

        Raises
        ------
        ValueError
            When it learned several, and was compared on none.
        """
        try:
            return str(self.trajectories()["task"].values[0])
        except FileNotFoundError:
            tasks = self._learned_tasks()
        if len(tasks) == 1:
            return tasks[0]
        raise ValueError(f"expected the name of a task, one of {', '.join(tasks)}: say task=")

    def trials(self, task: str | None = None, split: str | None = None) -> xr.Dataset:
        """Return the trials of a task.

        Parameters
        ----------
        task : str, optional
            By default `task`.
        split : {"evaluation", "validation", "train"}, optional
            By default the first of these that there is: a network that only an analysis of warping uses has
            no evaluation trials.

        Raises
        ------
        FileNotFoundError
            When the run has no such trials.
        ValueError
            When there is no split of this name.
        """
        patterns = GenerateEvaluationTrials.outputs | GenerateTrials.outputs
        splits = [split] if split else ["evaluation", "validation", "train"]
        if unknown := set(splits) - set(patterns):
            raise ValueError(
                f"expected a split, one of {', '.join(patterns)}; got {unknown.pop()!r}"
            )
        task = self.task if task is None else task
        paths = [self._path(patterns[one], task=task) for one in splits]
        return result_files.read_dataset(next((p for p in paths if p.is_file()), paths[0]))

    def environment(self, task: str | None = None) -> RuleTask:
        """Return the environment of a task, as its trials were made."""
        from warpline.tasks.trials import make_environment

        task = self.task if task is None else task
        settings = result_files.provenance_of(self.trials(task))["settings"]
        return make_environment(settings["taskset"], task)

    @takes_numbers()
    def input_manifold(
        self,
        timing: Mapping[str, float] | None = None,
        task: str | None = None,
        **condition: Any,
    ) -> InputManifold:
        """Return the noise-free inputs of the task as a function of its coordinates kappa.

        Parameters
        ----------
        timing : mapping of str to float, optional
            Durations in ms of the periods whose length varies, such as ``{"delay": 1000}``.
        task : str, optional
            By default `task`.
        **condition
            A value for each condition of the task, such as ``context=1``.

        Raises
        ------
        ValueError
            When a duration varies and is not fixed, or a condition is missing; the message names it.
        NotImplementedError
            When the task set states no coordinates.
        """
        from warpline.analyses.task_inputs import input_manifold

        return input_manifold(self.environment(task), timing, **condition)


def _is_part(name: str) -> bool:
    """Say whether a text can be one part of a path."""
    try:
        return "\0" not in name and len(os.fsencode(name)) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def _checked_names(**names: Any) -> None:
    """Refuse what is no name of a folder of results; each name is one part of a path.

    Raises
    ------
    TypeError
        When a name is no text.
    ValueError
        When it is no part of a path, or longer than one may be.
    """
    for what, name in names.items():
        if not isinstance(name, str):
            raise TypeError(f"expected {what} as text, got {type(name).__name__}")
        if name in ("", ".", "..") or "/" in name or not _is_part(name):
            raise ValueError(
                f"expected {what} as the name of one folder, of 1 to {LONGEST_NAME} bytes, got {name[:40]!r}"
            )


def _results_folder(results: Any) -> Path:
    """Return the folder of results; a TypeError or a ValueError where none can have this name."""
    if not isinstance(results, str | os.PathLike):
        raise TypeError(f"expected results as a path, got {type(results).__name__}")
    folder = Path(results)
    if not all(map(_is_part, folder.parts)):
        raise ValueError(
            f"expected results as a path whose parts have at most {LONGEST_NAME} bytes, and none of them 0, "
            f"got {str(folder)[:40]!r}"
        )
    return folder


@takes_numbers()
def open_run(
    name: str,
    taskset: str,
    architecture: str,
    curriculum: str,
    seed: int,
    results: str | Path = "results",
) -> Run:
    """Open one network of a pipeline run: of the grid, of an analysis of warping, or a pretrained one.

    Raises
    ------
    FileNotFoundError
        When there is no such run; the message lists the runs with the most similar names.
    TypeError, ValueError
        When a name is no text, or cannot be that of a folder; when the seed is negative.
    """
    _checked_names(name=name, taskset=taskset, architecture=architecture, curriculum=curriculum)
    if not 0 <= seed < SEED_BOUND:
        raise ValueError(f"expected a seed from 0 to {SEED_BOUND - 1}, got {short_text(seed)}")
    run = Run(name, taskset, architecture, curriculum, seed, _results_folder(results))
    if not run._training_path("checkpoints").is_file():
        wanted = f"{taskset}/{architecture}/{curriculum}/seed {seed}"
        names = [
            f"{r.taskset}/{r.architecture}/{r.curriculum}/seed {r.seed}"
            for r in list_runs(name, results)
        ]
        near = difflib.get_close_matches(wanted, names, n=4) or names
        raise FileNotFoundError(
            f"no run {wanted} in {Path(results) / name}; there are"
            f"{', among others' if len(near) < len(names) else ''}: {', '.join(near) or 'none'}"
            f"{'' if names else ' (is that the folder of a pipeline run? see results=)'}"
        )
    return run


def list_runs(name: str, results: str | Path = "results") -> list[Run]:
    """Return all networks of a configuration, sorted: trained, pretrained and given ones.

    Raises
    ------
    TypeError, ValueError
        When the name is no text, or cannot be that of a folder.
    """
    _checked_names(name=name)
    runs = []
    for folder, prefix in (("training", ""), ("pretraining", PRETRAINING)):
        root = _results_folder(results) / name / folder
        for path in root.glob("*/*/*/seed~*/checkpoints.safetensors"):
            *_, taskset, architecture, curriculum, seed, _ = path.parts
            digits = seed.removeprefix("seed~")
            if not digits.isdecimal() or str(int(digits)) != digits:
                # A copy by hand, such as "seed~1 (old)" or "seed~01", is no network of the run.
                continue
            number = int(digits)
            curriculum = prefix + curriculum
            runs.append(Run(name, taskset, architecture, curriculum, number, Path(results)))
    return sorted(runs, key=lambda run: (run.taskset, run.architecture, run.curriculum, run.seed))


def load_table(
    name: str, taskset: str, table: str = "summary", results: str | Path = "results"
) -> pd.DataFrame:
    """Return a table of statistics: ``runs``, ``summary``, ``tests``, ``controls`` or ``learning``.

    Raises
    ------
    FileNotFoundError
        When there is no such table; the message lists the task sets that have one.
    ValueError
        When no table has this name, or another name cannot be that of a folder.
    TypeError
        When a name is no text.
    """
    _checked_names(name=name, taskset=taskset, table=table)
    if table not in ComputeStatistics.outputs:
        raise ValueError(
            f"expected a table among {', '.join(ComputeStatistics.outputs)}, got '{table}'"
        )
    root = _results_folder(results) / name
    path = root / ComputeStatistics.outputs[table].format(taskset=taskset)
    if not path.is_file():
        tasksets = sorted(place.parent.name for place in root.glob(f"tables/*/{table}.csv"))
        raise FileNotFoundError(
            f"expected a table at {path}, found none; "
            + (
                f"there are those of {', '.join(tasksets)}"
                if tasksets
                else f"start Python in the folder that holds {results}, or run {name} to its end"
            )
        )
    return result_files.read_table(path)
