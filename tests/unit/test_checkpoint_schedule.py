import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.models.checkpoints import nearest_checkpoint
from warpline.training.checkpoint_schedule import checkpoint_steps, kept_steps, most_kept


def test_log_linear_and_named_steps():
    steps = checkpoint_steps({"log": 4, "every": 400, "steps": [7]}, 1000)
    assert steps == [0, 1, 7, 10, 100, 400, 800, 1000]


@given(st.integers(0, 30), st.integers(0, 50), st.integers(1, 5000))
@settings(deadline=None)
def test_schedule_is_sorted_unique_and_in_range(log, every, last):
    steps = checkpoint_steps({"log": log, "every": every, "steps": []}, last)
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] <= last


STEPS = [0, 1, 5, 20, 40, 60, 80, 93]


@pytest.mark.parametrize(
    ("steps", "fractions", "expected"),
    [
        (STEPS, None, STEPS),
        (STEPS, [], [0, 93]),
        (STEPS, [0.0, 0.5, 1.0], [0, 40, 93]),
        # 46.5 of 93 updates: 40 is nearer than 60; 0.65 is 60.45 updates; 0.02 is 1.86 updates.
        (STEPS, [0.02, 0.65], [0, 1, 60, 93]),
        ([0], [0.0, 0.5], [0]),
    ],
)
def test_kept_steps(steps, fractions, expected):
    assert kept_steps(steps, fractions) == expected
    assert len(expected) <= most_kept(fractions)


@given(
    st.sets(st.integers(1, 3000), max_size=40), st.lists(st.floats(0, 1), min_size=1, max_size=9)
)
@settings(deadline=None)
def test_what_is_nearest_does_not_depend_on_what_is_left_out(steps, fractions):
    steps = [0, *sorted(steps)]
    kept = kept_steps(steps, fractions)
    for fraction in fractions:
        assert nearest_checkpoint(kept, fraction) == nearest_checkpoint(steps, fraction)
