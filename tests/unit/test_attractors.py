import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.attractors import systems
from warpline.core import random_streams
from warpline.similarity import cka, procrustes

SETTINGS = {
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


def with_changes(**changes):
    return {**SETTINGS, **changes}


def random_states(seed, shape=(5, 20, 3)):
    return random_streams.generator(seed, "test").standard_normal(shape)


# --- Lorenz -----------------------------------------------------------------------------------------


def test_euler_steps_are_those_of_the_equations_written_out():
    points = systems.initial_points(4, random_streams.generator(1, "p"))
    states = systems.integrate_lorenz(points, 28.0, s=10.0, b=2.667, dt=0.01, n_steps=50)
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
    states = systems.integrate_lorenz(
        np.array([[0.0, 0.0, 1.0]]), 30.0, b=2.667, dt=0.01, n_steps=40
    )
    assert (states[0, :, :2] == 0).all()
    np.testing.assert_allclose(states[0, :, 2], (1 - 0.01 * 2.667) ** np.arange(40), rtol=1e-12)


@pytest.mark.parametrize("r", [5.0, 10.0, 15.0])
def test_the_other_fixed_points_stay_where_they_are(r):
    c = np.sqrt(2.667 * (r - 1))
    points = np.array([[c, c, r - 1], [-c, -c, r - 1], [0.0, 0.0, 0.0]])
    states = systems.integrate_lorenz(points, r, n_steps=100)
    np.testing.assert_allclose(states, np.broadcast_to(points[:, None], states.shape), atol=1e-9)


def test_below_r_of_one_all_trials_fall_to_the_origin():
    points = systems.initial_points(30, random_streams.generator(2, "p"))
    states = systems.integrate_lorenz(points, 0.5, n_steps=3000)
    np.testing.assert_allclose(states[:, -1], 0, atol=1e-4)


def test_integration_has_the_symmetry_of_the_lorenz_equations():
    points = systems.initial_points(10, random_streams.generator(3, "p"))
    flip = np.array([-1.0, -1.0, 1.0])
    direct = systems.integrate_lorenz(points * flip, 40.0)
    np.testing.assert_array_equal(direct, systems.integrate_lorenz(points, 40.0) * flip)


def test_too_large_a_step_says_so():
    with pytest.raises(ValueError, match="expected a dt at which r = 50 stays finite, got 1"):
        systems.integrate_lorenz(np.ones((2, 3)), 50.0, dt=1.0)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), offset=st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_normalised_trials_fill_the_unit_interval_whatever_their_scale(seed, scale, offset):
    states = random_states(seed)
    unit = systems.normalise(states)
    np.testing.assert_array_equal(unit.min(axis=(1, 2)), 0)
    np.testing.assert_array_equal(unit.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(systems.normalise(scale * states + offset), unit, atol=1e-9)
    np.testing.assert_allclose(systems.normalise(unit), unit, atol=1e-15)


def test_a_constant_trial_is_refused():
    states = random_states(0)
    states[3] = 2.0
    with pytest.raises(ValueError, match="constant one \\(trial 3\\)"):
        systems.normalise(states)


# --- motifs -----------------------------------------------------------------------------------------


def test_lines_are_straight_and_of_constant_speed():
    straight = systems.simulate_motifs(with_changes())["line"]
    steps = np.diff(straight, axis=1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:, :1], steps.shape), atol=1e-14)


def test_a_line_carries_rank_six_in_delays():
    # A delay vector depends on a point and a velocity: three numbers each.
    straight = systems.simulate_motifs(with_changes(n_trials=40))["line"]
    windows = np.lib.stride_tricks.sliding_window_view(straight, 12, axis=1)[..., ::3]
    singular = np.linalg.svd(windows.reshape(-1, 12), compute_uv=False)
    assert (singular > 1e-10 * singular[0]).sum() == 6


def test_paired_systems_share_their_initial_points():
    states = systems.simulate_families(with_changes())
    points = systems.initial_points(
        12, random_streams.generator(7, "attractors", "initial points", "all")
    )
    for name, (_, r) in systems.lorenz_parameters(SETTINGS).items():
        expected = systems.normalise(systems.integrate_lorenz(points, r, n_steps=60))
        np.testing.assert_array_equal(states[name], expected)


def test_unpaired_systems_start_from_points_of_their_own():
    same = systems.simulate_families(with_changes(families={"a": [0.5, 0.50001]}))
    apart = systems.simulate_families(with_changes(families={"a": [0.5, 0.50001]}, paired=False))
    assert np.abs(np.subtract(*same.values())).max() < 1e-3
    assert np.abs(np.subtract(*apart.values())).max() > 0.1


def test_without_pairing_cka_and_procrustes_tell_nearly_equal_systems_apart():
    for measure in (cka, procrustes):
        dissimilarities = []
        for paired in (True, False):
            changed = with_changes(families={"a": [0.5, 0.50001]}, paired=paired)
            states = [
                measure.represent(x, settings={})
                for x in systems.simulate_families(changed).values()
            ]
            (row,) = measure.compare_pairs(states, [(0, 1)], settings={})
            dissimilarities.append(row["dissimilarity"])
        assert dissimilarities[0] < 1e-3
        assert dissimilarities[1] > 0.1


