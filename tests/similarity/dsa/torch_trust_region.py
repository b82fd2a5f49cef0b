"""The trust-region ascent as the equations state it, one start at a time, in torch: an oracle.

`warpline.similarity.dsa.trust_region` states the equations. Here they are written with whole matrices
and commutators. Steps are retracted by the Cayley transform, not the exponential, and Newton systems
are solved in the precision of the problem, so that the two ascents share nothing but the mathematics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

#: Gradient norm at which rounding dominates, in units of the relative spacing.
ROUNDING = 300
#: Radii of the trust region, in the norm of the preconditioner.
INITIAL_RADIUS = 0.2
LARGEST_RADIUS = 4.0
#: Curvatures below this fraction of their mean are raised to it in the preconditioner.
FLOOR = 0.2


@dataclass
class Maximum:
    """Where one ascent ends."""

    rotation: Tensor
    aligned: Tensor
    value: Tensor
    gradient_norm: Tensor
    converged: bool
    products: int


def full_matrix(symmetric: Tensor, frequencies: Tensor) -> Tensor:
    """Join the symmetric part and the frequencies of the skew part to the operator A."""
    skew = torch.zeros_like(symmetric)
    half = len(frequencies)
    skew[:half, half:] = -torch.diag(frequencies)
    skew[half:, :half] = torch.diag(frequencies)
    return symmetric + skew


def gradient(a: Tensor, y: Tensor) -> Tensor:
    """[A_s, Y_s] - [A_k, Y_k]."""
    (a_s, a_k), (y_s, y_k) = _parts(a), _parts(y)
    return _commutator(a_s, y_s) - _commutator(a_k, y_k)


def hessian_product(a: Tensor, y: Tensor, direction: Tensor) -> Tensor:
    """H[W] = [A_s, Z_s] - [A_k, Z_k] - [W, g] / 2, with Z = [W, Y]."""
    z = _commutator(direction, y)
    return gradient(a, z) - _commutator(direction, gradient(a, y)) / 2


def preconditioner(a: Tensor, y: Tensor, padded: bool) -> tuple[Tensor, Tensor]:
    """Weights of `precondition`: from the same-sense and opposite-sense curvature of each block."""
    half = len(a) // 2
    omega = a.diagonal(-half)
    omega = (omega - a.diagonal(half)) / 2
    real_a, real_y = _plane_means(a.diagonal()), _plane_means(y.diagonal())
    imaginary_y = (y.diagonal(-half) - y.diagonal(half)) / 2
    elementwise = a * y
    sums = _plane_means(elementwise.sum(1) + elementwise.sum(0))
    cross_terms = _plane_means(_plane_means(a * y.T).T) - torch.outer(real_a, real_y)
    mean = (sums[:, None] + sums[None, :]) / 2 + cross_terms + cross_terms.T
    # Re (a_p - a_q) conj(y_p - y_q) minus the same with a_q, y_q conjugated, halved.
    difference = -(torch.outer(omega, imaginary_y) + torch.outer(imaginary_y, omega))
    if padded:
        difference[-1] = difference[:, -1] = 0
    same, opposite = (mean + difference).abs(), (mean - difference).abs()
    floor = FLOOR * (same + opposite).mean() / 2 + 1e-30
    same, opposite = 1 / same.clamp(min=floor), 1 / opposite.clamp(min=floor)
    return (same + opposite) / 2, (same - opposite) / 2


def precondition(keep: Tensor, swap: Tensor, matrix: Tensor) -> Tensor:
    """Weigh the 2 x 2 block of each two planes."""
    half = len(keep)
    a, b = matrix[:half, :half], matrix[:half, half:]
    c, d = matrix[half:, :half], matrix[half:, half:]
    top = torch.cat([keep * a + swap * d, keep * b - swap * c], dim=1)
    return torch.cat([top, torch.cat([keep * c - swap * b, keep * d + swap * a], dim=1)])


def maximise(
    a: Tensor,
    b: Tensor,
    start: Tensor,
    *,
    tolerance: float,
    max_products: int = 5000,
    padded: bool = False,
) -> Maximum:
    """Ascend from one start to a local maximum of <A, C B C^T>.

    Parameters
    ----------
    a, b : Tensor, shape (n, n)
        The operators, A in its canonical basis.
    start : Tensor, shape (n, n)
        Orthogonal.
    tolerance, max_products, padded
        As in `warpline.similarity.dsa.trust_region.maximise`.
    """
    identity, spacing = torch.eye(len(a), dtype=a.dtype), torch.finfo(a.dtype).eps
    y = start @ b @ start.T
    point = Maximum(start, y, (a * y).sum(), gradient(a, y).norm(), False, 0)
    radius = INITIAL_RADIUS
    while True:
        limit = max(tolerance * float((a - point.aligned).norm()), ROUNDING * spacing)
        if point.gradient_norm <= limit or point.products >= max_products:
            return replace(point, converged=bool(point.gradient_norm <= limit))
        step, length, predicted_gain, products = _newton_step(a, point, radius, limit, padded)
        point.products += products
        cayley = torch.linalg.solve(identity - step / 2, identity + step / 2)
        y = cayley @ point.aligned @ cayley.T
        value = (a * y).sum()
        # Near convergence both gains drown in rounding: they then count as equal.
        ratio = (value - point.value + 50 * spacing) / (predicted_gain + 50 * spacing)
        if ratio < 0.25:
            radius = 0.25 * length
        elif ratio > 0.75 and length >= 0.99 * radius:
            radius = min(2 * radius, LARGEST_RADIUS)
        if ratio > 0.1:
            norm = gradient(a, y).norm()
            point = Maximum(cayley @ point.rotation, y, value, norm, False, point.products)


def _newton_step(
    a: Tensor, point: Maximum, radius: float, limit: float, padded: bool
) -> tuple[Tensor, float, float, int]:
    """Truncated conjugate gradients: step, its length, the predicted gain, products spent."""
    y = point.aligned
    g, norm = gradient(a, y), float(point.gradient_norm)
    weights = preconditioner(a, y, padded)
    # Superlinear forcing: solve harder as the gradient shrinks.
    target = max(norm * min(10 * norm, 0.1), 0.1 * limit)
    step, residual, products = torch.zeros_like(g), -g, 0
    direction = precondition(*weights, g)
    rz = float((g * direction).sum())
    direction_square, step_square, step_direction, gain = rz, 0.0, 0.0, 0.0
    while products < 2 * len(a):
        image = -hessian_product(a, y, direction)
        products += 1
        curvature = float((direction * image).sum())
        alpha = rz / curvature if curvature > 0 else 0.0
        outside = step_square + alpha * (2 * step_direction + alpha * direction_square) >= radius**2
        leaves_region = curvature <= 0 or outside
        if leaves_region:
            root = max(step_direction**2 + direction_square * (radius**2 - step_square), 0.0) ** 0.5
            alpha = (root - step_direction) / direction_square
        gain += alpha * (rz - alpha * curvature / 2)
        step_square += alpha * (2 * step_direction + alpha * direction_square)
        step, residual = step + alpha * direction, residual + alpha * image
        if leaves_region or residual.norm() <= target:
            break
        preconditioned = precondition(*weights, residual)
        rz_next = float((residual * preconditioned).sum())
        beta = rz_next / rz
        step_direction = beta * (step_direction + alpha * direction_square)
        direction_square = rz_next + beta**2 * direction_square
        rz, direction = rz_next, beta * direction - preconditioned
    return step, max(step_square, 0.0) ** 0.5, gain, products


def _parts(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric and skew-symmetric part."""
    return (matrix + matrix.T) / 2, (matrix - matrix.T) / 2


def _commutator(first: Tensor, second: Tensor) -> Tensor:
    return first @ second - second @ first


def _plane_means(values: Tensor) -> Tensor:
    """Means over the two dimensions of each plane, along the last axis."""
    half = values.shape[-1] // 2
    return (values[..., :half] + values[..., half:]) / 2
