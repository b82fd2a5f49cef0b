"""Pydantic models of the configuration, one class per section; config/README.md lists every key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from warpline.pipeline.config.analyses import Analysis
from warpline.pipeline.config.attractors import Attractors
from warpline.pipeline.config.base import (
    DSA,
    Count,
    EachOnce,
    Factor,
    Fraction,
    InputDSA,
    Measure,
    Name,
    NonNegative,
    Positive,
    Rank,
    Rising,
    Seed,
    ShapeEnergy,
    Size,
    Strict,
    by_name,
)
from warpline.pipeline.config.datasets import Dataset, DatasetComparison
from warpline.pipeline.config.protocol import Audit, Protocol

__all__ = [
    "DSA",
    "Architecture",
    "Config",
    "Curriculum",
    "Grid",
    "InputDSA",
    "MambaArchitecture",
    "Measure",
    "RecurrentArchitecture",
    "ShapeEnergy",
    "TaskSet",
    "Training",
]

# --- tasks ------------------------------------------------------------------------------------------


class Choice(Strict):
    """Duration drawn from a list, in ms."""

    choice: Annotated[list[Positive], Field(min_length=1)]
    """Durations in ms, drawn with equal probability."""


class Uniform(Strict):
    """Duration drawn uniformly between two bounds, in ms."""

    uniform: Annotated[list[NonNegative], Field(min_length=2, max_length=2)]
    """Lower and upper bound in ms."""


class TruncatedExponential(Strict):
    """Duration drawn from an exponential distribution truncated to bounds, in ms."""

    truncated_exponential: Annotated[list[NonNegative], Field(min_length=3, max_length=3)]
    """Mean before truncation, lower bound and upper bound, in ms."""


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
    """Difference of a task from the basic task of its set."""

    anti: bool = False
    """The correct response is the opposite one."""
    delay: bool = False
    """A delay separates stimulus and response."""


class TrialCounts(Strict):
    """Number of trials per task."""

    train: Count = 10_000
    """Training trials per task, all different."""
    validation: Count = 500
    """Validation trials per task, which decide when training stops."""
    evaluation_repeats: Annotated[int, Field(ge=2, multiple_of=2)] = 20
    """Evaluation trials per cell of the factorial design; an even number, so that they split into
    halves."""


class TaskSet(Strict):
    """Set of related tasks that share an environment, inputs and actions."""

    env: str
    """Environment: ``perceptual_decision``, ``go_nogo``, ``context_integration``,
    ``sequence_memory``, ``one_go_memory``, ``circle_sign``, ``decision_line``, or your own
    ``path/to/file.py:Class``."""
    tasks: Annotated[dict[Name, TaskVariation], Field(min_length=1)]
    """Tasks by name; each task has its own rule cue among the inputs."""
    target: Name
    """Target task, with which curricula end and on which networks are compared."""
    window: str = "stimulus"
    """Comparison window: the period in which networks are compared. It lasts equally long in all
    trials."""
    dt: Count
    """Time step in ms."""
    timing: dict[str, Duration]
    """Duration of each period in ms; ``delay`` applies to the tasks that have one."""
    input_noise: NonNegative
    """Input noise level, in stimulus units times sqrt(ms); the standard deviation per step is
    input_noise/sqrt(dt)."""
    parameters: dict[str, Any] = {}
    """Additional arguments of the environment."""
    trials: TrialCounts = TrialCounts()
    """Number of trials per task."""
    measures: Annotated[list[Name], EachOnce] = []
    """Measures that suit the comparison window, by their names in ``measures``. An empty list
    stands for ``run.measures``."""


# --- models -----------------------------------------------------------------------------------------


class Architecture(Strict):
    """Settings that all models share. Any value may be a list: the entry is then a grid."""

    model: str
    """Model: ``leaky_rnn``, ``leaky_gru``, ``ei_rnn``, ``current_rnn``, ``low_rank_rnn``, ``static_mlp``;
    as in torch.nn ``rnn``, ``gru``, ``lstm``, ``gru_cell``, ``lstm_cell``; or your own
    ``path/to/file.py:Class``."""
    learning_rate: Positive = 1e-3
    """Adam learning rate."""
    batch_size: Count = 64
    """Number of trials per update."""
    weights: str | None = None
    """File with the weights of networks that were trained elsewhere (``.safetensors``, or ``.pt`` with a
    state_dict). They are analysed without training. ``{seed}``, ``{curriculum}`` and ``{taskset}`` in the
    path stand for those of the run, such as ``nets/seed-{seed}.safetensors``."""
    weight_names: dict[str, str | None] = {}
    """Renaming of the weights in the file: what a name starts with, and what stands in its place in the
    model, such as ``{lstm.: "", fc.weight: weight_out}``. ``null`` leaves a weight out."""


class RecurrentArchitecture(Architecture):
    """Network of hidden units, and its training. Any value may be a list: the entry is then a grid."""

    units: Annotated[Size | None, Field(validate_default=True)] = None
    """Number of hidden units. Your own model with ``weights`` may do without it; all others need it."""
    activation: Literal["relu", "leaky_relu", "tanh", "softplus"] = "tanh"
    """Activation function of the hidden units."""
    init: Literal["kaiming", "xavier", "orthogonal", "identity", "gaussian", "uniform"] = (
        "orthogonal"
    )
    """Initialisation of the recurrent weights."""
    gain: Positive = 1.0
    """Factor on the initial recurrent weights."""
    tau: Positive = 100.0
    """Time constant of the hidden units in ms. Models of torch.nn and ``static_mlp`` have none."""
    noise: NonNegative = 0.0
    """Standard deviation of the hidden noise, in training only: that of a linear unit without
    recurrence, at any time step. Of ``static_mlp``, which has no time constant, it is that of the drive."""
    parameters: dict[str, Any] = {}
    """Additional settings of the model: of your own; of ``rnn``, ``gru`` and ``lstm``, ``num_layers``; of
    ``lstm`` and ``lstm_cell``, ``observed``; of ``low_rank_rnn``, ``rank``; of ``current_rnn`` and
    ``low_rank_rnn``, ``solver``, ``biases``, ``feedforward`` and ``input_groups``."""

    @field_validator("units")
    @classmethod
    def _units_are_known(cls, value: int | None, info: ValidationInfo) -> int | None:
        own = ":" in info.data.get("model", "")
        if value is None and not (own and info.data.get("weights")):
            raise ValueError("expected a value, got none")
        return value


class MambaArchitecture(Architecture):
    """Mamba network, and its training. Any value may be a list: the entry is then a grid."""

    model: Literal["mamba"]
    """Name of the model, always ``mamba``."""
    d_model: Size
    """Number of features between layers."""
    d_state: Annotated[int, Field(ge=1, le=256)] = 16
    """Number of states per channel; a layer has expand x d_model channels."""
    d_conv: Annotated[int, Field(ge=1, le=16)] = 4
    """Width of the causal convolution in steps, including the present step."""
    expand: Annotated[int, Field(ge=1, le=64)] = 2
    """Number of channels of a layer per feature."""
    n_layers: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of layers."""
    final_norm: bool = True
    """Whether the features are normalised (RMSNorm) once more before the readout, as in the original
    model."""
    layer: Count | None = None
    """Layer whose hidden states are analysed, counted from 1; by default the last. It changes no
    weight."""

    @property
    def units(self) -> int:
        """Number of hidden units: the size of h in one layer."""
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
    """Tasks that a network learns, their order, and the trainable parameters."""

    pretrain: list[Name] = []
    """Tasks of the pretraining, interleaved."""
    train: list[Name] = ["target"]
    """Tasks of the training; ``target`` stands for the target task of the task set. With an empty
    list the network stays untrained."""
    trainable: Annotated[
        Literal["all", "input"], Field(validation_alias=AliasChoices("trainable", "free"))
    ] = "all"
    """Trainable parameters of the training: all, or the input weights only. ``free`` is its earlier name."""


