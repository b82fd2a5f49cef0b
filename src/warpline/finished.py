"""Keep a finished run until Snakemake knows of it.

When Snakemake is killed, its jobs on a cluster go on and finish, but nobody records that they did: run
again, Snakemake deletes what they made and submits them anew. So a training job leaves second names (hard
links, which take no space) of its results beside its resume state. A job that is started again with the
same causes puts them back instead of training twice. `forget` removes them when a run has ended well.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from warpline import store

__all__ = ["forget", "keep", "restore"]

log = logging.getLogger(__name__)

PREFIX = "finished-"


def _second_names(outputs: Sequence[Path], folder: Path, key: str) -> list[Path]:
    return [folder / f"{PREFIX}{key[:16]}-{path.name}" for path in outputs]


def keep(outputs: Sequence[Path], folder: Path, key: str) -> None:
    """Give the results of a run second names; without effect where the file system has no hard links.

    Parameters
    ----------
    outputs : sequence of pathlib.Path
        Files that `warpline.store` wrote.
    folder : pathlib.Path
        Where the resume state is.
    key : str
        Hash of all that the run depends on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, second in zip(outputs, _second_names(outputs, folder, key), strict=True):
        for file, name in ((path, second), (store.sidecar(path), store.sidecar(second))):
            try:
                name.unlink(missing_ok=True)
                os.link(file, name)
            except OSError as error:
                log.info("no second name for %s: %s", file, error)


def restore(outputs: Sequence[Path], folder: Path, key: str) -> bool:
    """Put back the results of a run of the same causes that is already finished.

    Returns
    -------
    bool
        Whether they are there: complete, undamaged, of the same key.
    """
    kept = _second_names(outputs, folder, key)
    for path in kept:
        if not path.is_file() or store.damage(path) is not None:
            return False
    for path, second in zip(outputs, kept, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, name in ((path, second), (store.sidecar(path), store.sidecar(second))):
            file.unlink(missing_ok=True)
            os.link(name, file)
            os.utime(file)
    log.info("already finished by a job that outlived its Snakemake: its results are taken")
    return True


def forget(folder: Path) -> None:
    """Remove all second names below a folder, and the folders that this leaves empty."""
    for path in folder.rglob(f"{PREFIX}*"):
        path.unlink(missing_ok=True)
    for place in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(place.iterdir()):
            place.rmdir()
