"""One step of Dormand and Prince's 5(4) method, for many trajectories with a step size each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from scipy.integrate import RK45
from torch import Tensor

__all__ = ["Step", "dormand_prince"]

#: The error of a step goes with this power of its size.
ORDER = 5


@dataclass(frozen=True)
class Step:
    """A step of a batch of trajectories, taken or tried.

    Attributes
    ----------
    before, after : Tensor, shape (trajectory, variable)
    size : Tensor, shape (trajectory,)
    slopes : Tensor, shape (trajectory, variable, stage)
    error : Tensor, shape (trajectory, variable)
        Estimated local error of `after`.
    extra : Any
        What the right-hand side gave beside the slope at `after`.
    """

    before: Tensor
    after: Tensor
    size: Tensor
    slopes: Tensor
    error: Tensor
    extra: Any

    def at(self, fraction: Tensor) -> Tensor:
        """Return the states at a fraction of the step, by its interpolant of fourth order.

        (trajectory,) or (trajectory, place) to (trajectory, variable) or (trajectory, place, variable).
        """
        powers = fraction[..., None] ** torch.arange(1, 5, device=fraction.device)
        polynomial = self.slopes @ _tableau(RK45.P, self.slopes)
        change = torch.einsum("nvp,n...p->n...v", polynomial, powers)
        lifted = (slice(None), *(None,) * (fraction.ndim - 1))
        return self.before[lifted] + self.size[(*lifted, None)] * change

    def __getitem__(self, which: Tensor) -> Step:
        """Return the step of some of the trajectories, without `extra`."""
        return Step(
            self.before[which],
            self.after[which],
            self.size[which],
            self.slopes[which],
            self.error[which],
            None,
        )


def _tableau(coefficients: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(coefficients, dtype=like.dtype, device=like.device)


def dormand_prince(
    slope_at: Callable[[Tensor], tuple[Tensor, Any]], state: Tensor, slope: Tensor, size: Tensor
) -> Step:
    """Try a step of an autonomous system; six evaluations, one for all trajectories at each stage.

    The coefficients are those of scipy's RK45; scipy itself has one step size for all trajectories, and
    stops all of them where the first one ends.

    Parameters
    ----------
    slope_at : callable
        (trajectory, variable) to the slope, of the same shape, and anything else.
    state, slope : Tensor, shape (trajectory, variable)
        Where the step starts, and the slope there.
    size : Tensor, shape (trajectory,)
    """
    a, b, e = (_tableau(x, state) for x in (RK45.A, RK45.B, RK45.E))
    slopes = [slope]
    for row in range(1, len(a)):
        reached = torch.stack(slopes, dim=2) @ a[row, :row]
        slopes.append(slope_at(state + size[:, None] * reached)[0])
    after = state + size[:, None] * (torch.stack(slopes, dim=2) @ b)
    last, extra = slope_at(after)
    stacked = torch.stack([*slopes, last], dim=2)
    return Step(state, after, size, stacked, size[:, None] * (stacked @ e), extra)