# --- training ---------------------------------------------------------------------------------------


class Checkpoints(Strict):
    """Schedule of checkpoints; step 0 and the last update always leave one, and both are always kept."""

    log: Annotated[int, Field(ge=0)] = 12
    """Number of checkpoints, evenly spaced in the logarithm of the update."""
    every: Annotated[int, Field(ge=0)] = 0
    """Number of updates between additional checkpoints; 0 for none."""
    steps: list[Annotated[int, Field(ge=0)]] = []
    """Additional steps at which a checkpoint is kept."""
    keep: Annotated[
        Annotated[list[Fraction], Rising, Tag("tag:fractions")]
        | Annotated[Literal["all"], Tag("tag:all")],
        Discriminator(lambda value: "tag:all" if isinstance(value, str) else "tag:fractions"),
    ] = "all"
    """Checkpoints whose weights are kept when training ends: ``all``, or those nearest to these fractions
    of the run's own training, beside the first and the last. A fraction that is added later trains the
    networks anew; all evaluations stay in ``history.csv``."""


class Training(Strict):
    """Training loop; ``training`` and ``pretraining`` each have one."""

    max_steps: Count
    """Maximum number of updates."""
    evaluate_every: Count = 20
    """Number of updates between two evaluations on the validation trials."""
    target_fraction: Annotated[float, Field(gt=0, le=1)] = 0.97
    """Fraction of an ideal observer's accuracy at which training stops."""
    sustained: Count = 3
    """Number of consecutive evaluations that must reach ``target_fraction`` in every task."""
    gradient_clip: Positive = 1.0
    """Maximum norm of the gradient."""
    checkpoints: Checkpoints = Checkpoints()
    """Schedule of checkpoints."""
    resume_every: Count = 200
    """Number of updates between two saves of the state from which an interrupted job resumes."""


