import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, root

from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of
from warpline.geometry.measurements import distinct_points
from warpline.geometry.measurements.fixed_points import Status, find_fixed_points, starts_near
from warpline.models.base import build_model


def euler(velocity, states, duration=0.1):
    return Dynamics(
        step=lambda x, u: x + duration * velocity(x, u),
        initial=lambda n: torch.zeros(n, states, dtype=torch.float64),
        duration=duration,
    )


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(units, gain, seed=0, duration=0.2):
    weights = gain * normal(units, units, seed=seed) / math.sqrt(units)
    into = normal(units, 2, seed=seed + 1)
    return Dynamics(
        step=lambda x, u: torch.lerp(x, torch.tanh(x @ weights.T + u @ into.T), duration),
        initial=lambda n: torch.zeros(n, units, dtype=torch.float64),
        duration=duration,
    )


NOTHING = torch.zeros(1, 1)


def test_a_linear_system_has_one_fixed_point_with_its_own_eigenvalues():
    matrix = torch.tensor([[-1.0, 2.0, 0.0], [-2.0, -1.0, 0.0], [0.0, 0.0, -0.05]]).double()
    dynamics = euler(lambda x, u: x @ matrix.T + u, 3)
    inputs = normal(4, 3)
    found = find_fixed_points(dynamics, inputs, normal(5, 3, seed=1))
    exact = torch.linalg.solve(-matrix, inputs.T).T
    assert found.states.shape == (4, 3) and found.point.tolist() == [0, 1, 2, 3]
    assert torch.allclose(found.states, exact, atol=1e-6)
    assert (found.status == Status.FIXED).all() and found.reached.tolist() == [5] * 4
    expected = torch.tensor([-0.05 + 0j, -1 + 2j, -1 - 2j], dtype=torch.complex128)
    for eigenvalues in found.eigenvalues:
        assert eigenvalues[0].numpy() == pytest.approx(expected[0].numpy(), abs=1e-9)
        assert sorted(eigenvalues[1:].imag.tolist()) == pytest.approx([-2, 2])
    assert found.n_stable.tolist() == [3] * 4 and found.n_slow_modes.tolist() == [1] * 4
    assert found.attractors.all()


def test_a_map_with_two_attractors_and_a_repeller_between():
    dynamics = Dynamics(lambda x, u: torch.tanh(2 * x + u), lambda n: torch.zeros(n, 1))
    starts = torch.tensor([[-0.5], [0.7], [1e-3]]).double()
    found = find_fixed_points(dynamics, torch.zeros(1, 1), starts, unstable=True)
    top = brentq(lambda x: math.tanh(2 * x) - x, 0.5, 1)
    order = found.states[:, 0].argsort()
    assert found.states[order, 0].numpy() == pytest.approx([-top, 0, top], abs=1e-8)
    assert found.n_unstable[order].tolist() == [0, 1, 0]
    slopes = [2 * (1 - top**2) - 1, 1, 2 * (1 - top**2) - 1]
    assert found.eigenvalues[order, 0].real.numpy() == pytest.approx(slopes, abs=1e-7)
    # The multiplier at zero is 2, so the distance doubles per time constant.
    assert found.rates[order[1], 0].item() == pytest.approx(math.log(2))
    # Relaxed, no start is at the repeller; unrelaxed, the third is.
    assert found.relaxed.tolist() == [True] * 3 + [False] * 3
    assert found.index[0, 5] == order[1] and order[1] not in found.index[0, :3]


def test_a_relaxed_search_stays_where_the_dynamics_came_to_rest():
    dynamics = network(20, 0.8)
    inputs = 0.5 * normal(6, 2, seed=5)
    found = find_fixed_points(dynamics, inputs, normal(3, 20, seed=6))
    state = dynamics.initial(6)
    for _ in range(4000):
        state = dynamics.step(state, inputs)
    assert found.states.shape == (6, 20)
    assert torch.allclose(found.states, state, atol=1e-7)
    assert (found.moved < 0.05).all()
    # The spectrum against the derivative in closed form.
    weights = 0.8 * normal(20, 20) / math.sqrt(20)
    slope = 1 - state.square()
    exact = torch.linalg.eigvals(slope.unsqueeze(-1) * weights - torch.eye(20))
    assert found.rates.shape == (6, 20)
    for ours, theirs in zip(found.eigenvalues, exact, strict=True):
        assert np.sort(ours.real) == pytest.approx(np.sort(theirs.real), abs=1e-6)


