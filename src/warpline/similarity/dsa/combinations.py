r"""Combinations of maxima: starts to which the differences of known maxima lead.

Maxima of a pair mostly differ by reversals of some directions, :math:`R = D C^\top`, up to small rotations.
Reversals of different directions hardly interfere. So what leads from C to D often leads from a third
maximum E to a fourth, near :math:`R E = D C^\top E`, which no start may have entered yet. No search is
needed: with the aligned operator :math:`Y_E = E B E^\top`,

.. math::
    \varphi(R E) = \langle R^\top A R,\; Y_E \rangle ,

so that two products for each (C, D) value the combinations with all E. A linear term adds
:math:`\langle L, R E \rangle = \langle R^\top L, E \rangle`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .canonical import Problems
from .halving import Ascents, orthonormal

#: Maxima of a pair that are combined: seven or nine led to no more of the best ones.
_POOL = 5
#: Aligned operators, of unit norm, closer than this count as one maximum. Ascents of the second rung are
#: nearer to theirs; and a pair of maxima that is lost here costs combinations only.
_DISTINCT = 0.03
#: Combinations closer than this to a maximum or to a better combination are left out.
_NOVEL = 0.06
#: Combinations of highest value that are looked at for each one that is taken.
_SHORT_LIST = 4


def best_distinct(*several: Ascents) -> Ascents:
    """Return the best distinct maxima of each pair, best first, as many as are combined.

    Parameters
    ----------
    *several : Ascents
        Of the same pairs. Many of them may have entered one basin.

    Returns
    -------
    Ascents
        Single precision, without the control operator. The value is minus infinity where a pair has fewer.
    """
    n = several[0].rotation.shape[-1]
    # A pair always has as many places, so that the maxima of later rounds fit.
    rotation = torch.cat([ascents.rotation.float() for ascents in several], dim=1)
    aligned = torch.cat([ascents.aligned[..., :n].float() for ascents in several], dim=1)
    value = torch.cat([ascents.value.float() for ascents in several], dim=1)
    if (missing := _POOL - value.shape[1]) > 0:
        rotation, aligned = (
            torch.cat([x, x[:, :1].expand(-1, missing, -1, -1)], dim=1) for x in (rotation, aligned)
        )
        value = torch.nn.functional.pad(value, (0, missing), value=-torch.inf)
    value, order = value.sort(dim=1, descending=True, stable=True)
    aligned = _take(aligned, order)
    flat = aligned.flatten(-2)
    near = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist") < _DISTINCT
    distinct = value > -torch.inf
    for better in range(value.shape[1] - 1):
        distinct[:, better + 1 :] &= ~(near[:, better, better + 1 :] & distinct[:, better, None])
    kept = (~distinct).long().argsort(dim=1, stable=True)[:, :_POOL]
    value = torch.where(distinct, value, -torch.inf).gather(1, kept)
    return Ascents(_take(rotation, order.gather(1, kept)), _take(aligned, kept), value)


def combination_starts(problems: Problems, maxima: Ascents, count: int) -> tuple[Tensor, Tensor]:
    """Combine the maxima of each pair to the starts of highest value that are none of them.

    Parameters
    ----------
    problems : Problems
        One per pair.
    maxima : Ascents
        Distinct maxima of each pair, best first (`best_distinct`).
    count : int
        Starts per pair.

    Returns
    -------
    starts : Tensor, shape (pair, count, n, n), float64
        Orthogonal.
    exists : Tensor of bool, shape (pair, count)
        False where a pair has fewer combinations.
    """
    size = maxima.value.shape[1]
    # R = D C^T where C or D is the best maximum: all others gained little, for three times the products.
    others = torch.arange(1, size)
    d = torch.cat([others, torch.zeros_like(others)])
    c = torch.cat([torch.zeros_like(others), others])
    turn = maxima.rotation[:, d] @ maxima.rotation[:, c].mT
    operator = problems.operator().float()
    turned = turn.mT @ operator[:, None] @ turn
    value = turned.flatten(-2) @ maxima.aligned.flatten(-2).mT
    if problems.linear is not None:
        linear = problems.linear.float()
        moved = turn.mT @ linear[:, None]
        # C and -C align the operators equally well: take the sign that the linear term prefers.
        value += (moved.flatten(-2) @ maxima.rotation.flatten(-2).mT).abs()
    # C, D and E are three maxima that the pair has.
    known = maxima.value > -torch.inf
    e = torch.arange(size)
    three = (e != d[:, None]) & (e != c[:, None])
    exists = three & (known[:, d] & known[:, c])[..., None] & known[:, None]
    value = torch.where(exists, value, -torch.inf).flatten(1)
    value, index = value.topk(min(count * _SHORT_LIST, value.shape[1]), dim=1)
    starts = _take(turn, index // size) @ _take(maxima.rotation, index % size)
    if problems.linear is not None:
        negative = (linear[:, None] * starts).sum((-1, -2)) < 0
        starts = torch.where(negative[..., None, None], -starts, starts)
    # Leave out what is near a known maximum or a better combination.
    aligned = starts @ problems.target.float()[:, None] @ starts.mT
    before = torch.cat([maxima.aligned, aligned], dim=1).flatten(-2)
    near = torch.cdist(
        aligned.flatten(-2), before, compute_mode="donot_use_mm_for_euclid_dist"
    ) < _NOVEL  # fmt: skip
    taken = torch.cat([known, value > -torch.inf], dim=1)
    for k in range(value.shape[1]):
        taken[:, size + k] &= ~(near[:, k, : size + k] & taken[:, : size + k]).any(dim=1)
    new = taken[:, size:]
    chosen = (~new).long().argsort(dim=1, stable=True)[:, :count]
    return orthonormal(_take(starts, chosen).double()), new.gather(1, chosen)


def _take(stacked: Tensor, index: Tensor) -> Tensor:
    """Take the matrices at ``index``, shape (pair, count), of (pair, maximum, n, n)."""
    n = stacked.shape[-1]
    return stacked.gather(1, index[..., None, None].expand(-1, -1, n, n))
