"""The attractor test bench: what is simulated, and which measures are tried on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from warpline.core import plugins
from warpline.pipeline.config.base import DSA, Count, Measure, Name, NamedMeasure, Positive, Strict

__all__ = ["Attractors", "Hyperparameters", "Motifs", "Noise"]


UNITS = 3
"""Of every system of the bench."""


class Motifs(Strict):
    """The building blocks: a line, a curve, two patterns, and line-curve-line-curve."""

    curve: Positive = 0.5
    """Lorenz r of the curve."""
    patterns: Annotated[list[Positive], Field(min_length=2, max_length=2)] = [5.0, 15.0]
    """Lorenz r of the two patterns."""
    sequence: Annotated[int, Field(ge=2, le=5)] = 3
    """Motifs that are attached to one another: all ordered selections of so many of the five."""


class Noise(Strict):
    """How motifs are perturbed."""

    levels: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)] = [
        0.1,
        0.05,
        0.025,
        0.0,
    ]
    """Levels e of the noise: sqrt(1 - e^2) x + e noise, x in the unit interval."""
    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2)] = [
        1.0,
        0.5,
        0.25,
    ]
    """Shares of another motif that are mixed in. Every share is tried at every level; the first level
    with the first share, the second with the second and so on are the epochs of the paper."""


class Hyperparameters(Strict):
    """The sweep of DSA's hyperparameters over the composition curve."""

    n_delays: Annotated[list[Count], Field(min_length=1)] = [4, 8, 17, 25, 33, 50]
    """Delays of the embedding. All combinations are tried but those whose delays pass the length of a
    trial, or whose rank passes the channels that the delays give (three each)."""
    delay_intervals: Annotated[list[Count], Field(min_length=1)] = [1, 2, 4, 6, 8, 11]
    """Steps between two delays."""
    ranks: Annotated[list[Count], Field(min_length=1)] = [10, 20, 30]
    """Ranks of the operators."""
    max_pairs: Annotated[int, Field(ge=20)] = 200
    """Pairs of sequences at most that a combination is scored on, the same ones for all."""
    best: Count = 5
    """Combinations whose curves are drawn."""


class Attractors(Strict):
    """The test bench: systems whose likeness is known by construction."""

    paired: bool = True
    """All systems start from the same points, so that their trials answer to one another; false: drawn
    anew for each system (as in the original code), which CKA and Procrustes take for unlikeness."""
    n_trials: Annotated[int, Field(ge=2)] = 200
    """Initial points."""
    n_steps: Annotated[int, Field(ge=10)] = 200
    """Steps of a trial, the first included."""
    dt: Positive = 0.01
    """Step of the Euler integration."""
    s: Positive = 10.0
    """The Lorenz system's s (sigma) ..."""
    b: Positive = 2.667
    """... and b (beta)."""
    families: Annotated[
        dict[Name, Annotated[list[Positive], Field(min_length=2)]], Field(min_length=2)
    ] = {
        "one_attractor": [0.25, 0.5, 0.75],
        "two_stable": [5.0, 10.0, 15.0],
        "two_unstable": [30.0, 40.0, 50.0],
    }
    """Lorenz r of the systems of each family."""
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    """Resamples of the systems, for the intervals of the separation between families."""
    motifs: Motifs = Motifs()
    """What sequences are made of."""
    noise: Noise = Noise()
    """Noise and mixing."""
    hyperparameters: Hyperparameters = Hyperparameters()
    """The sweep of DSA's hyperparameters."""
    measures: dict[Name, Measure] = {
        "cka": NamedMeasure(measure="cka"),
        "procrustes": NamedMeasure(measure="procrustes"),
        "dsa": DSA(measure="dsa", n_delays=33, delay_interval=6, rank=20),
    }
    """What is tried on the bench, whatever ``run.measures`` says. DSA: the paper's delays, which leave
    8 of 200 steps, at a rank that most systems carry well: the paper's 50 is beyond the numerical rank
    of some (a line carries 6; r = 0.5 16 and r = 40 37 in single precision)."""

    def cells(self) -> list[tuple[int, int, int]]:
        """Return the combinations (n_delays, delay_interval, rank) of the sweep that fit a trial."""
        asked = self.hyperparameters
        return [
            (n_delays, interval, rank)
            for interval in asked.delay_intervals
            for n_delays in asked.n_delays
            for rank in asked.ranks
            if (n_delays - 1) * interval + 2 <= self.n_steps and rank <= UNITS * n_delays
        ]

    @model_validator(mode="after")
    def _delays_fit(self) -> Attractors:
        for name, entry in self.measures.items():
            if isinstance(entry, DSA):
                need = (entry.n_delays - 1) * entry.delay_interval + 2
                if need > self.n_steps:
                    raise ValueError(
                        f"measures.{name}: {entry.n_delays} delays of {entry.delay_interval} steps "
                        f"need n_steps of at least {need}, got {self.n_steps}"
                    )
            try:
                plugins.find_plugin("similarity", entry.measure)
            except plugins.UnknownNameError as error:
                raise ValueError(f"measures.{name}: {error}") from None
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
        return self
