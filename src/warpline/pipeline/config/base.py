"""Types that the sections of the configuration share: strict models, numbers, names, measures."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from warpline.core.count_limits import (
    LARGEST_COUNT,
    MOST_REPEATS,
    MOST_STARTS,
    MOST_STEPS,
    CountLimit,
)
from warpline.core.embedding_steps import lags_of_driven, steps_needed
from warpline.core.random_streams import SEED_BOUND
from warpline.pipeline.config.documents import as_number
from warpline.pipeline.config.messages import shown

__all__ = [
    "DSA",
    "Count",
    "CountOrAuto",
    "EachOnce",
    "Factor",
    "Fraction",
    "InputDSA",
    "Measure",
    "Name",
    "NamedMeasure",
    "NonNegative",
    "Positive",
    "Rank",
    "Repeats",
    "Rising",
    "Seed",
    "Size",
    "Starts",
    "Steps",
    "Strict",
    "by_name",
    "takes_inputs",
]

PERIODIC = re.compile(r"(.+?)\1{19,}$")
"""A text that ends in twenty equal parts: as a wildcard, Snakemake takes it for a rule that reads itself."""


def _not_periodic(name: str) -> str:
    if repeated := PERIODIC.search(name):
        raise ValueError(
            f"expected a name that does not end in '{repeated[1]}' twenty times or more, which Snakemake "
            f"takes for an endless loop, got {name!r}"
        )
    return name


NO_TEXT = re.compile(r"NA|NULL|NaN|None|nan|null|(?i:true|false|inf|infinity)")
"""What pandas takes for a missing value, a truth value or a number where it reads a table."""


def _read_as_text(name: str) -> str:
    if NO_TEXT.fullmatch(name):
        raise ValueError(
            f"expected a name that tables give back as text, got {name!r}, which is read from them as a "
            "missing value, a truth value or a number: choose another name"
        )
    return name


Item = TypeVar("Item")


def _each_once(items: list[Item]) -> list[Item]:
    # As JSON, because conditions are mappings; numbers as floats, because 1 and 1.0 are equal.
    texts = [
        str(float(item))
        if isinstance(item, int | float) and not isinstance(item, bool)
        else json.dumps(item, sort_keys=True, default=repr)
        for item in items
    ]
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        names = [shown(item, quoted=False) for item, text in zip(items, texts, strict=True)]
        repeated = list(dict.fromkeys(n for n, t in zip(names, texts, strict=True) if t in twice))
        raise ValueError(f"expected each entry once, got {', '.join(repeated[:5])} more than once")
    return items


def _rising(fractions: list[float]) -> list[float]:
    if any(later <= earlier for earlier, later in pairwise(fractions)):
        raise ValueError(f"expected rising values, each once, got {shown(fractions)}")
    return fractions


def _within(limit: CountLimit) -> AfterValidator:
    """Return a check against the limit of a count, whose message says the reason of the limit."""

    def within(count: int) -> int:
        if count > limit.most:
            raise ValueError(f"expected {limit.expected}; got {count:,}")
        return count

    return AfterValidator(within)


def _from_1(limit: CountLimit) -> Any:
    # The limit stands in the schema for editors; the check itself has the better message.
    return Field(ge=1, json_schema_extra={"maximum": limit.most})


EachOnce = AfterValidator(_each_once)
Rising = AfterValidator(_rising)
Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$", max_length=80),
    AfterValidator(_not_periodic),
    AfterValidator(_read_as_text),
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT.most)]
Starts = Annotated[int, _from_1(MOST_STARTS), _within(MOST_STARTS)]
Steps = Annotated[int, _from_1(MOST_STEPS), _within(MOST_STEPS)]
Repeats = Annotated[int, _from_1(MOST_REPEATS), _within(MOST_REPEATS)]
Size = Annotated[int, Field(ge=1, le=100_000)]
Rank = Annotated[int, Field(ge=1, le=10_000)]
_count_or_auto = Discriminator(
    lambda value: "tag:auto" if isinstance(value, str) and as_number(value) is None else "tag:count"
)
CountOrAuto = Annotated[
    Annotated[Count, Tag("tag:count")] | Annotated[Literal["auto"], Tag("tag:auto")], _count_or_auto
]
RankOrAuto = Annotated[
    Annotated[Rank, Tag("tag:count")] | Annotated[Literal["auto"], Tag("tag:auto")], _count_or_auto
]
Factor = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Chance = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=SEED_BOUND)]


class Strict(BaseModel):
    """Base class of all sections: refuses unknown keys and converts no types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


