import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from warpline.geometry.measurements.topology import (
    UNDERSAMPLED,
    Control,
    betti_numbers,
    farthest_points,
    gaussian_null,
    loop_deaths,
    loop_radii,
    noise_persistence_ratio,
    persistence_intervals,
    shuffled_null,
)

ANGLES = np.linspace(0, 2 * np.pi, 37, endpoint=False)


def circle(count=200, radius=1.0, centre=0.0, arc=2 * np.pi):
    angle = np.linspace(0, arc, count, endpoint=False)
    return np.stack([radius * np.cos(angle) + centre, radius * np.sin(angle)], 1)


def torus(second=1.0, columns=slice(None), rows=slice(None)):
    """Clifford's, in R^4, on a grid: a product of circles of radius 1 and `second`."""
    a, b = np.meshgrid(ANGLES[rows], ANGLES[columns], indexing="ij")
    circles = [np.cos(a), np.sin(a), second * np.cos(b), second * np.sin(b)]
    return np.stack(circles, -1).reshape(-1, 4)


def sphere(rng, count=1200):
    points = rng.normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "form",
    [xr.DataArray, torch.tensor, np.ndarray.tolist],
    ids=["DataArray", "tensor", "list"],
)
def test_states_and_metrics_come_in_any_container(form):
    round_loop = circle(24)
    metric = np.tile(4 * np.eye(1), (24, 1, 1))
    np.testing.assert_allclose(loop_deaths(form(round_loop), (24,), 0), np.sqrt(3))
    np.testing.assert_allclose(loop_radii(form(metric), (24,), 0, 2 * np.pi), 2)
    assert betti_numbers(form(circle()), **QUICK).numbers == (1, 1)


QUICK = {"landmarks": 80, "samples": 2, "nulls": 2, "max_dimension": 1}
WITH_VOIDS = QUICK | {"max_dimension": 2, "landmarks": 140}


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (circle(), (1, 1)),
        (circle(arc=4.5), (1, 0)),
        # Two inputs at each state: the numbers do not tell.
        (circle(arc=4 * np.pi), (1, 1)),
        (np.linspace(0, 1, 200)[:, None] * [1, 2, 3], (1, 0)),
        (np.concatenate([circle(centre=-1), circle(centre=1)]), (1, 2)),
        (np.concatenate([circle(centre=-3), circle(centre=3)]), (2, 2)),
    ],
    ids=["circle", "arc", "circle wound twice", "line", "figure eight", "two circles"],
)
def test_curves(points, expected):
    assert betti_numbers(points, **QUICK).numbers == expected


@pytest.mark.slow
def test_sphere_has_a_void_and_no_loop(rng):
    assert betti_numbers(sphere(rng), **WITH_VOIDS).numbers == (1, 0, 1)


@pytest.mark.slow
def test_torus_and_its_cuts():
    """The whole torus against the two controls, each of which shows its own topology."""
    controls = {
        "cut once": Control(torus(columns=slice(0, 27)), (1, 1, 0)),
        "cut twice": Control(torus(columns=slice(0, 27), rows=slice(0, 27))),
    }
    found = betti_numbers(
        torch.from_numpy(torus()), controls=controls, loop_radius=1.0, **WITH_VOIDS
    )
    assert found.numbers == (1, 2, 1)
    assert not found.betti["undersampled"].any() and set(found.betti["note"]) == {""}
    keys = ["cloud", "landmarks", "sample"]
    wide = found.counts.pivot_table(index=keys, columns="dimension", values="count")
    assert (wide.loc["cut once"] == [1, 1, 0]).all(axis=None)
    assert (wide.loc["cut twice"] == [1, 0, 0]).all(axis=None)
    assert (wide.loc["shuffled"] == [1, 0, 0]).all(axis=None)
    assert (wide.loc["gaussian"] == [1, 0, 0]).all(axis=None)
    # Both loops die where a circle of radius 1 is filled.
    loops = found.intervals.query("cloud == 'data' and dimension == 1 and `rank` < 2")
    assert loops["death"].to_numpy() == pytest.approx(np.sqrt(3), abs=0.1)


