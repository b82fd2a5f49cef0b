"""The analyses of metric warping: one class per experiment, with its keys, its cost and its figures.

An experiment is a module in `warpline.analyses`, which computes, and a class here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from warpline.core import plugins
from warpline.pipeline.config.base import (
    Count,
    EachOnce,
    Fraction,
    Name,
    Positive,
    Repeats,
    Rising,
    Strict,
)

__all__ = ["EXPERIMENTS", "Analysis", "Experiment", "UserExperiment"]

Points = Annotated[int, Field(ge=5, le=10_000)]
Side = Annotated[int, Field(ge=5, le=1_000)]
"""Points along a side of a square: a million of them have 1 GB of tangents in a network of 64 units."""

GENERIC_COST = (30.0, 1.0)
"""Seconds and MB on disk of one network, where an experiment does not say what it takes."""


class Experiment(Strict):
    """An analysis of trained networks: which networks, and what is asked of them."""

    experiment: str
    """Name of the experiment."""
    taskset: Name
    """Task set, from ``tasksets``; it must state its inputs as a function of kappa."""
    architecture: Name
    """Architecture, from ``architectures``; its model can be taken a step at a time."""
    curriculum: Name = "master"
    """Curriculum, from ``curricula``. The network is trained whether or not ``run.grid`` holds it."""
    timing: dict[str, Positive] = {}
    """Durations (ms) of the periods whose length varies in training."""

    title: ClassVar[str] = ""
    """Heading in the gallery. Without one, the gallery shows the name of the analysis."""
    figures: ClassVar[Mapping[str, str]] = {}
    """Label in the report by figure, drawn by ``scripts/figures/warping_<figure>.py``."""
    conditions_set: ClassVar[tuple[str, ...]] = ()
    """Conditions of the task, such as a context, that the experiment sets itself."""
    over_learning: ClassVar[bool] = False
    """Whether every kept checkpoint is analysed, beside the dissimilarities of the same networks."""

    derivatives: ClassVar[int] = 1
    """How often a network's step is differentiated: 0, 1, or 2 for curvature and geodesics."""
    weights: ClassVar[tuple[str, ...]] = ()
    """Names of the parameters that the experiment reads from a network."""
    n_coordinates: ClassVar[int | None] = None
    """Number of coordinates of the inputs; None where any number will do."""

    cost: ClassVar[tuple[float, float] | None] = None
    """Seconds and MB on disk of one network at the default settings; None where nobody measured it."""

    def needs(self) -> dict[str, Any]:
        """Return what the experiment asks of a network: `derivatives`, `weights` and `n_coordinates`."""
        names = ("derivatives", "weights", "n_coordinates")
        return {name: getattr(self, name) for name in names}

    def measured_cost(self) -> tuple[float, float] | None:
        """Return `cost`."""
        return self.cost

    def growth(self) -> float:
        """Return how many times the work at the default settings this analysis is."""
        return 1.0

    def own_settings(self) -> dict[str, Any]:
        """Return what the experiment is told: its own keys."""
        return self.model_dump(exclude=set(Experiment.model_fields))

    def figure_scripts(self) -> dict[str, tuple[str, str]]:
        """Return script and label of each figure, by its name."""
        return {name: (f"figures/warping_{name}.py", label) for name, label in self.figures.items()}


class Static(Experiment):
    """A feedforward network on a circle (Pellegrino and Chadwick 2025, figure 2)."""

    experiment: Literal["static"]
    """Name of the experiment, always ``static``."""
    points: Points = 720
    """Number of angles at which the metric is computed."""
    gridlines: Points = 24
    """Number of lines at equal distances of the learned metric."""

    title: ClassVar[str] = "a circle in a feedforward network"
    figures: ClassVar[Mapping[str, str]] = {
        "static": "a circle under the metric of a feedforward network"
    }

    n_coordinates: ClassVar[int | None] = 1
    cost: ClassVar[tuple[float, float] | None] = (1.0, 0.06)

    def growth(self) -> float:
        """Grow with the points."""
        return self.points / 720


