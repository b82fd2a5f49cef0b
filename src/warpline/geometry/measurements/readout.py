"""How much of the metric reaches the decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.measurements.subspaces import orthonormal_basis, principal_cosines
from warpline.geometry.riemannian.metric import Metric
from warpline.geometry.riemannian.triangular import triangular_factor

__all__ = ["ReadoutSplit", "readout_jacobian", "readout_split"]


@dataclass(frozen=True)
class ReadoutSplit:
    """The metric in and out of the space that the readout sees.

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
        J, descending: eigenvalues of G^+ A^T P A. 0 where either has no further dimension.
    """

    inside: Metric
    outside: Metric
    output: Metric
    fraction: Tensor
    total_fraction: Tensor
    cosines: Tensor


def readout_split(
    tangents: Tangents,
    readout: Dynamics | Tensor | Callable[[Tensor], Tensor],
    tolerance: float = 1e-9,
) -> ReadoutSplit:
    """Split the metric into what the readout sees and what it does not.

    Parameters
    ----------
    tangents : Tangents
    readout : Dynamics, Tensor or callable
        Dynamics with a readout; or weights (output, unit); or a map from what is observed, (point, unit),
        to outputs (point, output). Where it is not linear its Jacobian is taken at every state.
    tolerance : float
        Ratio of singular values at which a dimension of the readout or of the tangent space counts
        as none.
    """
    jacobian = readout_jacobian(readout, tangents)
    vectors = tangents.vectors
    basis = orthonormal_basis(jacobian, tolerance)
    seen = vectors @ basis.mT
    unseen = vectors - seen @ basis
    names, moments = tangents.names, tangents.moments
    lengths = vectors.square().sum(-1)
    share = seen.square().sum(-1)
    return ReadoutSplit(
        inside=Metric(triangular_factor(seen), names, moments),
        outside=Metric(triangular_factor(unseen), names, moments),
        output=Metric(triangular_factor(vectors @ jacobian.mT), names, moments),
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
        When dynamics read out of more of the state than they observe.
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
    outputs = _jacobians(readout.readout, tangents.whole)
    if tangents.whole is tangents.states:
        return outputs
    # J_whole = J J_observe: J is found from it, if there is one.
    watched = _jacobians(readout.observe, tangents.whole)
    jacobian = torch.linalg.lstsq(watched.mT, outputs.mT, driver="gelsd").solution.mT
    left = torch.linalg.vector_norm(jacobian @ watched - outputs, dim=(-2, -1))
    if bool((left > 1e-6 * torch.linalg.vector_norm(outputs, dim=(-2, -1))).any()):
        raise TypeError(
            "expected a readout that is a function of what the dynamics observe, but it reads "
            "other parts of the state too: observe the whole state, or give the readout's weights"
        )
    return jacobian


def _jacobians(function: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """Return the Jacobian of a map at every state, (point, time, output, state)."""

    def one(state: Tensor) -> Tensor:
        return function(state[None])[0]

    flat = states.flatten(0, 1)
    # The vmap that torch.func.jacrev uses inside is over outputs: few, for a readout.
    rows = torch.cat([vmap(jacrev(one))(part) for part in flat.split(1024)])
    return rows.reshape(*states.shape[:2], *rows.shape[1:])
