"""The pullback metric of the states onto inputs and time, and its spectrum.

With tangent vectors A = [a_1 ... a_m f], G = A^T A, (m+1) x (m+1): the inner products that the state
space gives to small changes of the inputs and of time (Pellegrino and Chadwick 2025).

G is held by its triangular factor R, A = Q R and G = R^T R. R is as small as G, and has the small
eigenvalues to full precision, where the entries of G have lost half of the digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.propagation import Initial
from warpline.geometry.derivatives.sensitivity import (
    Progress,
    Tangents,
    checked_time_steps,
    chunk_size,
    offset_progress,
    prepare,
    stream,
)

__all__ = [
    "Metric",
    "Spectrum",
    "average_metric",
    "metric_stream",
    "pullback_metric",
    "triangular_factor",
]


@dataclass(frozen=True, repr=False)
class Spectrum(ShortRepr):
    """Eigenvalues mu and eigenvectors v of G v = mu g_0 v, g_0 = diag(s_i^-2).

    Where G is 0 (inputs that have not reached the state yet) shares and what is made of them are nan.

    Attributes
    ----------
    stretches : Tensor, shape (..., d)
        sqrt mu, descending: singular values of the scaled tangents A diag(s).
    vectors : Tensor, shape (..., d, d)
        v_k in column k, in coordinates; v^T g_0 v = 1, the entry largest in size (scaled) positive.
    tolerance : float
        Of the numerical rank.
    """

    stretches: Tensor
    vectors: Tensor
    tolerance: float

    @classmethod
    def of_matrix(cls, matrix: Tensor, tolerance: float = 1e-6) -> Spectrum:
        """Return the spectrum of metrics G, (..., d, d), of which no factor is at hand.

        Small eigenvalues have half of the digits of those of `Metric.spectrum`.
        """
        values, vectors = torch.linalg.eigh(matrix)
        return cls(values.clamp_min(0).sqrt().flip(-1), _signed(vectors.flip(-1)), tolerance)

    @property
    def values(self) -> Tensor:
        """Eigenvalues mu, descending: (..., d)."""
        return self.stretches.square()

    @cached_property
    def shares(self) -> Tensor:
        """Eigenvalues p_k = mu_k / sum mu, (..., d)."""
        # From the largest, so that squares neither overflow nor vanish.
        relative = (self.stretches / self.stretches[..., :1]).square()
        return relative / relative.sum(-1, keepdim=True)

    @property
    def log_volume(self) -> Tensor:
        """Log of the volume sqrt(det G / det g_0), (...); -inf where the rank is lost exactly."""
        return self.stretches.log().sum(-1)

    @property
    def condition_number(self) -> Tensor:
        """mu_max / mu_min, (...); inf where the rank is lost exactly."""
        return (self.stretches[..., 0] / self.stretches[..., -1]).square()

    @property
    def participation_ratio(self) -> Tensor:
        """(sum mu)^2 / sum mu^2, from 1 to d (Gao et al. 2017, as a count of dimensions). (...)."""
        return 1 / self.shares.square().sum(-1)

    @property
    def effective_rank(self) -> Tensor:
        """Exponential of the entropy of the shares (Roy and Vetterli 2007, on mu): 1 to d. (...)."""
        return torch.special.entr(self.shares).sum(-1).exp()

    @property
    def rank(self) -> Tensor:
        """Number of sigma_k above tolerance x sigma_1: (...), integer."""
        first = self.stretches[..., :1]
        return ((self.stretches > self.tolerance * first) & (first > 0)).sum(-1)

    @property
    def degenerate(self) -> Tensor:
        """Whether the rank is below d, so that G is only semi-definite. (...).

        Pellegrino and Chadwick (2025) call such a metric pseudo-Riemannian.
        """
        return self.rank < self.stretches.shape[-1]

    @property
    def anisotropy(self) -> Tensor:
        """Distance to isotropy, |G/tr G - I/d| (Frobenius norm; G relative to g_0): 0 to sqrt(1 - 1/d).

        sqrt(sum_k (p_k - 1/d)^2), which no change of the overall scale moves. (...).
        """
        return torch.linalg.vector_norm(self.shares - 1 / self.shares.shape[-1], dim=-1)


@dataclass(frozen=True, repr=False)
class Metric(ShortRepr):
    """A pullback metric at points and time steps.

    Attributes
    ----------
    factor : Tensor, shape (point, time, tangent, tangent)
        Upper triangular R with G = R^T R.
    names : tuple of str
        Of the tangent vectors: the coordinates, then ``time`` where it is one of them.
    time_steps : tuple of int
    """

    factor: Tensor
    names: tuple[str, ...]
    time_steps: tuple[int, ...]

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

    @takes_numbers()
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

        Raises
        ------
        ValueError
            When there is not one positive, finite scale per tangent vector, or the tolerance is no ratio.
        """
        size = self.factor.shape[-1]
        units = [1.0] * size if scales is None else [float(s) for s in scales]
        if len(units) != size or not all(0 < s < float("inf") for s in units):
            raise ValueError(
                f"expected a positive scale for each of {', '.join(self.names)}; got {units}"
            )
        if not 0 <= tolerance < 1:
            raise ValueError(f"expected a tolerance from 0 to below 1, got {tolerance}")
        return _spectrum_of(self.factor, self.factor.new_tensor(units), tolerance)


