"""The subspaces in which the states of each time step vary, and their similarity between time steps."""

from __future__ import annotations

import torch
from torch import Tensor

from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.measurements.readout import rounding_of

__all__ = ["state_subspaces", "subspace_similarity"]


@takes_arrays
def state_subspaces(states: Tensor, dimension: int = 2, centred: bool = True) -> Tensor:
    """Return the leading directions of the states at each time step.

    Parameters
    ----------
    states : Tensor, shape (point, time, unit)
    dimension : int
        Number of directions: 2 hold a circle that is encoded on a ring.
    centred : bool
        Whether the mean over points is taken away first. Pellegrino and Chadwick (2025) do not: where the
        mean is far from 0, their first direction is that of the mean, whatever is encoded around it.

    Returns
    -------
    Tensor, shape (time, dimension, unit)
        Orthonormal: right singular vectors of the states (point, unit). Rows of 0 for directions in which no
        state lies, as at the common initial state.

    Raises
    ------
    ValueError
        When the states are not finite or of another shape, or the dimension exceeds the number of points or
        of units.
    """
    if states.ndim != 3:
        raise ValueError(f"expected states of shape (point, time, unit), got {tuple(states.shape)}")
    check_finite(states, "states")
    most = min(states.shape[0], states.shape[2])
    if not 1 <= dimension <= most:
        raise ValueError(f"expected a dimension from 1 to {most}, got {dimension}")
    clouds = states.transpose(0, 1)
    if centred:
        clouds = clouds - clouds.mean(1, keepdim=True)
    _, sizes, basis = torch.linalg.svd(clouds, full_matrices=False)
    # Rounding of the mean leaves directions of states that are all equal.
    scale = torch.linalg.vector_norm(states.transpose(0, 1), dim=(1, 2))[:, None]
    present = sizes[:, :dimension] > max(1e-10, rounding_of(states)) * scale
    return basis[:, :dimension] * present[..., None]


@takes_arrays
def subspace_similarity(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much every two subspaces have in common.

    Parameters
    ----------
    first, second : Tensor, shapes (a, dimension, unit) and (b, dimension, unit)
        Orthonormal rows, as from `state_subspaces`.

    Returns
    -------
    largest, mean : Tensor, shape (a, b)
        Largest cosine and mean cosine of the principal angles: the spectral norm of the product of both
        bases, and its nuclear norm over the dimension. 1 for equal spaces, 0 for orthogonal ones; nan where a
        space has fewer dimensions than asked for.

    Raises
    ------
    ValueError
        When the bases are not finite, not orthonormal, or of another shape.
    """
    shapes = [tuple(bases.shape) for bases in (first, second)]
    if any(len(shape) != 3 for shape in shapes) or shapes[0][-1] != shapes[1][-1]:
        raise ValueError(f"expected bases of shape (space, dimension, unit), got {shapes}")
    check_finite(first, "bases")
    check_finite(second, "bases")
    for bases in (first, second):
        # Rows are of length 1, or 0 where nothing lies.
        gram = bases @ bases.mT
        sizes = gram.diagonal(dim1=-2, dim2=-1)
        if not torch.allclose(gram, torch.diag_embed(sizes.round().clamp(0, 1)), atol=1e-4):
            raise ValueError("expected bases of orthonormal rows, got others: see state_subspaces")
    products = torch.einsum("adu,beu->abde", first, second)
    cosines = torch.linalg.svdvals(products).clamp(max=1)
    full = [basis.square().sum(-1).amin(-1) > 0.5 for basis in (first, second)]
    both = full[0][:, None] & full[1][None]
    missing = cosines.new_tensor(torch.nan)
    return (
        torch.where(both, cosines[..., 0], missing),
        torch.where(both, cosines.mean(-1), missing),
    )
