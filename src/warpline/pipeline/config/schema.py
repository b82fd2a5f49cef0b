"""The configuration's models, one per section. Every key is documented here and in config/README.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Discriminator, Field, Tag, field_validator, model_validator

from warpline.pipeline.config.analyses import Analysis
from warpline.pipeline.config.attractors import Attractors
from warpline.pipeline.config.base import (
    DSA,
    Count,
    Fraction,
    Measure,
    Name,
    NonNegative,
    Positive,
    Seed,
    Strict,
    by_name,
)

__all__ = [
    "DSA",
    "Architecture",
    "Config",
    "Curriculum",
    "Grid",
    "MambaArchitecture",
    "Measure",
    "RecurrentArchitecture",
    "TaskSet",
    "Training",
]

# --- tasks ------------------------------------------------------------------------------------------


class Choice(Strict):
    """A duration drawn from a list (ms)."""

    choice: Annotated[list[Positive], Field(min_length=1)]
    """Equally likely durations."""


class Uniform(Strict):
    """A duration drawn evenly between two bounds (ms)."""

    uniform: Annotated[list[NonNegative], Field(min_length=2, max_length=2)]
    """Low and high."""


class TruncatedExponential(Strict):
    """A duration drawn from an exponential, cut to bounds: mean, low, high (ms)."""

    truncated_exponential: Annotated[list[NonNegative], Field(min_length=3, max_length=3)]
    """Mean, low and high."""


def _duration_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next(iter(value), None) if len(value) == 1 else None
    if isinstance(value, Strict):
        return next(iter(type(value).model_fields))
    return "constant"


Duration = Annotated[
    Annotated[NonNegative, Tag("constant")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[TruncatedExponential, Tag("truncated_exponential")],
    Discriminator(
        _duration_kind,
        custom_error_type="duration",
        custom_error_message=(
            "expected a duration in ms: a number, or one of {choice: [...]}, {uniform: [low, high]}, "
            "{truncated_exponential: [mean, low, high]}"
        ),
    ),
]


class TaskVariation(Strict):
    """How a task differs from the basic one of its set."""

    anti: bool = False
    """The correct response is the opposite one."""
    delay: bool = False
    """A delay separates stimulus and response."""


class TrialCounts(Strict):
    """How many trials of each task."""

    train: Count = 10_000
    """Training trials of each task, all different."""
    validation: Count = 500
    """Validation trials of each task, on which training is stopped."""
    evaluation_repeats: Annotated[int, Field(ge=2, multiple_of=2)] = 20
    """Repeats of each cell of the factorial design; even, so that it splits into halves."""


class TaskSet(Strict):
    """A set of related tasks that share an environment, inputs and actions."""

    env: str
    """``perceptual_decision``, ``go_nogo``, ``context_integration``, ``sequence_memory``,
    ``circle_sign``, ``decision_line``, or ``path/to/file.py:Class`` of your own."""
    tasks: Annotated[dict[Name, TaskVariation], Field(min_length=1)]
    """The tasks, by name; each has a rule cue among the inputs."""
    target: Name
    """The task that curricula end with and that models are compared on."""
    window: str = "stimulus"
    """The period in which models are compared; it lasts equally long in all trials."""
    dt: Count
    """Time step in ms."""
    timing: dict[str, Duration]
    """Duration of each period; ``delay`` holds for the tasks that have one."""
    input_noise: NonNegative
    """Noise on the stimulus, in its units times the square root of a ms: input_noise/sqrt(dt) a step."""
    parameters: dict[str, Any] = {}
    """Further arguments of the environment."""
    trials: TrialCounts = TrialCounts()
    """How many trials of each task."""
    measures: list[Name] = []
    """Names from ``measures`` that suit its window; empty: those of ``run.measures``."""


# --- models -----------------------------------------------------------------------------------------


class Architecture(Strict):
    """What every model has, and how it learns. Any value may be a list: the entry is then a grid."""

    model: str
    """``leaky_rnn``, ``leaky_gru``, ``ei_rnn``, ``static_mlp``, or ``path/to/file.py:Class`` of your
    own."""
    learning_rate: Positive = 1e-3
    """Of Adam."""
    batch_size: Count = 64
    """Trials per update."""


class RecurrentArchitecture(Architecture):
    """A model of units, and how it learns. Any value may be a list: the entry is then a grid."""

    units: Count
    """Hidden units."""
    activation: Literal["relu", "leaky_relu", "tanh", "softplus"] = "tanh"
    """Nonlinearity of the hidden units."""
    init: Literal["kaiming", "xavier", "orthogonal", "identity", "gaussian"] = "orthogonal"
    """Of the recurrent weights."""
    gain: Positive = 1.0
    """Factor on the initial recurrent weights."""
    tau: Positive = 100.0
    """Time constant in ms."""
    noise: NonNegative = 0.0
    """Standard deviation of the hidden noise in training, per step."""
    parameters: dict[str, Any] = {}
    """Further settings of a model of your own."""


class MambaArchitecture(Architecture):
    """Mamba, and how it learns. Any value may be a list: the entry is then a grid."""

    model: Literal["mamba"]
    """Always ``mamba``."""
    d_model: Count
    """Width of the stream of features between layers."""
    d_state: Annotated[int, Field(ge=1, le=256)] = 16
    """States per channel; a layer has expand x d_model channels."""
    d_conv: Annotated[int, Field(ge=1, le=16)] = 4
    """Steps of the convolution, the present included."""
    expand: Count = 2
    """Channels of a layer per feature."""
    n_layers: Count = 1
    """Layers."""
    layer: Count | None = None
    """The layer whose states are looked at, counted from 1; by default the last. Changes no weight."""

    @property
    def units(self) -> int:
        """Hidden units, as other models have them: the numbers of h in a layer."""
        return self.expand * self.d_model * self.d_state

    @model_validator(mode="after")
    def _layer_exists(self) -> MambaArchitecture:
        if self.layer is not None and self.layer > self.n_layers:
            raise ValueError(
                f"layer: expected at most n_layers = {self.n_layers}, got {self.layer}"
            )
        return self


AnyArchitecture = Annotated[
    Annotated[RecurrentArchitecture, Tag("tag:RecurrentArchitecture")]
    | Annotated[MambaArchitecture, Tag("tag:MambaArchitecture")],
    by_name("model", {"mamba": MambaArchitecture}, RecurrentArchitecture, "leaky_rnn"),
]


class Curriculum(Strict):
    """Which tasks are learned, in which order, and by which parameters."""

    pretrain: list[Name] = []
    """Tasks of the pretraining, interleaved."""
    train: list[Name] = ["target"]
    """Tasks of the training; ``target`` is the task set's. Empty: not trained at all."""
    trainable: Annotated[
        Literal["all", "input"], Field(validation_alias=AliasChoices("trainable", "free"))
    ] = "all"
    """Parameters that learn in training: all, or the input weights alone (earlier name: ``free``)."""


