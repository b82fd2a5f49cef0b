from hypothesis import given
from hypothesis import strategies as st

from warpline.training.checkpoint_schedule import checkpoint_steps


def test_log_linear_and_named_steps():
    steps = checkpoint_steps({"log": 4, "every": 400, "steps": [7]}, 1000)
    assert steps == [0, 1, 7, 10, 100, 400, 800, 1000]


@given(st.integers(0, 30), st.integers(0, 50), st.integers(1, 5000))
def test_schedule_is_sorted_unique_and_in_range(log, every, last):
    steps = checkpoint_steps({"log": log, "every": every, "steps": []}, last)
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] <= last
