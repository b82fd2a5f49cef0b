"""Successive halving: the starts of a pair of operators are thinned out while they ascend.

Most of the work of an ascent goes into its last digits. So all starts ascend to a loose tolerance in single
precision, the best ascend further, and the best of those is polished in double precision. Ascents that enter
one basin are counted as hits of one maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from .canonical import Problems

#: Two ascents are in one basin when their aligned operators, of unit norm, are this close; or when, on a
#: rung of at most this tolerance, their squared distances agree to this fraction. The second is for
#: operators of deficient rank, whose maxima are not points: what turns the kernel changes no value.
#: Closer than this, distinct maxima of trained networks were not seen; at 0.03 they were.
_SAME_BASIN = 0.003
_SETTLED_TOLERANCE, SAME_VALUE = 2e-3, 3e-6
#: Rounding of a value in single precision.
_VALUE_ROUNDING = 4e-6


@dataclass(frozen=True)
class Rung:
    """One rung of successive halving.

    Attributes
    ----------
    tolerance : float
        Relative gradient tolerance.
    n_survivors : int
        At most this many starts of a pair go on to the next rung.
    margin : float
        A start goes on only if its squared distance is within this factor of the best one.
    dtype : torch.dtype
        Precision of the rung.
    """

    tolerance: float
    n_survivors: int
    margin: float
    dtype: torch.dtype = torch.float64


#: Rungs of a first round to which others follow. Its lesser maxima are combined
#: (`warpline.similarity.dsa.combinations`): all go on to the second rung, for on the first they are too
#: rough. There combinations led to the best maximum half as often. Three leave the second: with two, some
#: ascents to the best maximum were dropped at rank 20.
FIRST_RUNGS = (Rung(1e-2, 12, 9.0, torch.float32), Rung(2e-3, 3, 1.004, torch.float32))
#: Measured on Lorenz, motif, network and Gaussian operators of rank 20 and 50: other tolerances and
#: margins trade starts for work along one line, and none gave lower angles in the same time.
RUNGS = (
    Rung(1e-2, 9, 1.05, torch.float32),
    Rung(4e-3, 4, 1.012, torch.float32),
    Rung(1.5e-3, 2, 1.0005, torch.float32),
)


@dataclass
class Maxima:
    """Local maxima, one per start or per pair.

    Attributes
    ----------
    rotation : Tensor, shape (maximum, n, n)
        The orthogonal matrix C, between the canonical bases of B and A.
    aligned : Tensor, shape (maximum, n, n or n + m)
        C B C^T; beside it the control operator after C, where there is one.
    value : Tensor, shape (maximum,)
        Inner product of A and C B C^T, with the linear term of the problem.
    gradient_norm : Tensor, shape (maximum,)
        Frobenius norm of the Riemannian gradient.
    converged : Tensor of bool, shape (maximum,)
        Whether the gradient met the tolerance.
    products : Tensor of int, shape (maximum,)
        Hessian-vector products spent.
    """

    rotation: Tensor
    aligned: Tensor
    value: Tensor
    gradient_norm: Tensor
    converged: Tensor
    products: Tensor

    def select(self, index: Tensor) -> Maxima:
        """Return the maxima at ``index``."""
        return Maxima(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass
class Ascents:
    """Ascents of each pair on one rung, best first.

    Attributes
    ----------
    rotation : Tensor, shape (pair, ascent, n, n)
        The orthogonal matrix C.
    aligned : Tensor, shape (pair, ascent, n, n or n + m)
        C B C^T; beside it the control operator after C, where there is one.
    value : Tensor, shape (pair, ascent)
        Inner product of A and C B C^T; minus infinity where a pair has fewer ascents.
    """

    rotation: Tensor
    aligned: Tensor
    value: Tensor

    def select(self, index: Tensor) -> Ascents:
        """Return the ascents of the pairs at ``index``."""
        return Ascents(self.rotation[index], self.aligned[index], self.value[index])


#: Names of the fields of `Maxima`.
MAXIMA_FIELDS = tuple(field.name for field in fields(Maxima))


def successive_halving(
    problems: Problems,
    starts: Tensor,
    rungs: Sequence[Rung],
    max_steps: int,
    *,
    n_independent: int,
    incumbent: Maxima | None = None,
) -> tuple[Maxima, Tensor, Tensor, Ascents]:
    """Ascend from the starts of each pair, fewer of them on each rung.

    Parameters
    ----------
    problems : Problems
        One problem per pair, float64.
    starts : Tensor, shape (pair, start, n, n)
        Orthogonal starts.
    rungs : sequence of Rung
        The last one keeps one start of each pair.
    max_steps : int
        Hessian-vector products of one ascent on one rung.
    n_independent : int
        The first starts of a pair, which do not depend on its incumbent; only they count as hits.
    incumbent : Maxima, optional
        Best maximum of each pair in earlier rounds: ascents that fall behind it or enter its basin end
        early.

    Returns
    -------
    best : Maxima
        The best maximum of each pair; minus infinity where all ascents fell behind the incumbent.
    n_hits : Tensor of int, shape (pair,)
        Starts in the basin of the best maximum.
    n_returns : Tensor of int, shape (pair,)
        Starts in the basin of the incumbent.
    second : Ascents
        The ascents of the second rung, or of the only one.
    """
    n_pairs, n_starts, size, _ = starts.shape
    starts = starts.to(rungs[0].dtype)
    # Hits of each start: itself, if independent, and the independent starts folded into it.
    alive = torch.ones(n_pairs, n_starts, dtype=torch.bool)
    n_hits = (torch.arange(n_starts) < n_independent).long().repeat(n_pairs, 1)
    n_returns = torch.zeros(n_pairs, dtype=torch.long)
    pair_index = torch.arange(n_pairs)
    for number, rung in enumerate(rungs):
        # Ascend from the starts that are left.
        width = starts.shape[1]
        which = pair_index.repeat_interleave(width)
        active = alive.flatten()
        if starts.dtype != rung.dtype:
            starts = orthonormal(starts.to(rung.dtype))
        flat = starts.reshape(-1, size, size)
        active_maxima = _ascend(
            problems.to(rung.dtype), which[active], flat[active], rung.tolerance, max_steps
        )
        maxima = _scatter(active_maxima, active, flat)
        # Sort the starts of each pair, best first, so that duplicates fold into the better one.
        value = maxima.value.reshape(n_pairs, width)
        rotation = maxima.rotation.reshape(n_pairs, width, size, size)
        order = value.argsort(dim=1, descending=True, stable=True)
        value, n_hits, alive = (x.gather(1, order) for x in (value, n_hits, alive))
        aligned = maxima.aligned.reshape(n_pairs, width, size, -1)
        rotation, aligned = (
            x.gather(1, order[:, :, None, None].expand_as(x)) for x in (rotation, aligned)
        )
        if number == min(1, len(rungs) - 1):
            second = Ascents(rotation, aligned, value)
        same_value = SAME_VALUE if rung.tolerance <= _SETTLED_TOLERANCE else 0.0
        _fold_duplicates(aligned, value, same_value, n_hits, alive)
        best = value[:, 0]
        if incumbent is not None:
            returned = alive & same_maximum(
                aligned, value, incumbent.aligned[:, None], incumbent.value[:, None], same_value
            )
            n_returns += torch.where(returned, n_hits, 0).sum(dim=1)
            alive &= ~returned
            best = torch.maximum(best, incumbent.value)
        # Drop the starts that are clearly behind; the last rung has no margin and drops none.
        if rung.margin > 1:
            # The value of a perfect match is 1 up to its rounding, and may exceed 1.
            furthest = (rung.margin * (1 - best) + 1e-6).clamp(min=_VALUE_ROUNDING)
            behind = (1 - value) > furthest[:, None]
            alive &= ~behind
        # Starts that were folded or dropped sink to the end, the others keep their order.
        survivors = (~alive).long().argsort(dim=1, stable=True)[:, : rung.n_survivors]
        n_hits, alive = n_hits.gather(1, survivors), alive.gather(1, survivors)
        starts = rotation.gather(1, survivors[:, :, None, None].expand(-1, -1, size, size))
    last = order.gather(1, survivors)[:, 0] + pair_index * width
    return maxima.select(last), n_hits[:, 0], n_returns, second


def _ascend(
    problems: Problems, which: Tensor, starts: Tensor, tolerance: float, max_products: int
) -> Maxima:
    """Ascend from each start to a local maximum of its problem."""
    # Imported here: compiled, or read from Numba's cache, when first needed.
    from .trust_region import maximise

    rotation = np.array(starts.numpy(), order="C")
    aligned = np.empty_like(rotation)
    value, norm, limit, products = maximise(
        problems.symmetric.numpy(),
        problems.frequencies.numpy(),
        problems.target.numpy(),
        problems.padded,
        which.numpy(),
        rotation,
        aligned,
        tolerance,
        max_products,
        None if problems.linear is None else problems.linear.numpy(),
    )
    arrays = (rotation, aligned, value, norm, norm <= limit, products)
    maxima = Maxima(*(torch.from_numpy(array) for array in arrays))
    if problems.control is not None:
        controls = maxima.rotation @ problems.control[which]
        maxima.aligned = torch.cat([maxima.aligned, controls], dim=-1)
    return maxima


def orthonormal(rotation: Tensor) -> Tensor:
    """Two Newton-Schulz steps: from the rounding of single precision to that of double."""
    for _ in range(2):
        rotation = 1.5 * rotation - 0.5 * rotation @ (rotation.mT @ rotation)
    return rotation


def _scatter(active_maxima: Maxima, active: Tensor, starts: Tensor) -> Maxima:
    """Spread the maxima of the active starts over all starts; the others get the lowest value."""
    maxima = Maxima(
        starts.clone(),
        starts.new_zeros(len(starts), *active_maxima.aligned.shape[1:]),
        torch.full_like(starts[:, 0, 0], -torch.inf),
        torch.full_like(starts[:, 0, 0], torch.inf),
        torch.zeros_like(active),
        torch.zeros_like(active, dtype=torch.long),
    )
    for name in MAXIMA_FIELDS:
        values = getattr(active_maxima, name)
        target = getattr(maxima, name)
        target[active] = values.to(target.dtype)
    return maxima


def same_maximum(
    aligned: Tensor,
    value: Tensor,
    other_aligned: Tensor,
    other_value: Tensor,
    same_value: float,
    basin: Tensor | float = _SAME_BASIN,
) -> Tensor:
    """Say whether ascents, shape (...), have entered the basin, of that size, of others."""
    distance = (aligned - other_aligned).flatten(-2).norm(dim=-1)
    return _is_same(distance, value, other_value, same_value, basin)


def _is_same(
    distance: Tensor,
    value: Tensor,
    other_value: Tensor,
    same_value: float,
    basin: Tensor | float = _SAME_BASIN,
) -> Tensor:
    return (distance < basin) | ((value - other_value).abs() < same_value * (1 - other_value))


def _fold_duplicates(
    aligned: Tensor, value: Tensor, same_value: float, n_hits: Tensor, alive: Tensor
) -> None:
    """Count a start that has entered the basin of a better one as a hit of that one, in place."""
    flat = aligned.flatten(-2)
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    better_value, worse_value = value[:, :, None], value[:, None, :]
    near = _is_same(distance, better_value, worse_value, same_value)
    for better in range(n_hits.shape[1]):
        fold = near[:, better] & alive[:, better, None] & alive
        fold[:, : better + 1] = False
        n_hits[:, better] += torch.where(fold, n_hits, 0).sum(dim=1)
        alive &= ~fold
