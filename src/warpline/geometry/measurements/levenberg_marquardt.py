"""Levenberg-Marquardt minimisation of |f(x)|^2 from many states at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["levenberg_marquardt"]

_FIRST_DAMPING = 1e-2
_LEAST_DAMPING, _MOST_DAMPING = 1e-8, 1e12
_ROUNDING = 10.0  # times the machine's precision
_FLAT = 1e-13  # a predicted relative fall of |f|^2 below this is rounding


def _step(jacobian: Tensor, residual: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Return steps p (row, state) of (J'J + damping) p = -J'f, and the fall of |f|^2 that they predict."""
    gradient = (jacobian.mT @ residual.unsqueeze(-1)).squeeze(-1)
    normal = jacobian.mT @ jacobian
    diagonal = normal.diagonal(dim1=-2, dim2=-1)
    # Above rounding, or Cholesky fails where zeros form a line and the damping has gone to nothing.
    damping = damping + _ROUNDING * torch.finfo(normal.dtype).eps * diagonal.sum(-1)
    diagonal.add_(damping.unsqueeze(-1))
    factor, failed = torch.linalg.cholesky_ex(normal)
    step = -torch.cholesky_solve(gradient.unsqueeze(-1), factor).squeeze(-1)
    predicted = damping * step.square().sum(-1) - (gradient * step).sum(-1)
    return step, torch.where(failed > 0, torch.inf, predicted)


def levenberg_marquardt(
    residual: Callable[[Tensor, Tensor], Tensor],
    jacobian: Callable[[Tensor, Tensor], Tensor],
    states: Tensor,
    inputs: Tensor,
    tolerance: float,
    scale: float,
    iterations: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise |f(x, u)|^2 from every row, each with a damping of its own.

    The damping is proportional to |f|. Near a zero the steps then become Newton's and converge
    quadratically, also where the zeros form a line and the Jacobian is singular (Yamashita and
    Fukushima 2001). A step that does not lessen |f| is rejected.

    Parameters
    ----------
    residual : callable
        (row, state), (row, channel) to f, (row, state).
    jacobian : callable
        (row, state), (row, channel) to df/dx, (row, state, state).
    states, inputs : Tensor, shapes (row, state) and (row, channel)
    tolerance : float
        A row has converged when |f| is at most this.
    scale : float
        Of the states: makes the damping free of their unit.
    iterations : int
        At most, per row.

    Returns
    -------
    states : Tensor, shape (row, state)
        Where each row ended, with the least |f| that it met.
    flat : Tensor, shape (row,), bool
        Where no step lessens |f| any more.
    used : Tensor, shape (row,), int64
        Iterations of each row.
    """
    states = states.clone()
    rows = states.shape[0]
    flat = torch.zeros(rows, dtype=torch.bool, device=states.device)
    used = torch.zeros(rows, dtype=torch.int64, device=states.device)
    active = torch.arange(rows, device=states.device)

    # Rows that start at a zero, or at no number, are left alone.
    x, u = states, inputs
    f = residual(x, u)
    size = f.norm(dim=-1)
    damping = torch.full_like(size, _FIRST_DAMPING)
    unfinished = torch.isfinite(size) & (size > tolerance)
    active, x, u, f, size, damping = (v[unfinished] for v in (active, x, u, f, size, damping))
    jacobians = jacobian(x, u) if len(active) else x.new_zeros(0)
    for _ in range(iterations):
        if not len(active):
            break
        used[active] += 1
        step, predicted = _step(jacobians, f, damping * size / scale)
        trial = x + step
        f_trial = residual(trial, u)
        size_trial = f_trial.norm(dim=-1)

        # The gain, the actual over the predicted fall, says how far the linear model can be trusted.
        gain = (size.square() - size_trial.square()) / predicted
        better = torch.isfinite(size_trial) & torch.isfinite(gain) & (size_trial < size)
        stuck = (predicted <= _FLAT * size.square()) | (damping >= _MOST_DAMPING)
        damping = torch.where(better, damping, damping * 10)
        damping = torch.where(better & (gain > 0.75), damping / 10, damping)
        damping = damping.clamp(_LEAST_DAMPING, _MOST_DAMPING)
        x = torch.where(better.unsqueeze(-1), trial, x)
        f = torch.where(better.unsqueeze(-1), f_trial, f)
        size = torch.where(better, size_trial, size)
        states[active] = x

        # Rows that are done leave the batch. Those that did not move keep their Jacobians.
        converged = size <= tolerance
        flat[active] = stuck & ~converged
        unfinished = ~(converged | stuck)
        moved = better[unfinished]
        active, x, u, f, size, damping = (v[unfinished] for v in (active, x, u, f, size, damping))
        jacobians = jacobians[unfinished]
        if moved.any():
            jacobians[moved] = jacobian(x[moved], u[moved])
    return states, flat, used
