"""The manifold of task inputs: one input sequence per point kappa."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from warpline.core.count_limits import LARGEST_COUNT
from warpline.core.number_arguments import number_of, short_text, takes_numbers, truth_of
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays

__all__ = ["Coordinate", "InputManifold", "check_kappa"]


@dataclass(frozen=True)
class Coordinate:
    """A coordinate of the input manifold, with its domain.

    Attributes
    ----------
    name : str
        Such as ``coherence`` or ``angle_1``.
    low, high : float
        Ends of its domain, in the coordinate's own unit.
    periodic : bool
        Whether the ends are the same point, as for an angle from -pi to pi.
    """

    name: str
    low: float
    high: float
    periodic: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ValueError(f"expected the name of a coordinate as text, got {self.name!r}")
        ends = (self.low, self.high)
        if not (
            all(number_of(end, whole=False) is not None and math.isfinite(end) for end in ends)
        ):
            raise ValueError(f"coordinate {self.name}: expected finite low and high, got {ends}")
        if truth_of(self.periodic) is None:
            raise ValueError(
                f"coordinate {self.name}: expected periodic to be true or false, got "
                f"{short_text(self.periodic)}"
            )
        if not self.low < self.high:
            raise ValueError(
                f"coordinate {self.name}: expected low < high, got {self.low} and {self.high}"
            )

    @takes_numbers()
    def values(self, count: int) -> Tensor:
        """Return evenly spaced values over the domain, shape (count,), float64.

        A periodic coordinate leaves its upper end out, which is its lower one.

        Raises
        ------
        ValueError
            When the count is negative.
        """
        if count < 0:
            raise ValueError(f"expected a count of values from 0, got {count}")
        if self.periodic:
            return torch.linspace(self.low, self.high, count + 1, dtype=torch.float64)[:-1]
        return torch.linspace(self.low, self.high, count, dtype=torch.float64)


def check_kappa(kappa: Tensor, coordinates: tuple[Coordinate, ...]) -> None:
    """Refuse points that do not lie on the manifold of the coordinates.

    Parameters
    ----------
    kappa : Tensor, shape (point, coordinate)
    coordinates : tuple of Coordinate

    Raises
    ------
    ValueError
        When kappa is not of shape (point, coordinate), not finite, or outside the domain of a
        coordinate that is not periodic; the message names the coordinate.
    """
    if kappa.ndim != 2 or kappa.shape[1] != len(coordinates):
        names = ", ".join(c.name for c in coordinates)
        raise ValueError(
            f"expected kappa of shape (point, {len(coordinates)}) for {names}; got {tuple(kappa.shape)}"
        )
    check_finite(kappa, "kappa")
    for column, coordinate in zip(kappa.T, coordinates, strict=True):
        if coordinate.periodic or not len(column):
            continue
        low, high = (float(end) for end in column.detach().aminmax())
        slack = 1e-9 * (coordinate.high - coordinate.low)
        if low < coordinate.low - slack or high > coordinate.high + slack:
            raise ValueError(
                f"expected {coordinate.name} in [{coordinate.low:g}, {coordinate.high:g}], "
                f"got values from {low:g} to {high:g}"
            )


@dataclass(frozen=True, repr=False)
class InputManifold(ShortRepr):
    """Inputs u(t; kappa) that vary smoothly with coordinates kappa in R^m.

    Attributes
    ----------
    coordinates : tuple of Coordinate
        One per dimension of kappa.
    inputs : callable
        ``inputs(kappa, step)``: kappa (point, coordinate) and the number of the step, from 0, to the
        input channels (point, channel). Differentiable in kappa (torch.func goes through it).
    n_steps : int
        Length of the sequences; from then on, the last input is held.
    periods : mapping of str to pair of int
        First step, and one past the last, of each period of a trial.
    pieces : tuple of int
        First steps of the stretches in which ``inputs`` is known not to depend on the step, from step 0 on.
        It is then called once for each, which saves most of the cost of its derivatives.
    """

    coordinates: tuple[Coordinate, ...]
    inputs: Callable[[Tensor, int], Tensor]
    n_steps: int
    periods: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    pieces: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.coordinates or len({*self.names}) < len(self.coordinates):
            raise ValueError(f"expected coordinates of different names, got {self.names}")
        n_steps = number_of(self.n_steps, whole=True)
        if n_steps is None or n_steps < 1:
            raise ValueError(f"expected n_steps, a number of steps from 1, got {self.n_steps!r}")
        starts = [number_of(start, whole=True) for start in self.pieces]
        rise = None not in starts and starts == sorted({*starts})  # type: ignore[type-var]
        if starts and (not rise or starts[0] != 0):
            # The steps before a first piece would all have the input of step 0.
            raise ValueError(
                f"expected pieces that begin with step 0 and rise, got {self.pieces!r}: steps whose inputs "
                "differ are a piece each"
            )

    def __call__(self, kappa: Tensor, step: int) -> Tensor:
        """Return the input of one step, shape (point, channel)."""
        return self.inputs(kappa, min(step, self.n_steps - 1))

    @property
    def names(self) -> list[str]:
        """Names of the coordinates."""
        return [coordinate.name for coordinate in self.coordinates]

    def check(self, kappa: Tensor) -> None:
        """Refuse points outside the domain: `check_kappa` with the manifold's coordinates."""
        check_kappa(kappa, self.coordinates)

    @takes_numbers()
    def grid(self, *counts: int) -> Tensor:
        """Return a regular grid over the domain, shape (point, coordinate), the last coordinate fastest.

        Parameters
        ----------
        *counts : int
            Points along each coordinate.

        Raises
        ------
        ValueError
            When there is not one count per coordinate, or the grid would fill the memory.
        """
        if len(counts) != len(self.coordinates):
            raise ValueError(
                f"expected {len(self.coordinates)} counts ({', '.join(self.names)}), got {len(counts)}"
            )
        n_numbers = math.prod(max(count, 1) for count in counts) * len(counts)
        if n_numbers > LARGEST_COUNT.most:
            raise ValueError(
                f"expected a grid of {LARGEST_COUNT.expected}; got {' x '.join(map(str, counts))} points, "
                f"which are {n_numbers:,} numbers"
            )
        axes = [c.values(count) for c, count in zip(self.coordinates, counts, strict=True)]
        return torch.cartesian_prod(*axes).reshape(-1, len(axes))

    @takes_arrays
    def sequence(self, kappa: Tensor) -> Tensor:
        """Return the full input sequences, shape (point, time, channel)."""
        return torch.stack([self(kappa, step) for step in range(self.n_steps)], dim=1)

    @takes_arrays
    def with_noise(self, noise: Tensor) -> InputManifold:
        """Return the manifold with the same frozen noise (time, channel) on every point's inputs.

        Raises
        ------
        ValueError
            When the noise has another number of steps.
        """
        if noise.ndim != 2 or noise.shape[0] != self.n_steps:
            raise ValueError(
                f"expected noise of {self.n_steps} steps (time, channel), got {tuple(noise.shape)}"
            )
        noise_free = self.inputs

        def noisy(kappa: Tensor, step: int) -> Tensor:
            return noise_free(kappa, step) + noise[step].to(kappa.dtype)

        return replace(self, inputs=noisy, pieces=())

    @takes_numbers()
    def until(self, time_step: int) -> InputManifold:
        """Return the manifold of sequences cut short at a time step, after which the last input is held.

        The state there is the same, but its velocity is that under the input that led to it: at the end of
        a period, not under the first input of the next one.

        Raises
        ------
        ValueError
            When the time step is not from 1 to `n_steps`.
        """
        if not 1 <= time_step <= self.n_steps:
            raise ValueError(f"expected a time step from 1 to {self.n_steps}, got {time_step}")
        return replace(self, n_steps=time_step)

    def restricted(self, bounds: Mapping[str, tuple[float, float]]) -> InputManifold:
        """Return the manifold with some domains narrowed to (low, high); a narrowed circle is cut open.

        Raises
        ------
        ValueError
            When a name is not a coordinate's, or a domain is no pair of numbers in order.
        """
        unknown = [name for name in bounds if name not in self.names]
        if unknown:
            raise ValueError(
                f"expected coordinates among {', '.join(self.names)}; got {', '.join(unknown)}"
            )
        for name, ends in bounds.items():
            if not hasattr(ends, "__len__") or len(ends) != 2:
                raise ValueError(f"expected (low, high) of {name}, got {ends}")
        return replace(
            self,
            coordinates=tuple(
                Coordinate(c.name, *bounds[c.name]) if c.name in bounds else c
                for c in self.coordinates
            ),
        )
