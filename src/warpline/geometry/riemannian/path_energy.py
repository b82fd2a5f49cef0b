"""Paths of least energy between fixed ends, by Gauss-Newton with Levenberg's damping.

E = n sum_s |Phi(kappa_{s+1}) - Phi(kappa_s)|^2 over n segments is least on a geodesic at constant speed,
where it is the length squared. Its Gauss-Newton matrix has blocks of tangent vectors alone, 2 A_s A_s'
and -A_s A_{s+1}' beside: first derivatives suffice, and a step of all paths is one banded solve.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import LinAlgError, solveh_banded
from torch import Tensor

from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import domain_lengths

__all__ = ["least_energy"]

FIRST_DAMPING = 1e-6
LEAST_DAMPING = 1e-13
MOST_DAMPING = 1e8
#: Of a node at once, in fractions of the domain: the energy sees states alone, and a node that is thrown
#: a turn further along a periodic coordinate would stay there.
LONGEST_MOVE = 0.05
#: Relative change of the energy that is rounding.
ROUNDING = 1e-14


def least_energy(
    immersion: Immersion, paths: Tensor, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor, int]:
    """Relax paths between their ends to least energy.

    Parameters
    ----------
    immersion : Immersion
    paths : Tensor, shape (path, node, coordinate)
        First guesses, ends included.
    tolerance : float
        A path counts as found when what remains to it is below this: the last step over (1 - rate),
        where successive steps shrink by `rate`, as a fraction of the path's length.
    iterations : int
        At most.

    Returns
    -------
    paths : Tensor, shape (path, node, coordinate)
    remaining : Tensor, shape (path,)
        What remains, in the sense of `tolerance`; infinite where steps did not shrink.
    iterations : int
        Taken.
    """
    paths = paths.clone()
    scales = domain_lengths(immersion.coordinates, paths)
    values, tangents = _evaluate(immersion, paths, scales)
    energy = _energy(values)
    damping = torch.full_like(energy, FIRST_DAMPING)
    remaining = torch.full_like(energy, torch.inf)
    last = torch.full_like(energy, torch.nan)
    # Paths of no length are where they should be.
    remaining[energy <= torch.finfo(energy.dtype).tiny] = 0.0
    taken = 0
    for taken in range(1, iterations + 1):
        on = ((remaining > tolerance) & (damping < MOST_DAMPING)).nonzero()[:, 0]
        if not len(on):
            return paths, remaining, taken - 1
        steps, size = _step(values[on], tangents[on], damping[on])
        most = steps.abs().amax((1, 2))
        part = torch.where(most > LONGEST_MOVE, LONGEST_MOVE / most, 1.0)
        steps = steps * part[:, None, None]
        trial = paths[on].clone()
        trial[:, 1:-1] += steps * scales
        new_values, new_tangents = _evaluate(immersion, trial, scales)
        new_energy = _energy(new_values)
        better = new_energy <= energy[on] * (1 + ROUNDING)
        damping[on] = torch.where(
            better, (damping[on] / 10).clamp(min=LEAST_DAMPING), damping[on] * 8
        )
        kept = on[better]
        relative = (size[better] / new_energy[better]).sqrt()
        rate = relative / last[kept]
        rate = torch.where(torch.isfinite(rate), rate, 0.5)
        remaining[kept] = torch.where(rate < 1, relative / (1 - rate).clamp(min=1e-3), torch.inf)
        # At the level of rounding, steps stop shrinking.
        remaining[kept] = torch.where(relative < 1e-9, relative, remaining[kept])
        last[kept] = relative
        paths[kept], energy[kept] = trial[better], new_energy[better]
        values[kept], tangents[kept] = new_values[better], new_tangents[better]
    return paths, remaining, taken


def _evaluate(immersion: Immersion, paths: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Return states (path, node, unit) and scaled tangent vectors (path, node, coordinate, unit)."""
    jet = immersion(paths.flatten(0, 1))
    shape = paths.shape[:2]
    return jet.value.unflatten(0, shape), (jet.first * scales[:, None]).unflatten(0, shape)


def _energy(values: Tensor) -> Tensor:
    energy = (values.shape[1] - 1) * values.diff(dim=1).square().sum((1, 2))
    return torch.where(torch.isfinite(energy), energy, torch.inf)


def _step(values: Tensor, tangents: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Return the damped Gauss-Newton step of the inner nodes, and its size in the energy's norm.

    (path, inner node, coordinate), in fractions of the domain, and (path,).
    """
    segments = values.shape[1] - 1
    inner = tangents[:, 1:-1]
    pull = values.diff(dim=1).diff(dim=1)
    gradient = -segments * torch.einsum("psiu,psu->psi", inner, pull)
    blocks = 2 * segments * inner @ inner.mT
    beside = -segments * inner[:, :-1] @ inner[:, 1:].mT
    mean = blocks.diagonal(dim1=2, dim2=3).mean((1, 2))
    while True:
        added = (damping * mean).clamp(min=torch.finfo(mean.dtype).tiny)
        damped = blocks + added[:, None, None, None] * torch.eye(
            blocks.shape[2], dtype=blocks.dtype
        )
        try:
            step = _solve(damped, beside, -gradient)
            break
        except LinAlgError:
            # Not positive definite to rounding: the metric is nearly degenerate along some path.
            damping = damping * 10
    moved = torch.einsum("psi,psij,psj->p", step, blocks, step)
    moved = moved + 2 * torch.einsum("psi,psij,psj->p", step[:, :-1], beside, step[:, 1:])
    return step, moved.clamp(min=0)


def _solve(blocks: Tensor, beside: Tensor, right: Tensor) -> Tensor:
    """Solve the symmetric block tridiagonal systems of all paths as one banded system."""
    paths, nodes, m = right.shape
    band = np.zeros((2 * m, paths, nodes, m))
    diagonal, off = blocks.numpy(force=True), beside.numpy(force=True)
    for i, j in np.ndindex(m, m):
        if j >= i:
            band[2 * m - 1 + i - j, :, :, j] = diagonal[:, :, i, j]
        band[m - 1 + i - j, :, 1:, j] = off[:, :, i, j]
    solved = solveh_banded(band.reshape(2 * m, -1), right.numpy(force=True).ravel())
    return torch.from_numpy(solved.reshape(right.shape)).to(right)
