"""Masks of recorded times: how long each trial is, where what is hidden ends it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import TrialError

__all__ = ["recorded_lengths"]


def recorded_lengths(
    array: NDArray[Any], valid: Any, hidden: NDArray[np.bool_] | None, name: str
) -> list[int] | None:
    """Return the number of recorded times of each trial; None where nothing is hidden."""
    if valid is None and hidden is None:
        return None
    recorded = np.ones(array.shape[:2], dtype=bool)
    if valid is not None:
        dims = getattr(valid, "dims", None)
        given = np.asarray(valid if dims is None else valid.transpose("trial", "time"))
        if given.shape != recorded.shape or given.dtype != bool:
            raise TrialError(
                f"valid as an array of bool (trial, time) for {name}, {recorded.shape}",
                f"{given.dtype} of shape {given.shape}",
                "Give True for each time that was recorded.",
            )
        recorded &= given
    if hidden is not None:
        if not (hidden.all(axis=2) == hidden.any(axis=2)).all():
            raise TrialError(
                f"a mask of {name} that hides whole times",
                "a mask that hides some units of a time",
                "Drop those units or trials, or fill their values.",
            )
        recorded &= ~hidden.all(axis=2)
    lengths = recorded.sum(axis=1)
    ends = np.arange(recorded.shape[1]) < lengths[:, None]
    if not (recorded == ends).all():
        trial = int(np.argwhere((recorded != ends).any(axis=1))[0, 0])
        raise TrialError(
            f"the hidden times of {name} at the end of each trial",
            f"a gap inside trial {trial}",
            "Split the trial at the gap into two trials, or interpolate.",
        )
    if not lengths.all():
        raise TrialError(
            f"at least one recorded time in every trial of {name}",
            f"trial {int(np.argmin(lengths))} without any",
            "Drop the trial.",
        )
    return [int(length) for length in lengths]
