"""Eigenvalues of a pullback metric, and what they say: volume, rank, isotropy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["Spectrum", "spectrum_of"]


@dataclass(frozen=True)
class Spectrum:
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
        """Whether the rank is below d: then G is semi-definite only (paper B: pseudo-Riemannian). (...)."""
        return self.rank < self.stretches.shape[-1]

    @property
    def anisotropy(self) -> Tensor:
        """Distance to isotropy, |G/tr G - I/d| (Frobenius norm; G relative to g_0): 0 to sqrt(1 - 1/d).

        sqrt(sum_k (p_k - 1/d)^2), which no change of the overall scale moves. (...).
        """
        return torch.linalg.vector_norm(self.shares - 1 / self.shares.shape[-1], dim=-1)


def spectrum_of(factor: Tensor, scales: Tensor, tolerance: float) -> Spectrum:
    """Return the spectrum of G = R^T R relative to g_0 = diag(scales^-2).

    Parameters
    ----------
    factor : Tensor, shape (..., d, d)
        R.
    scales : Tensor, shape (d,)
    tolerance : float
    """
    _, stretches, right = torch.linalg.svd(factor * scales)
    scaled = right.mT
    largest = scaled.abs().argmax(-2, keepdim=True)
    signs = torch.where(scaled.gather(-2, largest) < 0, -1.0, 1.0).to(scaled.dtype)
    return Spectrum(stretches, scales[:, None] * scaled * signs, tolerance)
