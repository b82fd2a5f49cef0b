"""Evidence of each claim from tables whose answer is known, and the table of all claims."""

from __future__ import annotations

import copy
import itertools
import json
import runpy
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.claims import curriculum_order, geometry_claims, validation_claims
from warpline.claims.claim_table import COLUMNS, claim_table
from warpline.claims.course_of_learning import (
    beyond_shared_course,
    dissimilarity_follows_accuracy,
    dissimilarity_follows_own_accuracy,
    early_against_late,
)
from warpline.claims.deciding_run import deciding_command
from warpline.claims.evidence import part_of_networks
from warpline.claims.published_means import published_table
from warpline.claims.registry import CLAIMS
from warpline.claims.sources import AnalysedNetworks, ComparedNetworks, Sources
from warpline.claims.verdicts import Judged
from warpline.core import result_files
from warpline.figures.claims_page import claims_page
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.config.claim_rules import read_rules
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

LEVELS = {"untrained": 0, "master_frozen": 1, "pretrain_anti": 2, "pretrain_all": 3}
N_SEEDS = 10


@pytest.fixture(scope="module")
def rules(project):
    return read_rules(project / "config" / "claims.yaml")


def pairs(distances, measure="dsa", seeds=range(1, N_SEEDS + 1), **columns):
    """Return rows of ``after``: each curriculum at a distance to master, with some noise."""
    noise = np.random.default_rng(3)
    rows = []
    for (name, distance), a, b in itertools.product(distances.items(), seeds, seeds):
        row = {"curriculum_a": name, "seed_a": a, "curriculum_b": "master", "seed_b": b}
        if (a + b) % 2:
            # A pair can stand in either order.
            row = dict(zip(row, ["master", b, name, a], strict=True))
        rows.append(row | {"dissimilarity": distance + 0.01 * noise.standard_normal()} | columns)
    return pd.DataFrame(rows).assign(measure=measure, architecture_a="net", architecture_b="net")


def networks(model="leaky_rnn", **tables):
    empty = dict.fromkeys(("after", "over", "within", "around"), pd.DataFrame())
    return ComparedNetworks("PDM", "net", model, **(empty | tables))


def sources(**fields):
    return Sources(kinds={"dsa": "dsa", "cka": "cka"}, levels=LEVELS, **fields)


# --- the order of curricula -----------------------------------------------------------------------------


def test_order_probability_in_closed_form(rng):
    above = np.full((1, 3, 3), 2.0)
    below = np.full((2, 3, 3), 1.0)
    assert curriculum_order.order_probability(above, below)[0] == 1.0
    assert curriculum_order.order_probability(above, above)[0] == 0.5
    below[0] = 3.0
    value, without = curriculum_order.order_probability(above, below)
    assert value == 0.5 and without.tolist() == [0.5, 0.5, 0.5]

    above, below = rng.uniform(0.1, 1, (2, 1, 4, 4))
    below[0, 2] = np.nan
    value, without = curriculum_order.order_probability(above, below)
    terms = [
        above[0, i, j] > below[0, k, j]
        for i, k, j in itertools.product(range(4), (0, 1, 3), range(4))
    ]
    assert value == pytest.approx(np.mean(terms)) and len(without) == 4
    # No increasing function of the dissimilarity changes the order.
    changed = curriculum_order.order_probability(np.exp(3 * above), np.exp(3 * below))
    assert changed[0] == value and (changed[1] == without).all()
    # To leave out a seed is to leave it out of both levels and of the reference.
    kept = np.ix_([0], [1, 2, 3], [1, 2, 3])
    assert without[0] == curriculum_order.order_probability(above[kept], below[kept])[0]


ORDERED = {"untrained": 0.9, "master_frozen": 0.7, "pretrain_anti": 0.5, "pretrain_all": 0.3}
FLAT = dict.fromkeys(ORDERED, 0.5)


@pytest.mark.parametrize(
    ("distances", "a4a", "a4b"),
    [(ORDERED, "holds", "fails"), (FLAT, "fails", "holds")],
)
def test_the_order_and_its_absence(rules, distances, a4a, a4b):
    around = [
        pairs(
            distances,
            seeds=(1, 2, 3),
            pairs="after",
            own=False,
            n_delays=k,
            delay_interval=1,
            rank=9,
        )
        for k in range(4)
    ]
    after = pd.concat([pairs(distances), pairs(distances, "cka")])
    table = claims(rules, sources(compared=[networks(after=after, around=pd.concat(around))]))
    of_claim = table.set_index("claim")
    assert (of_claim.loc["A4a", "verdict"], of_claim.loc["A4b", "verdict"]) == (a4a, a4b)
    assert of_claim.loc["A4a", "n"] == N_SEEDS and of_claim.loc["A4a", "n_settings"] == 4
    assert of_claim.loc["A7", "reason"].startswith("not run")


