"""Settings of the attractor validation systems, and of the measures that are applied to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from warpline.pipeline.config.base import (
    DSA,
    Count,
    EachOnce,
    Measure,
    Name,
    NamedMeasure,
    Positive,
    Rank,
    ShapeEnergy,
    Strict,
    takes_inputs,
)
from warpline.pipeline.config.messages import plugin_fault

__all__ = ["Attractors", "Hyperparameters", "Motifs", "Noise"]


UNITS = 3
"""Number of units of every validation system."""


class Motifs(Strict):
    """Motifs of the sequences: a line, a curve, two patterns, and line-curve-line-curve."""

    curve: Positive = 0.5
    """Lorenz parameter r of the curve."""
    patterns: Annotated[list[Positive], Field(min_length=2, max_length=2), EachOnce] = [5.0, 15.0]
    """Lorenz parameter r of each of the two patterns."""
    sequence: Annotated[int, Field(ge=2, le=5)] = 3
    """Number of motifs in a sequence; all ordered selections of that many of the five motifs are
    used."""


class Noise(Strict):
    """Noise and mixing of motifs."""

    levels: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)] = [
        0.1,
        0.05,
        0.025,
        0.0,
    ]
    """Noise levels e: a trial x, scaled to the unit interval, becomes sqrt(1 - e^2) x + e noise."""
    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2)] = [
        1.0,
        0.5,
        0.25,
    ]
    """Shares of another motif in a mixture, falling from 1.0. Every share is combined with every level."""


class Hyperparameters(Strict):
    """Sweep of the DSA hyperparameters over the composition curve."""

    n_delays: Annotated[list[Count], Field(min_length=1, max_length=100), EachOnce] = [
        4,
        8,
        17,
        25,
        33,
        50,
    ]
    """Numbers of delays. Combinations are skipped if their delays exceed the length of a trial, or
    if their rank exceeds the number of embedded channels (three per delay)."""
    delay_intervals: Annotated[list[Count], Field(min_length=1, max_length=100), EachOnce] = [
        1,
        2,
        4,
        6,
        8,
        11,
    ]
    """Numbers of steps between two delays."""
    ranks: Annotated[list[Rank], Field(min_length=1, max_length=100), EachOnce] = [10, 20, 30]
    """Ranks of the operators."""
    max_pairs: Annotated[int, Field(ge=20)] = 200
    """Maximum number of pairs of sequences that score a combination; all combinations use the same
    pairs."""
    best: Count = 5
    """Number of combinations whose curves are drawn."""


class Attractors(Strict):
    """Validation systems: attractors with known ground-truth similarity."""

    paired: bool = True
    """Whether all systems start from the same initial points, so that their trials correspond. If
    not, each system draws its own (as in the original code), and CKA and Procrustes take the
    unmatched trials for dissimilarity."""
    n_trials: Annotated[int, Field(ge=2, le=100_000)] = 200
    """Number of initial points."""
    n_steps: Annotated[int, Field(ge=10, le=100_000)] = 200
    """Number of steps per trial, including the first."""
    dt: Positive = 0.01
    """Step of the Euler integration."""
    s: Positive = 10.0
    """Lorenz parameter s (sigma)."""
    b: Positive = 2.667
    """Lorenz parameter b (beta)."""
    families: Annotated[
        dict[Name, Annotated[list[Positive], Field(min_length=2)]], Field(min_length=2)
    ] = {
        "one_attractor": [0.25, 0.5, 0.75],
        "two_stable": [5.0, 10.0, 15.0],
        "two_unstable": [30.0, 40.0, 50.0],
    }
    """Lorenz parameter r of the systems of each family."""
    motifs: Motifs = Motifs()
    """Motifs of the sequences."""
    noise: Noise = Noise()
    """Noise and mixing of motifs."""
    hyperparameters: Hyperparameters = Hyperparameters()
    """Sweep of the DSA hyperparameters."""
    measures: dict[Name, Measure] = {
        "cka": NamedMeasure(measure="cka"),
        "procrustes": NamedMeasure(measure="procrustes"),
        "dsa": DSA(measure="dsa", n_delays=33, delay_interval=6, rank=20),
    }
    """Measures applied to the validation systems, whatever ``run.measures`` is. DSA has the delays
    of Guilhot et al. (2024), which leave 8 of 200 steps, and the rank of their families, 20. Their rank
    of 50 for motifs exceeds the numerical rank of some: 6 for a line; in single precision, 16 for r = 0.5
    and 37 for r = 40."""

    def cells(self) -> list[tuple[int, int, int]]:
        """Return the combinations (n_delays, delay_interval, rank) of the sweep that fit a trial."""
        sweep = self.hyperparameters
        return [
            (n_delays, interval, rank)
            for interval in sweep.delay_intervals
            for n_delays in sweep.n_delays
            for rank in sweep.ranks
            if (n_delays - 1) * interval + 2 <= self.n_steps and rank <= UNITS * n_delays
        ]

    @model_validator(mode="after")
    def _delays_fit(self) -> Attractors:
        for name, entry in self.measures.items():
            if takes_inputs(entry):
                raise ValueError(
                    f"measures.{name}: expected a measure of states alone, got {entry.measure}: the "
                    "validation systems have no inputs"
                )
            if isinstance(entry, ShapeEnergy):
                raise ValueError(
                    f"measures.{name}: expected a measure without conditions, got {entry.measure}: trials of "
                    "attractors are no repeats of a condition"
                )
            if isinstance(entry, DSA):
                n_delays, interval = entry.n_delays, entry.delay_interval
                if n_delays == "auto" or interval == "auto" or entry.rank == "auto":
                    raise ValueError(
                        f"measures.{name}: expected a number for {' and '.join(entry.automatic)}, got "
                        "'auto', which stands for a choice from trained networks"
                    )
                need = (n_delays - 1) * interval + 2
                if need > self.n_steps:
                    raise ValueError(
                        f"measures.{name}: {n_delays} delays of {interval} steps "
                        f"need n_steps of at least {need}, got {self.n_steps}"
                    )
            if (fault := plugin_fault("similarity", entry.measure)) is not None:
                raise ValueError(f"measures.{name}: {fault}")
        if not self.cells():
            raise ValueError(
                f"hyperparameters: expected a combination that fits {self.n_steps} steps"
            )
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Attractors:
        every = [r for values in self.families.values() for r in values]
        if len(set(every)) < len(every):
            raise ValueError(f"families: expected each r once, got {every}")
        for key in ("levels", "shares"):
            values = getattr(self.noise, key)
            if sorted(set(values), reverse=True) != values:
                raise ValueError(f"noise.{key}: expected falling values, each once, got {values}")
        if self.noise.shares[0] != 1:
            # Floors are held against the dissimilarity of two motifs that are not mixed.
            raise ValueError(f"noise.shares: expected 1.0 first, got {self.noise.shares}")
        return self