@pytest.mark.slow
def test_a_loop_of_a_control_does_not_hide_the_same_loop_of_the_data():
    cylinder = Control(torus(columns=slice(0, 27)), (1, 1, 0))
    enough = QUICK | {"landmarks": 140}
    assert betti_numbers(torus(), controls={"cut": cylinder}, **enough).numbers == (1, 2)
    # Declared contractible, its loop is noise that the data's must exceed.
    hidden = betti_numbers(torus(), controls={"cut": Control(cylinder.points)}, **enough)
    assert hidden.numbers == (1, 0)
    assert hidden.betti["threshold_from"][1] == "cut"


@pytest.mark.slow
def test_a_noisy_torus_in_a_hundred_dimensions(rng):
    frame, _ = np.linalg.qr(rng.normal(size=(100, 4)))
    points = torus() @ frame.T + 0.01 * rng.normal(size=(37 * 37, 100))
    found = betti_numbers(points, landmarks=200, samples=2, nulls=2, loop_radius=1.0)
    assert found.numbers == (1, 2, 1)


@pytest.mark.slow
def test_a_torus_compressed_ten_times_looks_like_a_circle_and_is_marked():
    grid = torus(second=0.1)
    found = betti_numbers(grid, loop_radius=0.1, **WITH_VOIDS)
    assert found.numbers[1:] != (2, 1)
    assert found.betti["undersampled"].all()
    assert found.betti["note"].tolist() == ["", UNDERSAMPLED, UNDERSAMPLED]
    assert found.betti["covering_radius"][0] > 0.05
    assert found.betti["gap"][0] == pytest.approx(2 * np.sin(np.pi / 37))
    assert betti_numbers(grid, **QUICK).betti["undersampled"].isna().all()


def test_a_coarse_sample_is_marked_however_many_landmarks_it_has():
    """Five points of a circle: all of them landmarks, and still further apart than its radius."""
    fine, coarse = (
        betti_numbers(circle(n, radius=0.5), loop_radius=0.5, **QUICK).betti for n in (200, 5)
    )
    assert coarse["covering_radius"][0] == 0 and coarse["undersampled"].all()
    assert not fine["undersampled"].any()