class Decision(Experiment):
    """Two competing populations, constant inputs on a line (Pellegrino and Chadwick 2025, figure 3)."""

    experiment: Literal["decision"]
    """Name of the experiment, always ``decision``."""
    points: Points = 41
    """Number of inputs on the line."""
    fixed_points: Side = 21
    """Number of inputs at which fixed points are searched."""
    starts: Repeats = 3
    """Number of starting states per input, taken along the trial."""
    neurons: Count = 6
    """Number of units whose activity is stored: those that differ most between inputs at the end. The
    figure draws the three that differ most of all."""

    title: ClassVar[str] = "a decision of two populations"
    figures: ClassVar[Mapping[str, str]] = {
        "schematic": "a manifold of inputs, the manifold of states above it",
        "decision": "a decision with two populations",
    }

    n_coordinates: ClassVar[int | None] = 1
    cost: ClassVar[tuple[float, float] | None] = (1.0, 0.27)

    def growth(self) -> float:
        """Grow with the points."""
        return self.points / 41


class Context(Experiment):
    """Contextual evidence integration on a square of inputs (Pellegrino and Chadwick 2025, figure 4)."""

    experiment: Literal["context"]
    """Name of the experiment, always ``context``."""
    points: Side = 21
    """Number of inputs along each side of the square."""
    moments: Annotated[list[Fraction], Field(min_length=2, max_length=2), Rising] = [0.15, 1.0]
    """Early and late time step, as fractions of the trial."""
    fixed_points: Side = 11
    """Number of inputs along each side at which fixed points are searched."""
    gridlines: Side = 9
    """Number of geodesics in each direction."""
    subspace: Count = 3
    """Number of leading eigenvectors or singular vectors of the weight update in the alignment."""

    title: ClassVar[str] = "contextual integration"
    figures: ClassVar[Mapping[str, str]] = {
        "context_task": "task, outputs, decoder",
        "context_manifolds": "manifolds of states, fixed points, geodesics",
        "context_metric": "the metric over inputs and over time",
        "context_alignment": "alignment with the weight update, tangent statistics",
        "context_levels": "the metric by level of the relevant input, the grid at arc length",
        "context_update": "weight update, signed cosine to the readout, components of units",
    }
    conditions_set: ClassVar[tuple[str, ...]] = ("context",)

    derivatives: ClassVar[int] = 2
    weights: ClassVar[tuple[str, ...]] = ("weight_hh",)
    n_coordinates: ClassVar[int | None] = 2
    cost: ClassVar[tuple[float, float] | None] = (84.0, 0.36)

    def growth(self) -> float:
        """Grow with the points of the square."""
        return (self.points / 21) ** 2


class Memory(Experiment):
    """Two angles, kept and reproduced in order (Pellegrino and Chadwick 2025, figure 5)."""

    experiment: Literal["memory"]
    """Name of the experiment, always ``memory``."""
    points: Side = 16
    """Number of angles along each circle."""
    landmarks: Annotated[int, Field(ge=50, le=400)] = 200
    """Number of points of the state manifold for its topology."""
    samples: Repeats = 2
    """Number of landmark samples; a Betti number counts only if they agree."""
    topology: bool = True
    """Whether Betti numbers are computed (minutes per network at 400 landmarks)."""

    title: ClassVar[str] = "two angles in memory"
    figures: ClassVar[Mapping[str, str]] = {
        "memory_metric": "the metric of each item, warping or turning",
        "memory_torus": "curvature and topology of the states",
        "memory_tests": "warping test and realignment test, subspaces over time, outputs",
        "memory_maps": "the metric over the torus of both angles",
        "memory_shape": "the torus of states, its curvature, the grid at arc length",
    }

    derivatives: ClassVar[int] = 2
    n_coordinates: ClassVar[int | None] = 2
    cost: ClassVar[tuple[float, float] | None] = (50.0, 0.03)

    def growth(self) -> float:
        """Grow with the landmarks squared, and their choices."""
        return (self.landmarks / 200) ** 2 * self.samples / 2


