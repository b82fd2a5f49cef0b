"""Configuration as a whole: a pydantic model per section; config/README.md lists every key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from warpline.pipeline.config.analyses import Analysis
from warpline.pipeline.config.attractors import Attractors
from warpline.pipeline.config.base import (
    Count,
    EachOnce,
    Factor,
    Measure,
    Name,
    Seed,
    Strict,
)
from warpline.pipeline.config.comparison import (
    Comparison,
    DSAChoice,
    DSASensitivity,
    Statistics,
    Trajectories,
)
from warpline.pipeline.config.datasets import Dataset, DatasetComparison
from warpline.pipeline.config.networks import AnyArchitecture, Curriculum, Training
from warpline.pipeline.config.protocol import Audit, Protocol
from warpline.pipeline.config.tasks import TaskSet

__all__ = ["Config", "Explorer", "Figures", "Grid", "Jobs", "Run"]


class Figures(Strict):
    """Appearance of the figures."""

    palette: Literal["okabe-ito", "tol-bright"] = "okabe-ito"
    """Colour palette; both are safe for colour-blind readers."""
    colormap: Literal["viridis", "cividis", "magma"] = "viridis"
    """Colour map of heat maps."""
    font_size: Annotated[float, Field(ge=5, le=20)] = 9.0
    """Font size in points."""
    dpi: Annotated[int, Field(ge=50, le=600)] = 150
    """Resolution of the PNG files, in dots per inch."""


class Explorer(Strict):
    """Networks that the explorer shows, and the size of its page."""

    megabytes: Annotated[float, Field(gt=0, le=500)] = 15.0
    """Upper bound on the size of ``explorer.html`` in MB. Networks are shown seed by seed until the page
    is full, and the page says how many are left out."""
    seeds: Annotated[list[Seed], EachOnce] = []
    """Seeds whose networks are shown, from ``run.seeds``. An empty list stands for all of them."""
    architectures: Annotated[list[Name], EachOnce] = []
    """Architectures whose networks are shown, by their names in ``architectures``. An empty list stands for
    all that are run."""


class Grid(Strict):
    """One block of the grid: the full product of its lists."""

    tasksets: Annotated[list[Name], Field(min_length=1)]
    """Task sets, by their names in ``tasksets``."""
    architectures: Annotated[list[Name], Field(min_length=1)]
    """Architectures, by their names in ``architectures``."""
    curricula: Annotated[list[Name], Field(min_length=1)]
    """Curricula, by their names in ``curricula``."""
    comparisons: list[Literal["learning", "architectures"]] = ["learning"]
    """Kinds of comparison. ``learning``: after, over and within learning, per architecture.
    ``architectures``: between the architectures of all blocks that name it."""


class Run(Strict):
    """Networks, measures and analyses to run."""

    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000), EachOnce]
    """Seeds of the repeats; append new seeds at the end."""
    measures: Annotated[list[Name], EachOnce]
    """Measures, by their names in ``measures``."""
    grid: list[Grid]
    """Blocks of the grid of networks; an empty list trains none, for recordings or attractors alone."""
    datasets: Annotated[list[Name], EachOnce] = []
    """Recordings to compare, by their names in ``datasets``, by the measures of ``run.measures``."""
    warping: Annotated[list[Name], EachOnce] = []
    """Geometry analyses, by their names in ``warping``; their networks are trained too."""
    attractors: bool = False
    """Whether a full run includes the attractor validation; ``snakemake attractors`` runs it in any
    case."""


class Jobs(Strict):
    """Division of the work into jobs."""

    seeds_per_job: Count = 1
    """Number of seeds per job of trajectories, comparisons or geometry."""
    seeds_per_training_job: Count = 1
    """Number of seeds per training job. On a CPU they are trained in sequence, to the same bits as
    each alone. On a GPU they are trained as one batch, which is much faster for small networks. Add
    seeds in whole blocks: a block that grows is trained again."""
    gpu: bool = False
    """Whether each training job takes a GPU; false for a machine or cluster without GPUs."""
    keep_trajectories: bool = True
    """Whether the hidden states, the largest files, are kept. If not, they are deleted once no job
    needs them. A new seed or measure then makes them and their comparisons anew, with the same bytes."""
    tensorboard: bool = False
    """Whether training writes TensorBoard event files to ``logs/NAME/events``; needs the package
    tensorboard."""
    max_memory: Count | None = None
    """Upper bound on the memory request of a job in MB, retries included: the memory of the largest
    node. A job that requests more than its partition allows waits for ever."""
    max_runtime: Count | None = None
    """Upper bound on the time request of a job in minutes: the time limit of the partitions. A
    training job that reaches the limit resumes when it is retried."""
    replace: bool = False
    """Whether networks that were trained with other settings under the same name are trained anew, in
    their place. If not, a configuration that would do so is refused."""
    time_factor: Factor = 1.0
    """Factor on the requested run times, for machines slower or faster than the one the rates were
    measured on. After a run, ``warpline plan CONFIG --check`` prints the right value."""


class Config(Strict):
    """Configuration of the pipeline."""

    name: Name
    """Name of the configuration; results go to ``results/<name>``."""
    seed: Seed
    """Root seed of all random streams."""
    run: Run
    """Networks, measures and analyses to run."""
    tasksets: dict[Name, TaskSet]
    """Catalogue of task sets."""
    architectures: dict[Name, AnyArchitecture]
    """Catalogue of architectures; a list as a value makes a grid."""
    curricula: dict[Name, Curriculum]
    """Catalogue of curricula."""
    measures: dict[Name, Measure]
    """Catalogue of dissimilarity measures."""
    pretraining: Training
    """Training loop of the pretraining."""
    training: Training
    """Training loop after the pretraining."""
    trajectories: Trajectories
    """Hidden states that are stored."""
    comparison: Comparison
    """Checkpoints that are compared."""
    warping: dict[Name, Analysis] = {}
    """Catalogue of geometry analyses."""
    datasets: dict[Name, Dataset] = {}
    """Catalogue of recordings in files."""
    dataset_comparison: DatasetComparison = DatasetComparison()
    """Comparison of recordings with each other and with trained networks."""
    attractors: Attractors = Attractors()
    """Validation systems: attractors with known ground-truth similarity."""
    dsa_choice: DSAChoice = DSAChoice()
    """Choice of the settings of DSA that are ``auto``, by prediction of held-out trials."""
    dsa_sensitivity: DSASensitivity = DSASensitivity()
    """Settings around the parameters of DSA and InputDSA, at which their conclusions are drawn again."""
    protocol: Protocol = Protocol()
    """Choices of Guilhot et al. (2024) that differ from Warpline's; all are off by default."""
    audit: Audit = Audit()
    """Comparison of protocols: from right to published one switch at a time, and back."""
    statistics: Statistics = Statistics()
    """Confidence intervals and tests."""
    figures: Figures = Figures()
    """Appearance of the figures."""
    explorer: Explorer = Explorer()
    """Networks that the explorer shows, and the size of its page."""
    jobs: Jobs = Jobs()
    """Division of the work into jobs."""
