import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.attractors import composition, lorenz, motifs
from warpline.core import random_streams
from warpline.similarity import cka, procrustes

BENCH = {
    "seed": 7,
    "paired": True,
    "n_trials": 12,
    "n_steps": 60,
    "dt": 0.01,
    "s": 10.0,
    "b": 2.667,
    "families": {"one": [0.25, 0.5], "two": [5.0, 10.0]},
    "motifs": {"curve": 0.5, "patterns": [5.0, 15.0]},
}


def bench(**changes):
    return {**BENCH, **changes}


def random_states(seed, shape=(5, 20, 3)):
    return random_streams.generator(seed, "test").standard_normal(shape)


# --- Lorenz -----------------------------------------------------------------------------------------


def test_euler_steps_are_those_of_the_equations_written_out():
    points = lorenz.initial_points(4, random_streams.generator(1, "p"))
    states = lorenz.integrate(points, 28.0, s=10.0, b=2.667, dt=0.01, n_steps=50)
    for trial in range(4):
        x, y, z = points[trial]
        for k in range(1, 50):
            x, y, z = (
                x + 0.01 * 10.0 * (y - x),
                y + 0.01 * (28.0 * x - y - x * z),
                z + 0.01 * (x * y - 2.667 * z),
            )
            np.testing.assert_allclose(states[trial, k], [x, y, z], rtol=1e-12)


def test_on_the_z_axis_only_z_decays_geometrically():
    states = lorenz.integrate(np.array([[0.0, 0.0, 1.0]]), 30.0, b=2.667, dt=0.01, n_steps=40)
    assert (states[0, :, :2] == 0).all()
    np.testing.assert_allclose(states[0, :, 2], (1 - 0.01 * 2.667) ** np.arange(40), rtol=1e-12)


@pytest.mark.parametrize("r", [5.0, 10.0, 15.0])
def test_the_other_fixed_points_stay_where_they_are(r):
    c = np.sqrt(2.667 * (r - 1))
    points = np.array([[c, c, r - 1], [-c, -c, r - 1], [0.0, 0.0, 0.0]])
    states = lorenz.integrate(points, r, n_steps=100)
    np.testing.assert_allclose(states, np.broadcast_to(points[:, None], states.shape), atol=1e-9)


def test_below_r_of_one_all_trials_fall_to_the_origin():
    points = lorenz.initial_points(30, random_streams.generator(2, "p"))
    states = lorenz.integrate(points, 0.5, n_steps=3000)
    np.testing.assert_allclose(states[:, -1], 0, atol=1e-4)


def test_the_lorenz_symmetry_is_kept():
    points = lorenz.initial_points(10, random_streams.generator(3, "p"))
    flip = np.array([-1.0, -1.0, 1.0])
    direct = lorenz.integrate(points * flip, 40.0)
    np.testing.assert_array_equal(direct, lorenz.integrate(points, 40.0) * flip)


def test_too_large_a_step_says_so():
    with pytest.raises(ValueError, match="expected a dt at which r = 50 stays finite, got 1"):
        lorenz.integrate(np.ones((2, 3)), 50.0, dt=1.0)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), offset=st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_normalised_trials_fill_the_unit_interval_whatever_their_scale(seed, scale, offset):
    states = random_states(seed)
    unit = lorenz.normalise(states)
    np.testing.assert_array_equal(unit.min(axis=(1, 2)), 0)
    np.testing.assert_array_equal(unit.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(lorenz.normalise(scale * states + offset), unit, atol=1e-9)
    np.testing.assert_allclose(lorenz.normalise(unit), unit, atol=1e-15)


def test_a_constant_trial_is_refused():
    states = random_states(0)
    states[3] = 2.0
    with pytest.raises(ValueError, match="constant one \\(trial 3\\)"):
        lorenz.normalise(states)


# --- motifs -----------------------------------------------------------------------------------------


def test_lines_are_straight_and_of_constant_speed():
    straight = motifs.motifs(bench())["line"]
    steps = np.diff(straight, axis=1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:, :1], steps.shape), atol=1e-14)


def test_a_line_carries_rank_six_in_delays():
    # A point, and a speed at each delay: three numbers each.
    straight = motifs.motifs(bench(n_trials=40))["line"]
    windows = np.lib.stride_tricks.sliding_window_view(straight, 12, axis=1)[..., ::3]
    singular = np.linalg.svd(windows.reshape(-1, 12), compute_uv=False)
    assert (singular > 1e-10 * singular[0]).sum() == 6


