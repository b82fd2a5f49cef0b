import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.analyses import context, decision, learning, memory, static
from warpline.analyses.context_encoding import encoding
from warpline.analyses.learning import field_angle
from warpline.analyses.relevance import by_relevance, relevant_first
from warpline.analyses.static import equal_steps
from warpline.analyses.summary import lags_by_share
from warpline.comparison.projection import principal_axes
from warpline.geometry.derivatives.sensitivity import tangents


def value(rows, quantity, condition="", moment=""):
    found = rows[
        (rows["quantity"] == quantity)
        & (rows["condition"] == condition)
        & (rows["moment"] == moment)
    ]
    assert len(found) == 1, (quantity, condition, moment)
    return found["value"].item()


def test_equal_steps_of_a_circle_that_is_not_warped_are_evenly_spaced():
    theta = np.linspace(-np.pi, np.pi, 100, endpoint=False)
    lines = equal_steps(theta, np.full(100, 3.0), 8)
    assert np.allclose(lines, -np.pi + np.arange(8) * np.pi / 4)


def test_equal_steps_crowd_where_the_circle_is_stretched():
    theta = np.linspace(-np.pi, np.pi, 4000, endpoint=False)
    speed = 1 + 0.9 * np.cos(theta)
    lines = equal_steps(theta, speed, 40)
    # The length up to theta is theta + pi + 0.9 sin(theta), of 2 pi in all.
    assert np.allclose(
        lines + np.pi + 0.9 * np.sin(lines), np.arange(40) * 2 * np.pi / 40, atol=1e-4
    )


@given(st.integers(1, 5), st.floats(0.1, 10))
@settings(deadline=None)
def test_field_angle_is_blind_to_scale_and_at_most_one(seed, scale):
    draw = np.random.default_rng(seed).normal(size=(2, 6, 3, 5))
    a, b = (x @ x.swapaxes(-1, -2) for x in draw)
    assert field_angle(a, scale * a) == pytest.approx(0, abs=1e-14)
    assert 0 <= field_angle(a, b) <= 1
    assert field_angle(a, b) == pytest.approx(field_angle(b, a))


def test_orthogonal_fields_are_a_right_angle_apart():
    assert field_angle(np.diag([1.0, 0])[None], np.diag([0, 1.0])[None]) == pytest.approx(1)


def of_networks(metric, dims, **coordinates):
    return xr.Dataset(
        {"metric": (("seed", *dims, "tangent", "tangent_b"), metric)},
        coords={
            "seed": [3, 5],
            "status": ("seed", ["converged", "diverged"]),
            **coordinates,
        },
    )


def test_distances_to_the_start_are_angles_to_the_first_checkpoint():
    # Over training the field turns from one axis to the other, in one network by half of it.
    angles = np.array([[0.0, 0.3, 1.0], [0.0, 0.1, 0.5]]) * np.pi / 2
    fields = np.zeros((2, 3, 1, 2, 2))
    fields[..., 0, 0], fields[..., 1, 1] = np.cos(angles)[..., None], np.sin(angles)[..., None]
    arrays = of_networks(7 * fields, ("checkpoint", "point"), checkpoint=[0.0, 0.5, 1.0])
    rows = learning.distances_to_start(arrays)
    assert rows["value"].tolist() == pytest.approx([0, 0.3, 1, 0, 0.1, 0.5], abs=1e-12)
    assert rows["seed"].tolist() == [3] * 3 + [5] * 3
    assert rows["fraction"].tolist() == [0.0, 0.5, 1.0] * 2
    assert set(rows["quantity"]) == {"start"} and rows["status"].tolist()[3] == "diverged"

    # The first network has made a share s of its change at s / 0.6, or later; accuracy at 0.5 + 0.5 s.
    steps = zip([0.0, 0.5, 1.0], [0.5, 0.5, 1.0], strict=True)
    accuracy = [
        {"seed": 3, "fraction": f, "quantity": name, "value": value, "status": "converged"}
        for f, reached in steps
        for name, value in (("accuracy", reached), ("chance", 0.5))
    ]
    none = pd.DataFrame(columns=["against", "measure", "curriculum_a", "dissimilarity"])
    numbers = pd.concat([pd.DataFrame(accuracy), rows])
    lags = lags_by_share(numbers, none.assign(seed_a=[], checkpoint=[]), "master", 0.95, (0.2, 0.5))
    of_start = lags[lags["name"] == "start"].set_index("share")["lag"]
    assert of_start[0.2] == pytest.approx(0.2 / 0.6 - 0.6)
    assert of_start[0.5] == pytest.approx(0.5 + 0.5 * 0.2 / 0.7 - 0.75)


