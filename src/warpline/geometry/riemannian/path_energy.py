"""Paths of least energy between fixed ends, by Gauss-Newton with Levenberg's damping.

E = n sum_s |Phi(kappa_{s+1}) - Phi(kappa_s)|^2 over n segments is least on a geodesic at constant speed,
where it is the length squared. Its Gauss-Newton matrix is block tridiagonal, with 2 A_s A_s' on the
diagonal and -A_s A_{s+1}' beside it: first derivatives suffice, and a step of all paths is one banded
solve.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import LinAlgError, solveh_banded
from torch import Tensor

from warpline.geometry.derivatives.array_arguments import check_finite
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import domain_lengths

__all__ = ["minimise_path_energy"]

FIRST_DAMPING = 1e-6
LEAST_DAMPING = 1e-13
MOST_DAMPING = 1e8
#: Of a node in one step, in fractions of the domain. The energy depends on states alone: a node thrown a
#: turn further along a periodic coordinate would stay there.
LONGEST_MOVE = 0.05
#: Relative change of the energy that is rounding.
ROUNDING = 1e-14


def minimise_path_energy(
    immersion: Immersion, paths: Tensor, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor, int]:
    """Relax paths between their ends to least energy.

    Parameters
    ----------
    immersion : Immersion
    paths : Tensor, shape (path, node, coordinate)
        Initial guesses, ends included. The ends stay.
    tolerance : float
        Of the distance still to go, as a fraction of the path's length, at which a path counts as
        converged. It is estimated by the last step over (1 - rate), where successive steps shrink by
        `rate`.
    iterations : int
        At most.

    Returns
    -------
    paths : Tensor, shape (path, node, coordinate)
    remaining : Tensor, shape (path,)
        Estimated distance still to go; infinite where steps did not shrink.
    iterations : int
        Iterations taken.
    """
    paths = paths.clone()
    scales = domain_lengths(immersion.coordinates, paths)
    values, tangents = _evaluate(immersion, paths, scales)
    energy = _energy(values)
    damping = torch.full_like(energy, FIRST_DAMPING)
    remaining = torch.full_like(energy, torch.inf)
    last_step = torch.full_like(energy, torch.nan)
    # A path of no length, between equal ends, is a geodesic already.
    remaining[energy <= torch.finfo(energy.dtype).tiny] = 0.0
    iteration = 0
    for iteration in range(1, iterations + 1):
        active = ((remaining > tolerance) & (damping < MOST_DAMPING)).nonzero()[:, 0]
        if not len(active):
            return paths, remaining, iteration - 1

        # A damped Gauss-Newton step, shortened where a node would move too far.
        steps, size = _step(values[active], tangents[active], damping[active])
        largest_move = steps.abs().amax((1, 2))
        factor = torch.where(largest_move > LONGEST_MOVE, LONGEST_MOVE / largest_move, 1.0)
        steps = steps * factor[:, None, None]
        trial = paths[active].clone()
        trial[:, 1:-1] += steps * scales

        # A step that raises the energy is dropped, and tried again with more damping.
        new_values, new_tangents = _evaluate(immersion, trial, scales)
        new_energy = _energy(new_values)
        better = new_energy <= energy[active] * (1 + ROUNDING)
        damping[active] = torch.where(
            better, (damping[active] / 10).clamp(min=LEAST_DAMPING), damping[active] * 8
        )

        # Steps shrink geometrically near the minimum, which tells how far it still is.
        accepted = active[better]
        relative = (size[better] / new_energy[better]).sqrt()
        rate = relative / last_step[accepted]
        rate = torch.where(torch.isfinite(rate), rate, 0.5)
        remaining[accepted] = torch.where(
            rate < 1, relative / (1 - rate).clamp(min=1e-3), torch.inf
        )
        # At the level of rounding, steps stop shrinking.
        remaining[accepted] = torch.where(relative < 1e-9, relative, remaining[accepted])
        last_step[accepted] = relative
        paths[accepted], energy[accepted] = trial[better], new_energy[better]
        values[accepted], tangents[accepted] = new_values[better], new_tangents[better]
    return paths, remaining, iteration


def _evaluate(immersion: Immersion, paths: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Return states (path, node, unit) and scaled tangent vectors (path, node, coordinate, unit)."""
    jet = immersion(paths.flatten(0, 1))
    shape = paths.shape[:2]
    return jet.value.unflatten(0, shape), (jet.first * scales[:, None]).unflatten(0, shape)


def _energy(values: Tensor) -> Tensor:
    """Return E of each path, (path,); infinite where states are not finite."""
    energy = (values.shape[1] - 1) * values.diff(dim=1).square().sum((1, 2))
    return torch.where(torch.isfinite(energy), energy, torch.inf)


def _step(values: Tensor, tangents: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Return the damped Gauss-Newton step of the inner nodes, and its size in the energy's norm.

    (path, inner node, coordinate), in fractions of the domain, and (path,).
    """
    segments = values.shape[1] - 1
    inner = tangents[:, 1:-1]
    second_difference = values.diff(dim=1).diff(dim=1)
    gradient = -segments * torch.einsum("psiu,psu->psi", inner, second_difference)
    # SciPy would say no more than that an array must not contain them.
    check_finite(gradient, "states and tangent vectors along a path")
    blocks = 2 * segments * inner @ inner.mT
    off_diagonal = -segments * inner[:, :-1] @ inner[:, 1:].mT
    mean = blocks.diagonal(dim1=2, dim2=3).mean((1, 2))

    # Levenberg's damping, in units of the mean diagonal.
    while True:
        added = (damping * mean).clamp(min=torch.finfo(mean.dtype).tiny)
        damped = blocks + added[:, None, None, None] * torch.eye(
            blocks.shape[2], dtype=blocks.dtype
        )
        try:
            step = _solve(damped, off_diagonal, -gradient)
            break
        except LinAlgError:
            # Not positive definite to rounding: the metric is nearly degenerate along some path.
            damping = damping * 10

    size = torch.einsum("psi,psij,psj->p", step, blocks, step)
    size = size + 2 * torch.einsum("psi,psij,psj->p", step[:, :-1], off_diagonal, step[:, 1:])
    return step, size.clamp(min=0)


def _solve(blocks: Tensor, off_diagonal: Tensor, right: Tensor) -> Tensor:
    """Solve the symmetric block tridiagonal systems of all paths as one banded system."""
    paths, nodes, m = right.shape
    band = np.zeros((2 * m, paths, nodes, m))
    diagonal, off = blocks.numpy(force=True), off_diagonal.numpy(force=True)
    # solveh_banded reads entry (row, column) of the upper triangle at [2 m - 1 + row - column, column].
    for i, j in np.ndindex(m, m):
        if j >= i:
            band[2 * m - 1 + i - j, :, :, j] = diagonal[:, :, i, j]
        band[m - 1 + i - j, :, 1:, j] = off[:, :, i, j]
    solved = solveh_banded(band.reshape(2 * m, -1), right.numpy(force=True).ravel())
    return torch.from_numpy(solved.reshape(right.shape)).to(right)
