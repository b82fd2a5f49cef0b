"""Debiased CKA against exact rational arithmetic on the whole kernels."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from warpline.similarity import cka_debiased
from warpline.similarity.cka_debiased import compare_pairs, represent, unbiased_hsic

mpmath.mp.dps = 60


def exact_kernel(x):
    """U-centred kernel (Szekely and Rizzo 2014, definition 2) in rational numbers."""
    rows = [[Fraction(value) for value in row] for row in x.tolist()]
    n = len(rows)
    kernel = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in rows] for p in rows]
    for i in range(n):
        kernel[i][i] = Fraction(0)
    sums = [sum(row) for row in kernel]
    total = sum(sums)
    return [
        [
            kernel[i][j] - (sums[i] + sums[j]) / (n - 2) + total / ((n - 1) * (n - 2))
            if i != j
            else Fraction(0)
            for j in range(n)
        ]
        for i in range(n)
    ]


def exact_product(a, b):
    return sum(
        p * q for row, other in zip(a, b, strict=True) for p, q in zip(row, other, strict=True)
    )


def exact_dissimilarity(x, y):
    a, b = exact_kernel(x), exact_kernel(y)
    aa, ab, bb = (exact_product(*pair) for pair in ((a, a), (a, b), (b, b)))
    cosine_squared = mpmath.mpf(ab.numerator) / ab.denominator
    cosine_squared = cosine_squared**2 * aa.denominator * bb.denominator
    cosine = mpmath.sqrt(cosine_squared / (mpmath.mpf(aa.numerator) * bb.numerator))
    return float(mpmath.acos(min(cosine, mpmath.mpf(1))) / (mpmath.pi / 2))


def compare(x, y):
    return compare_pairs([x, y], [(0, 1)], settings={})[0]


def test_hsic_is_that_of_the_whole_kernels(rng):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    exact = exact_product(exact_kernel(x), exact_kernel(y)) / (7 * 4)
    assert unbiased_hsic(x, y) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("n", [5, 12, 25])
@pytest.mark.parametrize("step", [0.3, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14])
def test_a_small_dissimilarity_is_exact(rng, n, step):
    states = rng.normal(size=(n, 3))
    x = represent(states, settings={})
    y = represent(states + step * rng.normal(size=(n, 3)), settings={})
    exact = exact_dissimilarity(x, y)
    row = compare(x, y)
    assert row["dissimilarity"] == pytest.approx(exact, rel=1e-6, abs=1e-14)
    other = compare(y, x)["dissimilarity"]
    assert row["dissimilarity"] == pytest.approx(other, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("shape", [(6, 2), (40, 30, 20), (10, 30, 64)])
def test_a_system_is_at_zero_from_itself_turned_and_scaled(rng, shape):
    states = rng.normal(size=shape).cumsum(axis=0)
    turn = np.linalg.qr(rng.normal(size=(shape[-1], shape[-1])))[0]
    x = represent(states, settings={})
    assert compare(x, x)["dissimilarity"] < 1e-14
    turned = compare(x, represent(3.7 * states @ turn + 1.0, settings={}))
    assert turned["dissimilarity"] < 1e-13
    assert turned["similarity"] == pytest.approx(1, abs=1e-12)


def test_the_two_forms_meet(rng, monkeypatch):
    """Where the arc cosine gives way to the difference, both are good."""
    states = rng.normal(size=(60, 4))
    x = represent(states, settings={})
    for size in (0.02, 0.1, 0.3):
        y = represent(states + size * rng.normal(size=states.shape), settings={})
        row = compare(x, y)
        norms = [np.sqrt(unbiased_hsic(z, z) * 60 * 57) for z in (x, y)]
        radians = cka_debiased._small_angle(x, y, *norms)
        assert radians / (np.pi / 2) == pytest.approx(row["dissimilarity"], rel=1e-9)
        assert np.cos(radians) == pytest.approx(row["similarity"], rel=1e-12)


def test_states_without_distances_to_compare_are_undefined():
    """Four samples in two places each make a U-centred kernel of zero only if all distances agree."""
    corners = np.eye(4)
    row = compare(
        represent(corners, settings={}), represent(np.arange(8.0).reshape(4, 2), settings={})
    )
    assert row["status"] == "undefined" and np.isnan(row["dissimilarity"])
