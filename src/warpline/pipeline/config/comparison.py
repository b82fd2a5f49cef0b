"""Sections of the configuration for stored states, comparisons, the settings of DSA, and statistics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from warpline.pipeline.config.base import (
    Count,
    EachOnce,
    Factor,
    Fraction,
    Name,
    Rank,
    Rising,
    Strict,
)

__all__ = [
    "Comparison",
    "Controls",
    "DSAChoice",
    "DSASensitivity",
    "Over",
    "Statistics",
    "Trajectories",
    "Within",
]


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
