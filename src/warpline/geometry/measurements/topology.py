"""Betti numbers of a sampled state manifold, tested against null models and controls.

By theorem 3.1 of Pellegrino and Chadwick (2025) the states lie on a projection of M x R, M the manifold
of inputs. That image is continuous whatever the network does. Betti numbers other than those of M say that
the projection puts different inputs together, or so near that the gap between them is small beside the hole
that they enclose, unless the sampling is too coarse to tell. Equal ones do not say that it does not: a circle
wound twice onto a circle has those of a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import cdist, pdist, squareform

from warpline.core import random_streams
from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import tensor_of

__all__ = [
    "Control",
    "Topology",
    "betti_numbers",
    "farthest_points",
    "gaussian_null",
    "loop_deaths",
    "loop_radii",
    "noise_persistence_ratio",
    "persistence_intervals",
    "shuffled_null",
]

Floats = NDArray[np.float64]

LARGEST_COORDINATE, SMALLEST_RANGE = 1e150, 1e-150
"""Largest coordinate, and smallest range of one, whose squares are numbers in double precision."""
MOST_LANDMARKS = 400
CONTRACTIBLE = (1, 0, 0)
UNDERSAMPLED = "undersampled or compressed: mimics lost topology"


@dataclass(frozen=True, repr=False)
class Control(ShortRepr):
    """A point cloud of known Betti numbers, made in the same way as the data.

    Such as the states of the same network over a domain of inputs that is cut along one circle, or both.

    Attributes
    ----------
    points : array or Tensor, shape (point, unit)
    betti : tuple of int
        Of its input domain, from dimension 0: (1, 1, 0) for a cylinder, (1, 0, 0) for a square. Further
        intervals are noise, which those of the data must exceed.
    """

    points: Any
    betti: tuple[int, ...] = CONTRACTIBLE


@dataclass(frozen=True, repr=False)
class Topology(ShortRepr):
    """Betti numbers, with the counts and intervals that they rest on.

    Attributes
    ----------
    betti : pandas.DataFrame
        One row per dimension. ``betti``: the count that all samples agree on, at half and at all
        landmarks, else missing; ``low``, ``high``: the range of counts. ``threshold``: the ratio that an
        interval had to exceed, with all landmarks; ``threshold_from``: the cloud that set it, or
        ``geometry`` (see `noise_persistence_ratio`). ``least_kept``, ``most_rejected``: ratios on either
        side of it. ``certified``: intervals longer than 4 covering radii, least of the samples. The full
        cloud must have these too, since the diagrams differ by at most 2 (Chazal, de Silva and Oudot
        2014). ``covering_radius``, the largest of the samples; ``gap``, the longest link of the points'
        minimum spanning tree; ``loop_radius``; ``loop_death``, the lesser of what was given;
        ``undersampled``; ``note``.
    counts : pandas.DataFrame
        Intervals above the threshold for every cloud (data, nulls, controls), sample, number of
        landmarks and dimension. They tell whether a control shows its known topology.
    intervals : pandas.DataFrame
        Of all clouds: ``cloud``, ``role``, ``landmarks``, ``sample``, ``covering_radius``, ``threshold``,
        and the columns of `persistence_intervals`.
    """

    betti: pd.DataFrame
    counts: pd.DataFrame
    intervals: pd.DataFrame

    @property
    def numbers(self) -> tuple[int | None, ...]:
        """Betti numbers from dimension 0; None where undecided."""
        return tuple(None if pd.isna(value) else int(value) for value in self.betti["betti"])


def shuffled_null(points: Floats, generator: np.random.Generator) -> Floats:
    """Permute every unit's values over the points, independently: (point, unit) to the same."""
    return generator.permuted(points, axis=0)


def gaussian_null(points: Floats, generator: np.random.Generator) -> Floats:
    """Draw as many points from a Gaussian of the same mean and covariance: (point, unit) to the same."""
    centre = points.mean(axis=0)
    _, values, axes = np.linalg.svd(points - centre, full_matrices=False)
    noise = generator.standard_normal((len(points), len(values)))
    return centre + noise * (values / np.sqrt(len(points) - 1)) @ axes


NULLS = {"shuffled": shuffled_null, "gaussian": gaussian_null}


