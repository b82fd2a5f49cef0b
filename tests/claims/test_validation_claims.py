"""Claims on validation systems, on tables whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from warpline.claims import validation_claims
from warpline.claims.sources import Sources

KINDS = {"cka": "cka", "procrustes": "procrustes", "dsa": "dsa", "dsa_2": "dsa"}


@pytest.fixture
def families(rng):
    """Distances by which dsa separates three families, dsa_2 the reverse, and measures of states nothing."""
    systems = [f"{family}{k}" for family in "abc" for k in range(3)]
    rows = []
    for a, b in itertools.combinations_with_replacement(systems, 2):
        within = a[0] == b[0]
        distances = {"dsa": float(not within), "dsa_2": float(within)}
        distances |= {"cka": rng.uniform(), "procrustes": rng.uniform()}
        rows += [
            {"measure": m, "system_a": a, "system_b": b, "within": within, "dissimilarity": d}
            for m, d in distances.items()
        ]
    return pd.DataFrame(rows)


def evidence_of(families, kinds=KINDS):
    source = Sources(attractors={"families": families}, attractor_kinds=kinds)
    (finding,) = validation_claims.families_are_separated(source, ("dsa",))
    assert finding.measure == "dsa" and finding.unit == "systems"
    return finding.evidence


def without(families, rows):
    """Return the table with the dissimilarities of some rows missing."""
    return families.assign(dissimilarity=families["dissimilarity"].mask(rows))


def test_separation_of_families(families):
    # The second DSA is another setting of the first.
    evidence = evidence_of(families)
    assert evidence.value > 0.2 and evidence.n == 9
    (other,) = evidence.settings
    assert other < 0
    assert [part.name for part in evidence.parts] == ["against cka", "against procrustes"]
    assert not evidence.missing and evidence.p_above(0.0) < 0.01


@pytest.mark.parametrize("failed", [False, True], ids=["not in the run", "failed"])
def test_what_is_not_held_against_both_measures_of_states_is_not_confirmed(families, failed):
    of_procrustes = families["measure"] == "procrustes"
    if failed:
        evidence = evidence_of(without(families, of_procrustes))
    else:
        kinds = {name: module for name, module in KINDS.items() if module != "procrustes"}
        evidence = evidence_of(families[~of_procrustes], kinds)
    assert [part.name for part in evidence.parts] == ["against cka"] and evidence.value > 0.2
    assert list(evidence.missing) == ["procrustes"] and evidence.p_above(0.0) == 1.0


def test_pairs_that_another_setting_lacks_count(families):
    lost = (families["measure"] == "dsa_2") & families["system_a"].isin(["a0", "a1"])
    partly = evidence_of(without(families, lost))
    whole = evidence_of(families)
    assert (partly.value, partly.n) == (whole.value, 9)
    assert partly.interval(0.95) == whole.interval(0.95)
    # Those that the measure itself lacks do not.
    own = (families["measure"] == "dsa") & families["system_a"].eq("a0")
    own |= (families["measure"] == "dsa") & families["system_b"].eq("a0")
    assert evidence_of(without(families, own)).n == 8


@pytest.mark.parametrize(("power", "value"), [(1, 1.0), (-1, -1.0)])
def test_linearity_in_shared_motifs(power, value):
    motifs = [f"m{k}" for k in range(6)]
    sequences = list(itertools.combinations(motifs, 3))
    rows = [
        {
            "measure": "dsa",
            "system_a": ">".join(a),
            "system_b": ">".join(b),
            "unordered": len({*a} & {*b}),
            "dissimilarity": 5 - power * len({*a} & {*b}),
        }
        for a, b in itertools.combinations(sequences, 2)
    ]
    source = Sources(attractors={"composition": pd.DataFrame(rows)}, attractor_kinds=KINDS)
    (finding,) = validation_claims.motifs_are_counted(source, ("dsa",))
    assert finding.evidence.value == pytest.approx(value) and finding.evidence.n == 6
    # Of two numbers of shared motifs nothing can be said.
    two = pd.DataFrame(rows).query("unordered > 0")
    source = Sources(attractors={"composition": two}, attractor_kinds=KINDS)
    (finding,) = validation_claims.motifs_are_counted(source, ("dsa",))
    assert np.isnan(finding.evidence.value)


@pytest.mark.parametrize(
    ("names", "length", "equal", "reason"),
    [
        ("abcde", 2, False, ""),
        # Without an interval, as values that do not vary have none: sequences of two change nothing.
        ("abcde", 2, True, ""),
        ("abcde", 3, False, "shared motifs are left; take sequences of two"),
        ("abcd", 2, False, "shared motifs are left"),
    ],
)
def test_why_shared_motifs_have_no_interval(names, length, equal, reason, rng):
    rows = [
        {
            "measure": "dsa",
            "system_a": ">".join(a),
            "system_b": ">".join(b),
            "unordered": len({*a} & {*b}),
            "dissimilarity": 0.5 if equal else 5 - len({*a} & {*b}) + 0.1 * rng.uniform(),
        }
        for a, b in itertools.combinations_with_replacement(
            itertools.permutations(names, length), 2
        )
    ]
    source = Sources(attractors={"composition": pd.DataFrame(rows)}, attractor_kinds=KINDS)
    (finding,) = validation_claims.motifs_are_counted(source, ("dsa",))
    assert finding.evidence.left_out.startswith("without one of the motifs") is bool(reason)
    assert finding.evidence.left_out.partition("numbers of ")[2].partition(" (")[0] == reason
    finite = np.isfinite(finding.evidence.interval(0.95)).all()
    assert finite == (not reason and not equal)


def test_the_own_setting_is_no_other_setting_of_shared_motifs():
    motifs = [f"m{k}" for k in range(6)]
    pairs = itertools.combinations(itertools.combinations(motifs, 3), 2)
    rows = pd.DataFrame(
        {
            "measure": "dsa",
            "system_a": ">".join(a),
            "system_b": ">".join(b),
            "unordered": len({*a} & {*b}),
        }
        for a, b in pairs
    )
    falls, rises = 3.0 - rows["unordered"], 1.0 + rows["unordered"]
    own = {"n_delays": 33, "delay_interval": 6, "rank": 20}
    # Of three cells of the sweep one is the own setting.
    cells = {(33, 6, 20): falls, (17, 6, 20): rises, (33, 6, 10): rises}
    swept = [
        rows.assign(dissimilarity=values, n_delays=n_delays, delay_interval=interval, rank=rank)
        for (n_delays, interval, rank), values in cells.items()
    ]
    source = Sources(
        attractors={
            "composition": rows.assign(dissimilarity=falls),
            "hyperparameters": pd.concat(swept, ignore_index=True),
        },
        attractor_kinds=KINDS,
        swept_setting=own,
    )
    (finding,) = validation_claims.motifs_are_counted(source, ("dsa",))
    assert finding.evidence.value == pytest.approx(1.0)
    assert finding.evidence.settings == pytest.approx([-1.0, -1.0])


def test_robustness_to_noise_has_no_unit(rng):
    rows = []
    for level, motif in itertools.product((0.1, 0.05, 0.0), "abcde"):
        others = [("", 0.0), *((other, 1.0) for other in "abcde" if other != motif)]
        for other, share in others:
            far = rng.uniform(0.9, 1.1)
            floor = {"dsa": 0.01, "cka": 0.1, "procrustes": 0.1}
            for measure, relative in floor.items():
                # Any unit: the ratio alone counts.
                unit = {"dsa": np.pi, "cka": 1.0, "procrustes": 90.0}[measure]
                distance = unit * (far if share else relative * far)
                place = {"motif": motif, "other": other, "level": level, "share": share}
                rows.append(place | {"measure": measure, "dissimilarity": distance})
    source = Sources(attractors={"noise": pd.DataFrame(rows)}, attractor_kinds=KINDS)
    (finding,) = validation_claims.noise_is_withstood(source, ("dsa",))
    assert finding.evidence.value == pytest.approx(1.0) and finding.evidence.n == 5
    assert finding.evidence.interval(0.95)[0] == pytest.approx(1.0, abs=0.01)