def test_mamba_is_asked_for_the_absence(rules):
    around = pd.concat(
        pairs(FLAT, pairs="after", own=False, n_delays=k, delay_interval=1, rank=9)
        for k in range(4)
    )
    table = claims(rules, sources(compared=[networks("mamba", after=pairs(FLAT), around=around)]))
    row = table.set_index("claim").loc["A7"]
    assert row["verdict"] == "holds" and row["share_of_settings"] == 1
    assert table.set_index("claim").loc["A4a", "reason"].startswith("not run")


def test_a_run_that_lacks_a_level_confirms_nothing():
    some = {name: ORDERED[name] for name in ("untrained", "pretrain_anti")}
    (finding,) = curriculum_order.order_of_recurrent_networks(
        sources(compared=[networks(after=pairs(some))]), ("dsa",)
    )
    assert finding.evidence.missing == ["master_frozen", "full pretraining"]
    assert finding.evidence.p_above(0.5) == 1.0 and finding.evidence.value == 1.0
    alone = sources(compared=[networks(after=pairs({"untrained": 0.9}))])
    assert curriculum_order.order_of_recurrent_networks(alone, ("dsa",)) == []


def test_each_protocol_is_a_family_of_its_own(rules):
    """Of several protocols, verdicts and corrections are those of each alone, and nothing is "not run" twice."""
    tables = {
        name: sources(compared=[networks(after=pd.concat([pairs(distances), pairs(FLAT, "cka")]))])
        for name, distances in {"right": ORDERED, "published": FLAT, "right+x.y": ORDERED}.items()
    }
    own = tables.pop("right")
    settings = settings_of(rules)
    table = claim_table(own, settings, tables)
    for name, source in {"right": own, **tables}.items():
        alone = claim_table(source, {**settings, "protocol": name})
        judged = alone[alone["claim"].isin(["A4a", "A4b"])].reset_index(drop=True)
        rows = table[(table["protocol"] == name) & table["claim"].isin(["A4a", "A4b"])]
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), judged)
        assert rows["n_family"].tolist() == [2, 2]
    of_claim = table[table["claim"] == "A4a"].set_index("protocol")
    assert list(of_claim.index) == ["right", "published", "right+x.y"]
    assert of_claim.loc["published", "verdict"] == "fails" and of_claim["value"]["right"] == 1
    not_run = table[table["reason"].str.startswith("not run")]
    assert not_run["claim"].is_unique and set(not_run["protocol"]) == {"right"}

    page = Cells()
    page.feed(claims_page(table, pd.DataFrame(), settings))
    # The rows of the own protocol and their heading; a row for each of three protocols and their heading.
    assert page.tags.count("tr") == (table["protocol"] == "right").sum() + 1 + 3 + 1
    assert "right, x.y as published" in "".join(page.text)


# --- the course of learning -----------------------------------------------------------------------------


def test_dissimilarity_that_mirrors_accuracy():
    rows = []
    for seed, fraction in itertools.product((1, 2, 3), (0.0, 0.25, 0.5, 1.0)):
        row = {"measure": "dsa", "curriculum_a": "a", "seed_a": seed, "run_status_a": "converged"}
        row |= {"against": "reference", "accuracy_a": fraction, "accuracy_b": fraction**2}
        sign = -1 if seed == 3 else 1
        rows.append(row | {"dissimilarity": 1 - sign * fraction})
        # The own end, which falls to 0 by construction, and untrained networks do not count.
        rows.append(row | {"against": "own_final", "dissimilarity": fraction})
        rows.append(row | {"run_status_a": "untrained", "dissimilarity": fraction})
    around = pd.DataFrame(rows[::3]).assign(
        pairs="reference", own=False, n_delays=3, delay_interval=1, rank=9
    )
    source = sources(compared=[networks(over=pd.DataFrame(rows), around=around)])
    (finding,) = dissimilarity_follows_accuracy(source, ("dsa", "dsa_input"))
    assert finding.evidence.value == pytest.approx((1 + 1 - 1) / 3) and finding.evidence.n == 3
    assert finding.evidence.settings == [pytest.approx(finding.evidence.value)]


