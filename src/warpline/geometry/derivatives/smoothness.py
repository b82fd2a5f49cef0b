"""A test that a network's step is differentiable, run before any work starts.

A step that torch can run may still have no derivative that torch can find. sign, round and argmax have
derivative 0 wherever they have one; `detach` hides a dependence; a custom Function may lack or misstate
its jvp. All of them break the fundamental theorem of calculus, which is tested: along a segment from
z_0 to z_1 between states that the network visits,

    F(z_1) - F(z_0) = integral_0^1 DF(z_0 + s (z_1 - z_0)) [z_1 - z_0] ds.

Kinks (relu) and steep sigmoids pass, because the quadrature converges where F is continuous; jumps fail,
because it does not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.func import jvp

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.forward_mode import FORWARD_MODE
from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.left_alone import left_alone

__all__ = [
    "PROBES",
    "NotDifferentiable",
    "check_differentiable",
    "check_second_derivative",
    "check_second_derivative_on",
    "check_step",
    "readable_torch_error",
    "with_readable_torch_errors",
]

P = ParamSpec("P")
R = TypeVar("R")

PROBES = 4
"""Points of kappa, and time steps there, that are probed."""
TOLERATED = 0.05
"""Share of a unit's change that the coarse quadrature may miss before a finer one is tried."""
NEGLIGIBLE = 0.002
"""Share of the units' mean change that is too small to judge a unit by."""
COARSE, FINE = 16, 1024
"""Nodes of the two quadratures."""


class NotDifferentiable(TypeError):
    """A step, or what is observed, has no derivative that torch can find."""


def readable_torch_error(error: RuntimeError) -> str:
    """Return what torch says of an operation without a derivative in one line, with the way out if known."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if "scaled_dot_product" in text:
        text = (
            f"{text.rstrip('.')}. The fast kernels of attention have no such derivative, the plain one has: "
            "from torch.nn.attention import SDPBackend, sdpa_kernel, and call this under "
            "`with sdpa_kernel(SDPBackend.MATH):`"
        )
    return text


def with_readable_torch_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with torch's errors of differentiation raised as `NotDifferentiable`.

    Threads take turns: torch shares the levels of its forward mode between them.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with FORWARD_MODE:
                return function(*args, **kwargs)
        except (RuntimeError, NotImplementedError) as error:
            raise NotDifferentiable(
                "expected a step made of differentiable torch operations, that torch.func.jvp and vmap "
                f"can go through; torch says: {readable_torch_error(error)}"
            ) from error

    return wrapper


@torch.no_grad()
def check_differentiable(
    dynamics: Dynamics,
    inputs: InputManifold,
    kappa: Tensor,
    initial: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Make sure that the step and the observed state have the derivatives that torch.func gives.

    Parameters
    ----------
    dynamics : Dynamics
    inputs : InputManifold
    kappa : Tensor, shape (point, coordinate)
        Four of these points, and the network's states at four time steps there, are probed.
    initial : callable, optional
        Initial states that depend on kappa.

    Raises
    ------
    TypeError
        Naming the map that failed: states that are not floating point, a step that changes the shape of
        the state, mixes points or differs from call to call, an operation that torch cannot
        differentiate, or a derivative that misses some of the map's change.
    ValueError
        When the states are not finite.
    """
    probes = _probes(inputs, kappa)
    state = dynamics.initial(len(probes)) if initial is None else initial(probes)
    if not state.is_floating_point():
        raise NotDifferentiable(
            f"expected states of floating point, that have derivatives; got {state.dtype}"
        )
    state = state.to(dynamics.dtype)

    # A jump may lie anywhere in state space: the states are tried along a whole trial.
    count = min(PROBES, inputs.n_steps)
    probed_steps = {round(i * (inputs.n_steps - 1) / max(1, count - 1)) for i in range(count)}
    for k in range(inputs.n_steps):
        if k not in probed_steps:
            following = dynamics.step(state, inputs(probes, k))
        else:
            # At the first step alone, states of 0 would hide what a rectifier does in place.
            following = left_alone("step", dynamics.step, state, inputs(probes, k))
            _check_form(dynamics, inputs, probes, state, following, k)

            # Without the state itself: a leak would hide a jump in the share of the change.
            def increment(x: Tensor, at: Tensor, k: int = k) -> Tensor:
                return dynamics.step(x, inputs(at, k)) - x

            _check_calculus(f"the step (at step {k})", increment, (state, probes))
            if dynamics.observe(state) is not state:
                _check_calculus("what is observed of the state", dynamics.observe, (state,))
        state = following


