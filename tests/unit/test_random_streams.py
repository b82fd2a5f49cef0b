import numpy as np
import pytest

from warpline.core import random_streams


def test_same_name_same_stream_and_other_names_other_streams():
    a = random_streams.generator(1, "weights", "rnn", 3).random(4)
    assert np.array_equal(a, random_streams.generator(1, "weights", "rnn", 3).random(4))
    others = [
        (1, "weights", "rnn", 4),
        (1, "order", "rnn", 3),
        (2, "weights", "rnn", 3),
        (1, "weights", "rnn3"),
    ]
    for root, *name in others:
        assert not np.array_equal(a, random_streams.generator(root, *name).random(4))


def test_names_cannot_run_together():
    assert random_streams.integer_seed(1, "ab", "c") != random_streams.integer_seed(1, "a", "bc")
    assert random_streams.integer_seed(1, "1") != random_streams.integer_seed(1, 1)


def test_streams_do_not_depend_on_each_other():
    first = random_streams.generator(5, "a")
    first.random(1000)
    assert random_streams.generator(5, "b").random() == random_streams.generator(5, "b").random()


def test_bits():
    assert 0 <= random_streams.integer_seed(1, "x", bits=63) < 2**63
    assert 0 <= random_streams.integer_seed(1, "x") < 2**32


def test_negative_root_is_refused():
    with pytest.raises(ValueError, match="non-negative root seed, got -1"):
        random_streams.stream(-1, "x")
