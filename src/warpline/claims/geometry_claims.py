"""Claims on the geometry of computation (Pellegrino and Chadwick 2025)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr

from warpline.claims.evidence import Evidence, Floats, Part, part_of_networks, share_of_networks
from warpline.claims.sources import AnalysedNetworks, Finding, Sources
from warpline.geometry.riemannian.metric import Spectrum

__all__ = [
    "ARRAYS",
    "boundary_is_stretched",
    "convergence_shows",
    "geodesics_are_stretched",
    "irrelevant_input_is_compressed",
    "memory_realigns",
    "memory_warps",
    "relevant_input_is_amplified",
    "tangents_are_correlated",
    "tangents_are_gaussian",
    "topology_is_kept",
    "update_is_aligned",
    "warping_reduces_the_rank",
]

ARRAYS = {"context": ["metric", "cosine_eigenvectors", "moment_step"]}
"""Arrays that claims read, by experiment."""
CONTEXTS = (1, 2)
TORUS = (1.0, 2.0, 1.0)
"""Betti numbers of a torus: one component, two loops, one void."""
NOMINAL = 0.05
"""Share of Gaussian samples that a test at 5 % rejects."""
RELEVANT, IRRELEVANT, TIME = range(3)
"""Places of the tangent vectors along ``tangent``."""

Parts = Callable[[AnalysedNetworks], Sequence[Part]]


def _findings(sources: Sources, experiment: str, parts: Parts) -> list[Finding]:
    """Return the parts of each analysis of an experiment; none where an analysis lacks them."""
    findings = []
    for analysed in sources.of_experiment(experiment):
        found = parts(analysed)
        if found:
            place = (analysed.taskset, analysed.architecture)
            findings.append(Finding(Evidence(found), *place, analysis=analysed.name))
    return findings


def _log10(values: Floats) -> Floats:
    """Return log10, NaN at 0 and below."""
    return np.log10(values, out=np.full(len(values), np.nan), where=values > 0)


def boundary_is_stretched(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the speed near the boundaries over the mean speed, and over that before learning."""

    def parts(analysed: AnalysedNetworks) -> list[Part]:
        quantity = "speed near the boundaries / mean speed"
        before, after = (_log10(analysed.values(quantity, c)) for c in ("before", "after"))
        return [
            part_of_networks("after learning", after),
            part_of_networks("after against before learning", after - before),
        ]

    return _findings(sources, "static", parts)