@torch.no_grad()
def check_step(dynamics: Dynamics, states: Tensor, inputs: Tensor) -> None:
    """Make sure that the step has the derivatives that torch.func gives, between some states.

    Parameters
    ----------
    dynamics : Dynamics
    states : Tensor, shape (point, state)
        At least two; not tried where the step is not finite.
    inputs : Tensor, shape (point, channel)

    Raises
    ------
    TypeError
        When a derivative misses some of the step's change.
    """

    def increment(x: Tensor, u: Tensor) -> Tensor:
        return dynamics.step(x, u) - x

    if torch.isfinite(increment(states, inputs)).all():
        _check_calculus("the step", increment, (states, inputs))


@torch.no_grad()
def check_second_derivative(
    name: str,
    function: Callable[..., Tensor],
    points: Sequence[Tensor],
    directions: Sequence[Tensor],
) -> None:
    """Make sure that the jvp of a jvp is the derivative of the jvp.

    torch has operations of which it is not: `torch.nn.functional.layer_norm` and `instance_norm` in version
    2.13, as differences of their first derivatives show.

    Parameters
    ----------
    name : str
        What messages call the function.
    function : callable
        Of tensors (point, ...).
    points, directions : sequence of Tensor
        Its arguments, and a direction for each.

    Raises
    ------
    TypeError
        When second derivatives along the directions are others than differences of first ones.
    """
    forward = with_readable_torch_errors(jvp)

    def first(*at: Tensor) -> Tensor:
        return forward(function, at, tuple(directions))[1]

    here, second = forward(first, tuple(points), tuple(directions))[:2]
    eps = torch.finfo(second.dtype).eps
    differences = []
    for step in (eps ** (1 / 3), eps ** (1 / 3) / 4):
        ahead, behind = (
            first(*(x + sign * step * d for x, d in zip(points, directions, strict=True)))
            for sign in (1, -1)
        )
        differences += [(ahead - here) / step, (here - behind) / step]
        rounding = 100 * eps / step * max(1.0, float(ahead.abs().max()))
    # Where a kink lies there or near, the differences are not alike, and say nothing.
    by_step = torch.stack(differences)
    allowed = TOLERATED * torch.stack([second, *differences]).abs().amax(0) + rounding
    alike = by_step.amax(0) - by_step.amin(0) <= allowed
    if (alike & ((second - by_step[-2:].mean(0)).abs() > 2 * allowed)).any():
        raise NotDifferentiable(
            f"expected {name} to be made of torch operations whose second derivatives torch.func has right; "
            "those of this one are not the derivatives of its first ones. layer_norm and instance_norm are "
            "such operations: write them as (x - x.mean(-1, keepdim=True)) divided by "
            "(x.var(-1, correction=0, keepdim=True) + eps).sqrt()"
        )


def check_second_derivative_on(
    coordinates: tuple[Coordinate, ...],
    name: str,
    function: Callable[[Tensor], Tensor],
    kappa: Tensor,
) -> None:
    """Hold a function of kappa to `check_second_derivative`, at a few points within the domain.

    Parameters
    ----------
    coordinates : tuple of Coordinate
    name : str
        What messages call the function.
    function : callable
    kappa : Tensor, shape (point, coordinate)

    Raises
    ------
    TypeError
        As `check_second_derivative`.
    """
    low, high = _ends(coordinates, kappa)
    length = high - low
    inside = kappa[:PROBES].clamp(low + 0.01 * length, high - 0.01 * length)
    # Unequal shares of the domain: layer_norm of kappa does not change along equal ones.
    count = torch.arange(inside.numel(), dtype=kappa.dtype, device=kappa.device)
    shares = 1 + 0.5 * torch.sin(12.9898 * count).reshape(inside.shape)
    check_second_derivative(name, function, [inside], [shares * length])


