"""The pullback metric of the states onto inputs and time.

With tangent vectors A = [a_1 ... a_m f], G = A^T A, (m+1) x (m+1): the inner products that the state
space gives to small changes of the inputs and of time (Pellegrino and Chadwick 2025).

What is kept is not G but its triangular factor R, A = Q R and G = R^T R: as small as G, and it holds
the small eigenvalues to full precision, of which the entries of G have lost half of the digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.propagation import Initial
from warpline.geometry.derivatives.sensitivity import (
    Progress,
    Tangents,
    chosen,
    chunk_size,
    prepare,
    shifted,
    stream,
)
from warpline.geometry.riemannian.spectrum import Spectrum, spectrum_of
from warpline.geometry.riemannian.triangular import triangular_factor

__all__ = ["Metric", "average_metric", "metric_stream", "pullback_metric"]


@dataclass(frozen=True)
class Metric:
    """A pullback metric at points and moments.

    Attributes
    ----------
    factor : Tensor, shape (point, time, tangent, tangent)
        Upper triangular R with G = R^T R.
    names : tuple of str
        Of the tangent vectors: the coordinates, then ``time`` where it is one of them.
    moments : tuple of int
    """

    factor: Tensor
    names: tuple[str, ...]
    moments: tuple[int, ...]

    @property
    def matrix(self) -> Tensor:
        """G itself, shape (point, time, tangent, tangent)."""
        return self.factor.mT @ self.factor

    @property
    def inputs(self) -> Metric:
        """The m x m block of the input coordinates alone, without time."""
        if "time" not in self.names:
            return self
        return replace(self, factor=self.factor[..., :-1, :-1], names=self.names[:-1])

    @property
    def lengths(self) -> Tensor:
        """Lengths of the tangent vectors, sqrt G_ii: (point, time, tangent)."""
        return torch.linalg.vector_norm(self.factor, dim=-2)

    def spectrum(self, scales: Sequence[float] | None = None, tolerance: float = 1e-6) -> Spectrum:
        """Return eigenvalues and eigenvectors of G relative to a metric of the inputs.

        Parameters
        ----------
        scales : sequence of float, optional
            Of each tangent vector, s_1 ... s_m and tau for time: the change of the coordinate, and
            the time (in time constants), that count as one unit. The eigenvalues are those of
            G v = mu g_0 v with g_0 = diag(s_i^-2, tau^-2). By default all 1: the coordinates' own
            units, and the time constant.
        tolerance : float
            Least ratio of singular values, sigma_min/sigma_max of the scaled tangents, at which the
            metric still counts as having full rank.
        """
        size = self.factor.shape[-1]
        units = [1.0] * size if scales is None else [float(s) for s in scales]
        if len(units) != size or not all(0 < s < float("inf") for s in units):
            raise ValueError(
                f"expected a positive scale for each of {', '.join(self.names)}; got {units}"
            )
        return spectrum_of(self.factor, self.factor.new_tensor(units), tolerance)


def pullback_metric(tangents: Tangents) -> Metric:
    """Return the metric of tangent vectors that are at hand.

    `metric_stream` gives the same without holding the vectors of all moments.
    """
    return Metric(triangular_factor(tangents.vectors), tangents.names, tangents.moments)


def metric_stream(
    model: nn.Module | Dynamics,
    family: Family,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    initial: Initial | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Metric:
    """Return the metric while the tangent vectors pass by: memory holds the metrics and one moment.

    Parameters and errors as `warpline.geometry.derivatives.sensitivity.tangents`.
    """
    dynamics, kappa = prepare(model, family, kappa, initial, check)
    moments = chosen(at, family)
    size, m = chunk_size(chunk, dynamics, kappa), kappa.shape[1]
    factor = kappa.new_empty(len(kappa), len(moments), m + 1, m + 1)
    total, blocks = moments[-1] + 1, -(-len(kappa) // size)
    for number in range(blocks):
        here = slice(number * size, (number + 1) * size)
        for place, moment in enumerate(
            stream(
                dynamics, family, kappa[here], at=moments, initial=initial, check=False,
                progress=shifted(progress, number * total, blocks * total),
            )
        ):  # fmt: skip
            factor[here, place] = triangular_factor([*moment.inputs.unbind(1), moment.velocity])
    return Metric(factor, (*family.names, "time"), moments)


def average_metric(metrics: Sequence[Metric]) -> Metric:
    """Return the mean of metrics, such as those of realisations of frozen noise.

    The mean of G, not the G of mean tangents: E[A^T A] is not E[A]^T E[A]. Each realisation is
    a family of its own, ``family.with_noise(noise)``.
    """
    if not metrics:
        raise ValueError("expected at least one metric to average, got none")
    first = metrics[0]
    for other in metrics[1:]:
        same = (other.names, other.moments) == (first.names, first.moments)
        if not same or other.factor.shape != first.factor.shape:
            raise ValueError(
                "expected metrics of the same coordinates, moments and points; got "
                f"{first.names} {tuple(first.factor.shape)} and {other.names} {tuple(other.factor.shape)}"
            )
    # sum R_n^T R_n is the Gram matrix of the factors stacked on one another.
    stacked = torch.cat([m.factor for m in metrics], dim=-2) / len(metrics) ** 0.5
    return replace(first, factor=triangular_factor(stacked.mT))