def test_paired_systems_share_their_initial_points():
    systems = motifs.families(bench())
    raw = lorenz.initial_points(
        12, random_streams.generator(7, "attractors", "initial points", "all")
    )
    for name, (_, r) in motifs.family_names(BENCH).items():
        expected = lorenz.normalise(lorenz.integrate(raw, r, n_steps=60))
        np.testing.assert_array_equal(systems[name], expected)


def test_drawn_anew_each_system_starts_from_its_own():
    same = motifs.families(bench(families={"a": [0.5, 0.50001]}))
    apart = motifs.families(bench(families={"a": [0.5, 0.50001]}, paired=False))
    assert np.abs(np.subtract(*same.values())).max() < 1e-3
    assert np.abs(np.subtract(*apart.values())).max() > 0.1


def test_without_pairing_cka_and_procrustes_take_a_system_for_another():
    for measure in (cka, procrustes):
        found = []
        for paired in (True, False):
            systems = motifs.families(bench(families={"a": [0.5, 0.50001]}, paired=paired))
            states = [measure.represent(x, settings={}) for x in systems.values()]
            (row,) = measure.compare_pairs(states, [(0, 1)], settings={})
            found.append(row["dissimilarity"])
        assert found[0] < 1e-3
        assert found[1] > 0.1


def test_systems_are_the_same_each_time_and_others_do_not_matter():
    one, two = motifs.motifs(bench()), motifs.motifs(bench())
    for name in motifs.MOTIFS:
        np.testing.assert_array_equal(one[name], two[name])
    fewer = motifs.families(bench(families={"two": [10.0]}, paired=False))
    every = motifs.families(bench(paired=False))
    np.testing.assert_array_equal(fewer["r=10"], every["r=10"])
    assert (motifs.motifs(bench(seed=8))["line"] != one["line"]).any()


# --- composition ------------------------------------------------------------------------------------


def test_there_are_sixty_sequences_and_their_sharing_is_counted():
    names = composition.sequences(motifs.MOTIFS, 3)
    assert len(names) == len(set(names)) == 60
    assert composition.shared("abc", "cba") == 3
    assert composition.shared_in_place("abc", "cba") == 1
    assert composition.shared("abc", "ade") == 1
    assert composition.shared_in_place("abc", "bca") == 0


def test_one_part_attached_is_itself():
    states = random_states(1)
    np.testing.assert_array_equal(composition.attach([states]), lorenz.normalise(states))


@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_attached_parts_are_continuous_and_blind_to_where_each_lay(seed, count):
    parts = [random_states(seed + k, (3, 24, 3)).cumsum(axis=1) for k in range(count)]
    whole = composition.attach(parts)
    assert whole.shape == parts[0].shape
    moved = [part + k for k, part in enumerate(parts)]
    np.testing.assert_allclose(composition.attach(moved), whole, atol=1e-9)


def test_the_halves_of_a_line_attached_are_the_line():
    start, direction = np.zeros((1, 3)), np.array([[1.0, 2.0, -1.0]])
    part = motifs.line(start, direction, 101)
    whole = composition.attach([part, part])
    # The joint is one step of standing still.
    expected = lorenz.normalise(motifs.line(start, 2 * direction, 101))
    np.testing.assert_allclose(whole, expected, atol=0.011)


def test_parts_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="expected parts of one shape"):
        composition.attach([random_states(0), random_states(0, (5, 21, 3))])


def test_mixing_goes_from_one_system_to_the_other():
    a, b = lorenz.normalise(random_states(1)), lorenz.normalise(random_states(2))
    np.testing.assert_allclose(composition.mix(a, b, 0.0), a, atol=1e-15)
    np.testing.assert_allclose(composition.mix(a, b, 1.0), b, atol=1e-15)
    np.testing.assert_allclose(composition.mix(a, b, 0.3), composition.mix(b, a, 0.7), atol=1e-12)
    with pytest.raises(ValueError, match="share from 0 to 1"):
        composition.mix(a, b, 1.5)


@given(level=st.floats(0, 0.9), epochs=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_diffusion_keeps_the_variance_and_loses_the_original_at_its_rate(level, epochs):
    states = random_states(4, (40, 500, 3))
    noisy = composition.diffuse(states, level, random_streams.generator(5, "noise"), epochs)
    assert abs(noisy.var() - 1) < 0.03
    left = (noisy * states).mean() / (states**2).mean()
    assert abs(left - (1 - level**2) ** (epochs / 2)) < 0.03


def test_noise_of_level_zero_changes_nothing_and_of_one_is_refused():
    states = random_states(6)
    np.testing.assert_array_equal(
        composition.diffuse(states, 0.0, random_streams.generator(1, "noise"), 3), states
    )
    with pytest.raises(ValueError, match="level of noise"):
        composition.diffuse(states, 1.0, random_streams.generator(1, "noise"))