def test_early_against_late_checkpoints():
    steps = {
        (0.0, 0.25): 0.6,
        (0.25, 0.75): 9.0,
        (0.75, 1.0): 0.2,
        (0.0, 1.0): 9.0,
        (0.0, 0.0): 0.0,
    }
    rows = [
        {"measure": "dsa", "curriculum_a": "a", "seed_a": seed, "dissimilarity": distance}
        | dict(zip(("checkpoint_a", "checkpoint_b"), ends, strict=True))
        for (ends, distance), seed in itertools.product(steps.items(), (1, 2))
    ]
    source = sources(compared=[networks(within=pd.DataFrame(rows))])
    (finding,) = early_against_late(source, ("dsa",))
    assert finding.evidence.value == pytest.approx(0.5) and finding.evidence.n == 2
    # A longer stretch of training holds more steps: what differs then is time.
    later = pd.DataFrame(rows).replace({"checkpoint_a": {0.25: 0.5}, "checkpoint_b": {0.25: 0.5}})
    assert early_against_late(sources(compared=[networks(within=later)]), ("dsa",)) == []


def over_learning(distance, accuracy, curriculum="a"):
    """Return rows of ``over`` from arrays, (checkpoint, seed)."""
    return pd.DataFrame(
        {"measure": "dsa", "curriculum_a": curriculum, "seed_a": seed, "checkpoint": checkpoint}
        | {"run_status_a": "converged", "against": "reference", "accuracy_b": 0.0}
        | {"dissimilarity": distance[checkpoint, seed], "accuracy_a": accuracy[checkpoint, seed]}
        for checkpoint, seed in np.ndindex(distance.shape)
    )


def test_following_the_own_accuracy_in_closed_form():
    # Each seed's dissimilarity mirrors its own accuracy, and that of the other seed in part.
    accuracy = np.array([[0, 0], [1, 2], [2, 1], [3, 3]])
    rows = over_learning(1.0 - accuracy, accuracy)
    source = sources(compared=[networks(over=rows)])
    (finding,) = dissimilarity_follows_own_accuracy(source, ("dsa",))
    # The correlation of the two courses is 0.8.
    assert finding.evidence.value == pytest.approx(0.2) and finding.evidence.n == 2
    # A network whose accuracy stays where it was has no part in it, and one alone has no other.
    constant = over_learning(1.0 - accuracy, accuracy * [1, 0])
    source = sources(compared=[networks(over=constant)])
    assert dissimilarity_follows_own_accuracy(source, ("dsa",)) == []
    # A second curriculum of the same seeds is no further observation.
    both = pd.concat([rows, over_learning(1.0 - accuracy, accuracy, "b")])
    (finding,) = dissimilarity_follows_own_accuracy(
        sources(compared=[networks(over=both)]), ("dsa",)
    )
    assert finding.evidence.value == pytest.approx(0.2) and finding.evidence.n == 2


def test_the_script_keeps_the_columns_that_claims_read(project, tmp_path):
    read = runpy.run_path(str(project / "scripts" / "judge_claims.py"))["pairs_of"]
    accuracy = np.array([[0, 0], [1, 2], [2, 1], [3, 3]])
    rows = over_learning(1.0 - accuracy, accuracy).assign(unread=1.0)
    result_files.write_table(rows, tmp_path / "over.csv", {})
    kept = read([str(tmp_path / "over.csv")])
    assert "unread" not in kept
    for statistic in (dissimilarity_follows_accuracy, dissimilarity_follows_own_accuracy):
        (of_rows,), (of_kept,) = (
            statistic(sources(compared=[networks(over=table)]), ("dsa",)) for table in (rows, kept)
        )
        assert of_kept.evidence.value == of_rows.evidence.value


