"""Successive halving over the starts of each pair.

Most of the work of a climb is in its last digits. So all starts of a pair climb to a loose tolerance,
in single precision; those that are clearly behind, or have entered the basin of a better one, are
dropped; the rest climb on; and the best is polished in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .problems import Problems, Solution


@dataclass(frozen=True)
class Rung:
    """One rung of successive halving.

    Attributes
    ----------
    tolerance : float
        Relative gradient tolerance.
    keep : int
        At most this many starts of a pair climb on.
    margin : float
        Only starts climb on whose squared distance is within this factor of the best.
    dtype : torch.dtype
        Precision of the rung.
    """

    tolerance: float
    keep: int
    margin: float
    dtype: torch.dtype = torch.float64


#: Measured on Lorenz, motif, network and Gaussian operators of rank 20 and 50: other tolerances and
#: margins trade starts for work along one line, and none gave lower angles in the same time.
RUNGS = (
    Rung(1e-2, 9, 1.05, torch.float32),
    Rung(4e-3, 4, 1.012, torch.float32),
    Rung(1.5e-3, 2, 1.0005, torch.float32),
)
#: Two climbs are in one basin when their transformed operators are this close (norms are one).
SAME_BASIN = 0.03
#: Elements (climbs x n x n) under way at once on CUDA.
BATCH_ELEMENTS = 20_000_000
FIELDS = ("rotation", "moved", "value", "gradient_norm", "converged", "products")


def climb(
    problems: Problems,
    starts: Tensor,
    *,
    tolerance: float,
    max_steps: int,
    incumbent: Tensor | None = None,
) -> tuple[Solution, Tensor]:
    """Climb from the starts of each pair by successive halving.

    Parameters
    ----------
    problems : Problems
        One problem per pair, float64.
    starts : Tensor, shape (pair, start, n, n)
        Orthogonal starts.
    tolerance : float
        Relative gradient tolerance of the last rung.
    max_steps : int
        Hessian-vector products of one climb on one rung.
    incumbent : Tensor, shape (pair,), optional
        Values already reached: climbs that fall behind them end early.

    Returns
    -------
    best : Solution
        The best climb of each pair; minus infinity where all fell behind the incumbent.
    met : Tensor of int, shape (pair,)
        How many starts joined the best climb.
    """
    n_pairs, n_starts, size, _ = starts.shape
    starts = starts.to(RUNGS[0].dtype)
    device = starts.device
    met = torch.ones(n_pairs, n_starts, dtype=torch.long, device=device)
    pair_index = torch.arange(n_pairs, device=device)
    for rung in (*RUNGS, Rung(tolerance, 1, 1.0)):
        width = starts.shape[1]
        rows = pair_index.repeat_interleave(width)
        active = (met > 0).flatten()
        if starts.dtype != rung.dtype:
            starts = orthonormal(starts.to(rung.dtype))
        flat = starts.reshape(-1, size, size)
        part = _maximise(
            problems.to(rung.dtype), rows[active], flat[active], rung.tolerance, max_steps
        )
        solution = _scatter(part, active, flat)
        value = solution.value.reshape(n_pairs, width)
        rotation = solution.rotation.reshape(n_pairs, width, size, size)
        order = value.argsort(dim=1, descending=True, stable=True)
        value, met = value.gather(1, order), met.gather(1, order)
        wide = order[:, :, None, None].expand_as(rotation)
        rotation = rotation.gather(1, wide)
        _fold_duplicates(solution.moved.reshape(rotation.shape).gather(1, wide), met)
        best = value[:, 0] if incumbent is None else torch.maximum(value[:, 0], incumbent)
        if rung.margin > 1:
            behind = (1 - value) > rung.margin * (1 - best)[:, None] + 1e-6
            met = torch.where(behind, 0, met)
        # Starts that were folded or fell behind sink to the end, the rest keep their order.
        kept = (met == 0).long().argsort(dim=1, stable=True)[:, : rung.keep]
        met = met.gather(1, kept)
        starts = rotation.gather(1, kept[:, :, None, None].expand(-1, -1, size, size))
    last = order.gather(1, kept)[:, 0] + pair_index * width
    return Solution(*(getattr(solution, name)[last] for name in FIELDS)), met[:, 0]


def _maximise(
    problems: Problems, which: Tensor, starts: Tensor, tolerance: float, max_products: int
) -> Solution:
    """Climb one by one in compiled code on the CPU, in batches elsewhere."""
    if starts.device.type == "cpu":
        # Imported here: compiled or read from Numba's cache when first needed.
        from .compiled import climb_all

        rotation = np.array(starts.numpy(), order="C")
        moved = np.empty_like(rotation)
        value, norm, limit, products = climb_all(
            problems.symmetric.numpy(),
            problems.frequencies.numpy(),
            problems.target.numpy(),
            problems.phantom,
            which.numpy(),
            rotation,
            moved,
            tolerance,
            max_products,
        )
        parts = (rotation, moved, value, norm, norm <= limit, products)
        return Solution(*(torch.from_numpy(part) for part in parts))
    from .trust_region import maximise

    return maximise(
        problems,
        which,
        starts,
        relative_tolerance=tolerance,
        max_products=max_products,
        batch=max(16, BATCH_ELEMENTS // starts[0].numel()),
    )


def orthonormal(rotation: Tensor) -> Tensor:
    """Two Newton-Schulz steps: from the rounding of single precision to that of double."""
    for _ in range(2):
        rotation = 1.5 * rotation - 0.5 * rotation @ (rotation.mT @ rotation)
    return rotation


def _scatter(part: Solution, active: Tensor, starts: Tensor) -> Solution:
    """Spread the climbs of the active starts over all; the others get the lowest value."""
    full = Solution(
        starts.clone(),
        torch.zeros_like(starts),
        torch.full_like(starts[:, 0, 0], -torch.inf),
        torch.full_like(starts[:, 0, 0], torch.inf),
        torch.zeros_like(active),
        torch.zeros_like(active, dtype=torch.long),
    )
    for name in FIELDS:
        values = getattr(part, name)
        target = getattr(full, name)
        target[active] = values.to(target.dtype)
    return full


def _fold_duplicates(moved: Tensor, met: Tensor) -> None:
    """Count starts that have entered the basin of a better one towards it, in place."""
    width = met.shape[1]
    for better in range(width):
        for worse in range(better + 1, width):
            near = (moved[:, better] - moved[:, worse]).flatten(1).norm(dim=1) < SAME_BASIN
            fold = near & (met[:, better] > 0) & (met[:, worse] > 0)
            met[:, better] += torch.where(fold, met[:, worse], 0)
            met[:, worse] = torch.where(fold, 0, met[:, worse])