def test_the_median_input_is_not_moved_by_one_input_with_a_large_metric(rng):
    metric = rng.uniform(1, 2, size=(2, 2, 3, 3, 2, 3, 3))
    dims = ("context", "relevant", "irrelevant", "moment")
    arrays = of_networks(metric, dims, context=[1, 2], moment=["early", "late"])
    before = context.median_input_ratios(arrays)
    expected = np.median(metric[1, 0, :, :, 1, 0, 0] / metric[1, 0, :, :, 1, 1, 1])
    of_network = before[(before["seed"] == 5) & (before["status"] == "diverged")]
    name = "metric, relevant / irrelevant, median input"
    assert value(of_network, name, "context 1", "late") == pytest.approx(expected)
    # The largest ratio grows: the mean of the metric over inputs would follow it.
    ratios = metric[1, 0, :, :, 1, 0, 0] / metric[1, 0, :, :, 1, 1, 1]
    i, j = np.unravel_index(ratios.argmax(), ratios.shape)
    metric[1, 0, i, j, 1, 0, 0] *= 1000
    after = context.median_input_ratios(
        of_networks(metric, dims, context=[1, 2], moment=["early", "late"])
    )
    assert after["value"].equals(before["value"]) and len(after) == 8


def test_relevance_swaps_inputs_in_the_second_context():
    grid = np.arange(9.0)
    assert by_relevance(grid, 1, 3)[0, 1] == by_relevance(grid, 2, 3)[1, 0] == 1
    matrix = np.arange(9.0).reshape(3, 3)
    swapped = relevant_first(matrix, 2, (-2, -1))
    assert swapped[0, 0] == matrix[1, 1] and swapped[2, 0] == matrix[2, 1]
    assert relevant_first(matrix, 1, (-2, -1)) is matrix


def test_principal_axes_keep_distances_and_fill_up_to_three():
    states = np.random.default_rng(0).normal(size=(7, 4, 2))
    axes = principal_axes(states)
    points = axes.points(states)
    assert points.shape == (7, 4, 3) and not points[..., 2].any()
    gaps = np.linalg.norm(states[:, None] - states[None], axis=-1)
    assert np.allclose(gaps, np.linalg.norm(points[:, None] - points[None], axis=-1))
    assert axes.variance.sum() == pytest.approx(1)


@pytest.mark.slow
def test_static(network):
    arrays, rows = static.analyse(*network("static"))
    assert arrays.sizes["unit"] == 3 and (arrays["metric"] > 0).all()
    # The metric is the squared speed of the states along the circle.
    states, theta = arrays["states"].values, arrays["theta"].values
    speed = np.linalg.norm(np.roll(states, -1, 1) - np.roll(states, 1, 1), axis=-1)
    speed /= 2 * (theta[1] - theta[0])
    assert np.allclose(arrays["metric"], speed**2, rtol=0.02)
    assert value(rows, "accuracy", "after") == 0.9


def test_decision(network):
    arrays, rows = decision.analyse(*network("decision"))
    metric = arrays["metric"].values
    assert np.linalg.eigvalsh(metric).min() > -1e-9
    assert not metric[:, 0, 0].any(), "all inputs start from one state"
    stable = arrays["fixed_stable"].values == 1
    assert stable.any() and (arrays["fixed_rate"].values[stable] < 0).all()
    assert 0 <= value(rows, "time component, end / peak") <= 1


