"""How a tangent vector's components are distributed over neurons, and how two tangent vectors covary.

The sample of every statistic here is the units of one network: n = units, and one number per network
comes of it. Over networks, those numbers are the sample (`warpline.comparison.statistics`); points and
moments of one network are not independent, so that their p-values must not be pooled.
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

LEAST_UNITS = 20
"""D'Agostino's test approximates the distribution of the sample kurtosis from here on."""


@dataclass(frozen=True)
class ComponentStatistics:
    """Of the components of each tangent vector over units; NaN where all of them are equal.

    Attributes
    ----------
    mean, deviation, skew, excess_kurtosis : Tensor, shape (point, time, tangent)
        Deviation with n - 1; skew and excess kurtosis are the moment ratios m3 / m2^1.5 and
        m4 / m2^2 - 3, both 0 for a Gaussian.
    k2, k2_p : Tensor, shape (point, time, tangent)
        D'Agostino and Pearson's K^2 of skew and kurtosis together, and its p-value.
    a2, a2_p : Tensor, shape (point, time, tangent)
        Anderson-Darling's A^2 for a Gaussian of unknown mean and variance, and its p-value, which scipy
        interpolates between 0.01 and 0.15 and does not tell beyond.
    units : int
        The sample of each.
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


@dataclass(frozen=True)
class Covariance:
    """Of tangent vectors' components over units.

    Attributes
    ----------
    covariance, correlation : Tensor, shape (time, tangent, tangent)
        Means over points; a correlation leaves out the points where one of the two does not vary over units.
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


def _checked(tangents: Tensor, least: int) -> Tensor:
    if tangents.ndim != 4 or tangents.shape[-1] < least:
        raise ValueError(
            f"expected tangents (point, time, tangent, unit) with at least {least} units, got "
            f"{tuple(tangents.shape)}"
        )
    return tangents.detach().double()


def _standardised(tangents: Tensor) -> Tensor:
    """Return components less their mean over units, in standard deviations; NaN where these are zero."""
    centred = tangents - tangents.mean(dim=-1, keepdim=True)
    deviation = centred.square().mean(dim=-1, keepdim=True).sqrt()
    # A mean of equal numbers can differ from them by rounding.
    least = 1e-12 * tangents.abs().amax(dim=-1, keepdim=True)
    return torch.where(deviation > least, centred / deviation, torch.nan)


def component_statistics(tangents: Tensor) -> ComponentStatistics:
    """Describe the distribution of components over units, and test whether it is Gaussian.

    Parameters
    ----------
    tangents : Tensor, shape (point, time, tangent, unit)
        A few moments are enough: the Anderson-Darling test takes about 0.2 ms per vector.

    Raises
    ------
    ValueError
        When the shape does not fit, or with fewer than 20 units, which the tests need.
    """
    values = _checked(tangents, LEAST_UNITS)
    scores = _standardised(values)
    flat = scores.reshape(-1, values.shape[-1]).numpy(force=True)
    usable = ~np.isnan(flat[:, 0])
    k2, k2_p, a2, a2_p = np.full((4, len(flat)), np.nan)
    if usable.any():
        k2[usable], k2_p[usable] = stats.normaltest(flat[usable], axis=1)
    for row in usable.nonzero()[0]:
        found = stats.anderson(flat[row], "norm", method="interpolate")
        a2[row], a2_p[row] = found.statistic, found.pvalue

    def back(numbers: Floats) -> Tensor:
        return torch.from_numpy(numbers).reshape(values.shape[:-1])

    return ComponentStatistics(
        mean=values.mean(dim=-1),
        deviation=values.std(dim=-1),
        skew=scores.pow(3).mean(dim=-1),
        excess_kurtosis=scores.pow(4).mean(dim=-1) - 3,
        k2=back(k2),
        k2_p=back(k2_p),
        a2=back(a2),
        a2_p=back(a2_p),
        units=values.shape[-1],
    )


def component_histogram(
    tangents: Tensor, bins: int = 41, limit: float = 5.0
) -> tuple[Tensor, Tensor]:
    """Return the density of standardised components, pooled over points.

    Each vector is standardised by its own mean and deviation over units, so that pooling does not mix
    lengths; the standard normal density is what it is compared with.

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
    scores = _standardised(_checked(tangents, 2)).permute(1, 2, 0, 3).flatten(2)
    edges = np.linspace(-limit, limit, bins + 1)
    density = np.full((*scores.shape[:2], bins), np.nan)
    for place in np.ndindex(*scores.shape[:2]):
        own = scores[place].numpy(force=True)
        own = own[~np.isnan(own)]
        if len(own):
            density[place] = np.histogram(own, edges)[0] / (len(own) * np.diff(edges))
    return torch.from_numpy(density), torch.from_numpy(edges)


def tangent_covariance(tangents: Tensor) -> Covariance:
    r"""Return covariance and correlation over units between the tangent vectors of each moment.

    C_ij = 1/n sum_u (a_iu - mean a_i)(a_ju - mean a_j): n C is the metric G less the part that lies along the
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
    known = ~correlation.isnan()
    mean = correlation.nanmean(dim=0)
    spread = torch.where(known, correlation - mean, 0).square().sum(dim=0)
    return Covariance(
        covariance=covariance.mean(dim=0),
        correlation=mean,
        covariance_deviation=covariance.std(dim=0, correction=0),
        correlation_deviation=torch.where(
            known.any(dim=0), (spread / known.sum(dim=0)).sqrt(), torch.nan
        ),
        units=units,
        points=len(values),
    )


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
        One row per ``moment`` and ``tangent``: medians over points of the statistics; the fraction of
        points at which each test rejects a Gaussian (``k2_rejected``, ``a2_rejected``: `level` of them
        would if all were Gaussian); ``n_points`` and ``n_units``. Vectors that do not vary over units are
        left out.
    """
    import pandas as pd

    if len(names) != tangents.shape[2]:
        raise ValueError(f"expected {tangents.shape[2]} names of tangents, got {len(names)}")
    if not 0.01 <= level <= 0.15:
        raise ValueError(f"expected a level from 0.01 to 0.15, got {level}")
    found = component_statistics(tangents)
    defined = ~found.k2.isnan()
    columns = {
        f"{name}_median": getattr(found, name).where(defined, torch.nan).nanmedian(dim=0).values
        for name in ("deviation", "skew", "excess_kurtosis", "k2", "a2")
    }
    for test in ("k2", "a2"):
        p = getattr(found, f"{test}_p")
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
    return table.assign(n_units=found.units).reset_index()