@pytest.mark.slow
def test_the_rim_of_a_sheet_that_is_sampled_thinly_inside_is_a_loop_of_the_cloud(project):
    """The count of docs/geometry_measurements.md: the sheet is contractible, and its certificate is the cloud's."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))[0][:, :2]

    def has_loop(kappa, basis=rotation.T):
        states = np.tanh(6 * kappa) @ basis
        found = betti_numbers(states, max_dimension=1, landmarks=200)
        return bool(found.numbers[1]) and found.betti["certified"].iloc[1] > 0

    draws = [np.random.default_rng(seed).uniform(-1, 1, (900, 2)) for seed in range(20)]
    drawn = sum(map(has_loop, draws))
    along_units = sum(has_loop(kappa, np.eye(2)) for kappa in draws)
    line = np.linspace(-1, 1, 30)
    assert not has_loop(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
    page = " ".join((project / "docs" / "geometry_measurements.md").read_text().split())
    assert (
        f"has one that is found and certified in {drawn} of 20 draws, and on a grid of κ none"
        in page
    )
    assert f"In two units, one for each coordinate, it is found in {along_units} of 20" in page


def of_draws(draw, dimension, landmarks=150):
    """Return a Betti number of ten clouds; `draw` takes their generator."""
    found = []
    for seed in range(10):
        cloud = draw(np.random.default_rng(seed))
        numbers = betti_numbers(cloud, max_dimension=1, landmarks=landmarks, seed=seed).numbers
        found.append(numbers[dimension])
    return found


def swiss_roll(along, across):
    """Return points of a rolled sheet, by shares of its length and width."""
    turn = np.linspace(1.5 * np.pi, 4.5 * np.pi, 4000)
    steps = np.hypot(np.diff(turn * np.cos(turn)), np.diff(turn * np.sin(turn)))
    length = np.r_[0, np.cumsum(steps)]
    at = np.interp(along * length[-1], length, turn)
    return np.c_[at * np.cos(at), at * np.sin(at), 21 * across]


def open_ring(rng, gap):
    angles = np.deg2rad(rng.uniform(0, 360 - gap, 900))
    return np.c_[np.cos(angles), np.sin(angles)]


@pytest.mark.slow
def test_parts_that_come_near_each_other_close_a_loop(project):
    def turned(points, rng):
        return points @ np.linalg.qr(rng.normal(size=(20, 20)))[0][: points.shape[1]]

    near, far = (
        of_draws(lambda rng, gap=gap: turned(open_ring(rng, gap), rng), 1).count(1)
        for gap in (36, 60)
    )
    roll = of_draws(lambda rng: turned(swiss_roll(*rng.uniform(size=(2, 900))), rng), 1)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 70), np.linspace(0, 1, 17)), -1).reshape(-1, 2)
    on_grid = of_draws(lambda rng: swiss_roll(*grid.T) @ rng.normal(size=(3, 30)), 1, landmarks=200)
    page = " ".join((project / "docs/geometry_measurements.md").read_text().split())
    assert f"one is found in {near} of 10 draws where 36° of the ring are missing" in page
    assert f"and in {far} where 60° are" in page
    assert f"of a swiss roll, which has none, in {roll.count(1)} of 10" in page
    assert roll.count(1) + roll.count(None) == 10
    assert f"with random weights, one is found in {on_grid.count(1)} of 10" in page


@pytest.mark.slow
def test_components_are_seen_where_they_lie_far_apart(project):
    def clouds(rng, distance):
        points = rng.normal(size=(900, 5))
        points[:450, 0] += distance
        return points

    def turned(rng, distance):
        return clouds(rng, distance) @ np.linalg.qr(rng.normal(size=(20, 20)))[0][:5]

    near, far = (of_draws(lambda rng, d=d: turned(rng, d), 0) for d in (8, 16))
    of_one_unit = of_draws(lambda rng: clouds(rng, 16), 0)
    page = " ".join((project / "docs/geometry_measurements.md").read_text().split())
    assert f"count as one component in {near.count(1)} of 10 draws" in page
    assert f"and as two in {far.count(2)} of 10 at 16" in page
    assert (
        f"along one of five units, they count as one in {of_one_unit.count(1)} of 10 even at 16"
        in page
    )


@pytest.mark.slow
def test_the_tail_of_a_line_that_thins_out_is_counted_as_components(project):
    def components(draw):
        return of_draws(lambda rng: draw(rng, (900, 1)) @ rng.normal(size=(1, 20)), 0)

    even = components(lambda rng, size: rng.random(size))
    normal = components(lambda rng, size: rng.normal(size=size))
    assert {*even, *normal} == {1}
    tails = components(lambda rng, size: rng.standard_t(3, size))
    tails += components(lambda rng, size: rng.exponential(size=size))
    more = [number for number in tails if number is not None and number > 1]
    page = " ".join((project / "docs/geometry_measurements.md").read_text().split())
    assert f"they have {min(more)} to {max(more)} in {len(more)} of {len(tails)} draws" in page


@pytest.mark.parametrize("seed", range(6))
def test_noise_has_no_topology(seed):
    points = np.random.default_rng(seed).normal(size=(800, 3))
    found = betti_numbers(points, seed=seed, **QUICK)
    assert found.betti["low"].tolist() == [1, 0]
    assert found.numbers[1] == 0


def test_disagreement_between_samplings_is_no_number():
    """A small loop that half the landmarks step over and all of them see."""
    points = np.concatenate([circle(400), circle(60, radius=0.16, centre=1.16)])
    found = betti_numbers(points, **QUICK | {"landmarks": 60})
    assert found.betti["low"][1] < found.betti["high"][1] == 2
    assert found.numbers[1] is None


def test_landmarks_cover_and_keep_apart(rng):
    points = rng.normal(size=(300, 5))
    chosen, radius = farthest_points(points, 40, first=7)
    assert chosen[0] == 7 and len(set(chosen.tolist())) == 40
    gaps = np.linalg.norm(points[:, None] - points[chosen], axis=-1).min(axis=1)
    assert gaps.max() == pytest.approx(radius)
    assert pdist(points[chosen]).min() >= radius
    some, half = farthest_points(points, 20, first=7)
    assert (some == chosen[:20]).all() and half > radius
    # Of coinciding points, one.
    assert len(farthest_points(np.repeat(points[:5], 10, axis=0), 40)[0]) == 5


def test_a_circle_is_filled_at_root_three():
    table = persistence_intervals(circle(60), 1)
    loop = table[table["dimension"] == 1].iloc[0]
    assert loop["birth"] == pytest.approx(2 * np.sin(np.pi / 60), rel=1e-5)
    assert loop["death"] == pytest.approx(np.sqrt(3), rel=1e-5)
    assert [round(noise_persistence_ratio(k) ** 2, 6) for k in range(3)] == [4, 3, round(8 / 3, 6)]
    first = table[table["dimension"] == 0]
    assert np.isinf(first["ratio"].iloc[0]) and first["ratio"].iloc[1:].to_numpy() == pytest.approx(
        1
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_intervals_do_not_know_coordinates_and_units(seed, size):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(40, 4))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    moved = size * points @ turn + rng.normal(size=4)
    ours, theirs = persistence_intervals(points, 1), persistence_intervals(moved, 1)
    for ours_k, theirs_k in zip(
        ours.groupby("dimension"), theirs.groupby("dimension"), strict=True
    ):
        ours_ends, theirs_ends = (
            np.sort(table[1]["death"].to_numpy())[:-1] for table in (ours_k, theirs_k)
        )
        assert theirs_ends == pytest.approx(size * ours_ends, rel=1e-4)
    # Landmarks are the same points.
    assert (farthest_points(points, 10)[0] == farthest_points(moved, 10)[0]).all()


@pytest.mark.parametrize("size", [1e-140, 1e-60, 1e39, 1e140])
def test_betti_numbers_do_not_know_the_unit(size):
    """ripser's single precision holds neither: distances were 0 or infinite, and the loop was gone."""
    size = 2.0 ** round(np.log2(size))
    ours, theirs = (betti_numbers(factor * circle(), **QUICK) for factor in (1.0, size))
    assert theirs.numbers == (1, 1)
    columns = ["birth", "death", "covering_radius"]
    assert (theirs.intervals[columns] == size * ours.intervals[columns]).all(axis=None)