def test_the_end_of_a_trial_is_held_against_the_fixed_point_of_its_own_input(network):
    opened, settings = network("decision")
    _, rows = decision.analyse(opened, settings)
    manifold, dynamics = opened.input_manifold(), opened.dynamics()
    kappa = manifold.grid(settings["points"])
    state = dynamics.initial(len(kappa))
    for step in range(manifold.n_steps):
        state = dynamics.step(state, manifold(kappa, step))
    end = rest = state
    for _ in range(3000):
        rest = dynamics.step(rest, manifold(kappa, manifold.n_steps))
    end, rest = dynamics.observe(end), dynamics.observe(rest)
    place = np.linspace(0, len(kappa) - 1, settings["fixed_points"]).round().astype(int)
    gap = (end - rest)[place].norm(dim=1).mean() / (end.amax(0) - end.amin(0)).norm()
    found = value(rows, "distance of the end from its own fixed point / extent")
    assert found == pytest.approx(gap.item(), rel=1e-4)


def test_networks_with_different_numbers_of_fixed_points_are_joined(network):
    opened, settings = network("decision")
    many, few = (
        decision.analyse(opened, {**settings, "fixed_points": count})[0] for count in (7, 5)
    )
    assert many.sizes["fixed"] > few.sizes["fixed"]
    joined = xr.concat([many, few], "seed", join="outer")
    filled = joined["fixed_stable"].isel(seed=1).values
    assert (filled == 1).sum() == (few["fixed_stable"] == 1).sum()
    assert np.isnan(filled[few.sizes["fixed"] :]).all()


@pytest.mark.slow
def test_context_is_relevant_first(network):
    opened, settings = network("context")
    arrays, rows = context.analyse(opened, settings)
    diagonal = arrays["metric"].sel(moment="late").values
    assert diagonal.shape == (2, 5, 5, 3, 3)
    # The average over the relevant input, at the late moment, is the same in both tables.
    late = int(arrays["moment_step"].sel(moment="late"))
    component = (
        arrays["component"].isel(time=late).transpose("context", "irrelevant", "tangent").values
    )
    assert np.allclose(component, np.einsum("crikk->cik", diagonal) / 5)
    shares = arrays["eigenvalue"].isel(time=slice(3, None)).sum("order")
    assert np.allclose(shares, 1)
    for number in (1, 2):
        mean = diagonal[number - 1].mean(axis=(0, 1))
        # The grid at arc length: its extent along the relevant input is the length of that line.
        mesh = arrays["context_mesh"].sel(context=number, moment="late").values[:, 2, 0]
        speed = np.sqrt(diagonal[number - 1][:, 2, 0, 0])
        assert mesh[-1] - mesh[0] == pytest.approx(np.trapezoid(speed, dx=0.5))
        # Eigenvalues are in units of the largest median of any level.
        median = arrays["level_eigenvalue"].sel(context=number).values[..., 1]
        assert np.nanmax(median, axis=(0, 2))[3:] == pytest.approx(1)
        ratio = value(rows, "metric, relevant / irrelevant", f"context {number}", "late")
        assert ratio == pytest.approx(mean[0, 0] / mean[1, 1])
    # The same noise in both contexts: only the cue differs.
    noisy = arrays["noisy_inputs"]
    same = [name for name in noisy["channel"].values if not name.startswith("context")]
    both = noisy.sel(channel=same).transpose("context", ...).values
    assert np.array_equal(both[0], both[1]) and both[0].std() > 0