@takes_numbers()
def loop_deaths(points: Any, shape: Sequence[int], axis: int) -> Floats:
    """Return the distance by which every loop along a periodic coordinate is filled.

    It is the last death of a loop in the Vietoris-Rips complex of the states along the loop alone, or the
    longest link between neighbours, if that is more. In the complex of a larger cloud the loop dies no later.

    Parameters
    ----------
    points : Tensor or array, shape (point, unit)
        States on a full grid with the last coordinate fastest, as of `InputManifold.grid`.
    shape : sequence of int
        Of the grid.
    axis : int
        The periodic coordinate.

    Returns
    -------
    ndarray, shape (loop,)
        One per setting of the other coordinates, in the unit of the points.

    Raises
    ------
    ValueError
        When there is not one state per point of the grid, states are not finite or all one, or the axis is
        none of its coordinates.
    """
    values = _cloud(points, "points")
    if not 0 <= axis < len(shape):
        raise ValueError(f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
    if len(values) != np.prod(shape):
        raise ValueError(
            f"expected a state per point of the grid {tuple(shape)}, got {len(values)}"
        )
    loops = np.moveaxis(values.reshape(*shape, -1), axis, -2).reshape(
        -1, shape[axis], values.shape[1]
    )
    deaths = np.empty(len(loops))
    for k, loop in enumerate(loops):
        links = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1)
        intervals = persistence_intervals(loop, 1)
        of_loops = intervals.loc[intervals["dimension"] == 1, "death"]
        deaths[k] = max(of_loops.max() if len(of_loops) else 0.0, links.max())
    return deaths


@takes_numbers()
def loop_radii(metric: Any, shape: Sequence[int], axis: int, period: float) -> Floats:
    r"""Return the radius of every loop along a periodic coordinate, (1/2 pi) times its length.

    The length is the integral of sqrt(G_ii) over the coordinate, by the trapezoidal rule.

    Parameters
    ----------
    metric : Tensor or array, shape (point, tangent, tangent)
        Of one time step, on a full grid with the last coordinate fastest, as of `InputManifold.grid`.
    shape : sequence of int
        Of the grid.
    axis : int
        The periodic coordinate, both in `shape` and in the metric.
    period : float
        2 pi for an angle in radians.

    Returns
    -------
    ndarray, shape (loop,)
        One per setting of the other coordinates.

    Raises
    ------
    ValueError
        When the metric does not have one matrix per point of the grid, is not finite or below 0, the axis is
        none of its coordinates, or the period is not above 0.
    """
    values = tensor_of(metric, "metric").numpy(force=True)
    if not 0 <= axis < len(shape) or not 0 < period < np.inf:
        raise ValueError(
            f"expected an axis from 0 to {len(shape) - 1} and a finite period above 0, got "
            f"{axis} and {period}"
        )
    matches = values.ndim == 3 and len(values) == np.prod(shape) and values.shape[-1] > axis
    if not matches or not len(values):
        raise ValueError(
            f"expected a metric (point, tangent, tangent) with {np.prod(shape)} points for a grid of "
            f"{tuple(shape)}, got {values.shape}"
        )
    if not np.isfinite(values[:, axis, axis]).all():
        raise ValueError(
            f"expected a finite metric along coordinate {axis}, got NaN or infinity at "
            f"{int((~np.isfinite(values[:, axis, axis])).sum())} of {len(values)} points"
        )
    if values[:, axis, axis].min() < -1e-6 * np.abs(values[:, axis, axis]).max():
        raise ValueError(
            f"expected squared lengths of at least 0 along coordinate {axis}, got "
            f"{values[:, axis, axis].min():.3g}"
        )
    speed = np.sqrt(np.maximum(values[:, axis, axis], 0)).reshape(shape)
    return np.asarray(speed.mean(axis=axis) * period / (2 * np.pi)).ravel()


def _cloud(points: Any, name: str) -> Floats:
    values = tensor_of(points, name).numpy(force=True).astype(float)
    if values.ndim != 2 or len(values) < 4 or not values.shape[1]:
        raise ValueError(
            f"expected {name} as (point, unit) with at least 4 points and a unit, got {values.shape}: of "
            "trajectories, take the states at a fixed time"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"expected finite {name}, got values that are not")
    if (largest := np.abs(values).max()) > LARGEST_COORDINATE:
        raise ValueError(
            f"expected {name} of at most {LARGEST_COORDINATE:g}, whose distances are numbers, got "
            f"{largest:.3g}: divide them by their largest"
        )
    if np.ptp(values, axis=0).max() <= 1e-12 * np.abs(values).max():
        raise ValueError(
            f"expected {name} with more than one state, got the same {len(values)} times: take those "
            "after the first inputs, since all trials start from one state"
        )
    if (widest := np.ptp(values, axis=0).max()) < SMALLEST_RANGE:
        raise ValueError(
            f"expected {name} that differ by at least {SMALLEST_RANGE:g}, whose distances are numbers, got "
            f"{widest:.3g}: divide them by their largest"
        )
    return values


