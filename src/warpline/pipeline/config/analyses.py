"""The analyses of metric warping: which networks, on which inputs, and what is measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from warpline.pipeline.config.base import Count, Fraction, Name, Positive, Strict

__all__ = ["Analysis", "Context", "Decision", "Learning", "Memory", "Static"]

Points = Annotated[int, Field(ge=5)]


class Networks(Strict):
    """Whose geometry is looked at."""

    taskset: Name
    """From ``tasksets``; it must say what its inputs are as a function of kappa."""
    architecture: Name
    """From ``architectures``; a model that can be taken a step at a time."""
    curriculum: Name = "master"
    """From ``curricula``. What is named here is trained, whether or not ``run.grid`` holds it."""
    timing: dict[str, Positive] = {}
    """Durations (ms) of the periods whose length varies in training."""


class Static(Networks):
    """A feedforward network on a circle (paper B, figure 2)."""

    experiment: Literal["static"]
    """Always ``static``."""
    points: Points = 720
    """Angles at which the metric is computed."""
    gridlines: Points = 24
    """Lines of equal distance in the learned metric."""


class Decision(Networks):
    """Two competing populations, constant inputs on a line (paper B, figure 3)."""

    experiment: Literal["decision"]
    """Always ``decision``."""
    points: Points = 41
    """Inputs on the line."""
    fixed_points: Points = 21
    """Inputs at which fixed points are looked for."""
    starts: Count = 3
    """Places on the way of a trial from which each is looked for."""
    neurons: Count = 6
    """Units that are drawn."""


class Context(Networks):
    """Contextual evidence integration on a square of inputs (paper B, figure 4)."""

    experiment: Literal["context"]
    """Always ``context``."""
    points: Points = 21
    """Inputs along each side of the square."""
    moments: Annotated[list[Fraction], Field(min_length=2, max_length=2)] = [0.15, 1.0]
    """Early and late, as fractions of the trial."""
    fixed_points: Points = 11
    """Inputs along each side at which fixed points are looked for."""
    gridlines: Points = 9
    """Geodesics each way."""
    subspace: Count = 3
    """Leading eigenvectors, or singular vectors, of the weight update that tangents are held against."""


class Memory(Networks):
    """Two angles, kept and reproduced in order (paper B, figure 5)."""

    experiment: Literal["memory"]
    """Always ``memory``."""
    points: Points = 16
    """Angles along each circle."""
    landmarks: Annotated[int, Field(ge=50, le=400)] = 200
    """Points of the state manifold whose topology is computed."""
    samples: Count = 2
    """Choices of landmarks; an answer counts where they agree."""
    topology: bool = True
    """Compute Betti numbers (minutes per network at 400 landmarks)."""


class Learning(Networks):
    """The metric at every kept checkpoint, beside the measures of dissimilarity on the same networks."""

    experiment: Literal["learning"]
    """Always ``learning``."""
    points: Points = 11
    """Inputs along each coordinate."""
    conditions: list[dict[str, Any]] = [{}]
    """Of the task, such as ``{context: 1}``; the metric is averaged over them."""


KINDS = (Static, Decision, Context, Memory, Learning)
NAMES = {kind.__name__.lower(): kind for kind in KINDS}


def _experiment(value: Any) -> str | None:
    name = (
        value.get("experiment") if isinstance(value, dict) else getattr(value, "experiment", None)
    )
    return f"tag:{NAMES[name].__name__}" if name in NAMES else None


Analysis = Annotated[
    Annotated[Static, Tag("tag:Static")]
    | Annotated[Decision, Tag("tag:Decision")]
    | Annotated[Context, Tag("tag:Context")]
    | Annotated[Memory, Tag("tag:Memory")]
    | Annotated[Learning, Tag("tag:Learning")],
    Discriminator(
        _experiment,
        custom_error_type="experiment",
        custom_error_message=f"expected an entry with `experiment:` and one of {', '.join(NAMES)}",
    ),
]