@pytest.mark.slow
def test_gridlines_stay_in_the_domain(network):
    opened, settings = network("context")
    arrays, _ = context.analyse(opened, settings)
    lines = arrays["gridline"].sel(moment="late").values
    known = lines[np.isfinite(lines)]
    assert len(known) and np.abs(known).max() <= 1 + 1e-6
    # Blue lines, way 0, differ in the relevant input where they stand on their base line.
    middle = lines[:, :, :, lines.shape[3] // 2]
    for number in range(2):
        for way in range(2):
            spread = np.nanmax(middle[number, way], 0) - np.nanmin(middle[number, way], 0)
            assert spread[way] > spread[1 - way]


def test_weights_that_did_not_learn_have_no_update_to_align_with(network, monkeypatch):
    opened, settings = network("context")
    from warpline.analyses.trained_network import Network

    manifold = opened.input_manifold(context=1)
    found = tangents(opened.dynamics(), manifold, manifold.grid(3, 3))
    last = opened.weights()
    monkeypatch.setattr(Network, "weights", lambda self, step=None: last)
    variables, _ = encoding(opened, found, 1, [3, 10], settings["subspace"])
    assert "cosine_readout" in variables and "cosine_eigenvectors" not in variables


def test_memory(network):
    opened, settings = network("memory", topology=False)
    arrays, rows = memory.analyse(opened, settings)
    seen = arrays["seen"].values
    assert ((seen[~np.isnan(seen)] >= 0) & (seen[~np.isnan(seen)] <= 1 + 1e-9)).all()
    first = int(np.argmax(arrays["component"].sel(tangent="angle_2").values > 0))
    assert arrays["component"].sel(tangent="angle_1").values[first] > 0, "item 1 comes first"
    angle = arrays["angle"].values
    assert np.isnan(angle[0]).all() and np.isfinite(angle[-1]).all()
    # Gauss and Bonnet: a torus has no total curvature, up to the grid's error.
    for moment in ("item_2", "delay"):
        total = value(rows, "total curvature / 2π (torus: 0)", "", moment)
        size = value(rows, "curvature, absolute, weighted by area", "", moment)
        assert np.isfinite(total) and np.isfinite(size)
    assert sum(value(rows, f"two items: verdict {name}") for name in memory.VERDICTS) == 1
    assert "betti" not in arrays
    # The maps over the torus are those of which the components are means.
    maps, moments = arrays["metric_map"].values, ("item_2", "delay", "report_1", "report_2")
    for k, name in enumerate(("angle_1", "angle_2", "time")):
        at_report = arrays["component"].sel(tangent=name).values
        for m, moment in enumerate(moments[:2]):
            step = opened.input_manifold().periods[moment][1]
            assert maps[m, ..., k, k].mean() == pytest.approx(at_report[step])
    # A median over the same points, and its band.
    low, median, high = arrays["share"].values
    shown = np.isfinite(median)
    assert (low[shown] <= median[shown]).all() and (median[shown] <= high[shown]).all()
    assert not median[shown][0] and 0 < median[-1] < 1, "item 2 comes second"
    share = value(rows, "share of item 2 in the metric, median", "", "delay")
    two = maps[1, ..., 1, 1] / (maps[1, ..., 0, 0] + maps[1, ..., 1, 1])
    assert share == pytest.approx(np.median(two))
    similarity = arrays["subspace_similarity"].values
    assert np.nanmax(similarity) <= 1 + 1e-9 and similarity.shape[1] == similarity.shape[2]
    # The patch is centred where the curvature is largest.
    curvature = np.abs(arrays["curvature"].sel(moment="item_2").values)
    middle = np.abs(arrays["patch_curvature"].values[4, 4])
    assert middle == pytest.approx(curvature.max())


def test_speed_at_the_end_of_a_period_is_not_that_under_the_next_cue(network):
    opened, settings = network("memory", topology=False)
    arrays, rows = memory.analyse(opened, settings)
    manifold, dynamics = opened.input_manifold(), opened.dynamics()
    kappa = manifold.grid(8, 8)
    stop = manifold.periods["delay"][1]
    state = dynamics.initial(len(kappa))
    for step in range(stop):
        state = dynamics.step(state, manifold(kappa, step))
    own, cued = (
        ((dynamics.step(state, manifold(kappa, step)) - state) / dynamics.duration).square().sum(1)
        for step in (stop - 1, stop)
    )
    assert value(rows, "metric, time", "", "delay") == pytest.approx(own.mean().item())
    # The series over time has the cue, which is there from this moment on.
    series = arrays["component"].sel(tangent="time").values
    assert series[stop] == pytest.approx(cued.mean().item())
    assert abs(own.mean() - cued.mean()) > 1e-3


@pytest.mark.slow
def test_the_total_curvature_of_a_torus_vanishes_as_the_grid_is_refined(network):
    opened, settings = network("memory", topology=False, points=24)
    _, rows = memory.analyse(opened, settings)
    for moment in memory.MOMENTS:
        assert abs(value(rows, "total curvature / 2π (torus: 0)", "", moment)) < 0.02


@pytest.mark.slow
def test_memory_topology(network):
    arrays, rows = memory.analyse(*network("memory"))
    assert arrays["betti"].sel(moment="delay").isel(dimension=0).item() == 1
    assert arrays["ratio"].shape == (4, 3, 6)
    assert value(rows, "Betti number 0", "", "delay") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["context_learning", "pdm_learning"])