@pytest.mark.parametrize("tied", [False, True])
def test_two_courses_that_share_time_alone_do_not_follow_each_other(tied):
    """Level by simulation: courses that rise and fall at times of their own, with noise."""
    random = np.random.default_rng(11)
    checkpoints = np.linspace(0, 1, 8)[:, None]

    def rises(at):
        course = 1 / (1 + np.exp(-(checkpoints - at) / 0.1))
        return course + 0.05 * random.standard_normal(course.shape)

    n_replications, n_seeds = 200, 10
    follows, beyond = 0, 0
    for _ in range(n_replications):
        times = random.uniform(0.2, 0.8, (2, n_seeds))
        distance, accuracy = 1 - rises(times[0]), rises(times[0 if tied else 1])
        values = beyond_shared_course(distance, accuracy)
        beyond += part_of_networks("", values).interval(0.95)[0] > 0
        ranks = [series.argsort(0).argsort(0) - 3.5 for series in (distance, accuracy)]
        own = -(ranks[0] * ranks[1]).sum(0) / (ranks[0] ** 2).sum(0)
        follows += part_of_networks("", own).interval(0.95)[0] > 0.2
    # The plain correlation is there in any case: of A5a alone nothing would follow.
    assert follows == n_replications
    share = beyond / n_replications
    # Nominal 2.5 %, with three standard errors of the simulation (1.1 %); and power.
    assert share > 0.85 if tied else share < 0.06


def test_steps_of_one_size_are_no_fall():
    """Level by simulation: operators that walk at random differ as much late as early."""
    random = np.random.default_rng(12)
    steps = np.linalg.norm(random.standard_normal((400, 10, 2, 6)), axis=-1)
    early, late = steps[..., 0], steps[..., 1]
    falls = [
        part_of_networks("", values).interval(0.95)[0] > 0
        for values in (early - late) / (early + late)
    ]
    assert np.mean(falls) < 0.05


# --- validation systems ---------------------------------------------------------------------------------

KINDS = {"cka": "cka", "procrustes": "procrustes", "dsa": "dsa", "dsa_2": "dsa"}


def test_separation_of_families(rng):
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
    source = Sources(attractors={"families": pd.DataFrame(rows)}, attractor_kinds=KINDS)
    # The second DSA is another setting of the first.
    (first,) = validation_claims.families_are_separated(source, ("dsa",))
    assert first.evidence.value > 0.2 and first.evidence.n == 9 and first.unit == "systems"
    (other,) = first.evidence.settings
    assert first.measure == "dsa" and other < 0
    assert [part.name for part in first.evidence.parts] == ["against cka", "against procrustes"]


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


# --- geometry -------------------------------------------------------------------------------------------


def numbers(values):
    """Return rows of numbers from (quantity, condition, moment) to a value for each of the networks."""
    return pd.DataFrame(
        [
            dict(zip(("quantity", "condition", "moment"), key, strict=True))
            | {"seed": seed, "value": value, "status": "converged"}
            for key, of_networks in values.items()
            for seed, value in enumerate(of_networks, start=1)
        ]
    )


def analysis(experiment, values, arrays=None):
    return Sources(
        analysed=[AnalysedNetworks("one", experiment, "Set", "net", numbers(values), arrays)]
    )


SPEED = "speed near the boundaries / mean speed"
LATE = ("context 1", "late"), ("context 2", "late")


@pytest.mark.parametrize(
    ("claim", "experiment", "values", "expected"),
    [
        (
            "B1",
            "static",
            {(SPEED, "before", ""): [1.0, 2.0], (SPEED, "after", ""): [10.0, 20.0]},
            1.0,
        ),
        (
            "B2",
            "decision",
            {
                ("time component, end / peak", "", ""): [0.01, 0.0001],
                ("distance of the end from its own fixed point / extent", "", ""): [0.01, 0.01],
            },
            2.0,
        ),
        ("B5", "context", {("crowding of lines, relevant", *at): [10.0, 1.0] for at in LATE}, 0.5),
        (
            "B7a",
            "context",
            {
                (f"not Gaussian at 5 %, {name}", *at): [0.3, 0.1] if name == "time" else [0.05, 0.0]
                for name in ("relevant", "irrelevant", "time")
                for at in LATE
            },
            -0.15,
        ),
        ("B8a", "memory", {("two items: verdict warping", "", ""): [1.0, 1.0, 0.0]}, 2 / 3),
        ("B8b", "memory", {("two items: verdict realignment", "", ""): [0.0, 1.0]}, 0.5),
    ],
)
def test_statistic_of_the_geometry(claim, experiment, values, expected):
    (finding,) = CLAIMS[claim].evidence(analysis(experiment, values), ())
    assert finding.evidence.value == pytest.approx(expected) and finding.analysis == "one"
    assert finding.evidence.n == len(next(iter(values.values())))