def _ends(coordinates: tuple[Coordinate, ...], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the domain begins and ends, shape (coordinate,), as tensors like another."""
    ends = torch.stack([like.new_tensor([c.low, c.high]) for c in coordinates])
    return ends[:, 0], ends[:, 1]


def _probes(inputs: InputManifold, kappa: Tensor) -> Tensor:
    """Return four different points: of kappa, or beside them where kappa has fewer."""
    rows = torch.linspace(0, len(kappa) - 1, PROBES).round().long().unique()
    probes = kappa[rows]
    if len(probes) == PROBES:
        return probes
    # Within the domain, away from its ends, where inputs may have a corner.
    fractions = torch.linspace(0.2, 0.8, PROBES - len(probes), dtype=kappa.dtype)
    low, high = _ends(inputs.coordinates, kappa)
    return torch.cat([probes, low + fractions[:, None].to(kappa.device) * (high - low)])


def _check_form(
    dynamics: Dynamics,
    inputs: InputManifold,
    probes: Tensor,
    state: Tensor,
    following: Tensor,
    k: int,
) -> None:
    """Refuse a step that changes the shape of states, and maps that are no functions of one point alone."""
    if following.shape != state.shape or not following.is_floating_point():
        raise NotDifferentiable(
            f"expected a step from states {tuple(state.shape)} (point, state) to the like, in floating "
            f"point; got {tuple(following.shape)}, {following.dtype}"
        )
    again = dynamics.step(state, inputs(probes, k))
    alone = dynamics.step(state[:1], inputs(probes[:1], k))
    # In single precision a batch rounds otherwise than one point.
    rounding = 100 * torch.finfo(following.dtype).eps
    rtol, atol = max(1e-6, rounding), max(1e-9, rounding)
    if not torch.allclose(again, following, rtol=rtol, atol=atol, equal_nan=True):
        raise NotDifferentiable(
            "expected a step that is a function of state and inputs; two calls with the same ones "
            "differ: turn noise and dropout off (frozen noise belongs to the inputs: "
            "InputManifold.with_noise)"
        )
    if not torch.allclose(alone, following[:1], rtol=rtol, atol=atol, equal_nan=True):
        raise NotDifferentiable(
            "expected a step that takes each point by itself; a point's next state depends on the "
            "others in the batch (batch normalisation?)"
        )
    for name in ("observe", "readout"):
        function = getattr(dynamics, name)
        if function is None:
            continue
        of_all, of_one = left_alone(name, function, state)[:1], function(state[:1])
        if not torch.allclose(of_one, of_all, rtol=rtol, atol=atol, equal_nan=True):
            raise NotDifferentiable(
                f"expected {name} to take each point by itself; what it makes of a point depends on the "
                "others in the batch (a mean over points?)"
            )


def _check_calculus(name: str, function: Callable[..., Tensor], points: tuple[Tensor, ...]) -> None:
    """Compare the change of a map along segments between the probes with the integral of its jvp."""
    ends = tuple(x.roll(1, 0) for x in points)
    change = function(*ends) - function(*points)
    scale = change.abs().mean(0)
    if not torch.isfinite(scale).all():
        raise ValueError(f"expected finite states, but {name} gives values that are not finite")
    # A change of the size of rounding says nothing about derivatives, nor does that of a unit which
    # hardly changes beside the others: its kink may lie between two nodes.
    rounding = 1e4 * torch.finfo(change.dtype).eps * max(1.0, float(function(*points).abs().mean()))
    least = max(rounding, NEGLIGIBLE * float(scale.mean()))

    def missed_by(nodes: int) -> tuple[Tensor, Tensor]:
        error, path = _quadrature_error(function, points, ends, change, nodes)
        return error, (TOLERATED * torch.maximum(scale, path)).clamp_min(least)

    missed, allowed = missed_by(COARSE)
    if (missed <= allowed).all():
        return
    # A kink or a steep sigmoid needs more nodes; a jump stays missed.
    finer, allowed = missed_by(FINE)
    wrong = (finer > allowed) & (finer >= 0.5 * missed)
    if not wrong.any():
        return
    explained = 1 - float(finer[wrong].sum() / scale[wrong].sum())
    raise NotDifferentiable(
        f"expected {name} to be made of differentiable torch operations; its derivatives explain only "
        f"{max(0.0, explained):.0%} of how {int(wrong.sum())} of its {len(scale)} units change between "
        f"{len(points[0])} points that were probed: is there a sign, round, argmax, comparison or detach in "
        "it, or a custom Function whose jvp is wrong?"
    )


def _quadrature_error(
    function: Callable[..., Tensor],
    points: tuple[Tensor, ...],
    ends: tuple[Tensor, ...],
    change: Tensor,
    nodes: int,
) -> tuple[Tensor, Tensor]:
    """Return error and path length of the midpoint quadrature of each unit, means over points."""
    s = (torch.arange(nodes, dtype=change.dtype, device=change.device) + 0.5) / nodes
    total, path = torch.zeros_like(change), torch.zeros_like(change)
    for block in s.split(64):
        along = tuple(
            (x + block[:, None, None] * (y - x)).flatten(0, 1)
            for x, y in zip(points, ends, strict=True)
        )
        toward = tuple(
            (y - x).expand(len(block), *x.shape).flatten(0, 1)
            for x, y in zip(points, ends, strict=True)
        )
        derivatives = with_readable_torch_errors(jvp)(function, along, toward)[1]
        derivatives = derivatives.reshape(len(block), *change.shape) / nodes
        total += derivatives.sum(0)
        path += derivatives.abs().sum(0)
    return (total - change).abs().mean(0), path.mean(0)