def test_learning(network, name):
    opened, settings = network(name)
    arrays, rows = learning.analyse(opened, settings)
    fractions = settings["fractions"]
    assert arrays["checkpoint"].values.tolist() == fractions
    angle = rows[rows["quantity"] == "metric"].set_index("fraction")["value"]
    assert angle[1.0] == 0 and angle[0.0] > 0
    accuracy = rows[rows["quantity"] == "accuracy"]["value"].tolist()
    assert accuracy[0] == 0.5 and accuracy[-1] == pytest.approx(0.9)
    # The time component is the speed under the input of the window, not under what follows.
    manifold, dynamics = opened.input_manifold(**settings["conditions"][0]), opened.dynamics()
    kappa = manifold.grid(*[5] * len(manifold.coordinates))
    state = dynamics.initial(len(kappa))
    stop = manifold.periods[opened.settings["window"]][1]
    for step in range(stop):
        state = dynamics.step(state, manifold(kappa, step))
    velocity = (dynamics.step(state, manifold(kappa, stop - 1)) - state) / dynamics.duration
    found = arrays["metric"].isel(checkpoint=-1, condition=0, tangent=-1, tangent_b=-1).values
    assert np.allclose(found, velocity.square().sum(1))
    names = set(rows["quantity"])
    ratio = "log10 G, relevant / irrelevant"
    assert (ratio in names) == (name == "context_learning")
    if ratio in names:
        at = rows[rows["fraction"] == 1.0].set_index("quantity")["value"]
        assert at[ratio] == pytest.approx(at["log10 G, relevant"] - at["log10 G, irrelevant"])


@pytest.mark.slow
def test_analyses_are_reproducible(network):
    first, second = (memory.analyse(*network("memory", topology=False)) for _ in range(2))
    assert first[0].equals(second[0]) and first[1].equals(second[1])


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        (static, "static"),
        (decision, "decision"),
        (context, "context"),
        (memory, "memory"),
        (learning, "context_learning"),
        (learning, "pdm_learning"),
    ],
)
def test_on_a_gpu_as_on_the_cpu(network, experiment, name, cuda):
    # Persistent homology is computed by a package on the CPU, whatever the device.
    changes = {"topology": False} if name == "memory" else {}
    (_, expected), (_, found) = (
        experiment.analyse(*network(name, device=device, **changes)) for device in ("cpu", cuda)
    )
    assert found.drop(columns="value").equals(expected.drop(columns="value"))
    np.testing.assert_allclose(found["value"], expected["value"], rtol=1e-5, atol=1e-8)


GIVEN = {
    "gru": {"model": "gru", "activation": "tanh"},
    "lstm": {"model": "lstm", "activation": "tanh"},
    "lstm, h observed": {"model": "lstm", "activation": "tanh", "parameters": {"observed": "h"}},
    "current_rnn": {"model": "current_rnn", "activation": "tanh"},
}