# --- comparison -------------------------------------------------------------------------------------


class Trajectories(Strict):
    """Hidden states that are stored."""

    fractions: Annotated[list[Fraction], Field(min_length=1), Rising]
    """Checkpoints whose states are stored, as fractions of the run's own training."""
    variance: Annotated[float, Field(gt=0, le=1)] = 0.999
    """Fraction of the variance that the stored principal components explain."""
    memory_mb: Count = 1000
    """Upper bound on the memory of one forward pass, in MiB; the trials are split to stay below
    it."""
    tasks: list[Name] = ["target"]
    """Tasks whose condition averages are stored for figures."""


class Over(Strict):
    """Comparison over learning, between runs."""

    fractions: Annotated[list[Fraction], Field(min_length=2), Rising]
    """Fractions of training at which networks are compared, rising from 0.0 to 1.0."""
    references: Annotated[list[Name], Field(min_length=1), EachOnce] = ["master"]
    """Reference curricula, with which all others are compared."""


class Within(Strict):
    """Comparison within learning, between the checkpoints of one run."""

    fractions: Annotated[list[Fraction], Field(min_length=2), Rising] = [0.0, 0.25, 0.5, 0.75, 1.0]
    """Fractions of training that are compared with each other, rising from 0.0 to 1.0."""


class Controls(Strict):
    """Comparison of each network after learning with itself under other input noise."""

    drives: Annotated[
        list[Literal["fresh_noise", "weak_noise", "strong_noise", "autocorrelated_noise"]], EachOnce
    ] = [
        "fresh_noise",
        "weak_noise",
        "strong_noise",
        "autocorrelated_noise",
    ]
    """Input noise under which each network is compared with itself: a new draw, 0.3 times as strong,
    3 times as strong, or correlated over time. Task sets without input noise have no such control."""
    time_constant: Annotated[float, Field(gt=0)] = 200.0
    """Time constant of the autocorrelated noise in ms."""


class Comparison(Strict):
    """Checkpoints that are compared, and controls."""

    over: Over
    """Comparison over learning: two runs at the same fraction of training."""
    within: Within = Within()
    """Comparison within learning: the checkpoints of one run."""
    controls: Controls = Controls()
    """Comparison of each network with itself under other input noise."""


class DSAChoice(Strict):
    """Choice of the settings of DSA that are ``auto``, by prediction of held-out trials."""

    n_delays: Annotated[list[Count], Field(min_length=1, max_length=100), EachOnce] = [
        1,
        2,
        3,
        5,
        7,
        10,
        15,
        20,
        33,
    ]
    """Numbers of delays to try."""
    delay_intervals: Annotated[list[Count], Field(min_length=1, max_length=100), EachOnce] = [1, 2]
    """Numbers of steps between two delays to try, if the interval is ``auto``."""
    ranks: Annotated[list[Rank], Field(min_length=1, max_length=100), EachOnce] = [
        2,
        3,
        5,
        7,
        10,
        15,
        20,
        25,
        30,
        40,
        50,
    ]
    """Ranks to try."""
    horizons: Annotated[list[Count], Field(min_length=1, max_length=100), EachOnce] = [1, 5, 10]
    """Numbers of steps ahead that are predicted."""
    longest: Annotated[float, Field(gt=0, lt=1)] = 0.333
    """Longest embedding and longest horizon, as a share of the comparison window. Longer ones are left
    out; the shortest of each always stays."""
    keep: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Share of the best setting's gain over persistence that the chosen setting keeps. Among these, the
    one of lowest rank is chosen, then the one with the fewest delays."""
    seeds: Count = 2
    """Number of seeds whose networks count: the first ones of the first block, so that new seeds change
    no choice."""


class DSASensitivity(Strict):
    """Settings around the parameters of DSA and InputDSA, at which their conclusions are drawn again."""

    n_delays: Annotated[list[Factor], Field(min_length=1, max_length=100), EachOnce] = [
        0.5,
        1.0,
        2.0,
    ]
    """Factors on the number of delays. Embeddings that exceed the comparison window are left out."""
    ranks: Annotated[list[Factor], Field(min_length=1, max_length=100), EachOnce] = [
        0.5,
        0.75,
        1.0,
        1.5,
        2.0,
    ]
    """Factors on the rank."""
    seeds: Annotated[int, Field(ge=0)] = 3
    """Number of seeds whose networks are compared, from the first; with fewer than 2 nothing is."""


class Statistics(Strict):
    """Confidence intervals and tests."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of the intervals (jackknife over seeds)."""
    family_error: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability of a false positive among the tests of one measure, architecture and reference
    (Holm)."""
    min_seeds: Annotated[int, Field(ge=2)] = 5
    """Minimum number of networks of each curriculum and of the reference for tests, and for intervals in
    figures, which show points below it. Tables hold intervals of means from three seeds on."""


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


# --- what is run ------------------------------------------------------------------------------------


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