def convergence_shows(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the fall of the time component, and of extent over distance to the attractor."""

    def parts(analysed: AnalysedNetworks) -> list[Part]:
        fall = analysed.values("time component, end / peak")
        distance = analysed.values("distance of the end from its own fixed point / extent")
        return [
            part_of_networks("time component of the metric", -_log10(fall)),
            part_of_networks("distance to the own fixed point", -_log10(distance)),
        ]

    return _findings(sources, "decision", parts)


def _of_contexts(
    sources: Sources, parts: Callable[[xr.Dataset, AnalysedNetworks, int], Sequence[Part]]
) -> list[Finding]:
    """Return the parts of both contexts. Networks that diverged count as missing."""

    def of_analysis(analysed: AnalysedNetworks) -> list[Part]:
        arrays = analysed.arrays
        if arrays is None:
            return []
        included = arrays.where(arrays["status"] != "diverged")
        return [
            part
            for context in CONTEXTS
            for part in parts(included.sel(context=context), analysed, context)
        ]

    return _findings(sources, "context", of_analysis)


def _at(arrays: xr.Dataset, name: str, moment: str) -> xr.DataArray:
    """Return an array over time at one of the two moments; all networks have the same."""
    steps = arrays["moment_step"].sel(moment=moment).dropna("seed")
    return arrays[name].isel(time=int(steps[0])) if len(steps) else arrays[name].isel(time=-1)


def _length(arrays: xr.Dataset, moment: str, tangent: int) -> Floats:
    """Return the mean squared length of a tangent vector over the inputs, shape (network,)."""
    of_moment = arrays["metric"].sel(moment=moment).isel(tangent=tangent, tangent_b=tangent)
    mean = of_moment.mean(["relevant", "irrelevant"])
    return np.asarray(mean.transpose("seed").values, dtype=float)


def relevant_input_is_amplified(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the relevant over the irrelevant input's metric, late in the trial."""

    def parts(arrays: xr.Dataset, analysed: AnalysedNetworks, context: int) -> list[Part]:
        relevant, irrelevant = (
            _log10(_length(arrays, "late", tangent)) for tangent in (RELEVANT, IRRELEVANT)
        )
        return [part_of_networks(f"context {context}", relevant - irrelevant)]

    return _of_contexts(sources, parts)


def irrelevant_input_is_compressed(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the irrelevant input's metric early in the trial over that late."""

    def parts(arrays: xr.Dataset, analysed: AnalysedNetworks, context: int) -> list[Part]:
        early, late = (_log10(_length(arrays, moment, IRRELEVANT)) for moment in ("early", "late"))
        return [part_of_networks(f"context {context}", early - late)]

    return _of_contexts(sources, parts)


def _effective_rank(arrays: xr.Dataset, moment: str) -> Floats:
    """Return the mean effective rank of the metric of the two inputs, from 1 to 2, shape (network,)."""
    inputs = arrays["metric"].sel(moment=moment).isel(tangent=slice(2), tangent_b=slice(2))
    matrices = inputs.transpose("seed", "relevant", "irrelevant", "tangent", "tangent_b").values
    valid = np.isfinite(matrices).all((-2, -1))
    finite = torch.from_numpy(np.where(valid[..., None, None], matrices, np.eye(2)))
    ranks = np.where(valid, Spectrum.of_matrix(finite).effective_rank.numpy(), np.nan)
    return np.asarray(ranks.mean((1, 2)), dtype=float)


def warping_reduces_the_rank(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return by how much the effective rank of the inputs' metric lies above 1.5 early and below it late."""

    def parts(arrays: xr.Dataset, analysed: AnalysedNetworks, context: int) -> list[Part]:
        early, late = (_effective_rank(arrays, moment) for moment in ("early", "late"))
        return [
            part_of_networks(f"isotropic early, context {context}", early - 1.5),
            part_of_networks(f"rank 1 late, context {context}", 1.5 - late),
        ]

    return _of_contexts(sources, parts)


def geodesics_are_stretched(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the crowding of the relevant input's gridlines, wherever it is, late in the trial."""

    def parts(analysed: AnalysedNetworks) -> list[Part]:
        return [
            part_of_networks(
                f"context {context}",
                _log10(
                    analysed.values("crowding of lines, relevant", f"context {context}", "late")
                ),
            )
            for context in CONTEXTS
        ]

    return _findings(sources, "context", parts)


def update_is_aligned(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the growth over the trial of the relevant input's cosine with the leading weight update."""

    def parts(arrays: xr.Dataset, analysed: AnalysedNetworks, context: int) -> list[Part]:
        # Networks whose recurrent weights did not learn have no update.
        if "cosine_eigenvectors" not in arrays:
            return []
        early, late = (
            _at(arrays, "cosine_eigenvectors", moment).isel(tangent=RELEVANT).values
            for moment in ("early", "late")
        )
        return [part_of_networks(f"context {context}", late - early)]

    return _of_contexts(sources, parts)


def tangents_are_gaussian(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return 5 % less the share of inputs at which a tangent vector over units is no Gaussian sample (late).

    By D'Agostino and Pearson's test at 5 %, which skew and heavy and light tails fail alike: in a mean over
    inputs they would cancel.
    """

    def parts(analysed: AnalysedNetworks) -> list[Part]:
        found = []
        for context in CONTEXTS:
            for name in ("relevant", "irrelevant", "time"):
                place = (f"not Gaussian at 5 %, {name}", f"context {context}", "late")
                excess = NOMINAL - analysed.values(*place)
                found.append(part_of_networks(f"{name}, context {context}", excess))
        return found

    return _findings(sources, "context", parts)


def tangents_are_correlated(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return how much more time correlates over units with the relevant input than with the other (late).

    The correlation is the cosine of two tangent vectors: deviations are those from 0. Its size is taken at
    each input and then averaged. The sign changes from input to input: a mean with signs would cancel.
    """

    def size(late: xr.DataArray, tangent: int) -> Floats:
        products = late.isel(tangent=TIME, tangent_b=tangent)
        squares = [late.isel(tangent=k, tangent_b=k) for k in (TIME, tangent)]
        # A vector of length 0 has no direction.
        lengths = np.sqrt((squares[0] * squares[1]).where(lambda values: values > 0))
        mean = abs(products / lengths).mean(["relevant", "irrelevant"])
        return np.asarray(mean.transpose("seed").values, dtype=float)

    def parts(arrays: xr.Dataset, analysed: AnalysedNetworks, context: int) -> list[Part]:
        late = arrays["metric"].sel(moment="late")
        difference = size(late, RELEVANT) - size(late, IRRELEVANT)
        return [part_of_networks(f"context {context}", difference)]

    return _of_contexts(sources, parts)


def _memory_verdict(sources: Sources, verdict: str) -> list[Finding]:
    def parts(analysed: AnalysedNetworks) -> list[Part]:
        return [share_of_networks("", analysed.values(f"two items: verdict {verdict}"))]

    return _findings(sources, "memory", parts)


def memory_warps(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the share of networks whose irrelevant item shrinks (module `two_items` of the geometry)."""
    return _memory_verdict(sources, "warping")


def memory_realigns(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the share of networks whose irrelevant item turns away from the decoder."""
    return _memory_verdict(sources, "realignment")


def topology_is_kept(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the share of networks whose states have a torus's Betti numbers wherever these can be told.

    Moments whose states are undersampled, and samples that disagree, say nothing: they do not count.
    """
    findings = []
    for analysed in sources.of_experiment("memory"):
        rows = analysed.numbers
        is_betti = rows["quantity"].str.startswith("Betti number")
        moments = list(dict.fromkeys(rows.loc[is_betti, "moment"]))
        if not moments:
            continue
        per_moment = []
        for moment in moments:
            numbers = np.stack([analysed.values(f"Betti number {d}", "", moment) for d in range(3)])
            told = np.isfinite(numbers).all(0)
            told &= analysed.values("states undersampled for topology", "", moment) == 0
            torus = (numbers == np.array(TORUS)[:, None]).all(0)
            per_moment.append(np.where(told, torus.astype(float), np.nan))
        # A network counts if any moment tells; it must be a torus at all that do.
        answers = np.stack(per_moment)
        tells = np.isfinite(answers).any(0)
        least = np.where(np.isfinite(answers), answers, 1.0).min(axis=0)
        left_out = ""
        if not tells.all():
            left_out = (
                f"in {int((~tells).sum())} of {len(tells)} networks no moment tells, because states are "
                f"undersampled or samples disagree; raise warping.{analysed.name}.landmarks"
            )
        answered = share_of_networks("", np.where(tells, least, np.nan))
        place = (analysed.taskset, analysed.architecture)
        evidence = Evidence([answered], left_out=left_out)
        findings.append(Finding(evidence, *place, analysis=analysed.name))
    return findings