def context_arrays(early, late, cosine, correlation):
    """Return arrays of two networks and contexts, with squared lengths (relevant, irrelevant, time).

    Late, time has correlations with the inputs, whose sign changes along the relevant one.
    """
    metric = np.zeros((2, 2, 2, 2, 2, 3, 3))
    for k, diagonal in enumerate((early, late)):
        metric[..., k, :, :] = np.diag(diagonal)
    signs = np.array([1, -1])[:, None]
    for k, size in enumerate(correlation):
        product = signs * size * np.sqrt(late[k] * late[2])
        metric[..., 1, k, 2] = metric[..., 1, 2, k] = product
    dims = ("seed", "context", "relevant", "irrelevant", "moment", "tangent", "tangent_b")
    over_time = np.broadcast_to(np.array(cosine)[:, None], (2, 2, 2, 3))
    return xr.Dataset(
        {
            "metric": (dims, metric),
            "cosine_eigenvectors": (("seed", "context", "time", "tangent"), over_time),
            "moment_step": (("seed", "moment"), [[0, 1], [0, 1]]),
            "status": ("seed", ["converged", "converged"]),
        },
        coords={"context": [1, 2], "moment": ["early", "late"], "seed": [1, 2]},
    )


@pytest.mark.parametrize(
    ("claim", "expected"),
    [("B3a", 3.0), ("B3b", 1.0), ("B4", 0.5), ("B6", 0.25), ("B7b", 0.5)],
)
def test_statistic_of_arrays(claim, expected):
    arrays = context_arrays((1.0, 1.0, 5.0), (100.0, 0.1, 4.0), (0.25, 0.5), (0.75, 0.25))
    source = analysis("context", {("accuracy", "", ""): [1.0, 1.0]}, arrays)
    (finding,) = CLAIMS[claim].evidence(source, ())
    # The late rank of (100, 0.1) is not quite 1.
    assert finding.evidence.value == pytest.approx(expected, abs=0.01 if claim == "B4" else 1e-9)
    assert finding.evidence.n == 2

    arrays["status"] = ("seed", ["converged", "diverged"])
    (finding,) = CLAIMS[claim].evidence(source, ())
    assert finding.evidence.n == 1
    assert geometry_claims.ARRAYS["context"] == [n for n in arrays if n != "status"]


def test_topology_counts_where_it_can_be_told():
    torus, other, unknown = (1, 2, 1), (1, 1, 0), (1, np.nan, 0)
    moments = {"a": [torus, torus, torus, unknown], "b": [torus, other, unknown, unknown]}
    values = {
        (f"Betti number {d}", "", moment): [betti[d] for betti in of_networks]
        for moment, of_networks in moments.items()
        for d in range(3)
    }
    sampled = {("states undersampled for topology", "", moment): [0.0] * 4 for moment in moments}
    (finding,) = geometry_claims.topology_is_kept(analysis("memory", values | sampled), ())
    # A torus; no torus at one moment; a torus where told; nothing told.
    assert finding.evidence.n == 3 and finding.evidence.value == pytest.approx(2 / 3)
    assert "in 1 of 4 networks" in finding.evidence.left_out
    undersampled = {key: [1.0] * 4 for key in sampled}
    (finding,) = geometry_claims.topology_is_kept(analysis("memory", values | undersampled), ())
    assert finding.evidence.n == 0


# --- the table, the rules, the page ---------------------------------------------------------------------


def settings_of(rules, protocol="right"):
    """Return the settings of a run that holds nothing but the rules."""
    grid = {"tasksets": ["PDM"], "architectures": ["net"], "curricula": ["master"]}
    runs = {
        claim.run: {"command": "snakemake claims", "sections": {"run": {"grid": [grid]}}}
        for claim in CLAIMS.values()
    }
    runs["attractors"] = {"command": "snakemake claims --configfile a.yaml", "sections": {}}
    return rules.model_dump() | {
        "protocol": protocol,
        "name": "one",
        "deciding": runs,
        "measures": [["dsa", "dsa"], ["cka", "cka"]],
        "families": {"a": [1.0, 2.0], "b": [5.0, 9.0]},
    }


def claims(rules, source):
    return claim_table(source, settings_of(rules))


def test_what_lacks_is_a_row_that_says_so(rules):
    table = claims(rules, Sources())
    assert table["claim"].tolist() == list(rules.rules) == list(CLAIMS)
    assert tuple(table) == COLUMNS
    assert (table["verdict"] == "undecided").all()
    assert table["reason"].str.startswith("not run: it takes ").all()
    assert table["command"].str.startswith("snakemake claims").all()


