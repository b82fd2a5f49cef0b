"""Gradient, Hessian and preconditioner of the alignment, batched (equations in :mod:`.trust_region`).

Functions take and fill a state: tensors by name, with the climb as first dimension. They read
``symmetric``, ``frequencies`` (A in its canonical frame), ``full`` (A whole) and ``moved``
(Y = C B C^T).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .products import bmm

if TYPE_CHECKING:
    from torch import Tensor

#: Share of the mean curvature below which the preconditioner does not go.
FLOOR = 0.2


def inner(first: Tensor, second: Tensor) -> Tensor:
    """Frobenius inner products of two batches of matrices, shape (problem,)."""
    return (first * second).sum((-1, -2))


def rotate(frequencies: Tensor, matrix: Tensor) -> Tensor:
    """Multiply by the skew-symmetric matrix with these frequencies, from the left."""
    import torch

    half = frequencies.shape[-1]
    scale = frequencies[:, :, None]
    return torch.cat([-scale * matrix[:, half:], scale * matrix[:, :half]], dim=1)


def fill_gradient(state: dict[str, Tensor]) -> None:
    """Fill in gradient, its factor for products, residual, preconditioner."""
    import torch

    moved = state["moved"]
    symmetric = (moved + moved.mT) / 2
    skew = moved - symmetric
    product = bmm(state["symmetric"], symmetric) - rotate(state["frequencies"], skew)
    gradient = product - product.mT
    state["gradient"] = gradient
    state["factor"] = torch.cat([symmetric, skew, gradient], dim=-1)
    state["norm"] = gradient.flatten(1).norm(dim=1)


def full_matrix(symmetric: Tensor, frequencies: Tensor) -> Tensor:
    """Join the symmetric part and the frequencies to the whole matrix."""
    import torch

    half = frequencies.shape[-1]
    full = symmetric.clone()
    torch.diagonal(full[:, :half, half:], dim1=-2, dim2=-1).sub_(frequencies)
    torch.diagonal(full[:, half:, :half], dim1=-2, dim2=-1).add_(frequencies)
    return full


def _plane_means(values: Tensor) -> Tensor:
    """Means over the two dimensions of each plane, along the last axis."""
    half = values.shape[-1] // 2
    return (values[..., :half] + values[..., half:]) / 2


def fill_preconditioner(state: dict[str, Tensor], phantom: bool) -> None:
    """Weights of the preconditioner: same-sense and opposite-sense parts of each 2 x 2 block.

    A block of W joins two planes of the frame; its part that commutes with the rotations turns
    both in the same sense. For commuting A = Y the curvatures are |a_p - a_q|^2 and
    |a_p - conj(a_q)|^2 in the complex eigenvalues a; here the mean over the block is exact, and
    only the difference of the two is taken from that model.
    """
    import torch

    full, moved = state["full"], state["moved"]
    half = full.shape[-1] // 2
    diagonal_a = _plane_means(torch.diagonal(full, dim1=-2, dim2=-1))
    diagonal_y = _plane_means(torch.diagonal(moved, dim1=-2, dim2=-1))
    imaginary_y = (
        torch.diagonal(moved[:, half:, :half], dim1=-2, dim2=-1)
        - torch.diagonal(moved[:, :half, half:], dim1=-2, dim2=-1)
    ) / 2
    elementwise = full * moved
    sums = _plane_means(elementwise.sum(-1) + elementwise.sum(-2))
    crossed = _plane_means(_plane_means(full * moved.mT).mT)
    crossed = crossed - diagonal_a[:, :, None] * diagonal_y[:, None, :]
    mean = (sums[:, :, None] + sums[:, None, :]) / 2 + crossed + crossed.mT
    # Re (a_p - a_q) conj(y_p - y_q) minus the same with a_q, y_q conjugated, halved.
    omega = state["frequencies"]
    model = -(omega[:, :, None] * imaginary_y[:, None, :])
    model = model + model.mT
    if phantom:
        model[:, -1, :] = 0
        model[:, :, -1] = 0
    same = (mean + model).abs()
    opposite = (mean - model).abs()
    floor = FLOOR * (same + opposite).mean((-1, -2), keepdim=True) / 2 + 1e-30
    same = 1 / torch.maximum(same, floor)
    opposite = 1 / torch.maximum(opposite, floor)
    state["keep"] = (same + opposite) / 2
    state["swap"] = (same - opposite) / 2


def apply_preconditioner(keep: Tensor, swap: Tensor, matrix: Tensor) -> Tensor:
    """Apply the weights of :func:`fill_preconditioner` to skew-symmetric matrices."""
    import torch

    half = keep.shape[-1]
    a, b = matrix[:, :half, :half], matrix[:, :half, half:]
    c, d = matrix[:, half:, :half], matrix[:, half:, half:]
    result = torch.empty_like(matrix)
    torch.addcmul(keep * a, swap, d, out=result[:, :half, :half])
    torch.addcmul(keep * b, swap, c, value=-1, out=result[:, :half, half:])
    torch.addcmul(keep * c, swap, b, value=-1, out=result[:, half:, :half])
    torch.addcmul(keep * d, swap, a, out=result[:, half:, half:])
    return result


def curve(state: dict[str, Tensor], direction: Tensor) -> Tensor:
    """Hessian of minus the inner product along skew-symmetric directions.

    Parameters
    ----------
    state : dict of Tensor
        Reads ``factor`` from :func:`fill_gradient`.
    direction : Tensor, shape (climb, n, n)
        Skew-symmetric.

    Returns
    -------
    Tensor, shape (climb, n, n)
        Skew-symmetric.
    """
    size = direction.shape[-1]
    first, second, third = bmm(direction, state["factor"]).split(size, dim=-1)
    moved_symmetric = first + first.mT
    moved_skew = second - second.mT
    product = bmm(state["symmetric"], moved_symmetric).sub_(third, alpha=0.5)
    half = size // 2
    scale = state["frequencies"][:, :, None]
    product[:, :half].addcmul_(scale, moved_skew[:, half:])
    product[:, half:].addcmul_(scale, moved_skew[:, :half], value=-1)
    return product.mT - product