# --- training ---------------------------------------------------------------------------------------


class Checkpoints(Strict):
    """Which updates leave a checkpoint; the first (0) and the last always do."""

    log: Annotated[int, Field(ge=0)] = 12
    """How many, evenly spaced in the logarithm of the update."""
    every: Annotated[int, Field(ge=0)] = 0
    """And one every so many updates (0: none)."""
    steps: list[Annotated[int, Field(ge=0)]] = []
    """And these."""


class Training(Strict):
    """The training loop. ``training`` and ``pretraining`` each have one."""

    max_steps: Count
    """Updates at most."""
    evaluate_every: Count = 20
    """Updates between two evaluations on the validation trials."""
    target_fraction: Annotated[float, Field(gt=0, le=1)] = 0.97
    """Stop at this fraction of an ideal observer's accuracy ..."""
    sustained: Count = 3
    """... reached in so many evaluations in a row, in every task."""
    gradient_clip: Positive = 1.0
    """Largest norm of the gradient."""
    checkpoints: Checkpoints = Checkpoints()
    """Which updates leave a checkpoint."""
    resume_every: Count = 200
    """Updates between two saves of the state from which a killed job goes on."""


# --- comparison -------------------------------------------------------------------------------------


class Trajectories(Strict):
    """Which hidden states are kept."""

    fractions: Annotated[list[Fraction], Field(min_length=1)]
    """Checkpoints, as fractions of the run's own training."""
    variance: Annotated[float, Field(gt=0, le=1)] = 0.999
    """Share of the variance that the kept principal components hold."""
    memory_mb: Count = 1000
    """Bound on the memory of one run of a network, in MiB: trials are run in portions that keep to it."""
    tasks: list[Name] = ["target"]
    """Tasks whose condition averages are kept for figures."""


class Over(Strict):
    """Comparison over learning."""

    fractions: Annotated[list[Fraction], Field(min_length=2)]
    """Stages of training at which networks are compared."""
    references: Annotated[list[Name], Field(min_length=1)] = ["master"]
    """Curricula that the others are compared with."""


class Within(Strict):
    """Comparison within learning."""

    fractions: Annotated[list[Fraction], Field(min_length=2)] = [0.0, 0.25, 0.5, 0.75, 1.0]
    """Stages of training that are compared with each other."""


class Comparison(Strict):
    """Which checkpoints are compared."""

    over: Over
    """Over learning: two runs at the same fraction of training."""
    within: Within = Within()
    """Within learning: the stages of one run."""