#: Measures with a class of settings, so that an editor's schema has one class for each entry.
WITH_SETTINGS = ["dsa", "dsa_input", "shape_gaussian", "shape_energy"]


class NamedMeasure(Strict):
    """Measure by name: one of Warpline's, or your own."""

    measure: Annotated[str, Field(json_schema_extra={"not": {"enum": WITH_SETTINGS}})]
    """Name of the measure: ``cka``, ``cka_debiased``, ``procrustes``, or your own
    ``path/to/file.py:Name`` with ``represent`` and ``compare_pairs``. ``dsa``, ``dsa_input``,
    ``shape_gaussian`` and ``shape_energy`` have settings of their own."""
    settings: dict[str, Any] = {}
    """Settings of your own measure, passed unchanged; the three named ones have none."""
    needs_inputs: bool = False
    """Whether your own measure takes the inputs of the trials beside the states: its module or class then
    says ``NEEDS_INPUTS = True``."""


class DSA(Strict):
    """Dynamical similarity analysis (Ostrow et al. 2023)."""

    measure: Literal["dsa"]
    """Name of the measure, always ``dsa``."""
    n_delays: CountOrAuto
    """Number of delays of the embedding, including the present. ``auto``: the number that predicts
    held-out trials of the trained networks well, one for each task set (see ``dsa_choice``)."""
    delay_interval: CountOrAuto = 1
    """Number of steps between two delays, or ``auto``."""
    rank: RankOrAuto
    """Rank of the fitted operator, or ``auto``."""
    ridge: NonNegative = 0.0
    """Ridge penalty of the regression, in whitened coordinates."""
    offset: bool = False
    """Whether a constant term is fitted too, and left out of the comparison: baselines of the units and a
    fixed point other than 0 are then no part of the operators."""
    score: Literal["angle", "wasserstein"] = "angle"
    """Score. ``angle``: angle between the aligned operators. ``wasserstein``: squared Wasserstein
    distance between their eigenvalues."""
    solver: Literal["newton", "reference"] = "newton"
    """Alignment solver. ``newton``: Warpline's own. ``reference``: the package dsa-metric."""
    max_starts: Starts = 300
    """Maximum number of starting points of the alignment (``newton``)."""
    accepted_chance: Chance = 0.003
    """Estimated chance of a better alignment at which the search ends (``newton``). 0.01 with 48
    ``max_starts`` is faster, and leaves most searches uncertain at rank 20 and above."""
    iterations: Steps = 1000
    """Number of gradient steps (``reference``)."""
    lr: Positive = 0.01
    """Size of the gradient steps (``reference``)."""
    bound: Literal["auto", "split", "dual"] = "auto"
    """Lower bound on the angle. ``dual`` is tighter than ``split`` and costs more; ``auto`` uses ``dual``
    up to rank 24."""
    rank_tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Threshold below which singular values count as zero, relative to the largest; by default the
    rounding level."""
    strict: bool = False
    """Whether a rank above that of the data is an error; otherwise operators are padded with
    zeros."""

    @property
    def automatic(self) -> list[str]:
        """Names of the settings that are chosen from the trained networks."""
        names = ("n_delays", "delay_interval", "rank")
        return [name for name in names if getattr(self, name) == "auto"]


class InputDSA(Strict):
    """Dynamical similarity analysis of driven systems (Huang, Ostrow et al. 2026)."""

    measure: Literal["dsa_input"]
    """Name of the measure, always ``dsa_input``."""
    rank: Rank = 10
    """Rank of the fitted state operator."""
    n_delays: Count = 1
    """Number of delays of the embedding, including the present; for ``subspace``, steps of the past window
    and of the future window."""
    delay_interval: Count = 1
    """Number of steps between two delays (``dmdc``)."""
    n_input_delays: Count = 1
    """Number of inputs that act on one step, the newest first, ``delay_interval`` steps apart (``dmdc``)."""
    input_lag: Annotated[int, Field(ge=0)] = 0
    """Number of steps from an input to the state on which it acts: 0 for networks whose state at a step is
    computed from the input of that step, such as Warpline's; 1 is the convention of control theory."""
    backend: Literal["dmdc", "subspace"] = "dmdc"
    """Estimator of the operators. ``dmdc``: regression on the states, for networks of which all units are
    seen. ``subspace``: subspace identification, for states that are observed in part."""
    coordinates: Literal["principal", "balanced", "whitened"] = "principal"
    """Coordinates of the operators. ``principal``: units of the data. ``balanced``: as the package
    dsa-metric has them for ``subspace``. ``whitened``: as DSA has them."""
    offset: bool = True
    """Whether a constant term is fitted too; it is left out of the comparison."""
    ridge: NonNegative = 0.0
    """Ridge penalty of the regression, in whitened coordinates."""
    compare: Literal["state", "control", "joint"] = "joint"
    """Score that is the dissimilarity. All three are columns of the tables."""
    control_weight: Fraction = 0.5
    """Share of the control in the joint score."""
    max_starts: Starts = 300
    """Maximum number of starting points of an alignment."""
    accepted_chance: Chance = 0.003
    """Estimated chance of a better alignment at which the search ends, as for ``dsa``."""
    bound: Literal["auto", "split", "dual"] = "auto"
    """Lower bound on the angle of the states, as for ``dsa``."""
    rank_tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Threshold below which singular values count as zero, relative to the largest; by default the
    rounding level."""

    @property
    def n_lags(self) -> int:
        """Number of lags of the embedding."""
        return lags_of_driven(self.n_delays, self.n_input_delays, self.backend)

    @property
    def steps_needed(self) -> int:
        """Steps of a trial that hold one transition."""
        return steps_needed(self.n_lags, self.delay_interval, self.input_lag)

    @model_validator(mode="after")
    def _windows_hold_every_step(self) -> InputDSA:
        if self.backend == "subspace" and (self.delay_interval, self.n_input_delays) != (1, 1):
            raise ValueError(
                "expected delay_interval and n_input_delays of 1 for the backend subspace, got "
                f"{self.delay_interval} and {self.n_input_delays}: its windows hold every step"
            )
        return self


class ShapeEnergy(Strict):
    """Stochastic shape distance by the energy distance (Duong et al. 2023); trials are repeats."""

    measure: Literal["shape_energy"]
    """Name of the measure, always ``shape_energy``."""
    normalise: bool = True
    """Whether states are centred and divided by the root of their total variance."""
    max_starts: Starts = 192
    """Maximum number of starting points of the search for the rotation."""
    max_steps: Steps = 1000
    """Maximum number of steps from a starting point."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-9
    """Relative fall of the loss still expected, at which a descent ends."""