def test_systems_are_reproducible_and_independent_of_the_other_systems():
    one, two = systems.simulate_motifs(with_changes()), systems.simulate_motifs(with_changes())
    for name in systems.MOTIFS:
        np.testing.assert_array_equal(one[name], two[name])
    fewer = systems.simulate_families(with_changes(families={"two": [10.0]}, paired=False))
    every = systems.simulate_families(with_changes(paired=False))
    np.testing.assert_array_equal(fewer["r=10"], every["r=10"])
    assert (systems.simulate_motifs(with_changes(seed=8))["line"] != one["line"]).any()


# --- composition ------------------------------------------------------------------------------------


def test_there_are_sixty_sequences_and_their_sharing_is_counted():
    names = systems.motif_sequences(systems.MOTIFS, 3)
    assert len(names) == len(set(names)) == 60
    assert systems.n_shared_motifs("abc", "cba") == 3
    assert systems.n_shared_in_position("abc", "cba") == 1
    assert systems.n_shared_motifs("abc", "ade") == 1
    assert systems.n_shared_in_position("abc", "bca") == 0


def test_attaching_one_system_returns_it():
    states = random_states(1)
    np.testing.assert_array_equal(systems.attach([states]), systems.normalise(states))


@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_attached_systems_do_not_depend_on_where_each_starts(seed, count):
    segments = [random_states(seed + k, (3, 24, 3)).cumsum(axis=1) for k in range(count)]
    attached = systems.attach(segments)
    assert attached.shape == segments[0].shape
    translated = [segment + k for k, segment in enumerate(segments)]
    np.testing.assert_allclose(systems.attach(translated), attached, atol=1e-9)


def test_the_halves_of_a_line_attached_are_the_line():
    start, direction = np.zeros((1, 3)), np.array([[1.0, 2.0, -1.0]])
    half = systems.straight_paths(start, direction, 101)
    attached = systems.attach([half, half])
    # At the joint, one step repeats the state.
    expected = systems.normalise(systems.straight_paths(start, 2 * direction, 101))
    np.testing.assert_allclose(attached, expected, atol=0.011)


def test_attaching_systems_of_different_lengths_is_refused():
    with pytest.raises(ValueError, match="expected systems of one shape"):
        systems.attach([random_states(0), random_states(0, (5, 21, 3))])


def test_mixing_goes_from_one_system_to_the_other():
    a, b = systems.normalise(random_states(1)), systems.normalise(random_states(2))
    np.testing.assert_allclose(systems.mix(a, b, 0.0), a, atol=1e-15)
    np.testing.assert_allclose(systems.mix(a, b, 1.0), b, atol=1e-15)
    np.testing.assert_allclose(systems.mix(a, b, 0.3), systems.mix(b, a, 0.7), atol=1e-12)
    with pytest.raises(ValueError, match="share from 0 to 1"):
        systems.mix(a, b, 1.5)


@given(level=st.floats(0, 0.9), epochs=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_diffusion_keeps_the_variance_and_loses_the_original_at_its_rate(level, epochs):
    states = random_states(4, (40, 500, 3))
    noisy = systems.diffuse(states, level, random_streams.generator(5, "noise"), epochs)
    assert abs(noisy.var() - 1) < 0.03
    correlation = (noisy * states).mean() / (states**2).mean()
    assert abs(correlation - (1 - level**2) ** (epochs / 2)) < 0.03


def test_noise_of_level_zero_changes_nothing_and_of_one_is_refused():
    states = random_states(6)
    np.testing.assert_array_equal(
        systems.diffuse(states, 0.0, random_streams.generator(1, "noise"), 3), states
    )
    with pytest.raises(ValueError, match="level of noise"):
        systems.diffuse(states, 1.0, random_streams.generator(1, "noise"))


# --- simulate ---------------------------------------------------------------------------------------


def test_simulated_families_are_one_dataset_with_the_family_of_each_system():
    changed = with_changes()
    del changed["motifs"]
    dataset = systems.simulate(changed)
    assert dict(dataset.sizes) == {"system": 4, "trial": 12, "time": 60, "unit": 3}
    assert dataset["system"].values.tolist() == ["r=0.25", "r=0.5", "r=5", "r=10"]
    assert dataset["family"].values.tolist() == ["one", "one", "two", "two"]
    assert set(dataset["kind"].values) == {"family"}
    assert dataset.attrs == {"paired": 1}
    np.testing.assert_allclose(dataset["time"], 0.01 * np.arange(60))
    for name, states in systems.simulate_families(changed).items():
        np.testing.assert_array_equal(dataset["states"].sel(system=name), states)


def test_simulated_motifs_come_with_one_example_of_each_composition():
    changed = with_changes()
    del changed["families"]
    dataset = systems.simulate(changed)
    motifs = dataset.isel(system=(dataset["kind"] == "motif").values)
    assert motifs["system"].values.tolist() == list(systems.MOTIFS)
    assert set(dataset["family"].values) == {""}
    states = {
        str(name): x
        for name, x in zip(dataset["system"].values, dataset["states"].values, strict=True)
    }
    assert list(states)[5:] == ["line>curve>pattern_1", "curve +0.5 pattern_1", "pattern_2 e=0.1"]
    np.testing.assert_array_equal(
        states["line>curve>pattern_1"],
        systems.attach([states["line"], states["curve"], states["pattern_1"]]),
    )
    np.testing.assert_array_equal(
        states["curve +0.5 pattern_1"], systems.mix(states["curve"], states["pattern_1"], 0.5)
    )
    noise = states["pattern_2 e=0.1"] - np.sqrt(0.99) * states["pattern_2"]
    assert noise.std() == pytest.approx(0.1, rel=0.1)
