"""Angles of tangent vectors to the weight update of learning, and to the readout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from scipy.special import betaincinv, gammaln
from torch import Tensor

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.measurements.readout import rounding_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Alignment",
    "alignment",
    "alignment_table",
    "chance_alignment",
    "chance_quantile",
    "update_directions",
    "update_spectrum",
]


@dataclass(frozen=True, repr=False)
class Alignment(ShortRepr):
    """Angles of tangent vectors to a list of directions; NaN where a tangent vector is zero.

    Attributes
    ----------
    cosine : Tensor, shape (point, time, tangent, direction)
        Absolute cosine of the angle to each direction: a direction has no sign.
    subspace : Tensor, shape (point, time, tangent, direction)
        Cosine of the angle to the span of the directions up to this one: the length of the unit tangent's
        projection.
    rank : Tensor, shape (direction,), int64
        Dimension of that span.
    units : int
        Dimension of the space.
    """

    cosine: Tensor
    subspace: Tensor
    rank: Tensor
    units: int


@takes_arrays
def update_directions(initial: Tensor, trained: Tensor, count: int) -> dict[str, Tensor]:
    """Return the leading directions of a weight update, dW = trained - initial.

    Pellegrino and Chadwick (2025) speak of the eigenvector of the weight updates, and their code takes right
    singular vectors. dW is not symmetric, so all readings are given; they coincide where it is.

    Parameters
    ----------
    initial, trained : Tensor, shape (unit, unit)
        Recurrent weights from column to row, of any cell: for gated ones, the block of one gate.
    count : int
        Number of directions of each kind.

    Returns
    -------
    dict of str to Tensor, shape (direction, unit)
        ``eigenvectors``: of (dW + dW') / 2, by decreasing absolute eigenvalue. ``singular_vectors``: left
        singular vectors of dW, by decreasing singular value: where the update sends activity to.
        ``right_singular_vectors``: where it takes activity from. The latter are directions of what dW is
        multiplied with, which in current form are the rates phi(x) and not the states x.

    Raises
    ------
    ValueError
        When shapes differ or are not square, or the count exceeds the rank of the update: further
        directions would be arbitrary.
    """
    if initial.shape != trained.shape or initial.ndim != 2 or len(initial) != initial.shape[1]:
        raise ValueError(
            f"expected two matrices (unit, unit), got {tuple(initial.shape)} and {tuple(trained.shape)}"
            ": of stacked gates, give one gate's block"
        )
    update = (trained.detach() - initial.detach()).double()
    values, vectors = torch.linalg.eigh((update + update.T) / 2)
    order = values.abs().argsort(descending=True)
    left, sizes, right = torch.linalg.svd(update)
    # Of the update, and of the weights that it is a difference of.
    largest = torch.maximum(initial.detach().abs().max(), trained.detach().abs().max())
    rounding = torch.finfo(initial.dtype).eps * max(
        len(update) * float(sizes[0]), len(update) ** 0.5 * float(largest)
    )
    rank = min(int((values.abs() > rounding).sum()), int((sizes > rounding).sum()))
    if not 1 <= count <= rank:
        raise ValueError(
            f"expected from 1 to {rank} directions, which is the rank of this weight update (of its "
            f"symmetric part, if that is less), got {count}"
        )
    return {
        "eigenvectors": vectors[:, order[:count]].T,
        "singular_vectors": left[:, :count].T,
        "right_singular_vectors": right[:count],
    }


@takes_arrays
def update_spectrum(initial: Tensor, trained: Tensor) -> Tensor:
    """Return the singular values of a weight update, descending, shape (min(row, column),).

    Parameters
    ----------
    initial, trained : Tensor, shape (row, column)

    Raises
    ------
    ValueError
        When the weights are no matrices of one shape, or not finite.
    """
    shapes = [tuple(weights.shape) for weights in (initial, trained)]
    if shapes[0] != shapes[1] or len(shapes[0]) != 2:
        raise ValueError(f"expected weights of one shape (row, column), got {shapes}")
    update = (trained.detach() - initial.detach()).double()
    check_finite(update, "weights")
    return torch.linalg.svdvals(update)


def _nested_basis(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return an orthonormal basis of the nested spans, (direction, unit), and their ranks (direction,).

    Rows are 0 where a direction depends on those before it.
    """
    basis = torch.zeros_like(directions)
    for row, direction in enumerate(directions):
        residual = direction / direction.norm()
        # Twice: one projection leaves rounding of the size of what it removed.
        for _ in range(2):
            residual = residual - basis[:row].T @ (basis[:row] @ residual)
        if residual.norm() > max(1e-9, rounding_of(directions)):
            basis[row] = residual / residual.norm()
    return basis, basis.any(dim=1).cumsum(0)


@takes_arrays
def alignment(tangents: Tensor, directions: Tensor) -> Alignment:
    """Measure the angles of tangent vectors to directions, and to their nested spans.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
    directions : Tensor, shape (direction, unit)
        The most important first: from `update_directions`, or the rows of a readout. Of any length.

    Raises
    ------
    ValueError
        When the units do not match, or a direction is zero or not finite.
    """
    if tangents.ndim != 4 or directions.ndim != 2 or tangents.shape[-1] != directions.shape[-1]:
        raise ValueError(
            f"expected tangents (point, time, tangent, unit) and directions (direction, unit), got "
            f"{tuple(tangents.shape)} and {tuple(directions.shape)}"
        )
    directions = directions.detach().to(tangents)
    size = directions.norm(dim=1, keepdim=True)
    if not (torch.isfinite(size).all() and (size > 0).all()):
        raise ValueError("expected finite directions of some length, got one that is not")
    length = tangents.norm(dim=-1, keepdim=True)
    unit = torch.where(length > 0, tangents / length, torch.nan)
    basis, rank = _nested_basis(directions)
    projections = (unit @ basis.T).square()
    return Alignment(
        cosine=(unit @ (directions / size).T).abs().clamp(max=1),
        subspace=projections.cumsum(-1).sqrt().clamp(max=1),
        rank=rank,
        units=tangents.shape[-1],
    )


@takes_numbers()
def chance_alignment(units: int, dimension: int = 1) -> float:
    """Return the mean cosine of a random direction's angle to a subspace.

    E|P v| = Gamma((k+1)/2) Gamma(n/2) / (Gamma(k/2) Gamma((n+1)/2)) for v uniform on the sphere in
    n = `units` dimensions and k = `dimension`, near sqrt(k/n) for large k; k = 1 is the mean absolute cosine
    to a direction. Random means isotropic: tangent vectors that fill few dimensions have larger cosines with
    any direction in these.

    Raises
    ------
    ValueError
        Unless 1 <= dimension <= units.
    """
    _check_dimension(units, dimension)
    n, k = units, dimension
    logs = gammaln((k + 1) / 2) + gammaln(n / 2) - gammaln(k / 2) - gammaln((n + 1) / 2)
    return math.exp(float(logs))


@takes_numbers()
def chance_quantile(units: int, dimension: int = 1, level: float = 0.95) -> float:
    """Return a quantile of the cosine of `chance_alignment`; its square is Beta(k/2, (n-k)/2)."""
    _check_dimension(units, dimension)
    if dimension == units:
        return 1.0
    return math.sqrt(float(betaincinv(dimension / 2, (units - dimension) / 2, level)))


def _check_dimension(units: int, dimension: int) -> None:
    if not 1 <= dimension <= units:
        raise ValueError(f"expected from 1 to {units} dimensions, got {dimension}")


@takes_arrays
def alignment_table(
    tangents: Tensor, targets: Mapping[str, Tensor], names: Sequence[str]
) -> pd.DataFrame:
    """Summarise alignments over the points of one network.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
    targets : mapping of str to Tensor, shape (direction, unit)
        Directions by name, such as those of `update_directions` and ``readout``.
    names : sequence of str
        Of the tangents: the coordinates, then time.

    Returns
    -------
    pandas.DataFrame
        One row per ``target``, ``moment`` (index of the time), ``tangent``, ``measure`` (``cosine`` to the
        direction, or ``subspace``, of all up to it) and ``direction``, from 1. ``mean``,
        ``lower_quartile``, ``median``, ``upper_quartile`` over points; ``n_points``, zero
        tangents left out; ``chance``, and its 95 % point ``chance_95``.

    Raises
    ------
    ValueError
        When there is not one name per tangent, or as `alignment`.
    """
    import pandas as pd

    if len(names) != tangents.shape[2]:
        raise ValueError(f"expected {tangents.shape[2]} names of tangents, got {len(names)}")
    tables = []
    for target, directions in targets.items():
        angles = alignment(tangents, directions)
        for measure, values in (("cosine", angles.cosine), ("subspace", angles.subspace)):
            # Mean and quartiles over points of every other index.
            grid = [range(size) for size in values.shape[1:]]
            index = pd.MultiIndex.from_product(grid, names=["moment", "tangent", "direction"])
            quartiles = values.new_tensor([0.25, 0.5, 0.75])
            low, middle, high = torch.nanquantile(values, quartiles, dim=0).flatten(1)
            table = pd.DataFrame(
                {
                    "mean": values.nanmean(dim=0).flatten().numpy(force=True),
                    "lower_quartile": low.numpy(force=True),
                    "median": middle.numpy(force=True),
                    "upper_quartile": high.numpy(force=True),
                    "n_points": (~values.isnan()).sum(dim=0).flatten().numpy(force=True),
                },
                index=index,
            ).reset_index()

            # Chance levels depend on the dimension that a cosine refers to.
            ranks = [1] * len(directions) if measure == "cosine" else angles.rank.tolist()
            for column, level in (("chance", chance_alignment), ("chance_95", chance_quantile)):
                of_rank = [level(angles.units, rank) for rank in ranks]
                table[column] = table["direction"].map(dict(enumerate(of_rank)))

            table["tangent"] = table["tangent"].map(dict(enumerate(names)))
            table["direction"] += 1
            table.insert(0, "target", target)
            table.insert(3, "measure", measure)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)