def pullback_metric(tangents: Tangents) -> Metric:
    """Return the metric of tangent vectors that are at hand.

    `metric_stream` gives the same without holding the vectors of all time steps.
    """
    return Metric(triangular_factor(tangents.vectors), tangents.names, tangents.time_steps)


@takes_arrays
def metric_stream(
    model: nn.Module | Dynamics,
    inputs: InputManifold,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    initial: Initial | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Metric:
    """Return the metric while the tangent vectors pass by.

    Memory holds the metrics and one time step. Parameters and errors as
    `warpline.geometry.derivatives.sensitivity.tangents`.
    """
    dynamics, kappa = prepare(model, inputs, kappa, initial, check)
    time_steps = checked_time_steps(at, inputs)
    size, m = chunk_size(chunk, dynamics, kappa), kappa.shape[1]
    factor = kappa.new_empty(len(kappa), len(time_steps), m + 1, m + 1)
    total, n_blocks = time_steps[-1] + 1, -(-len(kappa) // size)
    for number in range(n_blocks):
        rows = slice(number * size, (number + 1) * size)
        for column, time_step in enumerate(
            stream(
                dynamics, inputs, kappa[rows], at=time_steps, initial=initial, check=False,
                progress=offset_progress(progress, number * total, n_blocks * total),
            )
        ):  # fmt: skip
            vectors = [*time_step.inputs.unbind(1), time_step.velocity]
            factor[rows, column] = triangular_factor(vectors)
    return Metric(factor, (*inputs.names, "time"), time_steps)


def average_metric(metrics: Sequence[Metric]) -> Metric:
    """Return the mean of metrics, such as those of realisations of frozen noise.

    The mean of G, not the G of mean tangents: E[A^T A] is not E[A]^T E[A]. Each realisation has an
    input manifold of its own, ``inputs.with_noise(noise)``.

    Raises
    ------
    ValueError
        When there is no metric, or coordinates, time steps or points differ.
    """
    if not metrics:
        raise ValueError("expected at least one metric to average, got none")
    first = metrics[0]
    for other in metrics[1:]:
        same = (other.names, other.time_steps) == (first.names, first.time_steps)
        if not same or other.factor.shape != first.factor.shape:
            raise ValueError(
                "expected metrics of the same coordinates, time steps and points; got "
                f"{first.names} {tuple(first.factor.shape)} and {other.names} {tuple(other.factor.shape)}"
            )
    # sum R_n^T R_n is the Gram matrix of the factors stacked on one another.
    stacked = torch.cat([m.factor for m in metrics], dim=-2) / len(metrics) ** 0.5
    return replace(first, factor=triangular_factor(stacked.mT))


def triangular_factor(vectors: Tensor | Sequence[Tensor]) -> Tensor:
    """Return the upper triangular R of A = Q R, for the d vectors that are A's columns.

    Parameters
    ----------
    vectors : Tensor, shape (..., d, unit), or sequence of d tensors of shape (..., unit)

    Returns
    -------
    Tensor, shape (..., d, d)
        With a diagonal that is not negative. A vector that depends on earlier ones has 0 there, up to
        rounding.

    Notes
    -----
    Modified Gram-Schmidt, over all points together: its R is as accurate as Householder's
    (Björck 1967; Björck and Paige 1992: it is backward stable, only Q is not), and for a handful of
    vectors it is far quicker than a call to LAPACK per point.
    """
    residuals = list(vectors.unbind(-2) if isinstance(vectors, Tensor) else vectors)
    size = len(residuals)
    factor = residuals[0].new_zeros(*residuals[0].shape[:-1], size, size)
    for i in range(size):
        length = torch.linalg.vector_norm(residuals[i], dim=-1)
        factor[..., i, i] = length
        unit = residuals[i] / torch.where(length > 0, length, 1.0)[..., None]
        for j in range(i + 1, size):
            along = torch.linalg.vecdot(unit, residuals[j])
            factor[..., i, j] = along
            residuals[j] = residuals[j] - along[..., None] * unit
    return factor


def _spectrum_of(factor: Tensor, scales: Tensor, tolerance: float) -> Spectrum:
    """Return the spectrum of G = R^T R relative to g_0 = diag(scales^-2).

    Parameters
    ----------
    factor : Tensor, shape (..., d, d)
        R.
    scales : Tensor, shape (d,)
    tolerance : float
    """
    _, stretches, right = torch.linalg.svd(factor * scales)
    return Spectrum(stretches, scales[:, None] * _signed(right.mT), tolerance)


def _signed(vectors: Tensor) -> Tensor:
    """Return vectors (..., d, d), in columns, with the sign that makes the entry largest in size positive."""
    largest = vectors.abs().argmax(-2, keepdim=True)
    return vectors * torch.where(vectors.gather(-2, largest) < 0, -1.0, 1.0).to(vectors.dtype)
