"""Claims on the course of learning, on tables whose answer is known."""

from __future__ import annotations

import itertools
import runpy

import numpy as np
import pandas as pd
import pytest
from claim_sources import (
    networks,
    sources,
)

from warpline.claims.course_of_learning import (
    _shared_correlations,
    dissimilarity_follows_accuracy,
    dissimilarity_follows_own_accuracy,
    early_against_late,
)
from warpline.claims.evidence import part_of_networks
from warpline.core import result_files


def test_dissimilarity_that_mirrors_accuracy():
    rows = []
    for seed, fraction in itertools.product((1, 2, 3), (0.0, 0.25, 0.5, 1.0)):
        row = {"measure": "dsa", "curriculum_a": "a", "seed_a": seed, "run_status_a": "converged"}
        row |= {"against": "reference", "accuracy_a": fraction, "accuracy_b": fraction**2}
        row |= {"curriculum_b": "master"}
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


@pytest.mark.parametrize(
    "statistic", [dissimilarity_follows_accuracy, dissimilarity_follows_own_accuracy]
)
def test_a_second_reference_is_another_series(statistic):
    accuracy = np.array([[0, 0], [1, 2], [2, 1], [3, 3]])
    rows = over_learning(1.0 - accuracy, accuracy)
    second = over_learning(accuracy**2 + 0.5, accuracy).assign(curriculum_b="other")
    (alone,), (beside,) = (
        statistic(sources(compared=[networks(over=table)]), ("dsa",))
        for table in (rows, pd.concat([rows, second], ignore_index=True))
    )
    assert beside.evidence.value == alone.evidence.value


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
        | {"curriculum_b": "master"}
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


def test_what_two_series_share_with_others_is_a_product():
    """Where each series follows the course by a share of its own, nothing of their own ties a network's two."""
    random = np.random.default_rng(5)
    follow = random.uniform(0.2, 1, (2, 12))
    shared = _shared_correlations(np.outer(*follow))
    # The mean over others is resolved well, and not wholly.
    assert shared == pytest.approx(follow[0] * follow[1], abs=0.02)
    assert np.mean(follow[0] * follow[1] - shared) == pytest.approx(0, abs=0.002)
    alike = _shared_correlations(np.full((5, 5), 0.7) + np.diag(random.random(5)))
    assert alike == pytest.approx(0.7)
    # Of series without a course in common, a product of means is not resolved: their sum is taken.
    without = np.array([[0.9, 0.5, -0.5], [0.5, 0.1, 0.0], [-0.5, 0.0, 0.4]])
    means = np.array([0.0, 0.25, -0.25])
    expected = 2 * means - [0.0, -0.5, 0.5]
    spread = without[~np.eye(3, dtype=bool)].var() / 2
    among = np.array([0.0, -0.5, 0.5])
    expected += (means - among) ** 2 * among / (among**2 + spread)
    assert _shared_correlations(without) == pytest.approx(expected)


def test_a_network_that_diverged_is_none_of_those_that_others_are_held_against():
    random = np.random.default_rng(3)
    accuracy = np.sort(random.random((6, 4)), axis=0)
    distance = 1 - accuracy + 0.1 * random.random((6, 4))
    rows = over_learning(distance, accuracy)
    # It has accuracies up to where it diverged, and no dissimilarity.
    diverged = rows["seed_a"] == 1
    rows.loc[diverged, "run_status_a"] = "diverged"
    rows.loc[diverged, "dissimilarity"] = np.nan
    others = rows[~diverged]
    (finding,), (of_others,) = (
        dissimilarity_follows_own_accuracy(sources(compared=[networks(over=table)]), ("dsa",))
        for table in (rows, others)
    )
    assert finding.evidence.value == of_others.evidence.value and finding.evidence.n == 3


def test_checkpoints_that_few_networks_lack_are_not_lost_to_the_others():
    random = np.random.default_rng(4)
    accuracy = np.sort(random.random((6, 5)), axis=0)
    distance = 1 - accuracy + 0.1 * random.random((6, 5))

    def value(**lost):
        gaps = distance.copy()
        for seed, checkpoints in lost.items():
            gaps[checkpoints, int(seed[1:])] = np.nan
        rows = over_learning(gaps, accuracy)
        rows = rows[~rows["seed_a"].isin(value.without)]
        rows = rows[~rows["checkpoint"].isin(value.short_of)]
        source = sources(compared=[networks(over=rows)])
        (finding,) = dissimilarity_follows_own_accuracy(source, ("dsa",))
        return finding.evidence.value, finding.evidence.n

    value.without, value.short_of = (), ()
    some, all_but_one = value(s1=[2, 3]), value(s0=[1], s1=[1], s2=[1])
    value.without = (1,)
    assert some == value() and some[1] == 4
    value.without, value.short_of = (), (1,)
    assert all_but_one == value() and all_but_one[1] == 5


def test_a_run_that_lacks_a_pair_of_checkpoints_does_not_count():
    pairs = [(0.0, 0.25), (0.25, 0.75), (0.75, 1.0)]
    rows = pd.DataFrame(
        {"measure": "dsa", "curriculum_a": "a", "seed_a": seed, "dissimilarity": 1.0 - start}
        | {"checkpoint_a": start, "checkpoint_b": stop}
        for (start, stop), seed in itertools.product(pairs, (1, 2, 3))
    )
    lost = rows[~(rows["seed_a"].eq(2) & rows["checkpoint_a"].eq(0.75))]
    lost = pd.concat([lost, rows[rows["seed_a"] == 2].assign(checkpoint_a=0.0).tail(1)])
    (finding,) = early_against_late(sources(compared=[networks(within=lost)]), ("dsa",))
    assert finding.evidence.n == 2 and finding.evidence.value == pytest.approx(0.75 / 1.25)


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