def test_a_line_attractor_gives_a_point_per_start_with_one_marginal_mode():
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    matrix = torch.outer(direction, direction) - torch.eye(2)
    dynamics = euler(lambda x, u: x @ matrix.T, 2)
    starts = normal(7, 2)
    found = find_fixed_points(dynamics, NOTHING, starts, relaxation=3)
    assert len(found.states) == 7 and found.fixed.all()
    assert torch.allclose(found.states @ matrix, torch.zeros(7, 2).double(), atol=1e-7)
    along = found.states[found.index[0]] @ direction
    assert torch.allclose(along, starts @ direction, atol=1e-7)
    assert found.n_marginal.tolist() == [1] * 7 and found.n_slow_modes.tolist() == [1] * 7
    assert not found.attractors.any() and found.n_unstable.sum() == 0


def test_a_search_from_far_out_that_finds_nothing_has_diverged():
    """It ended as a minimum of a speed that only grows."""
    growth = torch.tensor([0.5, 0.9, 1.2, 1.5], dtype=torch.float64)
    expanding = Dynamics(
        step=lambda x, u: x * growth,
        initial=lambda n: torch.zeros(n, 4, dtype=torch.float64),
        duration=0.1,
    )
    result = find_fixed_points(expanding, NOTHING, normal(6, 4), unstable=True)
    relaxed = result.status[0][result.relaxed]
    assert (relaxed == Status.DIVERGED).all()
    assert (result.status[0][~result.relaxed] == Status.FIXED).all() and len(result.states) == 1


def test_a_point_at_a_pitchfork_counts_as_fixed_within_a_thousandth_of_the_scale():
    starts = normal(60, 1)
    pitchfork = euler(lambda x, u: torch.tanh(x) - x, 1)
    result = find_fixed_points(pitchfork, NOTHING, starts)
    assert bool(result.fixed.all()) and 1 <= len(result.states) <= 3
    # |f| = |x|^3 / 3 is 1e-9 of the scale there.
    assert float(result.states.abs().max()) < 3e-3 * float(result.scale)


def test_a_curved_line_of_fixed_points_is_reached_although_the_jacobian_is_singular():
    """Radial attraction to the unit circle: every point of it is fixed."""
    dynamics = euler(lambda x, u: x * (1 - x.square().sum(-1, keepdim=True)), 2)
    angles = torch.linspace(0, 6, 9).double()
    starts = torch.stack([angles.cos(), angles.sin()], 1) * (0.75 + 0.1 * angles.unsqueeze(1))
    found = find_fixed_points(dynamics, NOTHING, starts, relaxation=0)
    assert found.fixed.all() and len(found.states) == 9
    assert found.states.norm(dim=1).numpy() == pytest.approx(np.ones(9))
    assert (found.n_marginal == 1).all()


def competition(inhibition=2.0, slope=4.0):
    def velocity(x, u):
        return -x + torch.sigmoid(slope * (u - inhibition * x.flip(-1) + 0.8))

    return euler(velocity, 2), lambda x: 1 / (1 + math.exp(-slope * (0.8 - inhibition * x))) - x


def test_competition_has_a_saddle_between_two_attractors():
    dynamics, balance = competition()
    path = torch.rand(40, 2, generator=torch.Generator().manual_seed(0)).double()
    starts = starts_near(path, 12, 0.3, torch.Generator().manual_seed(1))
    found = find_fixed_points(dynamics, torch.zeros(1, 2), starts, unstable=True)
    fixed = found.states[found.fixed]
    kinds = found.n_unstable[found.fixed].tolist()
    assert sorted(kinds) == [0, 0, 1]
    middle = brentq(balance, 0, 1)
    saddle = fixed[kinds.index(1)]
    assert saddle.numpy() == pytest.approx([middle, middle], abs=1e-7)
    winners = fixed[[kind == 0 for kind in kinds]]
    assert torch.allclose(winners[0], winners[1].flip(0), atol=1e-7)
    # Relaxed starts end at attractors only.
    on_relaxed = found.index[0, found.relaxed]
    assert (found.n_unstable[on_relaxed] == 0).all()
    # Eigenvalues at the saddle: -1 +- slope * inhibition * m (1 - m).
    gain = 8 * middle * (1 - middle)
    values = found.eigenvalues[found.n_unstable == 1].real.flatten()
    assert values.numpy() == pytest.approx([gain - 1, -gain - 1], abs=1e-6)


