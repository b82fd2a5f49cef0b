"""Training curves that can be followed while a network learns: TensorBoard event files."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warpline.training.loop import Evaluation

__all__ = ["VARIABLE", "watching"]

VARIABLE = "WARPLINE_TENSORBOARD"
"""Environment variable with the folder of all event files. Not a setting: who looks on changes no number,
so a run must not be made anew because of it."""


@contextmanager
def watching(run: Path) -> Iterator[Callable[[Sequence[Evaluation]], None] | None]:
    """Give what `warpline.training.loop.train` calls with its evaluations; None where nobody asked.

    Parameters
    ----------
    run : pathlib.Path
        Folder of the run's results; its last parts (stage to seed) name the run in TensorBoard.

    Raises
    ------
    ModuleNotFoundError
        When it was asked for (``jobs.tensorboard``) and tensorboard is not installed.
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
    # torch's logger and a line in the job's log say where to look.
    place = Path(folder).joinpath(*run.parts[-5:])
    logging.getLogger(__name__).info("tensorboard --logdir %s", folder)
    with SummaryWriter(log_dir=str(place), flush_secs=10) as writer:

        def show(rows: Sequence[Evaluation]) -> None:
            for row in rows:
                for name in ("loss", "accuracy", "gradient_norm"):
                    value = getattr(row, name)
                    if math.isfinite(value):
                        writer.add_scalar(f"{name}/{row.task}", value, row.step)

        yield show