def test_nulls_keep_what_they_say(rng):
    points = torus() @ rng.normal(size=(4, 6)) + 3
    shuffled = shuffled_null(points, np.random.default_rng(1))
    assert (np.sort(shuffled, axis=0) == np.sort(points, axis=0)).all()
    assert not np.allclose(shuffled, points)
    drawn = np.concatenate(
        [gaussian_null(points, np.random.default_rng(i)) for i in range(40)], axis=0
    )
    assert drawn.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.05)
    assert np.allclose(np.cov(drawn.T), np.cov(points.T), atol=0.15)
    assert np.linalg.matrix_rank(drawn - points.mean(axis=0), tol=1e-8) == 4


def test_loops_of_a_torus_of_revolution_are_filled_at_root_three():
    """The inner circles around the hole have radius 1, those of the tube 0.5."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    around, tube = (a.ravel() for a in np.meshgrid(angle, angle, indexing="ij"))
    ring = 1.5 + 0.5 * np.cos(tube)
    points = np.stack([ring * np.cos(around), ring * np.sin(around), 0.5 * np.sin(tube)], 1)
    deaths = [loop_deaths(points, (60, 60), axis) for axis in (0, 1)]
    assert [len(one) for one in deaths] == [60, 60]
    assert deaths[0].min() == pytest.approx(np.sqrt(3), rel=1e-6)
    assert deaths[0].max() == pytest.approx(2 * np.sqrt(3), rel=1e-6)
    np.testing.assert_allclose(deaths[1], np.sqrt(3) / 2, rtol=1e-6)


@pytest.mark.slow
def test_sharply_tuned_rings_are_filled_early_and_their_torus_is_undersampled():
    """Its loops of inputs are lost: by their length alone they could not be."""

    def states(kappa):
        preferred = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        return np.exp(30 * (np.cos(kappa[:, None] - preferred) - 1))

    fine = states(np.linspace(0, 2 * np.pi, 20_001))
    radius = np.linalg.norm(np.diff(fine, axis=0), axis=1).sum() / (2 * np.pi)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    first, second = np.meshgrid(angle, angle, indexing="ij")
    points = np.hstack([states(first.ravel()), states(second.ravel())])
    death = min(loop_deaths(points, (24, 24), axis).min() for axis in (0, 1))
    assert 0.15 < death / (np.sqrt(3) * radius) < 0.25
    quick = {"max_dimension": 1, "landmarks": 100, "samples": 2, "nulls": 1}
    by_length, by_death = (
        betti_numbers(points, **given, **quick)
        for given in ({"loop_radius": radius}, {"loop_radius": radius, "loop_death": death})
    )
    assert by_length.numbers == by_death.numbers == (1, 0)
    assert not by_length.betti["undersampled"].any() and by_death.betti["undersampled"].all()


def test_loop_radii_of_a_torus_of_revolution():
    """R = 2, r = 0.5: parallels have radius 2 + cos/2, meridians 0.5."""
    a, _ = np.meshgrid(ANGLES, ANGLES[:9], indexing="ij")
    shape = a.shape
    metric = np.zeros((a.size, 3, 3))
    metric[:, 0, 0] = 0.25
    metric[:, 1, 1] = (2 + 0.5 * np.cos(a)).ravel() ** 2
    assert loop_radii(metric, shape, 0, 2 * np.pi) == pytest.approx(np.full(9, 0.5))
    around = loop_radii(torch.from_numpy(metric), shape, 1, 2 * np.pi)
    assert around == pytest.approx(2 + 0.5 * np.cos(ANGLES))
    with pytest.raises(ValueError, match="333 points"):
        loop_radii(metric[:-1], shape, 0, 2 * np.pi)


def test_the_same_seed_gives_the_same_tables_and_a_control_moves_nothing():
    once = betti_numbers(circle(), seed=3, **QUICK)
    again = betti_numbers(
        circle(), seed=3, controls={"arc": Control(circle(arc=4.5), (1, 0))}, **QUICK
    )
    rest = again.intervals[again.intervals["role"] != "control"].reset_index(drop=True)
    columns = ["cloud", "landmarks", "sample", "dimension", "birth", "death"]
    assert once.intervals[columns].equals(rest[columns])


@pytest.mark.parametrize(
    ("points", "changes", "message"),
    [
        (np.zeros((5, 3, 2)), {}, "states at a fixed time"),
        (np.ones((50, 3)), {}, "after the first inputs"),
        (np.full((50, 3), np.nan), {}, "finite"),
        (1e160 * circle(), {}, "at most 1e\\+150"),
        (1e-160 * circle(), {}, "differ by at least 1e-150"),
        (circle(), {"landmarks": 500}, "from 8 to 400"),
        (circle(), {"max_dimension": 3}, "0, 1 or 2"),
        (circle(), {"margin": 0.5}, "margin of 1"),
        (circle(), {"controls": {"data": Control(circle())}}, "name of its own"),
        (circle(), {"controls": {"cut": Control(circle(), (1,))}}, "2 Betti numbers"),
    ],
)
def test_bad_input_is_refused(points, changes, message):
    with pytest.raises(ValueError, match=message):
        betti_numbers(points, **QUICK | changes)


def test_states_that_have_met_are_few_landmarks_and_half_of_them_fewer():
    """Four places, however many states are in each: certain components, but no more than nulls have."""
    corners = np.repeat([[0.0, 0], [0, 1], [1, 0], [1, 1]], 50, axis=0)
    found = betti_numbers(corners, **QUICK)
    assert found.numbers == (1, 0)
    assert found.betti["certified"][0] == 4 and found.betti["covering_radius"][0] == 0
    own = found.intervals.query("cloud == 'data' and dimension == 0")
    assert own.groupby("landmarks").size().to_dict() == {40: 2 * 2, 80: 2 * 4}
