"""All claims by their id: the function that finds the evidence, and the measures that it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from warpline.claims import geometry_claims as geometry
from warpline.claims import validation_claims as validation
from warpline.claims.course_of_learning import (
    dissimilarity_follows_accuracy,
    dissimilarity_follows_own_accuracy,
    early_against_late,
)
from warpline.claims.curriculum_order import order_of_mamba, order_of_recurrent_networks
from warpline.claims.sources import Finding, Sources

__all__ = ["CLAIMS", "SEEDS", "SYSTEMS", "Claim"]

DYNAMICS = ("dsa", "dsa_input")
STATES = ("cka", "cka_debiased", "procrustes")
SEEDS, SYSTEMS, MOTIFS = "seeds", "systems", "motifs"

Find = Callable[[Sources, Sequence[str]], list[Finding]]
"""Function that finds evidence: takes the tables, and the modules of measures."""


@dataclass(frozen=True)
class Claim:
    """How a claim is examined.

    Attributes
    ----------
    evidence : callable
        Takes `Sources` and the modules of measures, returns a `Finding` for each place and measure.
    needs : str
        What a run without evidence lacks.
    family : str
        Claims of one family, task set and architecture are corrected together.
    run : str
        Kind of the smallest run that holds the evidence: ``order`` or ``course`` of recurrent networks,
        ``order of mamba``, ``attractors``, or an experiment.
    modules : sequence of str
        Measures; empty where none is involved.
    more : str
        What adds observations: ``seeds``, ``systems`` or ``motifs``.
    """

    evidence: Find
    needs: str
    family: str
    run: str
    modules: Sequence[str] = ()
    more: str = SEEDS


_ORDER = (
    "two of the curricula untrained, master_frozen, partial and full pretraining, and the reference"
)
_COURSE = "a trained curriculum beside the reference, at three checkpoints over learning"


def _attractors(evidence: Find, more: str) -> Claim:
    needs = "the validation on attractors (run.attractors: true)"
    return Claim(evidence, needs, "attractors", "attractors", ("dsa",), more)


def _geometry(evidence: Find, experiment: str) -> Claim:
    needs = f"an analysis of the experiment {experiment} (run.warping)"
    return Claim(evidence, needs, "geometry", experiment)


CLAIMS: Mapping[str, Claim] = {
    "A1": _attractors(validation.families_are_separated, SYSTEMS),
    "A2": _attractors(validation.motifs_are_counted, MOTIFS),
    "A3": _attractors(validation.noise_is_withstood, MOTIFS),
    "A4a": Claim(order_of_recurrent_networks, _ORDER, "curricula", "order", DYNAMICS),
    "A4b": Claim(order_of_recurrent_networks, _ORDER, "curricula", "order", STATES),
    "A5a": Claim(dissimilarity_follows_accuracy, _COURSE, "curricula", "course", DYNAMICS),
    "A5b": Claim(
        dissimilarity_follows_own_accuracy,
        f"{_COURSE}, in two seeds",
        "curricula",
        "course",
        DYNAMICS,
    ),
    "A6": Claim(
        early_against_late,
        "three checkpoints within learning, of which the first two lie as far apart as the last two",
        "curricula",
        "course",
        DYNAMICS,
    ),
    "A7": Claim(order_of_mamba, f"Mamba with {_ORDER}", "curricula", "order of mamba", DYNAMICS),
    "B1": _geometry(geometry.boundary_is_stretched, "static"),
    "B2": _geometry(geometry.convergence_shows, "decision"),
    "B3a": _geometry(geometry.relevant_input_is_amplified, "context"),
    "B3b": _geometry(geometry.irrelevant_input_is_compressed, "context"),
    "B4": _geometry(geometry.warping_reduces_the_rank, "context"),
    "B5": _geometry(geometry.geodesics_are_stretched, "context"),
    "B6": _geometry(geometry.update_is_aligned, "context"),
    "B7a": _geometry(geometry.tangents_are_gaussian, "context"),
    "B7b": _geometry(geometry.tangents_are_correlated, "context"),
    "B8a": _geometry(geometry.memory_warps, "memory"),
    "B8b": _geometry(geometry.memory_realigns, "memory"),
    "B9": _geometry(geometry.topology_is_kept, "memory"),
}
