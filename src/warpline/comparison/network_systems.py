"""Networks at their checkpoints, as systems that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["System", "driven_systems_of", "systems_of"]


@dataclass(frozen=True, eq=False)
class System:
    """One network at one checkpoint.

    Attributes
    ----------
    architecture, curriculum : str
    seed : int
    step : int
        Number of updates.
    fraction : float
        step / the run's own last step.
    nominal_fraction : float
        Fraction of training that the checkpoint stands for: it is the nearest one to it.
    accuracy : float
        Accuracy on the validation trials, a mean over the tasks that the run trains.
    run_status : str
        Status of the run: ``converged``, ``max_steps``, ``diverged`` or ``untrained``.
    states : ndarray, shape (trial, time, component)
        States in the comparison window.
    variant : str
        Name of a control's change of the states or of the inputs; empty for the states as they are.
    inputs : ndarray, shape (trial, time, channel), or None
        Inputs that drove the network, in the comparison window; for measures that need them.
    conditions : ndarray of int, shape (trial,), or None
        Condition of each trial, for measures that take trials as repeats.
    """

    architecture: str
    curriculum: str
    seed: int
    step: int
    fraction: float
    nominal_fraction: float
    accuracy: float
    run_status: str
    states: NDArray[np.float64]
    variant: str = ""
    inputs: NDArray[np.floating[Any]] | None = None
    conditions: NDArray[np.integer[Any]] | None = None

    @property
    def identity(self) -> tuple[str, str, int, int, str]:
        """Run, step and variant: equal for two systems that are the same."""
        return (self.architecture, self.curriculum, self.seed, self.step, self.variant)


Inputs = Mapping[str, NDArray[np.floating[Any]]]
"""Inputs in the comparison window by drive; those of the evaluation trials have the name ``""``."""


def systems_of(dataset: xr.Dataset, inputs: Inputs | None = None) -> dict[int, list[System]]:
    """Return the systems of one architecture and curriculum, by seed, in order of nominal fraction.

    Parameters
    ----------
    dataset : xarray.Dataset
        See `warpline.comparison.trajectories.concatenate_seeds`.
    inputs : mapping of str to ndarray, optional
        What drove the networks (`warpline.comparison.drives.window_inputs`), for measures that need it.
    """
    states = dataset["states"].transpose("seed", "checkpoint", "trial", "time", "component").values
    conditions = dataset["condition"].values
    systems: dict[int, list[System]] = {}
    for i, seed in enumerate(dataset["seed"].values):
        systems[int(seed)] = [
            System(
                architecture=dataset.attrs["architecture"],
                curriculum=dataset.attrs["curriculum"],
                seed=int(seed),
                step=int(dataset["step"][i, k]),
                fraction=float(dataset["fraction"][i, k]),
                nominal_fraction=float(dataset["checkpoint"][k]),
                accuracy=float(dataset["accuracy"][i, k]),
                run_status=str(dataset["status"].values[i]),
                states=states[i, k, :, :, : int(dataset["n_components"][i, k])],
                inputs=None if inputs is None else inputs[""],
                conditions=conditions,
            )
            for k in range(dataset.sizes["checkpoint"])
        ]
    return systems


def driven_systems_of(
    dataset: xr.Dataset, inputs: Inputs | None = None
) -> dict[int, dict[str, System]]:
    """Return the networks after learning under other input noise, by seed and drive.

    Parameters
    ----------
    dataset, inputs
        As `systems_of`.

    Returns
    -------
    dict of int to dict of str to System
        Empty where the trajectories hold no other drives.
    """
    if "driven_states" not in dataset:
        return {}
    states = (
        dataset["driven_states"].transpose("seed", "drive", "trial", "time", "component").values
    )
    counts = dataset["driven_n_components"].transpose("seed", "drive").values
    return {
        seed: {
            str(drive): replace(
                systems[-1],
                states=states[i, k, :, :, : counts[i, k]],
                variant=str(drive),
                inputs=None if inputs is None else inputs[str(drive)],
            )
            for k, drive in enumerate(dataset["drive"].values)
        }
        for i, (seed, systems) in enumerate(systems_of(dataset, inputs).items())
    }