def farthest_points(points: Floats, count: int, first: int = 0) -> tuple[NDArray[np.intp], float]:
    """Return landmarks, each the farthest from those before it.

    Parameters
    ----------
    points : ndarray, shape (point, unit)
    count : int
        Of landmarks; there are fewer where the points are fewer, or coincide.
    first : int
        Row of the first landmark.

    Returns
    -------
    landmarks : ndarray, shape (landmark,)
        Rows of `points`.
    covering_radius : float
        Largest distance of a point from its nearest landmark. Landmarks are at least so far apart.
    """
    landmarks = [first]
    distance = np.linalg.norm(points - points[first], axis=1)
    rounding = 1e-9 * distance.max()
    while len(landmarks) < count and distance.max() > rounding:
        landmarks.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[landmarks[-1]], axis=1))
    return np.array(landmarks), float(distance.max())


def noise_persistence_ratio(dimension: int) -> float:
    r"""Return the largest death/birth ratio that landmarks of a sheet without holes can leave.

    Farthest-point landmarks of covering radius rho are at least rho apart, so that no cycle is born
    before, and the largest hole between them has radius rho: a k-sphere of radius rho is filled in the
    Vietoris-Rips complex at sqrt(2 (k + 2) / (k + 1)) rho, which is 2, sqrt(3) and sqrt(8/3) for k = 0, 1, 2.
    For flat sheets that are sampled much finer than rho.
    """
    return float(np.sqrt(2 * (dimension + 2) / (dimension + 1)))


def persistence_intervals(landmarks: Floats, max_dimension: int) -> pd.DataFrame:
    """Return the persistence intervals of the Vietoris-Rips complex, by ripser (Bauer 2021), over Z/2.

    Parameters
    ----------
    landmarks : ndarray, shape (landmark, unit)
    max_dimension : int
        1 for loops; 2 for voids, which takes seconds with 200 landmarks and half a minute with 400.

    Returns
    -------
    pandas.DataFrame
        ``dimension``; ``birth`` and ``death``, distances; ``ratio``, death/birth, in dimension 0 (where
        births are 0) death over the median death; ``rank``, from 0, by decreasing ratio. The component
        that never dies has an infinite ratio.
    """
    from ripser import ripser

    # ripser computes in single precision, whose range distances may leave; a power of two loses no digit.
    distances = pdist(landmarks)
    unit = np.ldexp(1.0, min(int(np.frexp(distances.max(initial=0.0))[1]), 1023))
    diagrams = ripser(squareform(distances / unit), maxdim=max_dimension, distance_matrix=True)
    tables = []
    for dimension, diagram in enumerate(diagrams["dgms"]):
        birth, death = unit * diagram.T.astype(float)
        if dimension == 0:
            finite = death[np.isfinite(death)]
            reference = np.full(len(death), np.median(finite) if len(finite) else 1.0)
        else:
            reference = birth
        table = pd.DataFrame(
            {"dimension": dimension, "birth": birth, "death": death, "ratio": death / reference}
        )
        table = table.sort_values("ratio", ascending=False, ignore_index=True)
        tables.append(table.assign(rank=table.index))
    return pd.concat(tables, ignore_index=True)


