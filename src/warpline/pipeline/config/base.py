"""What the sections of the configuration share: strictness, plain types, the measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

__all__ = [
    "DSA",
    "Count",
    "Fraction",
    "Measure",
    "Name",
    "NamedMeasure",
    "NonNegative",
    "Positive",
    "Seed",
    "Strict",
    "by_name",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$", max_length=80)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Strict(BaseModel):
    """No unknown keys, no silent conversion of types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class NamedMeasure(Strict):
    """A measure by name: one of the package's, or one of your own."""

    measure: str
    """``cka``, ``cka_debiased``, ``procrustes``, or ``path/to/file.py:Name`` with ``represent`` and
    ``compare_pairs``."""
    settings: dict[str, Any] = {}
    """Passed to a measure of your own as they are; the package's three have none."""


class DSA(Strict):
    """Dynamical similarity analysis."""

    measure: Literal["dsa"]
    """Always ``dsa``."""
    n_delays: Count
    """Delays of the embedding, the present included."""
    delay_interval: Count = 1
    """Steps between two delays."""
    rank: Count
    """Rank of the fitted operator."""
    ridge: NonNegative = 0.0
    """Ridge penalty of the regression, in whitened coordinates."""
    score: Literal["angle", "wasserstein"] = "angle"
    """``angle``: between the operators, aligned; ``wasserstein``: between their eigenvalues."""
    solver: Literal["newton", "reference"] = "newton"
    """``newton``, Warpline's own; ``reference``, the package dsa-metric."""
    max_starts: Count = 48
    """Starting points of the alignment at most (newton)."""
    iterations: Count = 1000
    """Gradient steps (reference)."""
    lr: Positive = 0.01
    """Step size (reference)."""
    bound: Literal["auto", "split", "dual"] = "auto"
    """Lower bound on the angle: the tighter ``dual`` one costs more; ``auto`` takes it up to rank 24."""
    rank_tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Singular values below this share of the largest do not count; by default, those that are rounding."""
    strict: bool = False
    """Refuse a rank above what the data carry, instead of padding with zeros."""


def by_name(
    key: str, named: Mapping[str, type[Strict]], otherwise: type[Strict], example: str
) -> Discriminator:
    """Return what tells entries of a catalogue apart by a name in them; tags are ``tag:<class>``.

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
    Annotated[NamedMeasure, Tag("tag:NamedMeasure")] | Annotated[DSA, Tag("tag:DSA")],
    by_name("measure", {"dsa": DSA}, NamedMeasure, "dsa"),
]
