"""Claims on the geometry, on tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from claim_sources import (
    SPEED,
    analysis,
)

from warpline.analyses.context_lines import _crowding
from warpline.claims import geometry_claims
from warpline.claims.registry import CLAIMS

LATE = ("context 1", "late"), ("context 2", "late")


@pytest.mark.parametrize(
    ("claim", "experiment", "values", "expected"),
    [
        (
            "B1",
            "static",
            {(SPEED, "before", ""): [1.0, 2.0], (SPEED, "after", ""): [10.0, 20.0]},
            1.0,
        ),
        (
            "B2",
            "decision",
            {
                ("time component, end / peak", "", ""): [0.01, 0.0001],
                ("distance of the end from its own fixed point / extent", "", ""): [0.01, 0.01],
            },
            2.0,
        ),
        ("B5", "context", {("crowding of lines, relevant", *at): [10.0, 1.0] for at in LATE}, 0.5),
        (
            "B7a",
            "context",
            {
                (f"not Gaussian at 5 %, {name}", *at): [0.3, 0.1] if name == "time" else [0.05, 0.0]
                for name in ("relevant", "irrelevant", "time")
                for at in LATE
            },
            -0.15,
        ),
        ("B8a", "memory", {("two items: verdict warping", "", ""): [1.0, 1.0, 0.0]}, 2 / 3),
        ("B8b", "memory", {("two items: verdict realignment", "", ""): [0.0, 1.0]}, 0.5),
    ],
)
def test_statistic_of_the_geometry(claim, experiment, values, expected):
    (finding,) = CLAIMS[claim].evidence(analysis(experiment, values), ())
    assert finding.evidence.value == pytest.approx(expected) and finding.analysis == "one"
    assert finding.evidence.n == len(next(iter(values.values())))


def test_lines_that_crowd_nowhere_in_particular_have_a_crowding_above_the_null_value():
    # Ten networks whose gaps vary by a tenth, each at other places: nothing is stretched at the boundary.
    random = np.random.default_rng(0)
    places = np.cumsum(1 + 0.1 * random.standard_normal((2, 10, 5)), axis=-1)
    values = {
        ("crowding of lines, relevant", *at): [_crowding(kappa) for kappa in of_networks]
        for at, of_networks in zip(LATE, places, strict=True)
    }
    (finding,) = CLAIMS["B5"].evidence(analysis("context", values), ())
    assert finding.evidence.interval(0.95)[0] > 0
    assert _crowding(np.arange(5.0)) == 1


def context_arrays(early, late, cosine, correlation):
    """Return arrays of two networks and contexts, with squared lengths (relevant, irrelevant, time).

    Late, time has correlations with the inputs, whose sign changes along the relevant one.
    """
    metric = np.zeros((2, 2, 2, 2, 2, 3, 3))
    for k, diagonal in enumerate((early, late)):
        metric[..., k, :, :] = np.diag(diagonal)
    signs = np.array([1, -1])[:, None]
    for k, size in enumerate(correlation):
        product = signs * size * np.sqrt(late[k] * late[2])
        metric[..., 1, k, 2] = metric[..., 1, 2, k] = product
    dims = ("seed", "context", "relevant", "irrelevant", "moment", "tangent", "tangent_b")
    over_time = np.broadcast_to(np.array(cosine)[:, None], (2, 2, 2, 3))
    return xr.Dataset(
        {
            "metric": (dims, metric),
            "cosine_eigenvectors": (("seed", "context", "time", "tangent"), over_time),
            "moment_step": (("seed", "moment"), [[0, 1], [0, 1]]),
            "status": ("seed", ["converged", "converged"]),
        },
        coords={"context": [1, 2], "moment": ["early", "late"], "seed": [1, 2]},
    )


@pytest.mark.parametrize(
    ("claim", "expected"),
    [("B3a", 3.0), ("B3b", 1.0), ("B4", 0.5), ("B6", 0.25), ("B7b", 0.5)],
)
def test_statistic_of_arrays(claim, expected):
    arrays = context_arrays((1.0, 1.0, 5.0), (100.0, 0.1, 4.0), (0.25, 0.5), (0.75, 0.25))
    source = analysis("context", {("accuracy", "", ""): [1.0, 1.0]}, arrays)
    (finding,) = CLAIMS[claim].evidence(source, ())
    # The late rank of (100, 0.1) is not quite 1.
    assert finding.evidence.value == pytest.approx(expected, abs=0.01 if claim == "B4" else 1e-9)
    assert finding.evidence.n == 2

    arrays["status"] = ("seed", ["converged", "diverged"])
    (finding,) = CLAIMS[claim].evidence(source, ())
    assert finding.evidence.n == 1
    assert geometry_claims.ARRAYS["context"] == [n for n in arrays if n != "status"]


def test_topology_counts_where_it_can_be_told():
    torus, other, unknown = (1, 2, 1), (1, 1, 0), (1, np.nan, 0)
    moments = {"a": [torus, torus, torus, unknown], "b": [torus, other, unknown, unknown]}
    values = {
        (f"Betti number {d}", "", moment): [betti[d] for betti in of_networks]
        for moment, of_networks in moments.items()
        for d in range(3)
    }
    sampled = {("states undersampled for topology", "", moment): [0.0] * 4 for moment in moments}
    (finding,) = geometry_claims.topology_is_kept(analysis("memory", values | sampled), ())
    # A torus; no torus at one moment; a torus where told; nothing told.
    assert finding.evidence.n == 3 and finding.evidence.value == pytest.approx(2 / 3)
    assert "in 1 of 4 networks" in finding.evidence.left_out
    undersampled = {key: [1.0] * 4 for key in sampled}
    (finding,) = geometry_claims.topology_is_kept(analysis("memory", values | undersampled), ())
    assert finding.evidence.n == 0
