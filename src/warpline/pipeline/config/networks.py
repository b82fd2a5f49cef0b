"""Sections of the configuration for architectures, curricula and training."""

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

from warpline.pipeline.config.base import (
    Count,
    Fraction,
    Name,
    NonNegative,
    Positive,
    Rising,
    Size,
    Strict,
    by_name,
)

__all__ = [
    "AnyArchitecture",
    "Architecture",
    "Checkpoints",
    "Curriculum",
    "MambaArchitecture",
    "RecurrentArchitecture",
    "Training",
]


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
