"""The share of the metric that the readout sees, and the subspaces in which items are encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.riemannian.metric import Metric, triangular_factor

__all__ = [
    "ReadoutSplit",
    "decoder_cosines",
    "encoding_subspace",
    "orthonormal_basis",
    "principal_cosines",
    "readout_jacobian",
    "readout_split",
    "rounding_of",
    "row_space",
    "subspace_angles",
]


@dataclass(frozen=True, repr=False)
class ReadoutSplit(ShortRepr):
    """The metric inside and outside of the subspace that the readout sees.

    With J = d output / d state and P = J^+ J the projection onto its row space,
    G = A^T P A + A^T (I - P) A, A = [a f].

    Attributes
    ----------
    inside, outside : Metric
        G_in = A^T P A and G_out = A^T (I - P) A.
    output : Metric
        A^T J^T J A, the pullback metric of the outputs themselves.
    fraction : Tensor, shape (point, time, tangent)
        G_in,ii / G_ii: the share of each tangent vector's squared length that the readout sees; nan
        for a vector that is 0.
    total_fraction : Tensor, shape (point, time)
        The same of the input coordinates together, tr G_in / tr G of the input block.
    cosines : Tensor, shape (point, time, tangent)
        Squared cosines of the principal angles between the tangent space [a f] and the row space of
        J, descending: eigenvalues of G^+ A^T P A. 0 beyond the dimension of either.
    """

    inside: Metric
    outside: Metric
    output: Metric
    fraction: Tensor
    total_fraction: Tensor
    cosines: Tensor


@takes_arrays
def readout_split(
    tangents: Tangents,
    readout: Dynamics | Tensor | Callable[[Tensor], Tensor],
    tolerance: float = 1e-9,
) -> ReadoutSplit:
    """Split the metric into the block that the readout sees and the rest.

    Parameters
    ----------
    tangents : Tangents
    readout : Dynamics, Tensor or callable
        Dynamics with a readout; weights (output, unit); or a map from the observed state, (point, unit),
        to outputs (point, output). The Jacobian of a map is taken at every state.
    tolerance : float
        Ratio of singular values up to which a dimension of the readout or of the tangent space counts
        as 0.

    Raises
    ------
    ValueError, TypeError
        As `readout_jacobian`.
    """
    jacobian = readout_jacobian(readout, tangents)
    vectors = tangents.vectors
    basis = orthonormal_basis(jacobian, tolerance)
    seen = vectors @ basis.mT
    unseen = vectors - seen @ basis
    names, time_steps = tangents.names, tangents.time_steps
    lengths = vectors.square().sum(-1)
    share = seen.square().sum(-1)
    return ReadoutSplit(
        inside=Metric(triangular_factor(seen), names, time_steps),
        outside=Metric(triangular_factor(unseen), names, time_steps),
        output=Metric(triangular_factor(vectors @ jacobian.mT), names, time_steps),
        fraction=share / lengths,
        total_fraction=share[..., :-1].sum(-1) / lengths[..., :-1].sum(-1),
        cosines=principal_cosines(
            orthonormal_basis(vectors, tolerance), basis, count=vectors.shape[-2]
        ).square(),
    )


def readout_jacobian(
    readout: Dynamics | Tensor | Callable[[Tensor], Tensor], tangents: Tangents
) -> Tensor:
    """Return J = d output / d observed state, (output, unit) if given so, else (point, time, output, unit).

    Raises
    ------
    ValueError
        When there is no readout, or weights do not fit the states.
    TypeError
        When the readout of dynamics depends on the state beyond what they observe.
    """
    units = tangents.states.shape[-1]
    if isinstance(readout, Tensor):
        if readout.ndim != 2 or readout.shape[1] != units:
            raise ValueError(
                f"expected readout weights (output, {units}), got {tuple(readout.shape)}"
            )
        return readout.to(tangents.states)
    if not isinstance(readout, Dynamics):
        return _jacobians(readout, tangents.states)
    if readout.readout is None:
        raise ValueError("expected dynamics with a readout, got ones without")
    of_full_state = _jacobians(readout.readout, tangents.full_states)
    if tangents.full_states is tangents.states:
        return of_full_state

    # J_full = J J_observe: J solves this, if the readout is a function of the observed state.
    of_observation = _jacobians(readout.observe, tangents.full_states)
    jacobian = torch.linalg.lstsq(of_observation.mT, of_full_state.mT, driver="gelsd").solution.mT
    residual = torch.linalg.vector_norm(jacobian @ of_observation - of_full_state, dim=(-2, -1))
    if bool((residual > 1e-6 * torch.linalg.vector_norm(of_full_state, dim=(-2, -1))).any()):
        raise TypeError(
            "expected a readout that is a function of the observed state, but it reads other parts of "
            "the state too: observe the full state, or give the readout's weights"
        )
    return jacobian


def _jacobians(function: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """Return the Jacobian of a map at every state, (point, time, output, state)."""

    def of_one(state: Tensor) -> Tensor:
        return function(state[None])[0]

    flat = states.flatten(0, 1)
    # Reverse mode, as a readout has few outputs.
    rows = torch.cat([vmap(jacrev(of_one))(block) for block in flat.split(1024)])
    return rows.reshape(*states.shape[:2], *rows.shape[1:])


@takes_arrays
def decoder_cosines(tangents: Tangents, jacobian: Tensor) -> Tensor:
    """Return the cosine of the angle between each tangent vector and each row of the readout's Jacobian.

    Signed: a tangent vector that turns against the decoder goes through 0 to negative values, which a mean of
    absolute values would hide (Pellegrino and Chadwick 2025, for one output). For several outputs the rows
    need not be orthogonal; the cosine to all of them together is the root of `ReadoutSplit.fraction`.

    Parameters
    ----------
    tangents : Tangents
    jacobian : Tensor, shape (output, unit) or (point, time, output, unit)
        From `readout_jacobian`.

    Returns
    -------
    Tensor, shape (point, time, tangent, output)
        From -1 to 1; nan for a tangent vector or a row that is 0.

    Raises
    ------
    ValueError
        When the Jacobian does not fit the states.
    """
    vectors, rows = tangents.vectors, jacobian.to(tangents.vectors)
    if rows.shape[-1] != vectors.shape[-1] or (
        rows.ndim != 2 and rows.shape[:-2] != vectors.shape[:-2]
    ):
        raise ValueError(
            f"expected a Jacobian (output, {vectors.shape[-1]}), or one of each point and time, got "
            f"{tuple(rows.shape)}"
        )
    lengths = torch.linalg.vector_norm(vectors, dim=-1)[..., None]
    row_lengths = torch.linalg.vector_norm(rows, dim=-1)[..., None, :]
    return (vectors @ rows.mT / (lengths * row_lengths)).clamp(-1, 1)


@takes_arrays
def row_space(jacobian: Tensor, time_steps: int) -> Tensor:
    """Return orthonormal directions that the readout sees at each time step, over all points.

    Parameters
    ----------
    jacobian : Tensor, shape (output, unit) or (point, time, output, unit)
        From `readout_jacobian`.
    time_steps : int

    Returns
    -------
    Tensor, shape (time, output, unit)
        The row space of a linear readout. Of another one, whose row space turns with the state, the leading
        right singular vectors of its rows at all points.

    Raises
    ------
    ValueError
        When the Jacobian has another shape, or other time steps; when there is no time step.
    """
    if time_steps < 1:
        raise ValueError(f"expected at least one time step, got {time_steps}")
    if jacobian.ndim not in (2, 4) or (jacobian.ndim == 4 and jacobian.shape[1] != time_steps):
        raise ValueError(
            f"expected a Jacobian (output, unit) or (point, {time_steps}, output, unit), got "
            f"{tuple(jacobian.shape)}"
        )
    if jacobian.ndim == 2:
        return orthonormal_basis(jacobian).expand(time_steps, -1, -1)
    stacked = jacobian.transpose(0, 1).flatten(1, 2)
    return orthonormal_basis(stacked)[:, : jacobian.shape[-2]]


def orthonormal_basis(rows: Tensor, tolerance: float = 1e-9) -> Tensor:
    """Return an orthonormal basis of the span of rows, shape (..., min(row, unit), unit).

    Directions whose singular value is at most `tolerance` times the first are 0, so that batches
    of different rank share one tensor. In single precision rounding is larger than the default, and counts.
    """
    check_finite(rows, "rows of a space")
    _, values, basis = torch.linalg.svd(rows, full_matrices=False)
    tolerance = max(tolerance, rounding_of(rows))
    independent = (values > tolerance * values[..., :1]) & (values[..., :1] > 0)
    return basis * independent[..., None]


def rounding_of(vectors: Tensor) -> float:
    """Return what is rounding in a direction, relative to its length, in the precision of vectors."""
    return 10 * torch.finfo(vectors.dtype).eps


def principal_cosines(first: Tensor, second: Tensor, count: int) -> Tensor:
    """Return cosines of principal angles between spans of orthonormal (or zero) rows, descending.

    Shape (..., count): 0 beyond the smaller of the two dimensions.
    """
    values = torch.linalg.svdvals(first @ second.mT).clamp(max=1.0)
    return torch.nn.functional.pad(values, (0, max(0, count - values.shape[-1])))[..., :count]


@takes_arrays
def subspace_angles(first: Tensor, second: Tensor) -> Tensor:
    """Return the principal angles between the spans of rows, in radians, ascending.

    Parameters
    ----------
    first, second : Tensor, shape (..., a, unit) and (..., b, unit)
        Rows that span each space; they must be independent.

    Returns
    -------
    Tensor, shape (..., min(a, b))
        From 0 to pi/2. Small angles come from sines, as cosines lose half of their digits (Björck and
        Golub 1973; Knyazev and Argentati 2002).

    Raises
    ------
    ValueError
        When the rows of a space depend on one another.
    """
    if first.shape[-2] < second.shape[-2]:
        first, second = second, first
    a, b = orthonormal_basis(first), orthonormal_basis(second)
    for rows, basis in ((first, a), (second, b)):
        if basis.shape[-2] < rows.shape[-2] or bool((basis.square().sum(-1) < 0.5).any()):
            raise ValueError(
                f"expected {rows.shape[-2]} independent directions that span a space, got ones that depend "
                "on each other or are 0: leave out time steps at which nothing is encoded, or give fewer "
                "directions"
            )
    overlap = b @ a.mT
    cosines = torch.linalg.svdvals(overlap).clamp(max=1.0)
    sines = torch.linalg.svdvals(b - overlap @ a).clamp(max=1.0).flip(-1)
    return torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos())


@takes_numbers()
def encoding_subspace(
    tangents: Tangents, group: Sequence[str], dimension: int | None = None
) -> Tensor:
    """Return the directions in which a group of coordinates is encoded at each time step.

    Parameters
    ----------
    tangents : Tangents
    group : sequence of str
        Names of coordinates, such as those of one item.
    dimension : int, optional
        Number of directions; by default that of the group. A circle that is encoded on a ring needs 2
        for its one coordinate, as the tangent turns around.

    Returns
    -------
    Tensor, shape (time, dimension, unit)
        Orthonormal: leading right singular vectors of the group's tangent vectors at all points. Rows of 0
        for directions in which nothing is encoded, as at a common initial state, or the second one of a
        coordinate that is encoded along a line.

    Raises
    ------
    ValueError
        When a name is not a coordinate's, or the dimension exceeds the number of tangent vectors.
    """
    names = tangents.names[:-1]
    missing = [name for name in group if name not in names]
    if missing or not group:
        raise ValueError(f"expected coordinates among {', '.join(names)}; got {list(group)}")
    vectors = tangents.inputs[:, :, [names.index(name) for name in group]]
    stacked = vectors.transpose(0, 1).flatten(1, 2)
    count = len(group) if dimension is None else dimension
    if not 1 <= count <= min(stacked.shape[1:]):
        raise ValueError(f"expected a dimension from 1 to {min(stacked.shape[1:])}, got {count}")
    return orthonormal_basis(stacked)[:, :count]