def test_a_limit_cycle_leads_to_its_unstable_centre_and_says_that_it_went_there():
    def velocity(x, u):
        turned = torch.stack([-x[..., 1], x[..., 0]], -1)
        return x * (1 - x.square().sum(-1, keepdim=True)) + 2 * turned

    found = find_fixed_points(euler(velocity, 2, 0.01), NOTHING, normal(4, 2))
    assert found.states.shape == (1, 2) and found.states.norm() < 1e-6
    assert found.n_unstable.tolist() == [2] and not found.attractors.any()
    # The dynamics did not rest: speed 2 on the cycle of radius 1, and the search left it.
    assert found.start_speed.numpy() == pytest.approx(np.full((1, 4), 2), abs=0.1)
    assert (found.moved > 0.5).all()


def test_without_a_fixed_point_every_start_says_so():
    dynamics = euler(lambda x, u: u - x.sin(), 1)
    inputs = torch.tensor([[0.5], [1.001], [2.0]]).double()
    starts = torch.linspace(-1, 1, 3).double().unsqueeze(1)
    found = find_fixed_points(dynamics, inputs, starts, relaxation=0)
    assert found.status.tolist() == [
        [Status.FIXED] * 3,
        [Status.SLOW] * 3,
        [Status.MINIMUM] * 3,
    ]
    assert found.states[0, 0].item() == pytest.approx(math.asin(0.5), abs=1e-7)
    assert found.fixed.tolist() == [True, False] and found.point.tolist() == [0, 1]
    assert found.speed[1].item() == pytest.approx(0.001, abs=1e-5)
    assert found.end_speed[2].numpy() == pytest.approx([1, 1, 1])
    assert found.index.tolist() == [[0] * 3, [1] * 3, [-1] * 3]
    assert found.counts() == {
        "fixed": 3,
        "slow": 3,
        "minimum": 3,
        "unfinished": 0,
        "diverged": 0,
    }
    table = found.table()
    assert table["kind"].tolist() == ["fixed", "slow"]
    assert table["q"][1] == pytest.approx(0.5e-6, rel=0.05)


def test_divergence_and_an_ended_budget_are_said():
    dynamics = euler(lambda x, u: x.pow(3) + 1, 1)
    found = find_fixed_points(dynamics, NOTHING, torch.tensor([[3.0], [-2.0]]), relaxation=30)
    assert found.status.tolist() == [[Status.DIVERGED] * 2]
    assert found.states.shape == (0, 1) and found.eigenvalues.shape == (0, 1)
    found = find_fixed_points(
        network(10, 1.5), torch.zeros(1, 2), normal(3, 10), relaxation=0, iterations=1
    )
    assert (found.status == Status.UNFINISHED).any()


def test_one_far_start_does_not_stop_the_others():
    dynamics = euler(lambda x, u: x.pow(3) - x, 1)
    found = find_fixed_points(dynamics, NOTHING, torch.tensor([[0.3], [5.0]]), relaxation=30)
    assert found.status.tolist() == [[Status.FIXED, Status.DIVERGED]]
    assert found.index.tolist() == [[0, -1]]


def test_starts_may_differ_between_inputs():
    dynamics = Dynamics(lambda x, u: torch.tanh(2 * x + u), lambda n: torch.zeros(n, 1))
    starts = torch.tensor([[[-0.5]], [[0.5]]]).double()
    found = find_fixed_points(dynamics, torch.zeros(2, 1), starts)
    assert found.states[0] < 0 < found.states[1]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_points_turn_and_grow_with_the_coordinates_and_spectra_stay(seed, size):
    dynamics = network(8, 1.4)
    turn, _ = torch.linalg.qr(normal(8, 8, seed=seed))
    turned = Dynamics(
        step=lambda x, u: size * dynamics.step(x @ turn / size, u) @ turn.T,
        initial=dynamics.initial,
        duration=dynamics.duration,
    )
    inputs, starts = 0.3 * normal(3, 2, seed=7), normal(3, 8, seed=8)
    ours = find_fixed_points(dynamics, inputs, starts)
    theirs = find_fixed_points(turned, inputs, size * starts @ turn.T)
    assert ours.status.tolist() == theirs.status.tolist()
    assert ours.point.tolist() == theirs.point.tolist()
    # Order within an input is by speed, which is rounding: compare the point of every start.
    here, there = ours.states[ours.index], theirs.states[theirs.index]
    assert torch.allclose(size * here @ turn.T, there, atol=1e-6 * size)
    assert torch.allclose(ours.rates[ours.index], theirs.rates[theirs.index], atol=1e-5)


