r"""Riemannian trust-region Newton method for the alignment of operators, batched for CUDA.

On the CPU :mod:`.compiled` does the same, one climb at a time.

Maximises :math:`\varphi(C) = \langle A, C B C^\top \rangle` over the orthogonal group for a batch
of problems at once. Steps are :math:`C \leftarrow \operatorname{cay}(W) C` with skew-symmetric
:math:`W`, so that the determinant of the start is kept. With :math:`Y = C B C^\top`, indices s and k
for symmetric and skew-symmetric parts, :math:`Z = [W, Y]` and :math:`[\cdot,\cdot]` the commutator,

.. math::
    g &= [A_s, Y_s] - [A_k, Y_k], \\
    H[W] &= [A_s, Z_s] - [A_k, Z_k] - \tfrac{1}{2} [W, g].

Every commutator is a product minus its transpose, and products with :math:`A_k` are scalings in the
frame of :mod:`.frames`: a Hessian-vector product costs four matrix products. Newton systems are
solved by truncated conjugate gradients (Steihaug 1983; Absil, Baker & Gallivan 2007), preconditioned
by the diagonal of :math:`H` in complex 2 x 2 blocks.

The batch runs in lock step on Hessian-vector products: problems whose inner solve ends make their
outer step while the others go on, and problems that have converged leave the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .curvature import (
    apply_preconditioner,
    curve,
    fill_gradient,
    fill_preconditioner,
    full_matrix,
    inner,
)
from .problems import Problems, Solution
from .products import bmm

if TYPE_CHECKING:
    from torch import Tensor

#: Gradient norm at which rounding has taken over, in units of the relative spacing.
ROUNDING = 300
#: Of the trust region, in the norm of the preconditioner.
INITIAL_RADIUS = 0.2
LARGEST_RADIUS = 4.0


def _restart(state: dict[str, Tensor]) -> None:
    """Begin a new inner solve at the current point: minimise -<g, W> - <W, H W> / 2."""
    import torch

    gradient = state["gradient"]
    state["step"] = torch.zeros_like(gradient)
    state["residual"] = -gradient
    direction = apply_preconditioner(state["keep"], state["swap"], gradient)
    state["direction"] = direction
    state["rz"] = inner(gradient, direction)
    state["direction2"] = state["rz"].clone()
    zero = torch.zeros_like(state["rz"])
    state["step2"], state["cross"], state["gain"] = zero, zero.clone(), zero.clone()
    state["inner"] = zero.clone()


def maximise(
    problems: Problems,
    which: Tensor,
    starts: Tensor,
    *,
    relative_tolerance: float,
    max_products: int,
    batch: int,
) -> Solution:
    """Climb from each start to a local maximum.

    Parameters
    ----------
    problems : Problems
        The problems.
    which : Tensor of int, shape (start,)
        The problem of each start.
    starts : Tensor, shape (start, n, n)
        Orthogonal starts.
    relative_tolerance : float
        A climb has converged when its gradient norm is at most this fraction of
        ``|A - C B C^T|``, or at rounding. Relative, because near a perfect alignment the gradient
        vanishes with the residual itself.
    max_products : int
        Hessian-vector products per climb.
    batch : int
        Climbs under way at once; those that end make room for the next.

    Returns
    -------
    Solution
        One local maximum per start, on the component of the start.
    """
    import torch

    count, size, _ = starts.shape
    device = starts.device
    rotation, moved = torch.empty_like(starts), torch.empty_like(starts)
    value = torch.empty(count, dtype=starts.dtype, device=device)
    gradient_norm = torch.empty_like(value)
    converged = torch.zeros(count, dtype=torch.bool, device=device)
    products = torch.zeros(count, dtype=torch.long, device=device)
    identity = torch.eye(size, dtype=starts.dtype, device=device)

    def enter(begin: int, end: int) -> dict[str, Tensor]:
        return _begin(problems, which[begin:end], starts[begin:end], begin, relative_tolerance)

    entered = min(batch, count)
    state = enter(0, entered)
    while len(state["index"]):
        done = (state["norm"] <= state["limit"]) | (state["products"] >= max_products)
        n_done = int(done.sum())
        if n_done and 8 * n_done >= len(done):
            where = state["index"][done]
            rotation[where], moved[where] = state["rotation"][done], state["moved"][done]
            value[where] = state["value"][done]
            gradient_norm[where] = state["norm"][done]
            converged[where] = state["norm"][done] <= state["limit"][done]
            products[where] = state["products"][done]
            state = {name: tensor[~done] for name, tensor in state.items()}
            room = min(batch - len(state["index"]), count - entered)
            if room > 0:
                fresh = enter(entered, entered + room)
                state = {name: torch.cat([tensor, fresh[name]]) for name, tensor in state.items()}
                entered += room
            continue
        finished = _inner_step(state, size) & ~done
        chosen = finished.nonzero()[:, 0]
        if len(chosen):
            _outer_step(state, chosen, identity, relative_tolerance, problems.phantom)
    return Solution(rotation, moved, value, gradient_norm, converged, products)


def _begin(
    problems: Problems, which: Tensor, starts: Tensor, offset: int, relative_tolerance: float
) -> dict[str, Tensor]:
    """State of climbs that have not made a step."""
    import torch

    symmetric, frequencies = problems.symmetric[which], problems.frequencies[which]
    full = full_matrix(symmetric, frequencies)
    count = len(starts)
    state = {
        "index": torch.arange(offset, offset + count, device=starts.device),
        "symmetric": symmetric,
        "frequencies": frequencies,
        "full": full,
        "rotation": starts.clone(),
        "moved": bmm(bmm(starts, problems.target[which]), starts.mT),
        "radius": torch.full((count,), INITIAL_RADIUS, dtype=starts.dtype, device=starts.device),
        "products": torch.zeros(count, dtype=torch.long, device=starts.device),
    }
    state["value"] = inner(full, state["moved"])
    fill_gradient(state)
    fill_preconditioner(state, problems.phantom)
    _restart(state)
    state["limit"] = _limits(state, relative_tolerance)
    return state


def _limits(state: dict[str, Tensor], relative_tolerance: float) -> Tensor:
    import torch

    residual = (state["full"] - state["moved"]).flatten(1).norm(dim=1)
    return (relative_tolerance * residual).clamp(min=ROUNDING * torch.finfo(residual.dtype).eps)


def _inner_step(state: dict[str, Tensor], size: int) -> Tensor:
    """One conjugate-gradient iteration of every problem; returns which have ended."""
    import torch

    direction = state["direction"]
    curved = curve(state, direction)
    curvature = inner(direction, curved)
    state["products"] += 1

    rz, step2, cross, direction2 = (state[k] for k in ("rz", "step2", "cross", "direction2"))
    length = rz / curvature
    radius2 = state["radius"] ** 2
    leaves = (curvature <= 0) | (step2 + length * (2 * cross + length * direction2) >= radius2)
    slack = direction2 * (radius2 - step2)
    to_edge = (torch.sqrt((cross**2 + slack).clamp(min=0)) - cross) / direction2
    length = torch.where(leaves, to_edge, length)
    state["gain"] = state["gain"] + length * (rz - 0.5 * length * curvature)
    state["step2"] = step2 + length * (2 * cross + length * direction2)
    long = length[:, None, None]
    state["step"].addcmul_(long, direction)
    residual = state["residual"].addcmul_(long, curved)
    preconditioned = apply_preconditioner(state["keep"], state["swap"], residual)
    rz_next = inner(residual, preconditioned)
    beta = rz_next / rz
    state["cross"] = beta * (cross + length * direction2)
    state["direction2"] = rz_next + beta**2 * direction2
    state["rz"] = rz_next
    state["direction"] = torch.addcmul(-preconditioned, beta[:, None, None], direction)
    state["inner"] = state["inner"] + 1
    norm = state["norm"]
    # Superlinear forcing: solve harder as the gradient shrinks.
    target = norm * (10 * norm).clamp(max=0.1)
    small = residual.flatten(1).norm(dim=1) <= torch.maximum(target, 0.1 * state["limit"])
    return leaves | small | (state["inner"] >= 2 * size)


def _outer_step(
    state: dict[str, Tensor],
    chosen: Tensor,
    identity: Tensor,
    relative_tolerance: float,
    phantom: bool,
) -> None:
    """Try the steps of the chosen problems, adapt their radii and restart their inner solves."""
    import torch

    part = {name: state[name][chosen] for name in _POINT}
    step, gain = state["step"][chosen] / 2, state["gain"][chosen]
    cayley = torch.linalg.solve(identity - step, identity + step)
    moved = bmm(bmm(cayley, part["moved"]), cayley.mT)
    value = inner(part["full"], moved)
    # Near convergence both gains drown in rounding: they then count as equal.
    rounding = 50 * torch.finfo(value.dtype).eps
    ratio = (value - part["value"] + rounding) / (gain + rounding)
    accepted = ratio > 0.1
    radius = part["radius"]
    length = state["step2"][chosen].clamp(min=0).sqrt()
    grown = torch.where(
        (ratio > 0.75) & (length >= 0.99 * radius),
        (2 * radius).clamp(max=LARGEST_RADIUS),
        radius,
    )
    part["radius"] = torch.where(ratio < 0.25, 0.25 * length, grown)
    take = accepted[:, None, None]
    part["moved"] = torch.where(take, moved, part["moved"])
    part["rotation"] = torch.where(take, bmm(cayley, part["rotation"]), part["rotation"])
    part["value"] = torch.where(accepted, value, part["value"])
    fill_gradient(part)
    fill_preconditioner(part, phantom)
    _restart(part)
    part["limit"] = _limits(part, relative_tolerance)
    for name, tensor in part.items():
        if name not in _CONSTANT:
            state[name][chosen] = tensor


#: What an outer step reads of the state.
_POINT = ("symmetric", "frequencies", "full", "rotation", "moved", "radius", "value")
_CONSTANT = ("symmetric", "frequencies", "full")