class Statistics(Strict):
    """Intervals and tests."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the intervals (jackknife over seeds)."""
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Of the tests of one measure, after Benjamini and Hochberg."""
    min_seeds: Annotated[int, Field(ge=2)] = 5
    """Below so many networks: points, and no p-values."""


class Figures(Strict):
    """How figures look."""

    palette: Literal["okabe-ito", "tol-bright"] = "okabe-ito"
    """Both can be told apart by colour-blind readers."""
    colormap: Literal["viridis", "cividis", "magma"] = "viridis"
    """Of heat maps."""
    font_size: Annotated[float, Field(ge=5, le=20)] = 9.0
    """In points."""
    dpi: Annotated[int, Field(ge=50, le=600)] = 150
    """Of the PNG files."""


# --- what is run ------------------------------------------------------------------------------------


class Grid(Strict):
    """One block of the grid: the full product of its lists."""

    tasksets: Annotated[list[Name], Field(min_length=1)]
    """Names from ``tasksets``."""
    architectures: Annotated[list[Name], Field(min_length=1)]
    """Names from ``architectures``."""
    curricula: Annotated[list[Name], Field(min_length=1)]
    """Names from ``curricula``."""
    comparisons: list[Literal["learning", "architectures"]] = ["learning"]
    """``learning``: after, over and within learning, per architecture; ``architectures``: between
    the architectures of all blocks that ask for it."""


class Run(Strict):
    """What is run."""

    seeds: Annotated[list[Seed], Field(min_length=1)]
    """The repeats; add new ones at the end."""
    measures: list[Name]
    """Names from ``measures``."""
    grid: Annotated[list[Grid], Field(min_length=1)]
    """Blocks of what is trained."""
    warping: list[Name] = []
    """Names from ``warping``: analyses of metric warping; their networks are trained too."""
    attractors: bool = False
    """Make the attractor test bench too (``snakemake attractors`` makes it in any case)."""

    @field_validator("seeds", "measures", "warping")
    @classmethod
    def _unique(cls, value: list[Any]) -> list[Any]:
        twice = sorted({str(item) for item in value if value.count(item) > 1})
        if twice:
            raise ValueError(f"expected each entry once, got {', '.join(twice)} more than once")
        return value


class Jobs(Strict):
    """How the work is cut into jobs. Changes no number."""

    seeds_per_job: Count = 1
    """Seeds that one trajectory or comparison job takes."""
    seeds_per_training_job: Count = 1
    """Seeds that one training job takes: on a CPU one after another, to the same bits as each alone; on a
    GPU as one, which is much faster for small networks. Add seeds in whole blocks: a block that grows is
    trained anew."""
    gpu: bool = False
    """Ask the cluster for a GPU for each training job; false on a cluster of CPUs alone."""
    keep_trajectories: bool = True
    """Keep the hidden states, the largest files; false: delete them when all that reads them is done, and
    make them again when a new seed or measure asks for them."""
    tensorboard: bool = False
    """Write TensorBoard event files while networks learn, to ``logs/NAME/events`` (needs the package)."""
    max_memory: Count | None = None
    """MB that no job asks for more than, however often it was killed: what the largest node has. A job
    that asks for more than its partition allows waits for ever."""
    max_runtime: Count | None = None
    """Minutes that no job asks for more than: the time limit of the partitions. A training job that is
    stopped at the limit goes on from where it was when it is tried again."""
    time_factor: Positive = 1.0
    """Factor on the run times that are asked for, for slower or faster machines than the one that the
    rates were measured on (``warpline plan CONFIG --check`` after a run says what it should be)."""


class Config(Strict):
    """A configuration of the pipeline."""

    name: Name
    """Results go to ``results/<name>``."""
    seed: Seed
    """Root of all random streams."""
    run: Run
    """What is run."""
    tasksets: dict[Name, TaskSet]
    """Catalogue of task sets."""
    architectures: dict[Name, AnyArchitecture]
    """Catalogue of models; a value that is a list makes a grid."""
    curricula: dict[Name, Curriculum]
    """Catalogue of curricula."""
    measures: dict[Name, Measure]
    """Catalogue of measures of dissimilarity."""
    pretraining: Training
    """The training loop of pretrainings."""
    training: Training
    """The training loop."""
    trajectories: Trajectories
    """Which hidden states are kept."""
    comparison: Comparison
    """Which checkpoints are compared."""
    warping: dict[Name, Analysis] = {}
    """Catalogue of analyses of metric warping."""
    attractors: Attractors = Attractors()
    """The attractor test bench."""
    statistics: Statistics = Statistics()
    """Intervals and tests."""
    figures: Figures = Figures()
    """How figures look."""
    jobs: Jobs = Jobs()
    """How the work is cut into jobs."""
