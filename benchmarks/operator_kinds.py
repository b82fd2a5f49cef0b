"""Kinds of operators that are drawn at random: matrices, and what DSA fits to states of simple systems.

`dsa_search_kinds.py` and `dsa_input_search.py` count how often a search misses between them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from warpline.similarity import dsa

FloatArray = NDArray[np.float64]
#: Of a random network and its inputs.
UNITS, CHANNELS, TRIALS, TIMES = 40, 2, 20, 60


def gaussian(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return a matrix of independent normal entries."""
    return rng.normal(size=(rank, rank))


def sparse(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return a matrix of zeros and, three in ten, ones."""
    return (rng.random((rank, rank)) < 0.3).astype(np.float64)


def coupled_copies(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return the operator of two equal random systems that are weakly coupled."""
    own, other = rng.normal(size=(2, rank // 2, rank // 2))
    return np.block([[own, other / 4], [other / 4, own]])


def repeated_eigenvalues(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return a stable operator whose planes share one to three pairs of eigenvalues, not normal."""
    radius, turn = rng.uniform(0.5, 1, 3), rng.uniform(0, 0.8, 3)
    blocks = np.zeros((rank, rank))
    for i, k in enumerate(rng.integers(rng.integers(1, 4), size=rank // 2)):
        cos, sin = radius[k] * np.cos(turn[k]), radius[k] * np.sin(turn[k])
        blocks[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[cos, -sin], [sin, cos]]
    basis = np.eye(rank) + 0.25 * rng.normal(size=(rank, rank))
    return np.asarray(basis @ blocks @ np.linalg.inv(basis))


def linear_system(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a stable random linear system of 20 units with noise, 8 of them observed."""
    matrix = 0.95 * rng.normal(size=(20, 20)) / np.sqrt(20)
    state, observed = np.zeros((20, 20)), []
    for _ in range(120):
        state = state @ matrix.T + rng.normal(size=state.shape)
        observed.append(state[:, :8])
    return dsa.fit_operator(np.stack(observed, axis=1), n_delays=4, rank=rank).matrix


def limit_cycle(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a noisy van der Pol oscillator, seen by six saturating units."""
    damping, frequency = rng.uniform(0.3, 3), rng.uniform(0.8, 3)
    x, v = rng.normal(size=(2, 20))
    observed = []
    for _ in range(150):
        for _ in range(5):
            force = damping * (1 - x**2) * v - frequency**2 * x
            x, v = x + 0.02 * v, v + 0.02 * force
        x, v = np.stack([x, v]) + 0.016 * rng.normal(size=(2, 20))
        observed.append(np.stack([x, v], axis=-1))
    states = np.tanh(np.stack(observed, axis=1) @ rng.normal(size=(2, 6)))
    states += 0.01 * rng.normal(size=states.shape)
    return dsa.fit_operator(states, n_delays=8, rank=rank).matrix


def driven_network(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return states and inputs of x(t + 1) = tanh(W x(t) + B u(t + 1)) with random weights."""
    recurrent = rng.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS)
    weights = rng.standard_normal((UNITS, CHANNELS))
    inputs = rng.standard_normal((TRIALS, TIMES, CHANNELS))
    states = np.zeros((TRIALS, TIMES, UNITS))
    states[:, 0] = np.tanh(inputs[:, 0] @ weights.T)
    for t in range(1, TIMES):
        states[:, t] = np.tanh(states[:, t - 1] @ recurrent.T + inputs[:, t] @ weights.T)
    return states, inputs


def random_network(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a random network under white inputs."""
    return dsa.fit_operator(driven_network(rng)[0], n_delays=1, rank=rank).matrix


def lower_rank(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a random network at half the rank or more, padded with zeros as DSA does."""
    matrix = random_network(int(rng.integers(rank // 2, rank)), rng)
    return np.pad(matrix, (0, rank - len(matrix)))


def white_noise(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of states without dynamics."""
    states = rng.standard_normal((TRIALS, TIMES, UNITS))
    return dsa.fit_operator(states, n_delays=1, rank=rank).matrix


def independent_units(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of uncoupled units, autoregressive of order 1, with constants of their own."""
    constants = rng.uniform(0.3, 0.95, UNITS)
    states = rng.standard_normal((TRIALS, TIMES, UNITS))
    for t in range(1, TIMES):
        states[:, t] += constants * states[:, t - 1]
    return dsa.fit_operator(states, n_delays=1, rank=rank).matrix


def leaky_drive(n_trials: int) -> FloatArray:
    """Return the mean drive of each of `leaky_integrators`, (trial, integrator): evidence, and a constant."""
    evidence = np.repeat([-1.0, -0.5, 0.5, 1.0], n_trials // 4)
    return np.stack([evidence, np.ones(n_trials)], axis=1)


def leaky_integrators(
    rng: np.random.Generator,
    leak: float,
    noise: float = 0.2,
    n_neurons: int = 30,
    n_times: int = 50,
    n_trials: int = 60,
) -> FloatArray:
    """Return two leaky integrators of evidence, seen by neurons with noise of their own, (trial, time, unit).

    They are the sessions of docs/notebooks/compare_recordings.md.
    """
    mean_drive = leaky_drive(n_trials)
    state, states = np.zeros((n_trials, 2)), []
    for _ in range(n_times):
        drive = mean_drive + rng.normal(size=(n_trials, 2))
        state = state + 0.1 * (drive - leak * state)
        states.append(state)
    rates = np.stack(states, axis=1) @ rng.normal(size=(2, n_neurons))
    return np.asarray(rates + noise * rng.normal(size=rates.shape))


def noisy_neurons(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of `leaky_integrators` with a leak of their own."""
    rates = leaky_integrators(rng, leak=rng.uniform(0.2, 2))
    return dsa.fit_operator(rates, n_delays=3, rank=rank).matrix


def spike_counts(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of Poisson counts of 40 neurons driven by a linear system of rank three."""
    skew = rng.normal(size=(3, 3))
    matrix = np.eye(3) + 0.1 * (skew - skew.T) - 0.1 * np.eye(3)
    state, states = rng.normal(size=(50, 3)), []
    for _ in range(60):
        state = state @ matrix.T + 0.3 * rng.normal(size=state.shape)
        states.append(state)
    rates = np.exp(np.clip(np.stack(states, axis=1) @ (0.4 * rng.normal(size=(3, 40))), -4, 3))
    return dsa.fit_operator(rng.poisson(rates).astype(float), n_delays=2, rank=rank).matrix


def noisy_copies(rank: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return noisy copies, the second one turned, of an operator with symmetries: many maxima lie close."""
    half = np.arange(rank) < rank // 2
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    operators = (
        np.diag(half.astype(np.float64)),
        np.diag(rng.choice([0.9, 0.6, 0.2], rank)),
        np.diag(np.where(np.arange(rank) < rank - 2, 1.0, -1.0)),
        np.kron(np.eye(rank // 2), turn),
        np.roll(np.eye(rank), 1, axis=0),
        np.pad(rng.normal(size=(rank // 2, rank // 2)), (0, rank - rank // 2)),
    )
    operator = operators[rng.integers(len(operators))]
    noise = rng.normal(size=(2, rank, rank)) * rng.uniform(0.005, 0.03) / rank
    first, second = operator / np.linalg.norm(operator) + noise
    basis = np.linalg.qr(rng.normal(size=(rank, rank)))[0]
    return first, basis @ second @ basis.T


def _seen_by_units(matrix: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the states of a linear system with noise in each dimension, seen by 20 units with noise."""
    state, states = rng.normal(size=(TRIALS, len(matrix))), []
    for _ in range(100):
        state = state @ matrix.T + rng.normal(size=state.shape)
        states.append(state)
    seen = np.stack(states, axis=1) @ rng.normal(size=(len(matrix), 20))
    return np.asarray(seen + 0.05 * seen.std() * rng.normal(size=seen.shape))


def uncoupled_planes(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of planes with random dynamics of their own, hardly coupled."""
    matrix = 0.02 * rng.normal(size=(rank, rank))
    for i in range(0, rank, 2):
        plane = rng.normal(size=(2, 2))
        radius = np.abs(np.linalg.eigvals(plane)).max()
        matrix[i : i + 2, i : i + 2] += rng.uniform(0.5, 0.95) / radius * plane
    return dsa.fit_operator(_seen_by_units(matrix, rng), n_delays=1, rank=rank).matrix


def slow_modes(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a system of which half of the modes hardly decay, as in a memory."""
    modes = np.r_[rng.uniform(0.97, 0.999, rank // 2), rng.uniform(0.1, 0.7, rank - rank // 2)]
    basis = np.eye(rank) + 0.3 * rng.normal(size=(rank, rank)) / np.sqrt(rank)
    matrix = basis @ np.diag(modes) @ np.linalg.inv(basis)
    return dsa.fit_operator(_seen_by_units(matrix, rng), n_delays=1, rank=rank).matrix


def _noisy_tanh_network(weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the states of a leaky tanh network of which noise drives each unit, (trial, time, unit)."""
    state, states = rng.normal(size=(TRIALS, len(weights))), []
    for _ in range(100):
        drive = np.tanh(state) @ weights.T + rng.normal(size=state.shape)
        state = state + 0.2 * (drive - state)
        states.append(state)
    return np.stack(states, axis=1)


def noisy_ring(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a ring of 40 units, coupled by their distance, less a common inhibition."""
    angle = 2 * np.pi * np.arange(40) / 40
    coupling = np.exp(rng.uniform(1, 4) * (np.cos(angle[:, None] - angle) - 1))
    weights = rng.uniform(0.8, 1.3) * coupling / coupling.sum(axis=1, keepdims=True)
    weights += 0.02 * rng.normal(size=weights.shape) / np.sqrt(40) - rng.uniform(0, 0.3) / 40
    return dsa.fit_operator(_noisy_tanh_network(weights, rng), n_delays=1, rank=rank).matrix


def noisy_modules(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of ten random modules of four units, hardly coupled."""
    weights = 0.02 * rng.normal(size=(40, 40))
    for i in range(0, 40, 4):
        weights[i : i + 4, i : i + 4] += rng.uniform(0.3, 0.7) * rng.normal(size=(4, 4))
    return dsa.fit_operator(_noisy_tanh_network(weights, rng), n_delays=1, rank=rank).matrix


def made_stable(matrix: FloatArray) -> FloatArray:
    """Return couplings, scaled down where their spectral radius is above 0.95."""
    return np.asarray(matrix * min(1.0, 0.95 / np.abs(np.linalg.eigvals(matrix)).max()))


def _fit_to_units(matrix: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of leaky units with these couplings, made stable where they are not."""
    seen = _seen_by_units(made_stable(matrix), rng)
    return dsa.fit_operator(seen, n_delays=1, rank=len(matrix)).matrix


def couplings_of_chain(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return the couplings of a chain of leaky units, at random between neighbours."""
    matrix = np.diag(rng.uniform(0.2, 0.8, rank))
    for side in (1, -1):
        matrix += np.diag(0.35 * rng.normal(size=rank - 1), side)
    return matrix


def chain(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a chain of leaky units, each with random couplings from its two neighbours."""
    return _fit_to_units(couplings_of_chain(rank, rng), rng)


def grid(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of two rows of leaky units, coupled at random to those beside and opposite."""
    row, column = np.divmod(np.arange(rank), rank // 2)
    beside = np.abs(row[:, None] - row) + np.abs(column[:, None] - column) == 1
    couplings = 0.3 * rng.normal(size=(rank, rank)) * beside
    return _fit_to_units(np.diag(rng.uniform(0.2, 0.8, rank)) + couplings, rng)


def tree(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a binary tree of leaky units, coupled at random to parent and children."""
    matrix = np.diag(rng.uniform(0.2, 0.8, rank))
    for unit in range(1, rank):
        parent = (unit - 1) // 2
        matrix[unit, parent], matrix[parent, unit] = 0.35 * rng.normal(size=2)
    return _fit_to_units(matrix, rng)


def hierarchy(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of leaky units, each with random couplings from all units before it."""
    couplings = np.tril(0.4 * rng.normal(size=(rank, rank)), -1)
    return _fit_to_units(np.diag(rng.uniform(0.2, 0.9, rank)) + couplings, rng)


def markov_chain(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of a Markov chain of one more states, each of which a unit signals."""
    n_states = rank + 1
    transitions = 0.9 * rng.dirichlet(0.3 * np.ones(n_states), size=n_states) + 0.1 / n_states
    reached = transitions.cumsum(axis=1)
    state, visited = rng.integers(n_states, size=TRIALS), []
    for _ in range(200):
        # Rounding may leave the last sum below 1.
        state = (rng.random((TRIALS, 1)) > reached[state, :-1]).sum(axis=1)
        visited.append(np.eye(n_states)[state])
    signals = np.stack(visited, axis=1)
    signals -= signals.mean(axis=(0, 1))
    return dsa.fit_operator(signals, n_delays=1, rank=rank).matrix


def independent_integrators(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of leaky integrators without couplings, with time constants of their own."""
    return _fit_to_units(np.diag(rng.uniform(0.3, 0.95, rank)), rng)


def symmetric_couplings(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of leaky units, of which each two have one random coupling in both directions."""
    couplings = 0.4 * rng.normal(size=(rank, rank)) / np.sqrt(rank)
    matrix = np.diag(rng.uniform(0.2, 0.6, rank)) + (couplings + couplings.T) / np.sqrt(2)
    return _fit_to_units(matrix, rng)


def _oscillators(rank: int, n_oscillators: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of damped oscillators of frequencies of their own; integrators fill the rank."""
    matrix = np.diag(rng.uniform(0.3, 0.95, rank))
    for i in range(0, 2 * n_oscillators, 2):
        angle, damping = rng.uniform(0.05, 1.2), rng.uniform(0.8, 0.98)
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        matrix[i : i + 2, i : i + 2] = damping * np.array(turn)
    return _fit_to_units(matrix, rng)


def oscillators(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of damped oscillators alone."""
    return _oscillators(rank, rank // 2, rng)


def oscillators_and_integrators(rank: int, rng: np.random.Generator) -> FloatArray:
    """Return DSA's operator of damped oscillators in half of the dimensions or a little less."""
    return _oscillators(rank, rank // 4, rng)


#: One network of a pair at the rank, the other at a lower one.
UNEQUAL = "driven random tanh networks of two ranks"
Draw = Callable[[int, np.random.Generator], FloatArray]
RANDOM_MATRICES: dict[str, Draw] = {
    "Gaussian matrices": gaussian,
    "matrices of zeros and ones": sparse,
    "two coupled copies of a Gaussian matrix": coupled_copies,
    "repeated eigenvalues": repeated_eigenvalues,
}
#: Operators that DSA fits.
SYSTEMS: dict[str, Draw] = {
    "linear systems with noise, observed in part": linear_system,
    "limit cycles": limit_cycle,
    "driven random tanh networks": random_network,
    UNEQUAL: random_network,
}
#: Operators that DSA fits to states without a common dynamics.
NOISE: dict[str, Draw] = {
    "white noise": white_noise,
    "uncoupled autoregressive units": independent_units,
}
#: Operators that DSA fits to a common dynamics of few dimensions under the noise of each neuron.
RECORDINGS: dict[str, Draw] = {
    "noisy neurons of two integrators": noisy_neurons,
    "spike counts of three latent dimensions": spike_counts,
}
#: Operators that DSA fits to linear systems at the rank of their own, all of whose dimensions noise drives.
PARTS: dict[str, Draw] = {
    "uncoupled planes": uncoupled_planes,
    "systems with slow modes": slow_modes,
}
#: Operators that DSA fits, at a rank below the number of units, to networks of which noise drives each unit.
NOISY_UNITS: dict[str, Draw] = {
    "rings of noisy units": noisy_ring,
    "modules of noisy units": noisy_modules,
}
#: Operators as those of `PARTS`, of units that are coupled to their neighbours alone.
NEIGHBOURS: dict[str, Draw] = {
    "chains of units": chain,
    "grids of units": grid,
    "trees of units": tree,
}
#: Operators as those of `PARTS`, and of discrete states.
ONE_WAY: dict[str, Draw] = {
    "feed-forward hierarchies": hierarchy,
    "Markov chains": markov_chain,
}
#: Operators as those of `PARTS`, symmetric but for the noise of their estimates.
SYMMETRIC: dict[str, Draw] = {
    "independent integrators": independent_integrators,
    "symmetrically coupled units": symmetric_couplings,
}
#: Operators as those of `PARTS`, of parts without couplings.
OSCILLATORS: dict[str, Draw] = {
    "damped oscillators": oscillators,
    "oscillators and integrators": oscillators_and_integrators,
}
#: Both operators of a pair at once.
COPIES = "noisy copies of an operator with symmetries"
_BEFORE_COPIES = RANDOM_MATRICES | SYSTEMS | NOISE
_AFTER_COPIES = RECORDINGS | PARTS | NOISY_UNITS | NEIGHBOURS | ONE_WAY | SYMMETRIC | OSCILLATORS
DRAWS: dict[str, Draw] = _BEFORE_COPIES | _AFTER_COPIES
#: The place of a kind is part of its seed.
KINDS = (*_BEFORE_COPIES, COPIES, *_AFTER_COPIES)


def drawn(kind: str, rank: int, n_pairs: int, rng: np.random.Generator) -> list[FloatArray]:
    """Return the operators of pairs, one after another."""
    if kind == COPIES:
        return [operator for _ in range(n_pairs) for operator in noisy_copies(rank, rng)]
    draw = DRAWS[kind]
    draws = (draw, lower_rank if kind == UNEQUAL else draw)
    return [draws[k % 2](rank, rng) for k in range(2 * n_pairs)]