@pytest.mark.parametrize("kind", ["leaky_rnn", "leaky_gru"])
def test_networks_of_the_registry(kind):
    """Against scipy's root from the same place, and autograd's Jacobian."""
    settings = {
        "model": kind,
        "units": 12,
        "activation": "tanh",
        "init": "gaussian",
        "gain": 0.9,
        "tau": 100,
        "noise": 0.0,
    }
    dynamics = dynamics_of(build_model(settings, n_inputs=3, n_outputs=2, dt=20, seed=4))
    inputs = normal(4, 3)
    found = find_fixed_points(dynamics, inputs, dynamics.initial(1), relaxation=40)
    assert found.fixed.all() and found.point.tolist() == [0, 1, 2, 3]
    for state, held, eigenvalues in zip(found.states, inputs, found.eigenvalues, strict=True):

        def velocity(x, u=held):
            return ((dynamics.step(x[None], u[None]) - x) / dynamics.duration)[0]

        exact = root(lambda x: velocity(torch.from_numpy(x)).numpy(), state.numpy() + 0.01).x
        assert state.numpy() == pytest.approx(exact, abs=1e-7)
        jacobian = torch.autograd.functional.jacobian(velocity, state)
        expected = torch.linalg.eigvals(jacobian)
        assert np.sort(eigenvalues.real) == pytest.approx(np.sort(expected.real), abs=1e-9)


def test_bad_input_is_refused():
    dynamics = network(4, 1.0)
    good, starts = torch.zeros(2, 2), torch.zeros(3, 4)
    with pytest.raises(ValueError, match=r"inputs of shape \(point, channel\)"):
        find_fixed_points(dynamics, good[0], starts)
    with pytest.raises(ValueError, match=r"\(2, start, state\) for 2 inputs"):
        find_fixed_points(dynamics, good, torch.zeros(3, 3, 4))
    with pytest.raises(ValueError, match="finite"):
        find_fixed_points(dynamics, good, torch.full((3, 4), math.nan))
    with pytest.raises(ValueError, match="double precision"):
        find_fixed_points(dynamics, good, starts, tolerance=1e-16)
    shorter = Dynamics(lambda x, u: x[:, :2], dynamics.initial)
    with pytest.raises(ValueError, match="full states"):
        find_fixed_points(shorter, good, starts)


def merged_one_after_the_other(ends, speed, status, distance):
    """Return the start that represents each start, or -1: the definition of `_distinct`, in loops."""
    n_points, n_starts = speed.shape
    representative = torch.full((n_points, n_starts), -1)
    for point in range(n_points):
        starts = [k for k in range(n_starts) if status[point, k] <= Status.SLOW]
        for start in sorted(starts, key=lambda k: (float(speed[point, k]), k)):
            representative[point, start] = start
            for other in sorted(starts, key=lambda k: (float(speed[point, k]), k)):
                if other == start:
                    break
                near = float((ends[point, start] - ends[point, other]).norm()) <= distance
                if (
                    near
                    and representative[point, other] == other
                    and status[point, other] == status[point, start]
                ):
                    representative[point, start] = other
                    break
    return representative