EXPERIMENTS = {
    static: {},
    decision: {},
    context: {},
    memory: {"topology": False},
    learning: {"fractions": [0.0, 1.0]},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "model"),
    # The experiment of contexts takes seconds: the largest state stands for all.
    [(e, m) for e in EXPERIMENTS for m in GIVEN if e is not context or m == "lstm"],
)
def test_networks_of_one_checkpoint_and_any_weights(network, experiment, model):
    """As given ones are: no update to align with, and a readout of part of the state."""
    changes = EXPERIMENTS[experiment]
    name = experiment.__name__.rpartition(".")[2].replace("learning", "pdm_learning")
    opened, settings = network(name, architecture=GIVEN[model], steps=(0,), **changes)
    arrays, numbers = experiment.analyse(opened, settings)
    assert len(numbers) > 3 and numbers["value"].notna().any()
    assert not any("eigenvectors" in str(variable) for variable in arrays)


@pytest.mark.parametrize("model", GIVEN)
def test_the_decoder_is_the_readout_of_what_is_observed(network, model):
    opened, _ = network("pdm_learning", architecture=GIVEN[model], steps=(0,))
    dynamics, decoder = opened.dynamics(), opened.readout()
    state = torch.randn(5, dynamics.initial(1).shape[1], generator=torch.Generator().manual_seed(0))
    observed, bias = dynamics.observe(state.double()), dynamics.readout(dynamics.initial(1))
    if model == "current_rnn":
        # Its readout is of the rates: the Jacobian D diag(1 - tanh(x)^2) is another at every state.
        at_point = torch.autograd.functional.jacobian(decoder.readout, observed)
        weights = torch.from_numpy(opened.weights()["weight_out"]).double()
        for k, row in enumerate(observed):
            torch.testing.assert_close(at_point[k, :, k], weights * (1 - row.tanh() ** 2))
        return
    torch.testing.assert_close(observed @ decoder.T + bias, dynamics.readout(state.double()))


def test_an_experiment_says_which_inputs_it_is_made_for(network):
    opened, settings = network("memory")
    with pytest.raises(
        ValueError, match=r"made for inputs with 1 coordinate, but .* have 2 \(angle_1, angle_2\)"
    ):
        decision.analyse(opened, settings)


def test_right_singular_vectors_are_held_against_the_rates_of_a_network_in_current_form(network):
    """The recurrent weights are multiplied with tanh(x): its tangent is (1 - tanh(x)^2) dx."""
    opened, settings = network("context", architecture={"model": "current_rnn", "units": 24})
    manifold = opened.input_manifold(context=1)
    found = tangents(opened.dynamics(), manifold, manifold.grid(3, 3))
    variables, _ = encoding(opened, found, 1, [3, 10], settings["subspace"])
    weights = [opened.weights(step)["weight_hh"].astype(float) for step in (0, 20)]
    read = np.linalg.svd(weights[1] - weights[0])[2][0]
    rates = (1 - np.tanh(found.states.numpy()) ** 2)[:, :, None] * found.vectors.numpy()
    # From the first input on: at time step 0 all inputs have one state.
    rates = rates[:, 10]
    cosine = np.abs(rates @ read) / np.linalg.norm(rates, axis=-1)
    measured = variables["cosine_right_singular_vectors"][1]
    assert measured[10] == pytest.approx(cosine.mean(0), abs=1e-6)
    # The readout's rows are D diag(1 - tanh(x)^2) at every state; the first output, with its sign.
    rows = opened.weights()["weight_out"][0] * (1 - np.tanh(found.states.numpy()[:, 10]) ** 2)
    vectors = found.vectors.numpy()[:, 10, 0]
    signed = (rows * vectors).sum(-1)
    signed /= np.linalg.norm(rows, axis=-1) * np.linalg.norm(vectors, axis=-1)
    assert variables["signed_cosine_readout"][1][1, 10, 0] == pytest.approx(np.median(signed))
