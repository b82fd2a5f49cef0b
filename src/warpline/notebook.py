"""Warpline in a notebook: compare systems, choose the parameters of DSA, open the results of a run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpline.core import result_files
from warpline.models.checkpoints import CheckpointFile
from warpline.pipeline.paths import ResultsFolder, split_seeds
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.training import Train
from warpline.pipeline.stages.trajectories import ComputeTrajectories
from warpline.pipeline.stages.trials import GenerateTrials
from warpline.system_sets import compare, compare_groups

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray
    from torch import nn

    from warpline.similarity.dsa.selection import DSAChoice

__all__ = [
    "Run",
    "choose_dsa",
    "compare",
    "compare_groups",
    "list_runs",
    "load_table",
    "open_run",
]


def choose_dsa(systems: Mapping[str, Any] | Sequence[Any], **options: Any) -> DSAChoice:
    """Choose the delays, the interval and the rank of DSA for some systems, by held-out prediction.

    Parameters
    ----------
    systems : mapping of str to states, or sequence of states
        Each an array or a list of trials, see `warpline.similarity.recordings.as_recording`. Give all systems
        that will be compared: one setting keeps their pairs comparable.
    **options
        Of `warpline.similarity.dsa.selection.choose_dsa`, which states the rule: ``n_delays``,
        ``delay_intervals``, ``ranks``, ``horizons``, ``keep``, ``ridge``, ``seed`` and others.

    Returns
    -------
    DSAChoice
        ``n_delays``, ``delay_interval``, ``rank``; ``status``; the tables ``settings`` and ``sweep``.

    Raises
    ------
    ValueError
        When the systems or the candidates cannot be used; the message says what it expects.

    Examples
    --------
    >>> import numpy as np
    >>> phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (30, 1))
    >>> seen = np.cos(0.3 * np.arange(40) + phase)[..., None]
    >>> choice = choose_dsa({"rotation": seen}, ranks=[1, 2])
    >>> choice.n_delays, choice.rank, choice.status
    (2, 2, 'better than persistence')
    """
    from warpline.similarity.dsa import selection

    if isinstance(systems, Mapping):
        named = {str(name): states for name, states in systems.items()}
        return selection.choose_dsa(named, **options)
    return selection.choose_dsa(list(systems), **options)


@dataclass(frozen=True)
class Run:
    """One trained network of a pipeline run.

    Attributes
    ----------
    name, taskset, architecture, curriculum : str
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
        folder = ResultsFolder(self.results / self.name)
        return Path(folder.at(pattern).format(**{**vars(self), **wildcards}))

    @property
    def _checkpoints_path(self) -> Path:
        return self._path(Train.outputs["checkpoints"])

    @property
    def checkpoints(self) -> CheckpointFile:
        """The file of checkpoints, read anew."""
        return CheckpointFile(self._checkpoints_path)

    @property
    def info(self) -> dict[str, Any]:
        """Settings, status, device and code digest of the run, and a summary of its checkpoints."""
        return self.checkpoints.provenance

    @property
    def steps(self) -> list[int]:
        """Steps (numbers of updates) of the checkpoints."""
        return self.checkpoints.steps

    def weights(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the weights of one checkpoint, by default the last.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        """
        return self.checkpoints.weights(step)

    def model(self, step: int | None = None) -> nn.Module:
        """Return the network with the weights of one checkpoint, by default the last.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        """
        trials, checkpoints = self.trials(), self.checkpoints
        return checkpoints.network(
            checkpoints.settings["architecture"],
            n_inputs=trials.sizes["channel"],
            n_outputs=int(trials.attrs["n_outputs"]),
            dt=float(trials.attrs["dt"]),
            step=step,
        )

    def history(self) -> pd.DataFrame:
        """Return loss and accuracy over training."""
        return result_files.read_table(self._path(Train.outputs["history"]))

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

    def trials(self, task: str | None = None, split: str = "evaluation") -> xr.Dataset:
        """Return the trials of a task, by default the evaluation trials of the target."""
        if task is None:
            task = str(self.trajectories()["task"].values[0])
        pattern = GenerateTrials.outputs["trials"]
        return result_files.read_dataset(self._path(pattern, task=task, split=split))


def open_run(
    name: str,
    taskset: str,
    architecture: str,
    curriculum: str,
    seed: int,
    results: str | Path = "results",
) -> Run:
    """Open one trained network of a pipeline run.

    Raises
    ------
    FileNotFoundError
        When there is no such run; the message lists the runs with the most similar names.
    """
    run = Run(name, taskset, architecture, curriculum, seed, Path(results))
    if not run._checkpoints_path.is_file():
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
    """Return the trained networks of a configuration, sorted."""
    root = Path(results) / name / "training"
    runs = []
    for path in root.glob("*/*/*/seed~*/checkpoints.safetensors"):
        *_, taskset, architecture, curriculum, seed, _ = path.parts
        number = int(seed.removeprefix("seed~"))
        runs.append(Run(name, taskset, architecture, curriculum, number, Path(results)))
    return sorted(runs, key=lambda run: (run.taskset, run.architecture, run.curriculum, run.seed))


def load_table(
    name: str, taskset: str, table: str = "summary", results: str | Path = "results"
) -> pd.DataFrame:
    """Return a table of statistics: ``runs``, ``summary``, ``tests``, ``controls`` or ``learning``."""
    if table not in ComputeStatistics.outputs:
        raise ValueError(
            f"expected a table among {', '.join(ComputeStatistics.outputs)}, got '{table}'"
        )
    pattern = ResultsFolder(Path(results) / name).at(ComputeStatistics.outputs[table])
    return result_files.read_table(pattern.format(taskset=taskset))
