"""Training curves that can be followed while a network learns: TensorBoard event files."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

__all__ = ["VARIABLE", "tensorboard_callback"]

VARIABLE = "WARPLINE_TENSORBOARD"
"""Environment variable with the folder of all event files.

It is no setting, because event files change no result: switching them on must re-run nothing.
"""


class Evaluation(Protocol):
    """What is shown of a `warpline.training.run.Evaluation`."""

    @property
    def task(self) -> str:
        """Name of the task."""

    @property
    def step(self) -> int:
        """Number of updates."""


@contextmanager
def tensorboard_callback(
    run: Path,
) -> Iterator[Callable[[Sequence[Evaluation]], None] | None]:
    """Yield the callback of `warpline.training.loop.train` that writes event files.

    It is None without ``jobs.tensorboard``.

    Parameters
    ----------
    run : pathlib.Path
        Folder of the run's results; its last parts (stage to seed) name the run in TensorBoard.

    Raises
    ------
    ModuleNotFoundError
        When event files are wanted (``jobs.tensorboard``) and tensorboard is not installed.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"jobs.tensorboard needs the package tensorboard: pip install 'warpline[monitor]' ({error})"
        ) from error
    # The log of the job shows the command that opens the event files.
    log_dir = Path(folder).joinpath(*run.parts[-5:])
    logging.getLogger(__name__).info("tensorboard --logdir %s", folder)
    with SummaryWriter(log_dir=str(log_dir), flush_secs=10) as writer:

        def write(rows: Sequence[Evaluation]) -> None:
            for row in rows:
                for name in ("loss", "accuracy", "gradient_norm"):
                    value = getattr(row, name)
                    if math.isfinite(value):
                        writer.add_scalar(f"{name}/{row.task}", value, row.step)

        yield write