@takes_numbers()
def betti_numbers(
    points: Any,
    *,
    controls: Mapping[str, Control] | None = None,
    max_dimension: int = 2,
    landmarks: int = 200,
    samples: int = 3,
    nulls: int = 3,
    margin: float = 1.25,
    loop_radius: float | None = None,
    loop_death: float | None = None,
    seed: int = 0,
) -> Topology:
    """Count the components, loops and voids of a cloud that stand out from every null model and control.

    An interval of persistent homology counts when its ratio death/birth exceeds three things: the noise of
    landmarks of a sheet without holes (`noise_persistence_ratio`); `margin` times every ratio of the null
    models; and `margin` times every ratio of a control beyond its known Betti numbers. A Betti number is
    given where all samples of landmarks agree on it, with all landmarks and with half of them.

    Parameters
    ----------
    points : array or Tensor, shape (point, unit)
        States at one time step t > 0. The union over time is a cone, with one initial state, and so is
        contractible.
    controls : mapping of str to Control, optional
        By name.
    max_dimension : int
        2 for components, loops and voids; 1 is many times faster.
    landmarks : int
        At most 400.
    samples : int
        Sets of landmarks, each from another first point.
    nulls : int
        Draws of each null model: units shuffled independently; Gaussian of the same covariance.
    margin : float
        Factor by which an interval must exceed nulls and controls, at least 1.
    loop_radius : float, optional
        Of the smallest loop that the input manifold should leave (`loop_radii`), in the unit of
        `points`. The interval of a round loop dies at sqrt(3) times that; that of another one, such as a
        curve that winds through many units, earlier.
    loop_death : float, optional
        Distance by which the smallest such loop is filled, whatever its shape (`loop_deaths`). Its interval
        is born by twice the covering radius plus the gap between samples. Where the ratio of death and birth
        is within `noise_persistence_ratio`, the rows are marked as undersampled: a loop so compressed looks
        like a lost one. Of both, the lesser death counts.
    seed : int
        Root seed of the landmarks' first points and of the nulls.

    Returns
    -------
    Topology

    Raises
    ------
    ValueError
        When a cloud is not (point, unit), not finite or a single state, or a setting is out of range.
    """
    if not 0 <= max_dimension <= 2:
        raise ValueError(f"expected max_dimension 0, 1 or 2, got {max_dimension}")
    if not 8 <= landmarks <= MOST_LANDMARKS:
        raise ValueError(
            f"expected from 8 to {MOST_LANDMARKS} landmarks, got {landmarks}: the time of persistent "
            "homology grows with their fourth power"
        )
    if samples < 1 or nulls < 1 or not 1 <= margin < np.inf:
        raise ValueError(
            f"expected at least 1 sample, 1 null and a margin of 1; got {samples}, {nulls}, {margin}"
        )
    for name, size in (("loop_radius", loop_radius), ("loop_death", loop_death)):
        if size is not None and not 0 <= size < np.inf:
            raise ValueError(f"expected a finite {name} of at least 0, got {size}")
    data = _cloud(points, "points")

    # Intervals of the data, of draws of the null models, and of the controls, with as many landmarks.
    tables = _measure("data", "data", [data] * samples, landmarks, max_dimension, seed)
    for name, model in NULLS.items():
        drawn = [
            model(data, random_streams.generator(seed, "topology", name, i)) for i in range(nulls)
        ]
        tables += _measure(name, "null", drawn, landmarks, max_dimension, seed)
    known_betti: dict[str, tuple[int, ...]] = dict.fromkeys(NULLS, CONTRACTIBLE)
    for name, control in (controls or {}).items():
        if name in ("data", *NULLS) or len(control.betti) <= max_dimension:
            raise ValueError(
                f"expected a control with a name of its own and {max_dimension + 1} Betti numbers, got "
                f"{name} with {control.betti}"
            )
        known_betti[name] = control.betti
        repeated = [_cloud(control.points, name)] * samples
        tables += _measure(name, "control", repeated, landmarks, max_dimension, seed)
    intervals = pd.concat(tables, ignore_index=True)

    thresholds = _thresholds(intervals, known_betti, margin, landmarks, max_dimension)
    intervals = intervals.merge(thresholds, on=["landmarks", "dimension"], how="left")
    counts = _counts(intervals, max_dimension)
    # The longest link of the minimum spanning tree: how far apart the samples themselves can be.
    gap = float(linkage(data, "single")[-1, 2])
    deaths = [] if loop_radius is None else [np.sqrt(3) * loop_radius]
    deaths += [] if loop_death is None else [loop_death]
    betti = _decide(intervals, counts, thresholds, landmarks, min(deaths, default=None), gap)
    betti.insert(
        len(betti.columns) - 2, "loop_radius", np.nan if loop_radius is None else loop_radius
    )
    return Topology(betti, counts, intervals)


