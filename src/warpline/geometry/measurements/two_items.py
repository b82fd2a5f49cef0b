"""Two items in memory: warping shrinks the irrelevant one, realignment turns it from the decoder.

With a_i the tangent vectors of item i's coordinates at a report, and J_o the readout's Jacobian:

    S_i = E |a_i|^2          how strongly the state encodes the item,
    D_i = E |J_o a_i|^2      how strongly the decoder sees it,
    L = log(D_1 / D_2) = log(S_1 / S_2) + log((D_1/S_1) / (D_2/S_2)),

E over points kappa. From the first report to the second the decoder turns from item 1 to item 2, and L
falls. The metric explains the share w = change of log(S_1/S_2) / change of L. w alone misleads: an item
that shrinks inside the decoder but hardly outside has w near 0 though nothing turned. Two more quantities
are therefore measured over all coordinates: the change of the metric (delta), and the deviation of the
tangent vectors from a common rotation (rho).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from warpline.core.number_arguments import check_number_fields
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.measurements.readout import (
    encoding_subspace,
    readout_jacobian,
    subspace_angles,
)
from warpline.geometry.riemannian.metric import triangular_factor

__all__ = [
    "Thresholds",
    "TwoItems",
    "isometry_defect",
    "procrustes_residual",
    "strength",
    "two_items",
]


@dataclass(frozen=True)
class Thresholds:
    """Limits of the verdicts: proposals, to be varied.

    Attributes
    ----------
    least_switch : float
        Least fall of L at which the decoder counts as having turned from item 1 to item 2.
    warping, realignment : float
        Least w at which the metric explains the switch, and largest w at which it does not.
    fall : float
        Least S_1(first report) / S_1(second report), for warping.
    turn : float
        Largest mean angle, in radians, by which item 1's subspace may turn, for warping.
    defect, residual : float
        Largest delta and rho, for realignment.
    """

    least_switch: float = math.log(2)
    warping: float = 2 / 3
    realignment: float = 1 / 3
    fall: float = 4.0
    turn: float = math.pi / 6
    defect: float = 0.3
    residual: float = 0.1

    def __post_init__(self) -> None:
        check_number_fields(self)


@dataclass(frozen=True, repr=False)
class TwoItems(ShortRepr):
    """Changes of the encoding of two items between their reports.

    Attributes
    ----------
    strengths, decoded : Tensor, shape (report, item)
        S_i and D_i.
    log_ratios : Tensor, shape (report,)
        L.
    warping_share : float
        w; nan where L does not change, or an item has vanished altogether.
    falls : tuple of float
        How many times weaker each item's S is at the other's report than at its own.
    turn : float
        Mean principal angle between the encoding subspaces of item 1 at the two reports, in radians.
    defect : float
        delta, see `isometry_defect`.
    residual : float
        rho, see `procrustes_residual`.
    verdict : str
        ``warping``, ``realignment``, ``mixed``, or ``no switch`` where the decoder does not turn from item
        1 to item 2.
    """

    strengths: Tensor
    decoded: Tensor
    log_ratios: Tensor
    warping_share: float
    falls: tuple[float, float]
    turn: float
    defect: float
    residual: float
    verdict: str


def strength(vectors: Tensor, jacobian: Tensor | None = None) -> Tensor:
    """Return S = E |a|^2, or D = E |J_o a|^2, of an item.

    Parameters
    ----------
    vectors : Tensor, shape (point, coordinate, unit)
        The item's tangent vectors; their squared lengths are summed, and averaged over points.
    jacobian : Tensor, shape (output, unit) or (point, output, unit), optional
        J_o.

    Returns
    -------
    Tensor, shape ()
    """
    images = vectors if jacobian is None else vectors @ jacobian.mT
    return images.square().sum((-2, -1)).mean()


def isometry_defect(first: Tensor, second: Tensor) -> float:
    """Return delta = E |log(G_1^-1/2 G_2 G_1^-1/2)| (Frobenius norm): 0 where the metric stays.

    The affine-invariant distance between metrics (Pennec et al. 2006), averaged over points: a change
    of one length by a factor c counts 2 |log c|. inf where a metric is degenerate.

    Parameters
    ----------
    first, second : Tensor, shape (point, coordinate, unit)
    """
    first_factor, second_factor = triangular_factor(first), triangular_factor(second)
    degenerate = [
        (torch.diagonal(factor, dim1=-2, dim2=-1) == 0).any()
        for factor in (first_factor, second_factor)
    ]
    if any(degenerate):
        return math.inf
    # G_1^-1/2 G_2 G_1^-1/2 has the eigenvalues of (R_2 R_1^-1)^T (R_2 R_1^-1).
    ratio = torch.linalg.solve_triangular(first_factor, second_factor, upper=True, left=False)
    logs = 2 * torch.linalg.svdvals(ratio).log()
    return float(torch.linalg.vector_norm(logs, dim=-1).mean())


def procrustes_residual(first: Tensor, second: Tensor) -> float:
    """Return rho = 1 - |sum_p A_1 A_2^T|_*^2 / (|A_1|^2 |A_2|^2).

    0 where one rotation of state space (and a factor) takes all tangent vectors at all points to the
    later ones; 1 at most. |.|_* is the sum of singular values (Schönemann 1966).

    Parameters
    ----------
    first, second : Tensor, shape (point, coordinate, unit)
    """
    a, b = first.flatten(0, 1), second.flatten(0, 1)
    nuclear = torch.linalg.svdvals(a.mT @ b).sum()
    return float(1 - nuclear.square() / (a.square().sum() * b.square().sum()))


@takes_arrays
def two_items(
    tangents: Tangents,
    readout: Dynamics | Tensor,
    items: tuple[Sequence[str], Sequence[str]],
    reports: tuple[int, int],
    dimension: int = 2,
    thresholds: Thresholds | None = None,
) -> TwoItems:
    """Compare the items' encoding at the report of the first and at that of the second.

    Parameters
    ----------
    tangents : Tangents
        That hold both reports.
    readout : Dynamics or Tensor
        As for `warpline.geometry.measurements.readout.readout_split`.
    items : pair of sequences of str
        Names of the coordinates of each item, in the order in which they are reported.
    reports : pair of int
        A time step within the report of each.
    dimension : int
        Of an item's encoding subspace, at most: 2 for an angle. Directions in which the item is not
        encoded do not count.
    thresholds : Thresholds, optional

    Raises
    ------
    ValueError
        When a report is not among the time steps of the tangents, the reports are not in order, a name is
        not a coordinate's or both items', or the readout is not finite.
    """
    missing = [k for k in reports if k not in tangents.time_steps]
    if missing:
        raise ValueError(
            f"expected reports among the time steps of the tangents, {list(tangents.time_steps)}; got "
            f"{missing}"
        )
    names = tangents.names[:-1]
    unknown = [name for item in items for name in item if name not in names]
    if unknown or not all(items):
        raise ValueError(f"expected two items of coordinates among {', '.join(names)}; got {items}")
    if len(items) != 2 or {*items[0]} & {*items[1]}:
        raise ValueError(f"expected two items without a common coordinate, got {items}")
    if len(reports) != 2 or not reports[0] < reports[1]:
        raise ValueError(
            f"expected the report of the first item before the second's, got {reports}"
        )
    times = [tangents.time_steps.index(k) for k in reports]
    coordinates = [[names.index(name) for name in item] for item in items]

    # S_i and D_i, (report, item) each.
    jacobian = readout_jacobian(readout, tangents)
    check_finite(jacobian, "weights of the readout")
    jacobians = [jacobian if jacobian.ndim == 2 else jacobian[:, time] for time in times]
    strengths, decoded = (
        torch.stack(
            [
                torch.stack([strength(tangents.inputs[:, time][:, c], j) for c in coordinates])
                for time, j in zip(times, jacobian_of_report, strict=True)
            ]
        )
        for jacobian_of_report in ([None, None], jacobians)
    )

    # The share w of the decoder's switch that the metric explains.
    ratios = (decoded[:, 0] / decoded[:, 1]).log()
    change = (strengths[:, 0] / strengths[:, 1]).log().diff()
    switch = float(ratios[0] - ratios[1])
    share = float(change) / -switch if switch else math.nan

    # The change of the geometry of both items. An item that has vanished has no subspace to turn.
    early, late = (tangents.inputs[:, time][:, coordinates[0] + coordinates[1]] for time in times)
    subspaces = [
        basis[basis.any(-1)] for basis in encoding_subspace(tangents, items[0], dimension)[times]
    ]
    vanished = not bool((strengths[:, 0] > 0).all())
    turn = 0.0 if vanished else float(subspace_angles(*subspaces).mean())
    falls = (
        float(strengths[0, 0] / strengths[1, 0]),
        float(strengths[1, 1] / strengths[0, 1]),
    )
    defect, residual = isometry_defect(early, late), procrustes_residual(early, late)

    limits = thresholds or Thresholds()
    if not switch >= limits.least_switch:
        verdict = "no switch"
    elif share >= limits.warping and falls[0] >= limits.fall and turn <= limits.turn:
        verdict = "warping"
    elif share <= limits.realignment and defect <= limits.defect and residual <= limits.residual:
        verdict = "realignment"
    else:
        verdict = "mixed"
    return TwoItems(strengths, decoded, ratios, share, falls, turn, defect, residual, verdict)