class ShapeGaussian(ShapeEnergy):
    """Stochastic shape distance of means and covariances (Duong et al. 2023); trials are repeats."""

    measure: Literal["shape_gaussian"]  # type: ignore[assignment]
    """Name of the measure, always ``shape_gaussian``."""
    alpha: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Weight of the means, and 2 less the weight of the covariances: 1 for the Wasserstein distance, 2
    for the means alone, 0 for the covariances alone."""


def takes_inputs(entry: Strict) -> bool:
    """Say whether a measure compares states together with the inputs of their trials."""
    return isinstance(entry, InputDSA) or getattr(entry, "needs_inputs", False)


def scored_by_wasserstein(entries: Mapping[str, Strict]) -> list[str]:
    """Return the names of the measures whose score is the Wasserstein distance: it has another unit."""
    return [
        name for name, entry in entries.items() if getattr(entry, "score", "angle") == "wasserstein"
    ]


def by_name(
    key: str, named: Mapping[str, type[Strict]], otherwise: type[Strict], example: str
) -> Discriminator:
    """Return a discriminator of catalogue entries by the name in them; tags are ``tag:<class>``.

    Parameters
    ----------
    key : str
        The key that holds the name.
    named : mapping of str to model
        Names that have a model of their own.
    otherwise : model
        For all other names.
    example : str
        A name, for the message where there is none.
    """

    def kind(value: Any) -> str | None:
        name = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        if not isinstance(name, str):
            return None
        return f"tag:{named.get(name, otherwise).__name__}"

    return Discriminator(
        kind,
        custom_error_type="unnamed",
        custom_error_message=f"expected an entry with `{key}:` and a name, such as `{key}: {example}`",
    )


Measure = Annotated[
    Annotated[NamedMeasure, Tag("tag:NamedMeasure")]
    | Annotated[DSA, Tag("tag:DSA")]
    | Annotated[InputDSA, Tag("tag:InputDSA")]
    | Annotated[ShapeGaussian, Tag("tag:ShapeGaussian")]
    | Annotated[ShapeEnergy, Tag("tag:ShapeEnergy")],
    by_name(
        "measure",
        {
            "dsa": DSA,
            "dsa_input": InputDSA,
            "shape_gaussian": ShapeGaussian,
            "shape_energy": ShapeEnergy,
        },
        NamedMeasure,
        "dsa",
    ),
]
