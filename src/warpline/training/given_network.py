"""A network with weights from elsewhere, evaluated and kept as a run of one checkpoint."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.models.checkpoints import write_checkpoints
from warpline.models.given_weights import WeightsError, network_from_file
from warpline.training.batches import TaskData
from warpline.training.job import checkpoint_summary
from warpline.training.loop import evaluate
from warpline.training.run import TrainingRun

__all__ = ["import_network"]

log = logging.getLogger(__name__)


def import_network(
    settings: Mapping[str, Any],
    seed: int,
    validation: Sequence[str | Path],
    checkpoints: str | Path,
    history: str | Path,
    code: str = "",
) -> None:
    """Write the checkpoint file and the history of a network whose weights a file holds.

    Parameters
    ----------
    settings : mapping
        ``run`` (task set, architecture and curriculum), ``architecture``, and ``source``: ``file`` of the
        weights (`warpline.models.given_weights.read_weights`) and its ``sha256``. ``target``: "fixed" where
        accuracy counts trials without a right answer, too, as that of trained networks does then.
    seed : int
        Number that stands for the network.
    validation : sequence of str or pathlib.Path
        Files of validation trials (netCDF), on which the network is evaluated.
    checkpoints, history : str or pathlib.Path
        Files to write: one checkpoint, at step 0, and its accuracy by task. The status is ``given``.
    code : str
        Digest of the code.

    Raises
    ------
    WeightsError
        When the weights do not fit, or the file is not the one that the job was made for.
    FileNotFoundError, DamagedFileError
        When the trials cannot be read.
    """
    source = settings["source"]["file"]
    if result_files.checksum(source) != settings["source"]["sha256"]:
        raise WeightsError(
            f"expected {source} as it was when the jobs were planned, but it has changed since: run again"
        )
    all_scored = settings.get("target") == "fixed"
    tasks = [
        TaskData.from_dataset(result_files.read_dataset(path), all_scored) for path in validation
    ]
    given = network_from_file(
        source, settings["architecture"], tasks[0].inputs.shape[-1], tasks[0].n_outputs, tasks[0].dt
    )
    for name, kind in given.converted.items():
        log.warning("%s: %s was converted to the model's numerical type", name, kind)

    run = TrainingRun(status="given", history=evaluate(given.model, tasks, 0, math.nan))
    # Buffers too, such as running means: a model of one's own may have some.
    run.checkpoints[0] = {name: value.numpy() for name, value in given.model.state_dict().items()}
    provenance = {
        "settings": {**settings, "streams": {"run": [*settings["run"], seed]}},
        "converted": given.converted,
        "code": code,
        "device": "cpu",
        "status": run.status,
        "last_step": run.step,
        "ideal": float(np.mean([data.ideal for data in tasks])),
        "chance": float(np.mean([data.chance for data in tasks])),
    }
    write_checkpoints(checkpoints, run.checkpoints, checkpoint_summary(run), provenance)
    result_files.write_table(pd.DataFrame([vars(row) for row in run.history]), history, provenance)
