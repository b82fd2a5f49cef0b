"""Warpline in a notebook: compare two systems, and open what a pipeline run has made."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.core import plugins, result_files
from warpline.pipeline.paths import Layout, split_seeds

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["Run", "compare", "list_runs", "load_table", "open_run"]

DIMS = ("trial", "time", "unit")
UNIT_NAMES = ("unit", "component", "channel")


def _states(value: Any) -> NDArray[np.float64]:
    """Return states as (trial, time, unit); a DataArray may have its dimensions in any order."""
    dims = getattr(value, "dims", None)
    if dims is None:
        array = np.asarray(value, dtype=np.float64)
        if array.ndim != 3:
            raise ValueError(
                f"expected states of shape (trial, time, unit), got {array.ndim} dimensions: {array.shape}"
            )
        return array
    unit = [name for name in UNIT_NAMES if name in dims]
    if len(dims) != 3 or len(unit) != 1 or not {"trial", "time"} <= set(dims):
        raise ValueError(
            f"expected the dimensions trial, time and unit, got {', '.join(map(str, dims))}"
        )
    return np.asarray(value.transpose("trial", "time", unit[0]).values, dtype=np.float64)


def compare(x: Any, y: Any, measure: str = "cka", seed: int = 0, **settings: Any) -> dict[str, Any]:
    """Compare two systems by one measure.

    Parameters
    ----------
    x, y : ndarray, shape (trial, time, unit), or DataArray with the dims trial, time, unit
        States of the two systems. For CKA and Procrustes, on the same trials.
    measure : str
        ``cka``, ``cka_debiased``, ``procrustes``, ``dsa``, or ``path/to/file.py:Name`` of your own.
    seed : int
        For measures that search from random starts.
    **settings
        Of the measure, e.g. ``n_delays=10, rank=10`` for DSA.

    Returns
    -------
    dict
        ``dissimilarity`` (0 for equal systems), ``status``, and the measure's own entries.

    Raises
    ------
    ValueError
        When the states are not what the measure can take; the message says what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(20, 30, 5))
    >>> round(compare(x, x[..., ::-1], measure="procrustes")["dissimilarity"], 6)
    0.0
    """
    module = plugins.load("similarity", measure)
    known = getattr(module, "SETTINGS", settings)
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise ValueError(
            f"expected settings of {measure} among {', '.join(known) or 'none'}; got {', '.join(unknown)}"
        )
    representations = [module.represent(_states(value), settings=settings) for value in (x, y)]
    rows: list[dict[str, Any]] = module.compare_pairs(
        representations, [(0, 1)], settings=settings, seed=seed
    )
    return rows[0]


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

    def _path(self, pattern: str) -> Path:
        return Path(pattern.format(**vars(self)))

    @property
    def _layout(self) -> Layout:
        return Layout(self.results / self.name)

    @property
    def info(self) -> dict[str, Any]:
        """Settings, status, device and code digest of the run, and its checkpoints."""
        return result_files.read_tensor_metadata(self._path(self._layout.checkpoints("training")))

    @property
    def steps(self) -> list[int]:
        """The updates that left a checkpoint."""
        return [entry["step"] for entry in self.info["checkpoints"]]

    def weights(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the weights of one checkpoint, by default the last.

        Raises
        ------
        KeyError
            When the run has no checkpoint of that step.
        """
        step = self.steps[-1] if step is None else step
        if step not in self.steps:
            raise KeyError(f"expected a step among {self.steps}, got {step}")
        path = self._path(self._layout.checkpoints("training"))
        return result_files.read_tensors(path, f"{step:08d}/")[0]

    def model(self, step: int | None = None) -> Any:
        """Return the network (`torch.nn.Module`) with the weights of one checkpoint."""
        import torch

        from warpline.models.base import build_model

        trials = self.trials()
        network = build_model(
            self.info["settings"]["architecture"],
            n_inputs=trials.sizes["channel"],
            n_outputs=int(trials.attrs["n_outputs"]),
            dt=float(trials.attrs["dt"]),
            seed=0,
        )
        network.load_state_dict({k: torch.from_numpy(v) for k, v in self.weights(step).items()})
        return network

    def history(self) -> pd.DataFrame:
        """Return loss and accuracy over training."""
        return result_files.read_table(self._path(self._layout.history("training")))

    def trajectories(self) -> xr.Dataset:
        """Return the hidden states of the kept checkpoints (checkpoint, trial, time, component)."""
        folder = Path(self._layout.trajectories.partition("/seed~")[0].format(**vars(self)))
        for path in sorted(folder.glob("seed~*.nc")):
            if self.seed in split_seeds(path.stem.removeprefix("seed~")):
                return result_files.read_dataset(path).sel(seed=self.seed)
        raise FileNotFoundError(
            f"expected trajectories of seed {self.seed} in {folder}, found none"
        )

    def trials(self, task: str | None = None, split: str = "evaluation") -> xr.Dataset:
        """Return trials of one task, by default the evaluation trials that networks are compared on."""
        if task is None:
            task = str(self.trajectories()["task"].values[0])
        return result_files.read_dataset(
            self._layout.trials.format(taskset=self.taskset, task=task, split=split)
        )


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
        When there is no such run; the message lists the nearest that there are.
    """
    run = Run(name, taskset, architecture, curriculum, seed, Path(results))
    if not run._path(run._layout.checkpoints("training")).is_file():
        wanted = f"{taskset}/{architecture}/{curriculum}/seed {seed}"
        known = [
            f"{r.taskset}/{r.architecture}/{r.curriculum}/seed {r.seed}"
            for r in list_runs(name, results)
        ]
        near = difflib.get_close_matches(wanted, known, n=4) or known
        raise FileNotFoundError(
            f"no run {wanted} in {Path(results) / name}; there are"
            f"{', among others' if len(near) < len(known) else ''}: {', '.join(near) or 'none'}"
            f"{'' if known else ' (is that the folder of a pipeline run? see results=)'}"
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
    """Return a table of statistics: ``runs``, ``summary``, ``tests`` or ``controls``."""
    return result_files.read_table(
        Layout(Path(results) / name).table(table).format(taskset=taskset)
    )
