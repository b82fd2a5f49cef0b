"""One step of Dormand and Prince's 5(4) method (1980), for many trajectories with a step size each."""

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
    """A step of a batch of trajectories, accepted or not.

    Attributes
    ----------
    before, after : Tensor, shape (trajectory, variable)
        States at the start and at the end.
    size : Tensor, shape (trajectory,)
    slopes : Tensor, shape (trajectory, variable, stage)
        The right-hand side at each stage.
    error : Tensor, shape (trajectory, variable)
        Estimated local error of `after`.
    extra : Any
        Second result of the right-hand side, at `after`.
    """

    before: Tensor
    after: Tensor
    size: Tensor
    slopes: Tensor
    error: Tensor
    extra: Any

    def at(self, fraction: Tensor) -> Tensor:
        """Return the states at a fraction of the step, by its interpolant of fourth order.

        (trajectory,) or (trajectory, sample) to (trajectory, variable) or (trajectory, sample, variable).
        """
        powers = fraction[..., None] ** torch.arange(1, 5, device=fraction.device)
        polynomial = self.slopes @ _tableau(RK45.P, self.slopes)
        change = torch.einsum("nvp,n...p->n...v", polynomial, powers)
        broadcast = (slice(None), *(None,) * (fraction.ndim - 1))
        return self.before[broadcast] + self.size[(*broadcast, None)] * change

    def __getitem__(self, rows: Tensor) -> Step:
        """Return the step of some of the trajectories, without `extra`."""
        return Step(
            self.before[rows],
            self.after[rows],
            self.size[rows],
            self.slopes[rows],
            self.error[rows],
            None,
        )


def _tableau(coefficients: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(coefficients, dtype=like.dtype, device=like.device)


def dormand_prince(
    derivative_at: Callable[[Tensor], tuple[Tensor, Any]],
    state: Tensor,
    slope: Tensor,
    size: Tensor,
) -> Step:
    """Try a step of an autonomous system; six evaluations, one for all trajectories at each stage.

    The coefficients are those of scipy's RK45; scipy itself has one step size for all trajectories, and
    stops all of them where the first one ends.

    Parameters
    ----------
    derivative_at : callable
        The right-hand side: states (trajectory, variable) to derivatives of the same shape, and
        anything else.
    state, slope : Tensor, shape (trajectory, variable)
        At the start of the step, the state and its derivative.
    size : Tensor, shape (trajectory,)
    """
    a, b, e = (_tableau(x, state) for x in (RK45.A, RK45.B, RK45.E))
    slopes = [slope]
    for row in range(1, len(a)):
        increment = torch.stack(slopes, dim=2) @ a[row, :row]
        slopes.append(derivative_at(state + size[:, None] * increment)[0])
    after = state + size[:, None] * (torch.stack(slopes, dim=2) @ b)
    # The last stage is the first one of the next step.
    last, extra = derivative_at(after)
    stacked = torch.stack([*slopes, last], dim=2)
    return Step(state, after, size, stacked, size[:, None] * (stacked @ e), extra)