def test_an_undecided_claim_says_what_decides_it(rules):
    values = {(SPEED, stage, ""): [1.0, 2.0, 4.0] for stage in ("before", "after")}
    row = claims(rules, analysis("static", values)).set_index("claim").loc["B1"]
    assert row["reason"] == "n = 3, and the rule asks for 10"
    start, _, run = row["command"].partition(" run=")
    assert start == "snakemake claims --config name=one_B1"
    run = json.loads(run.strip("'"))
    assert run["grid"] and run["seeds"] == list(range(1, len(run["seeds"]) + 1))
    assert len(run["seeds"]) >= 10


def test_the_smallest_run_adds_what_a_claim_lacks(rules):
    settings, unjudged = settings_of(rules), {"low": 0.0, "high": 1.0, "p": 0.5, "p_adjusted": 0.5}
    few = Judged(
        value=0.5,
        n=9,
        n_settings=0,
        share=1.0,
        verdict="undecided",
        reason="",
        needed=20,
        **unjudged,
    )

    def command(claim, judged=None, measure=""):
        return deciding_command(claim, rules.rules[claim].model_dump(), settings, judged, measure)

    # Families keep their ranges, and get as many systems as are needed.
    families = json.loads(command("A1", few).partition("attractors='")[2].strip("'"))["families"]
    assert {name: len(values) for name, values in families.items()} == {"a": 10, "b": 10}
    assert (families["b"][0], families["b"][-1]) == (5, 9)
    # No configuration has more than five motifs; without evidence of them there is one that has it.
    assert command("A3", few) == "" and command("A3") == "snakemake claims --configfile a.yaml"
    # What is decided needs nothing, and neither does what no run of the kind would decide.
    assert (
        command("B1", replace(few, verdict="holds")) == command("B1", replace(few, needed=0)) == ""
    )
    # The measures are those of the claim.
    assert '"measures": ["dsa"]' in command("A4a", few, "dsa")
    assert '"measures": ["cka"]' in command("A4b") and '"measures"' not in command("B1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "null_value: 0.0\n    smallest_effect: 0.05",
            "expected a value above null_value (0), got -1",
        ),
        ("min_n: 9", "rules.A1.min_m: unknown key; did you mean 'min_n'?"),
        ("confidence: 0.95", "confidence: input should be less than 1, got 95"),
    ],
)
def test_a_wrong_rule_is_refused(project, tmp_path, change, message):
    wrong = {
        "null_value: 0.0\n    smallest_effect: 0.05": "null_value: 0.0\n    smallest_effect: -1.0",
        "min_n: 9": "min_m: 9",
        "confidence: 0.95": "confidence: 95",
    }
    path = tmp_path / "claims.yaml"
    text = (project / "config" / "claims.yaml").read_text()
    path.write_text(text.replace(change, wrong[change], 1))
    with pytest.raises(ConfigError) as error:
        read_rules(path)
    assert message in str(error.value)


def test_a_claim_of_no_effect_needs_a_smallest_effect(project, tmp_path):
    path = tmp_path / "claims.yaml"
    text = (project / "config" / "claims.yaml").read_text()
    before, absent, after = text.partition("    absent: true\n")
    path.write_text(before + absent + after.replace("    smallest_effect: 0.7\n", "", 1))
    with pytest.raises(ConfigError, match="expected a value, because a claim of no effect"):
        read_rules(path)


