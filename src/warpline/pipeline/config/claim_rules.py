"""The rules by which claims are judged: ``config/claims.yaml``, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from warpline.pipeline.config.base import Count, Strict
from warpline.pipeline.config.documents import plain_faults, read_document
from warpline.pipeline.config.messages import ConfigError, explain

__all__ = ["ClaimRule", "ClaimRules", "read_rules"]


class ClaimRule(Strict):
    """Rule of one claim."""

    sentence: Annotated[str, Field(min_length=1)]
    """The claim, as a sentence."""
    source: Annotated[str, Field(min_length=1)]
    """Paper and figure that make the claim."""
    statistic: Annotated[str, Field(min_length=1)]
    """The statistic, larger where the claimed effect is stronger."""
    changed: str = ""
    """Date of the rule's last change, and its reason; empty where it is as first stated."""
    absent: bool = False
    """Whether the claim is that the effect is absent."""
    null_value: float
    """Value of the statistic without the effect."""
    smallest_effect: float | None = None
    """Smallest value of the statistic that counts as the effect; by default the null value."""
    min_n: Annotated[int, Field(ge=1, le=1000)]
    """Fewest networks (validation systems, motifs) for a verdict."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of a measure's other settings that must agree; null where it has none."""
    min_settings: Count = 3
    """Fewest other settings of which the share is taken."""

    @model_validator(mode="after")
    def _in_order(self) -> ClaimRule:
        if self.smallest_effect is not None and self.smallest_effect <= self.null_value:
            raise ValueError(
                f"smallest_effect: expected a value above null_value ({self.null_value:g}), got "
                f"{self.smallest_effect:g}"
            )
        if self.absent and self.smallest_effect is None:
            raise ValueError(
                "smallest_effect: expected a value, because a claim of no effect holds where the interval "
                "lies below it; got none"
            )
        return self


class ClaimRules(Strict):
    """Rules of all claims."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Confidence level of the intervals."""
    family_error: Annotated[float, Field(gt=0, lt=1)]
    """Probability of a wrong verdict in a family of claims (Holm)."""
    rules: Annotated[dict[str, ClaimRule], Field(min_length=1)]
    """Rule of each claim, by its id."""


def read_rules(path: Path) -> ClaimRules:
    """Read and check the rules.

    Raises
    ------
    ConfigError
        When the file is missing or faulty.
    """
    document = read_document(path)
    if odd := plain_faults(document):
        raise ConfigError(odd)
    try:
        return ClaimRules.model_validate(document)
    except ValidationError as error:
        raise explain(error, ClaimRules, document) from None