def _measure(
    name: str, role: str, clouds: Sequence[Floats], landmarks: int, max_dimension: int, seed: int
) -> list[pd.DataFrame]:
    """Return the intervals of each sample of a cloud, with half and with all landmarks."""
    tables = []
    for sample, cloud in enumerate(clouds):
        generator = random_streams.generator(seed, "topology", name, "landmarks", sample)
        rows, _ = farthest_points(cloud, landmarks, int(generator.integers(len(cloud))))
        # The first half of farthest-point landmarks are the landmarks that half the count would give.
        # Where states coincide, there are fewer than requested.
        for count, available in ((landmarks // 2, max(2, len(rows) // 2)), (landmarks, len(rows))):
            points = cloud[rows[:available]]
            radius = float(cdist(cloud, points).min(axis=1).max())
            table = persistence_intervals(points, max_dimension)
            tables.append(
                table.assign(
                    cloud=name, role=role, landmarks=count, sample=sample, covering_radius=radius
                )
            )
    return tables


def _thresholds(
    intervals: pd.DataFrame,
    known_betti: Mapping[str, tuple[int, ...]],
    margin: float,
    landmarks: int,
    max_dimension: int,
) -> pd.DataFrame:
    """Return the ratio that an interval must exceed, and its source, by landmarks and dimension."""
    rows = []
    for count in (landmarks // 2, landmarks):
        for dimension in range(max_dimension + 1):
            candidates = [(noise_persistence_ratio(dimension), "geometry")]
            selected = (intervals["landmarks"] == count) & (intervals["dimension"] == dimension)
            for cloud, betti in known_betti.items():
                noise = intervals[
                    selected
                    & (intervals["cloud"] == cloud)
                    & (intervals["rank"] >= betti[dimension])
                ]
                if len(noise):
                    candidates.append((margin * float(noise["ratio"].max()), cloud))
            threshold, source = max(candidates)
            rows.append((count, dimension, threshold, source))
    return pd.DataFrame(rows, columns=["landmarks", "dimension", "threshold", "threshold_from"])


def _counts(intervals: pd.DataFrame, max_dimension: int) -> pd.DataFrame:
    """Return how many intervals exceed the threshold, zeros included."""
    counted = intervals.assign(count=intervals["ratio"] > intervals["threshold"])
    keys = ["cloud", "role", "landmarks", "sample"]
    wide = counted.pivot_table(
        index=keys, columns="dimension", values="count", aggfunc="sum", fill_value=0, sort=False
    ).reindex(columns=range(max_dimension + 1), fill_value=0)
    long = wide.reset_index().melt(id_vars=keys, var_name="dimension", value_name="count")
    return long.astype({"dimension": int, "count": int})


def _decide(
    intervals: pd.DataFrame,
    counts: pd.DataFrame,
    thresholds: pd.DataFrame,
    landmarks: int,
    death: float | None,
    gap: float,
) -> pd.DataFrame:
    """Return the table of Betti numbers: see `Topology`. `death` is the latest that the loops may have."""
    of_data = intervals[(intervals["cloud"] == "data") & (intervals["landmarks"] == landmarks)]
    radius = float(of_data["covering_radius"].max())
    undersampled = None
    if death is not None:
        # Born by 2 (radius + gap / 2): the ratio must be able to exceed what landmarks leave, or the absence
        # of the loop means nothing.
        born = 2 * radius + gap
        undersampled = bool(death < noise_persistence_ratio(1) * born)

    rows = []
    for dimension, count in counts[counts["cloud"] == "data"].groupby("dimension")["count"]:
        low, high = int(count.min()), int(count.max())
        threshold = thresholds[
            (thresholds["landmarks"] == landmarks) & (thresholds["dimension"] == dimension)
        ].iloc[0]
        of_dimension = of_data[of_data["dimension"] == dimension]
        ratios = of_dimension["ratio"]
        above = ratios > threshold["threshold"]
        # The landmarks' diagram is within 2 covering radii of the full cloud's.
        persistence = of_dimension["death"] - of_dimension["birth"]
        long = persistence > 4 * of_dimension["covering_radius"]
        certified = long.groupby(of_dimension["sample"]).sum().min() if len(of_dimension) else 0
        rows.append(
            {
                "dimension": dimension,
                "betti": low if low == high else pd.NA,
                "low": low,
                "high": high,
                "threshold": threshold["threshold"],
                "threshold_from": threshold["threshold_from"],
                "least_kept": ratios[above].min(),
                "most_rejected": ratios[~above].max(),
                "certified": int(certified),
                "landmarks": landmarks,
                "samples": of_data["sample"].nunique(),
                "covering_radius": radius,
                "gap": gap,
                "loop_death": np.nan if death is None else death,
                "undersampled": undersampled,
                "note": UNDERSAMPLED if undersampled and dimension else "",
            }
        )
    return pd.DataFrame(rows).astype({"betti": "Int64", "undersampled": "boolean"})