class Cells(HTMLParser):
    """Number of rows of the first table, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_shows_each_verdict_as_a_symbol_and_a_word(rules):
    table = claims(rules, sources(compared=[networks(after=pairs(ORDERED))]))
    table.loc[0, "sentence"] = "<script>window.ran = true</script>"
    table.loc[1, "verdict"] = "holds"
    means = pd.DataFrame([{"measure": "dsa", "curriculum_a": "a", "curriculum_b": "b"}]).assign(
        protocol="right",
        taskset="PDM",
        architecture="net",
        published=0.4,
        mean=0.3,
        low=np.nan,
        high=np.nan,
        n_a=2,
        n_b=2,
    )
    settings = rules.model_dump() | {"protocol": "right", "name": "demo"}
    page = Cells()
    page.feed(claims_page(table, means, settings))
    assert page.tags.count("tr") == len(table) + 1 + 2
    assert "script" not in page.tags and "link" not in page.tags
    text = " ".join("".join(page.text).split())
    assert "✔ holds: 1" in text.replace("✔holds", "✔ holds")
    for claim in rules.rules:
        assert f"{claim} " in text


def test_published_means_stand_beside_ours(project):
    published = pd.read_csv(project / "config" / "published_rnn_pdm.csv", comment="#")
    assert len(published) == 165
    summary = pd.DataFrame(
        [
            {"measure": "dsa", "architecture": "net", "curriculum_a": "untrained"}
            | {"curriculum_b": "master", "seeds": seeds, "mean": 0.5, "low": 0.4, "high": 0.7}
            | {"n_a": 10, "n_b": 10}
            for seeds in ("same", "cross")
        ]
    )
    mamba = summary.assign(architecture="mamba")
    table = published_table(
        published,
        {
            "right": {"PDM": pd.concat([summary, mamba]), "Other": summary},
            "published": {"PDM": summary.assign(mean=0.8, low=0.7, high=0.9)},
        },
        {"net": "leaky_rnn", "mamba": "mamba"},
        {"dsa": "dsa"},
    )
    row, other = table.to_dict("records")
    assert (row["published"], row["mean"], row["within_interval"]) == (0.607, 0.5, True)
    assert (other["protocol"], other["within_interval"]) == ("published", False)


# --- the stage ------------------------------------------------------------------------------------------


def test_the_stage_reads_all_that_is_run(raw_config, project):
    raw_config["run"]["grid"][0]["curricula"] += ["pretrain_anti_frozen"]
    raw_config["run"] |= {"warping": ["context", "memory", "pdm_learning"], "attractors": True}
    raw_config["run"]["measures"] = ["cka", "dsa", "dsa_input"]
    stage = Pipeline(Plan(load(raw_config))).claims
    parameters = stage.parameters({})
    assert parameters["levels"] == {
        "untrained": 0,
        "master_frozen": 1,
        "pretrain_anti_frozen": 2,
        "pretrain_frozen": 3,
    }
    assert parameters["kinds"] == [["cka", "cka"], ["dsa", "dsa"], ["dsa_input", "dsa_input"]]
    assert parameters["analyses"]["context"] == "context_rnn"
    assert parameters["protocol"] == "right"
    raw_config["protocol"] = {"trials": {"unique": False}}
    assert Pipeline(Plan(load(raw_config))).claims.parameters({})["protocol"] == "trials.unique"
    inputs, options = stage.inputs({}), stage.options({})
    assert all(
        path in options for paths in inputs.values() for path in paths[:1] if "csv" not in path[-4:]
    )
    assert {option for option, paths in inputs.items() if not paths} == set()
    assert "learning" not in options.replace("pdm_learning", "")
    assert not any("pdm_learning" in path for path in inputs["numbers"])
    assert all(
        path.startswith("results/")
        for name, paths in inputs.items()
        for path in paths
        if name != "means"
    )
    assert stage.cost({}).seconds < 600

    # What is called the smallest run is one, and holds the evidence that it is for.
    evidence = {"order": "after", "order of mamba": "after", "course": "over", "context": "numbers"}
    for kind, option in evidence.items():
        smallest = copy.deepcopy(raw_config)
        for name, section in parameters["deciding"][kind]["sections"].items():
            smallest[name] = smallest.get(name, {}) | section
        smallest["run"]["measures"] = [name for name, _ in parameters["measures"]][:1]
        smallest = Pipeline(Plan(load(smallest))).claims
        read = smallest.inputs({})
        assert read[option] and not (read["attractors"] or len(read["numbers"]) > 5), kind
        if kind.startswith("order"):
            assert sorted(smallest.parameters({})["levels"].values()) == [0, 1, 2, 3]

    raw_config["run"] |= {"warping": [], "attractors": False, "seeds": [1]}
    stage = Pipeline(Plan(load(raw_config))).claims
    inputs = stage.inputs({})
    assert not inputs["numbers"] and not inputs["attractors"] and not inputs["around"]
    assert len(stage.all_outputs()) == 3
    # Recordings alone hold no evidence of a claim.
    raw_config["run"] |= {"grid": [], "datasets": []}
    raw_config["run"]["warping"] = ["pdm_learning"]
    raw_config["run"]["measures"] = []
    assert Pipeline(Plan(load(raw_config))).claims.all_outputs() == []
