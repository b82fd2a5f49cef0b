"""Level of the test between groups of the same animals: docs/statistics.md states it."""

import numpy as np
import pytest
from inference.unshared_groups import called_tests, distances

from warpline.comparison.hypothesis_tests import difference_test

SIZES = (3, 5, 10)
"""Animals, each with a system in both groups."""
DIMENSIONS, CORRELATION, REPLICATIONS = 50, 0.8, 2000


def rejected(a, b):
    """Share of replications, in percent."""
    return 100 * (difference_test(a, b, 0.95).p <= 0.05).mean()


@pytest.fixture(scope="module")
def levels():
    """Rejections with and without pairs, where both groups are of one kind and the second is the reference."""
    rng = np.random.default_rng(0)
    paired, unpaired = [], []
    for n in SIZES:
        animal, own_a, own_b = rng.standard_normal((3, REPLICATIONS, n, DIMENSIONS))
        a, b = (
            np.sqrt(CORRELATION) * animal + np.sqrt(1 - CORRELATION) * own for own in (own_a, own_b)
        )
        other_animal = np.where(np.eye(n, dtype=bool), np.nan, 0.0)
        of_a, of_b = distances(a, b), distances(b, b) + other_animal
        paired.append(rejected(of_a + other_animal, of_b))
        # As units of their own: rows of a, then of b, against the columns of b.
        alone = np.full((2, REPLICATIONS, 2 * n, 2 * n), np.nan)
        alone[0, :, :n, n:], alone[1, :, n:, n:] = of_a, of_b
        unpaired.append(rejected(*alone))
    return paired, unpaired


def test_pairs_keep_the_level(levels):
    assert max(levels[0]) <= 6


def test_the_page_states_the_levels(levels, project):
    page = " ".join((project / "docs" / "statistics.md").read_text().split())
    with_pairs, without = (" / ".join(f"{level:.0f}" for level in row) for row in levels)
    assert f"With `paired=True` the jackknife finds a difference in {with_pairs} % of" in page
    assert f"without it in {without} %" in page


def found_between_states(n, calls=400):
    """Percentage of calls with a significant test where two states of an animal have random labels.

    Labels say nothing, so that both groups are draws of one kind. Few labellings allow no small p value.
    """
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(calls):
        animal = 0.5 * rng.normal(size=(n, 3))
        points = np.concatenate([animal, animal]) + 0.3 * rng.normal(size=(2 * n, 3))
        in_second = rng.random(n) < 0.5
        points[:, 0] += 2 * np.concatenate([in_second, ~in_second])
        tests = called_tests(points, (n, n), [*range(n), *range(n)])
        found += tests["significant"].any()
    return 100 * found / calls


@pytest.mark.slow
def test_the_page_says_how_few_paired_animals_labels_cannot_judge(project):
    page = " ".join((project / "docs" / "statistics.md").read_text().split())
    levels = [found_between_states(n) for n in (4, 5, 6)]
    assert "in {:.0f} / {:.0f} / {:.0f} % of calls for n = 4 / 5 / 6".format(*levels) in page
