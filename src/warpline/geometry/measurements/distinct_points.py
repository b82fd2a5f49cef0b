"""Points that many searches end at, each counted once."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["merge_near"]

_ROUNDS = 64  # of merging, a representative of each input in each


def merge_near(
    ends: Tensor, speed: Tensor, kinds: Tensor, is_point: Tensor, distance: float
) -> tuple[Tensor, Tensor]:
    """Merge ends of one input and kind: the slowest represents all within `distance` of it.

    Parameters
    ----------
    ends : Tensor, shape (point, start, state)
    speed, kinds : Tensor, shape (point, start)
    is_point : Tensor of bool, shape (point, start)
        The others belong to no point.
    distance : float

    Returns
    -------
    distinct : Tensor, shape (distinct,)
        Rows of the flattened ends, one for each distinct point.
    index : Tensor, shape (point, start)
        Position among them of the point that each start belongs to, or -1.
    """
    n_points, n_starts = speed.shape
    # Fixed points before slow ones, then by speed.
    rank = torch.where(is_point, speed, torch.inf).argsort(dim=1, stable=True)
    rows = torch.arange(n_points, device=speed.device)

    # Rows of the flattened ends, by input and in the order of speed. The first that is left of each input
    # represents those near it: each joins the first of its representatives, as if one came after the other.
    flat_ends, flat_kinds = ends.flatten(0, 1), kinds.flatten()
    left = (rank + rows.unsqueeze(1) * n_starts).flatten()
    left = left[is_point.flatten()[left]]
    flat = torch.full((n_points * n_starts,), -1, dtype=torch.int64, device=speed.device)
    for _ in range(_ROUNDS):
        if not len(left):
            break
        _, inverse, counts = torch.unique_consecutive(
            left // n_starts, return_inverse=True, return_counts=True
        )
        first = left[counts.cumsum(0) - counts][inverse]
        near = (flat_ends[left] - flat_ends[first]).norm(dim=-1) <= distance
        joins = (near & (flat_kinds[left] == flat_kinds[first])) | (left == first)
        flat[left[joins]] = first[joins]
        left = left[~joins]
    # Many distinct points, as along a line of slow ones: only pairs close on one axis are looked at.
    representative_of: dict[int, int] = {}
    for row, earlier in _near_pairs(flat_ends, flat_kinds, left, n_starts, distance):
        if row not in representative_of and earlier not in representative_of:
            representative_of[row] = earlier
    flat[left] = left
    for row, earlier in representative_of.items():
        flat[row] = earlier

    # Representatives by input, then by speed; every start gets the position of its own.
    represents = (flat == torch.arange(len(flat), device=speed.device)).view(n_points, n_starts)
    order = torch.where(represents, speed, torch.inf).argsort(dim=1, stable=True)
    in_order = order + rows.unsqueeze(1) * n_starts
    distinct = in_order[represents.gather(1, order)]
    # The last entry stays -1, for starts that belong to no point.
    position_of = torch.full((n_points * n_starts + 1,), -1, dtype=torch.int64, device=speed.device)
    position_of[distinct] = torch.arange(len(distinct), device=speed.device)
    return distinct, position_of[flat].view(n_points, n_starts)


def _near_pairs(
    ends: Tensor, kinds: Tensor, rows: Tensor, n_starts: int, distance: float
) -> list[tuple[int, int]]:
    """Return the pairs of rows of one input and kind within `distance`, each with the earlier one second.

    Ordered by the first row's position in `rows`, then by the second's.
    """
    if len(rows) < 2:
        return []
    # Sorted along their longest axis, near points are neighbours.
    points = ends[rows]
    axis = torch.linalg.svd(points - points.mean(0), full_matrices=False)[2][0]
    along = points @ axis
    order = along.argsort(stable=True)
    order = order[(rows[order] // n_starts).argsort(stable=True)]
    pairs = []
    for offset in range(1, len(rows)):
        a, b = order[:-offset], order[offset:]
        same_input = rows[a] // n_starts == rows[b] // n_starts
        # Rounding of the projection must lose no pair.
        close = same_input & (along[b] - along[a] <= 1.001 * distance)
        if not close.any():
            break
        a, b = a[close], b[close]
        near = (points[a] - points[b]).norm(dim=-1) <= distance
        near &= kinds[rows[a]] == kinds[rows[b]]
        pairs.append(torch.stack([torch.maximum(a, b)[near], torch.minimum(a, b)[near]], dim=1))
    later_earlier = torch.cat(pairs) if pairs else torch.zeros(0, 2, dtype=torch.int64)
    return [
        (int(rows[later]), int(rows[earlier])) for later, earlier in sorted(later_earlier.tolist())
    ]