class Learning(Experiment):
    """The metric at every kept checkpoint, beside the measures of dissimilarity on the same networks."""

    experiment: Literal["learning"]
    """Name of the experiment, always ``learning``."""
    points: Side = 11
    """Number of inputs along each coordinate."""
    conditions: Annotated[list[dict[str, Any]], Field(min_length=1), EachOnce] = [{}]
    """Conditions of the task, such as ``{context: 1}``, over which the metric is averaged."""

    title: ClassVar[str] = "the metric over learning"
    figures: ClassVar[Mapping[str, str]] = {
        "learning": "the metric over learning, beside the dissimilarities"
    }
    over_learning: ClassVar[bool] = True

    cost: ClassVar[tuple[float, float] | None] = (2.0, 0.23)

    def growth(self) -> float:
        """Grow with the points of the grid, and the conditions."""
        return (self.points / 11) ** 2 * len(self.conditions)


class UserExperiment(Experiment):
    """An experiment of your own, ``experiment: path/to/file.py:Name``.

    The class has a function ``analyse(network, settings)``, and may state as literals: ``figures`` (label by
    path of a script, relative to the file), ``cost`` (seconds and MB on disk of one network), ``derivatives``
    (how often it differentiates a network's step), ``weights`` (the parameters that it reads) and
    ``n_coordinates`` (of the inputs).
    """

    experiment: Annotated[str, Field(pattern=":")]
    """Your experiment, ``path/to/file.py:Name`` or ``package.module:Name``."""
    settings: dict[str, Any] = {}
    """Settings, passed to your experiment as they are."""

    def _stated(self, attribute: str) -> Any:
        return plugins.literal_class_attribute("analyses", self.experiment, attribute)

    def needs(self) -> dict[str, Any]:
        """Return what the class states; nothing is differentiated where it states nothing."""
        return {
            "derivatives": self._stated("derivatives") or 0,
            "weights": self._stated("weights") or (),
            "n_coordinates": self._stated("n_coordinates"),
        }

    def measured_cost(self) -> tuple[float, float] | None:
        """Return the class's ``cost``, where it states one."""
        cost = self._stated("cost")
        return (float(cost[0]), float(cost[1])) if cost else None

    def own_settings(self) -> dict[str, Any]:
        """Return the settings as they stand in the configuration."""
        return dict(self.settings)

    def figure_scripts(self) -> dict[str, tuple[str, str]]:
        """Return the scripts of the class's ``figures``, which lie beside its file."""
        location = plugins.find_plugin("analyses", self.experiment)
        folder = location.file.parent if location.file is not None else Path()
        return {
            Path(path).stem: ((folder / path).as_posix(), label)
            for path, label in (self._stated("figures") or {}).items()
        }


EXPERIMENTS: dict[str, type[Experiment]] = {
    kind.__name__.lower(): kind
    for kind in Experiment.__subclasses__()
    if kind is not UserExperiment
}
"""Experiments of the package by name, each beside the module of that name in `warpline.analyses`."""


def _experiment(value: Any) -> str | None:
    name = (
        value.get("experiment") if isinstance(value, dict) else getattr(value, "experiment", None)
    )
    if not isinstance(name, str):
        return None
    if ":" in name:
        return "tag:UserExperiment"
    return f"tag:{EXPERIMENTS[name].__name__}" if name in EXPERIMENTS else None


if TYPE_CHECKING:
    Analysis = Experiment
else:
    _members = [
        Annotated[kind, Tag(f"tag:{kind.__name__}")]
        for kind in (*EXPERIMENTS.values(), UserExperiment)
    ]
    Analysis = Annotated[
        reduce(or_, _members),
        Discriminator(
            _experiment,
            custom_error_type="experiment",
            custom_error_message=(
                f"expected an entry with `experiment:` and one of {', '.join(EXPERIMENTS)}, "
                "or 'file.py:Name' of your own"
            ),
        ),
    ]
