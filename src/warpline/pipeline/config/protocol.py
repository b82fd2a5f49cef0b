"""The protocol: choices of Guilhot et al. (2024) that the pipeline makes otherwise, as switches.

Each switch stands for a line of the authors' code (docs/audit.md). Its default is what Warpline does.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator

from warpline.pipeline.config.base import EachOnce, Name, Positive, Strict
from warpline.pipeline.config.messages import nearest

__all__ = [
    "PUBLISHED",
    "Audit",
    "Protocol",
    "protocol_name",
    "switched",
    "switches",
    "variants",
]


class TrialsProtocol(Strict):
    """Trials of training and validation."""

    unique: bool = True
    """Whether all training trials differ. If not, 32 sequences are repeated, and the validation trials
    are the same 32."""
    packed: bool = False
    """Whether a row holds consecutive trials, the last one cut. The hidden state then passes from one
    trial into the next. A row lasts 1.5 times the longest trial."""


class TimingProtocol(Strict):
    """Durations of the evaluation trials."""

    evaluation: dict[Name, Positive] = {}
    """Durations in ms of periods of the evaluation trials that differ from those of the training; periods
    that a task set lacks do not count."""


class EvaluationProtocol(Strict):
    """What of the hidden states is compared."""

    paired: bool = True
    """Whether all networks are evaluated on the same trials in the same order. If not, each draws its own
    sample of them, so that trials of two networks do not correspond."""
    window: Literal["own", "shifted"] = "own"
    """Steps that are compared: those of the comparison window, or those 500 ms before them."""
    reduction: Literal["own", "published"] = "own"
    """Reduction of the states. ``own``: principal components of each network. ``published``: raw units
    after learning; over learning, z-scores and principal components that two networks share."""


class DSAProtocol(Strict):
    """Delays and solver of DSA."""

    delay_axis: Literal["time", "trial"] = "time"
    """Axis along which the delays of DSA run: over the steps of a trial, or over trials. What is
    ``auto`` is chosen over the steps."""
    solver: Literal["own", "reference"] = "own"
    """Alignment solver. ``own``: that of the measure's entry. ``reference``: 1000 steps of gradient
    descent of the package dsa-metric."""


class ModelProtocol(Strict):
    """Recurrent networks before training."""

    init: Literal["own", "uniform"] = "own"
    """Initialisation of the recurrent weights: that of the architecture, or ``uniform`` for all."""
    reset_gate: Literal["used", "unused"] = "used"
    """Whether the reset gate of ``leaky_gru`` acts."""


class TrainingProtocol(Strict):
    """Training loop, pretraining included."""

    loss: Literal["balanced", "all_steps"] = "balanced"
    """Loss: half from the decision steps, or the mean over all steps alike."""
    target: Literal["ideal", "fixed"] = "ideal"
    """Accuracy at which training stops: a fraction of the ideal observer's on trials with a right answer,
    or 0.99 on all trials, those without evidence included."""
    interleave: bool = True
    """Whether tasks take turns at each update. If not, an epoch of one task follows that of another, and
    so many tasks get so many times the updates."""


class MambaProtocol(Strict):
    """Recorded hidden states of Mamba."""

    state: Literal["current", "stale"] = "current"
    """Inputs of the recorded states: of the present step, or older by the number of inputs less
    ``d_conv`` - 1 steps. Outputs do not change."""


class Protocol(Strict):
    """Choices of Guilhot et al. (2024) that differ from Warpline's; all are off by default."""

    trials: TrialsProtocol = TrialsProtocol()
    """Trials of training and validation."""
    timing: TimingProtocol = TimingProtocol()
    """Durations of the evaluation trials."""
    evaluation: EvaluationProtocol = EvaluationProtocol()
    """What of the hidden states is compared."""
    dsa: DSAProtocol = DSAProtocol()
    """Delays and solver of DSA."""
    model: ModelProtocol = ModelProtocol()
    """Recurrent networks before training."""
    training: TrainingProtocol = TrainingProtocol()
    """Training loop, pretraining included."""
    mamba: MambaProtocol = MambaProtocol()
    """Recorded hidden states of Mamba."""
    seeding: Literal["streams", "none"] = "streams"
    """Source of random numbers of trials and training: named streams of the root seed, or a number drawn
    anew by each job, so that no run can be repeated."""


PUBLISHED = Protocol(
    trials=TrialsProtocol(unique=False, packed=True),
    timing=TimingProtocol(evaluation={"fixation": 500.0, "delay": 2000.0, "decision": 500.0}),
    evaluation=EvaluationProtocol(paired=False, window="shifted", reduction="published"),
    dsa=DSAProtocol(delay_axis="trial", solver="reference"),
    model=ModelProtocol(init="uniform", reset_gate="unused"),
    training=TrainingProtocol(loss="all_steps", target="fixed", interleave=False),
    mamba=MambaProtocol(state="stale"),
    seeding="none",
)
"""Every switch as the authors' code has it; config/published.yaml states the same."""


def switches(protocol: Protocol) -> dict[str, Any]:
    """Return the value of every switch by its name, such as ``trials.unique``."""
    values: dict[str, Any] = {}
    for name in Protocol.model_fields:
        section = getattr(protocol, name)
        if isinstance(section, BaseModel):
            values |= {f"{name}.{key}": getattr(section, key) for key in type(section).model_fields}
        else:
            values[name] = section
    return values


def switched(protocol: Protocol, switch: str, source: Protocol) -> Protocol:
    """Return a protocol with one switch as another protocol has it."""
    section, _, key = switch.partition(".")
    value = getattr(source, section)
    if key:
        value = getattr(protocol, section).model_copy(update={key: getattr(value, key)})
    return protocol.model_copy(update={section: value})


def protocol_name(protocol: Protocol) -> str:
    """Return ``right`` (no switch is on), ``published`` (all are), or the switches that are on."""
    right, published = switches(Protocol()), switches(PUBLISHED)
    values = switches(protocol)
    if values == published:
        return "published"
    return "+".join(name for name in values if values[name] != right[name]) or "right"


class Audit(Strict):
    """Comparison of protocols: from right to published one switch at a time, and back."""

    switches: Annotated[list[str], Field(min_length=1), EachOnce] = list(switches(PUBLISHED))
    """Switches that are set one at a time, by their names such as ``trials.unique``. The published protocol
    of the audit has these, and no others."""
    claims: bool = False
    """Whether the claims of the papers are judged under each protocol of the audit, beside the protocol of
    the configuration. The rule ``claims`` then runs the comparisons of all protocols."""

    @field_validator("switches")
    @classmethod
    def _are_switches(cls, names: list[str]) -> list[str]:
        known = switches(PUBLISHED)
        for name in names:
            if name not in known:
                raise ValueError(f"unknown switch '{name}'; {nearest(name, known)}")
        return names


def variants(audit: Audit) -> dict[str, Protocol]:
    """Return the protocols of an audit by name.

    ``right``, ``published``; ``right+SWITCH``, with one published choice; ``published-SWITCH``, without one.
    """
    published = Protocol()
    for switch in audit.switches:
        published = switched(published, switch, PUBLISHED)
    return {
        "right": Protocol(),
        "published": published,
        **{f"right+{name}": switched(Protocol(), name, PUBLISHED) for name in audit.switches},
        **{f"published-{name}": switched(published, name, Protocol()) for name in audit.switches},
    }
