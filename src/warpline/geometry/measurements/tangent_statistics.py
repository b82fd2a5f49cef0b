"""Distributions of a tangent vector's components over neurons, and covariance of two tangent vectors.

The sample of every statistic is the units of one network, which give one number per network. Over
networks, those numbers are the sample (`warpline.comparison.statistics`). Points and time steps of one
network are not independent: their p-values must not be pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.power_of_two import power_of_two

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ComponentStatistics",
    "Covariance",
    "component_histogram",
    "component_statistics",
    "statistics_table",
    "tangent_covariance",
]

Floats = NDArray[np.float64]

MOST_BINS = 100_000
"""Bins of a histogram; more fill the memory."""
LEAST_UNITS = 20
"""D'Agostino's test approximates the distribution of the sample kurtosis from here on."""


@dataclass(frozen=True, repr=False)
class ComponentStatistics(ShortRepr):
    """Distribution of each tangent vector's components over units; NaN where all of them are equal.

    Attributes
    ----------
    mean, deviation, skew, excess_kurtosis : Tensor, shape (point, time, tangent)
        Deviation with n - 1; skew and excess kurtosis are the moment ratios m3 / m2^1.5 and
        m4 / m2^2 - 3, both 0 for a Gaussian.
    k2, k2_p : Tensor, shape (point, time, tangent)
        D'Agostino and Pearson's K^2 of skew and kurtosis together, and its p-value.
    a2, a2_p : Tensor, shape (point, time, tangent)
        Anderson-Darling's A^2 for a Gaussian of unknown mean and variance, and its p-value, which scipy
        interpolates between 0.01 and 0.15 and clips beyond.
    units : int
        Size of the sample.
    """

    mean: Tensor
    deviation: Tensor
    skew: Tensor
    excess_kurtosis: Tensor
    k2: Tensor
    k2_p: Tensor
    a2: Tensor
    a2_p: Tensor
    units: int


@dataclass(frozen=True, repr=False)
class Covariance(ShortRepr):
    """Covariance of tangent vectors' components over units.

    Attributes
    ----------
    covariance, correlation : Tensor, shape (time, tangent, tangent)
        Means over points. Correlations leave out points where one of the two does not vary over units.
    covariance_deviation, correlation_deviation : Tensor, shape (time, tangent, tangent)
        Standard deviations over points.
    units, points : int
    """

    covariance: Tensor
    correlation: Tensor
    covariance_deviation: Tensor
    correlation_deviation: Tensor
    units: int
    points: int


def _checked(tangents: Tensor, least_units: int) -> Tensor:
    """Return the tangent vectors in double precision, after checking shape and values."""
    if tangents.ndim != 4 or tangents.shape[-1] < least_units:
        raise ValueError(
            f"expected tangents (point, time, tangent, unit) with at least {least_units} units, got "
            f"{tuple(tangents.shape)}"
        )
    if not bool(tangents.isfinite().all()):
        raise ValueError(
            f"expected finite tangents, got {int((~tangents.isfinite()).sum())} values of "
            f"{tangents.numel()} that are NaN or infinite: leave out the points at which the network diverges"
        )
    if not tangents.numel():
        raise ValueError(
            f"expected tangents of one point or more, got shape {tuple(tangents.shape)}"
        )
    return tangents.detach().double()


def _standardised(tangents: Tensor) -> Tensor:
    """Return components less their mean over units, in standard deviations; NaN where these are zero."""
    tangents = tangents / power_of_two(tangents)
    centred = tangents - tangents.mean(dim=-1, keepdim=True)
    deviation = centred.square().mean(dim=-1, keepdim=True).sqrt()
    # A mean of equal numbers can differ from them by rounding.
    rounding = 1e-12 * tangents.abs().amax(dim=-1, keepdim=True)
    return torch.where(deviation > rounding, centred / deviation, torch.nan)


@takes_arrays
def component_statistics(tangents: Tensor) -> ComponentStatistics:
    """Describe the distribution of components over units, and test whether it is Gaussian.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
        A few time steps are enough: the Anderson-Darling test takes about 0.2 ms per vector.

    Raises
    ------
    ValueError
        When the shape does not fit, a value is not finite, or with fewer than 20 units, which the tests
        need.
    """
    values = _checked(tangents, LEAST_UNITS)
    scores, scale = _standardised(values), power_of_two(values)

    # The tests refuse NaN: vectors that do not vary are left out, and stay NaN.
    flat = scores.reshape(-1, values.shape[-1]).numpy(force=True)
    usable = ~np.isnan(flat[:, 0])
    k2, k2_p, a2, a2_p = np.full((4, len(flat)), np.nan)
    if usable.any():
        k2[usable], k2_p[usable] = stats.normaltest(flat[usable], axis=1)
    for row in usable.nonzero()[0]:
        test = stats.anderson(flat[row], "norm", method="interpolate")
        a2[row], a2_p[row] = test.statistic, test.pvalue

    def by_vector(numbers: Floats) -> Tensor:
        return torch.from_numpy(numbers).reshape(values.shape[:-1])

    return ComponentStatistics(
        mean=values.mean(dim=-1),
        deviation=(values / scale).std(dim=-1) * scale[..., 0],
        skew=scores.pow(3).mean(dim=-1),
        excess_kurtosis=scores.pow(4).mean(dim=-1) - 3,
        k2=by_vector(k2),
        k2_p=by_vector(k2_p),
        a2=by_vector(a2),
        a2_p=by_vector(a2_p),
        units=values.shape[-1],
    )


@takes_arrays
def component_histogram(
    tangents: Tensor, bins: int = 41, limit: float = 5.0
) -> tuple[Tensor, Tensor]:
    """Return the density of standardised components, pooled over points.

    Each vector is standardised by its own mean and deviation over units, so that pooling does not mix
    lengths. The reference is the standard normal density.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
    bins : int
    limit : float
        In standard deviations: from -limit to limit. Components beyond count in the normalisation only.

    Returns
    -------
    density : Tensor, shape (time, tangent, bin)
        NaN where no vector varies over units.
    edges : Tensor, shape (bin + 1,)
    """
    if not 1 <= bins <= MOST_BINS or not 0 < limit < np.inf:
        raise ValueError(
            f"expected 1 to {MOST_BINS} bins and a finite limit above 0, got {bins}, {limit}"
        )
    scores = _standardised(_checked(tangents, 2)).permute(1, 2, 0, 3).flatten(2)
    edges = np.linspace(-limit, limit, bins + 1)
    density = np.full((*scores.shape[:2], bins), np.nan)
    for index in np.ndindex(*scores.shape[:2]):
        components = scores[index].numpy(force=True)
        components = components[~np.isnan(components)]
        if len(components):
            count = np.histogram(components, edges)[0]
            density[index] = count / (len(components) * np.diff(edges))
    return torch.from_numpy(density), torch.from_numpy(edges)


@takes_arrays
def tangent_covariance(tangents: Tensor) -> Covariance:
    r"""Return covariance and correlation over units between the tangent vectors of each time step.

    C_ij = 1/n sum_u (a_iu - mean a_i)(a_ju - mean a_j): n C is the metric G without its component along the
    vector of ones.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
        The coordinates first, then time.
    """
    values = _checked(tangents, 2)
    units = values.shape[-1]
    centred = values - values.mean(dim=-1, keepdim=True)
    covariance = centred @ centred.mT / units
    scores = _standardised(values)
    correlation = (scores @ scores.mT / units).clamp(-1, 1)

    # Mean and deviation over the points at which both vectors vary.
    defined = ~correlation.isnan()
    mean = correlation.nanmean(dim=0)
    squares = torch.where(defined, correlation - mean, 0).square().sum(dim=0)
    return Covariance(
        covariance=covariance.mean(dim=0),
        correlation=mean,
        covariance_deviation=covariance.std(dim=0, correction=0),
        correlation_deviation=torch.where(
            defined.any(dim=0), (squares / defined.sum(dim=0)).sqrt(), torch.nan
        ),
        units=units,
        points=len(values),
    )


@takes_arrays
def statistics_table(tangents: Tensor, names: Sequence[str], level: float = 0.05) -> pd.DataFrame:
    """Summarise `component_statistics` of one network over its points.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
    names : sequence of str
        Of the tangents: the coordinates, then time.
    level : float
        Of the tests, from 0.01 to 0.15 (see `ComponentStatistics`).

    Returns
    -------
    pandas.DataFrame
        One row per ``moment`` (index of the time) and ``tangent``: medians over points of the
        statistics; the fraction of points at which each test rejects a Gaussian (``k2_rejected``,
        ``a2_rejected``: `level` of them would if all were Gaussian; by K^2 some more, 6 % at 5 % and 2 % at
        1 % with few units); ``n_points`` and ``n_units``. Vectors that do not vary over units are left out.

    Raises
    ------
    ValueError
        When there is not one name per tangent, the level is out of range, or as `component_statistics`.
    """
    import pandas as pd

    if len(names) != tangents.shape[2]:
        raise ValueError(f"expected {tangents.shape[2]} names of tangents, got {len(names)}")
    if not 0.01 <= level <= 0.15:
        raise ValueError(f"expected a level from 0.01 to 0.15, got {level}")
    statistics = component_statistics(tangents)
    defined = ~statistics.k2.isnan()
    # torch.nanmedian is the lower one of two middle values.
    columns = {
        f"{name}_median": getattr(statistics, name)
        .where(defined, torch.nan)
        .nanquantile(0.5, dim=0)
        for name in ("deviation", "skew", "excess_kurtosis", "k2", "a2")
    }
    for test in ("k2", "a2"):
        p = getattr(statistics, f"{test}_p")
        # Interpolated p-values stop at 0.01: at that level, the stop itself rejects.
        rejected = torch.where(p.isnan(), torch.nan, (p <= level).double())
        columns[f"{test}_rejected"] = rejected.nanmean(dim=0)
    index = pd.MultiIndex.from_product(
        [range(tangents.shape[1]), names], names=["moment", "tangent"]
    )
    table = pd.DataFrame(
        {name: values.flatten().numpy(force=True) for name, values in columns.items()}, index=index
    )
    table["n_points"] = defined.sum(dim=0).flatten().numpy(force=True)
    return table.assign(n_units=statistics.units).reset_index()