@pytest.mark.parametrize("rounds", [0, 2, 64])
@pytest.mark.parametrize(
    ("n_points", "n_starts", "n_clusters", "spread"),
    [(3, 30, 4, 0.03), (1, 60, 60, 0.03), (20, 2, 2, 0.05), (2, 40, 1, 0.08), (4, 25, 25, 0.0)],
)
def test_merging_is_that_of_one_start_after_the_other(
    rounds, n_points, n_starts, n_clusters, spread, monkeypatch
):
    monkeypatch.setattr(distinct_points, "_ROUNDS", rounds)
    generator = torch.Generator().manual_seed(n_starts)
    centres = torch.randn(n_points, n_clusters, 3, generator=generator, dtype=torch.float64)
    cluster = torch.randint(n_clusters, (n_points, n_starts, 1), generator=generator)
    noise = torch.randn(n_points, n_starts, 3, generator=generator, dtype=torch.float64)
    ends = centres.gather(1, cluster.expand(-1, -1, 3)) + spread * noise
    speed = torch.rand(n_points, n_starts, generator=generator).round(decimals=1)
    status = torch.randint(0, 5, (n_points, n_starts), generator=generator)

    distinct, index = distinct_points.merge_near(ends, speed, status, status <= Status.SLOW, 0.1)
    expected = merged_one_after_the_other(ends, speed, status, 0.1)
    assert (index >= 0).equal(expected >= 0)
    points, starts = torch.where(index >= 0)
    representatives = distinct[index[points, starts]]
    assert representatives.equal(points * n_starts + expected[points, starts])
    assert sorted(distinct.tolist()) == sorted(set(representatives.tolist()))


def test_a_step_with_a_hidden_dependence_is_refused():
    """Its fixed points were found, with growth rates of a Jacobian that lacks a row."""
    weights = normal(8, 8) / 2

    def step(state, inputs):
        following = 0.9 * state + 0.1 * torch.tanh(state @ weights + inputs)
        return torch.cat([following[:, :1].detach(), following[:, 1:]], dim=1)

    hidden = Dynamics(step, lambda n: torch.zeros(n, 8, dtype=torch.float64), duration=0.1)
    for starts in (normal(20, 8), normal(1, 8), torch.zeros(1, 8)):
        with pytest.raises(TypeError, match="1 of its 8 units"):
            find_fixed_points(hidden, torch.full((1, 8), 0.3), starts)


@pytest.mark.parametrize("relaxation", [20.0, 100.0, pytest.param(8000.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_starts_on_their_way_to_infinity_do_not_set_the_scale(relaxation, unit):
    """Beside them all fixed points were one, and any speed was rest."""
    unbounded = Dynamics(
        step=lambda x, u: x + 0.1 * (-x + 2 * torch.relu(x) - 0.5 * unit),
        initial=lambda points: torch.zeros(points, 1, dtype=torch.float64),
        duration=0.1,
    )
    starts = unit * torch.linspace(-1, 1, 8, dtype=torch.float64)[:, None]
    found = find_fixed_points(
        unbounded,
        torch.zeros(1, 1, dtype=torch.float64),
        starts,
        relaxation=relaxation,
        unstable=True,
    )
    assert 0.5 * unit < found.scale < unit
    torch.testing.assert_close(
        found.states.ravel().sort().values,
        unit * torch.tensor([-0.5, 0.5], dtype=torch.float64),
        rtol=1e-6,
        atol=0,
    )
    assert found.fixed.all() and sorted(found.n_unstable.tolist()) == [0, 1]


@pytest.mark.parametrize("gain", [2.0, 3.0])
def test_an_attractor_far_from_the_starts_sets_the_scale(gain):
    """From starts of a millionth of it; with the lower gain it is reached late."""
    far = Dynamics(
        step=lambda x, u: x + 0.1 * (torch.tanh(gain * x) - x),
        initial=lambda points: torch.zeros(points, 1, dtype=torch.float64),
        duration=0.1,
    )
    starts = 1e-6 * torch.linspace(-1, 1, 8, dtype=torch.float64)[:, None]
    found = find_fixed_points(far, torch.zeros(1, 1, dtype=torch.float64), starts)
    assert found.scale > 0.5 and found.fixed.sum() == 2
    assert found.start_speed.max() < 0.1


def test_from_a_cycle_far_out_the_search_takes_many_iterations():
    dynamics = Dynamics(lambda x, u: torch.tanh(-3 * x), lambda n: torch.zeros(n, 1).double())
    starts = torch.randn(40, 1, generator=torch.Generator().manual_seed(0)).double()
    inputs = torch.zeros(1, 1).double()
    few = find_fixed_points(dynamics, inputs, starts)
    many = find_fixed_points(dynamics, inputs, starts, iterations=1000)
    assert (few.status == Status.UNFINISHED).all()
    assert (many.status == Status.FIXED).all() and float(many.states.abs().max()) < 1e-9
