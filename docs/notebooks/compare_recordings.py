# ---
# jupyter:
#   jupytext: {formats: py:percent}
# ---

# %% [markdown]
# # Notebook: two recordings
#
# Do two populations of neurons compute alike? Here both are simulated, so that the answer is known: a hidden
# state of two dimensions integrates evidence, and is seen through 30 noisy neurons that differ from session to
# session. Replace `session` by your own arrays.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import warpline


def session(leak, seed, second=1.0, n_trials=60, n_times=50, n_neurons=30):
    """Return rates (trial, time, neuron) of an integrator with a leak, and the evidence of each trial.

    Neurons see the second dimension of the state `second` times as strongly as the first.
    """
    rng = np.random.default_rng(seed)
    evidence = np.repeat([-1.0, -0.5, 0.5, 1.0], n_trials // 4)
    state, states = np.zeros((n_trials, 2)), []
    for _ in range(n_times):
        drive = np.stack([evidence, np.ones(n_trials)], axis=1) + rng.normal(size=(n_trials, 2))
        state = state + 0.1 * (-leak * state + drive)
        states.append(state)
    neurons = rng.normal(size=(2, n_neurons))  # other neurons in each session
    neurons[1] *= second
    rates = np.stack(states, axis=1) @ neurons
    return rates + 0.2 * rng.normal(size=rates.shape), evidence


monday, evidence = session(leak=0.2, seed=1)
friday, _ = session(leak=0.2, seed=2)  # the same dynamics, other neurons
other, _ = session(leak=2.0, seed=3)  # a leak ten times as fast
print(monday.shape)

# %% [markdown]
# In the mean over trials, a fast leak shows as an early saturation. The sign and the size of the lines depend
# on the neuron, too.

# %%
figure, axes = plt.subplots(1, 3, figsize=(8, 2.2), sharey=True, layout="constrained")
recordings = {"monday": monday, "friday": friday, "other": other}
for axis, (name, rates) in zip(axes, recordings.items()):
    for level, colour in zip(np.unique(evidence), plt.cm.coolwarm([0.0, 0.3, 0.7, 1.0])):
        axis.plot(rates[evidence == level].mean(axis=0)[:, 0], color=colour, label=f"{level:g}")
    axis.set(title=name, xlabel="time step")
axes[0].set_ylabel("neuron 1, mean over trials")
figure.legend(
    *axes[0].get_legend_handles_labels(), title="evidence", loc="outside right", frameon=False
)

# %% [markdown]
# DSA compares the dynamics in the main directions of each recording. Its delays and rank are chosen by prediction of
# held-out trials, once for all recordings that will be compared.

# %%
choice = warpline.choose_dsa(recordings, n_delays=[1, 3, 5], ranks=[2, 4, 8])
print(f"{choice.n_delays} delays, rank {choice.rank}: {choice.status}")
result = warpline.compare(recordings, measure="dsa", n_delays=choice.n_delays, rank=choice.rank)
columns = ["system_a", "system_b", "dissimilarity", "status"]
print(result.table[columns].round(3).to_string(index=False))
result.plot()

# %% [markdown]
# Is that a difference? One recording against one other has no n. A *floor* shows what noise and neurons alone
# cause: here five sessions of each kind, compared within and between.

# %%
groups = {
    "slow leak": [session(0.2, seed)[0] for seed in range(10, 15)],
    "fast leak": [session(2.0, seed)[0] for seed in range(20, 25)],
}
compared = warpline.compare_groups(
    groups, measures={"dsa": {"n_delays": choice.n_delays, "rank": choice.rank}}
)
columns = ["group_a", "group_b", "n_a", "n_b", "mean", "low", "high", "separation"]
print(compared.summary[columns].round(3).to_string(index=False))
compared.plot()

# %% [markdown]
# Does it depend on the neurons, and on the rank? `faint` sessions have the slow leak, and neurons that see the second
# dimension a third as strongly.

# %%
groups["faint"] = [session(0.2, seed, second=0.3)[0] for seed in range(30, 35)]
tables = []
for rank in (2, choice.rank, 8):
    compared = warpline.compare_groups(
        groups, measures={"dsa": {"n_delays": choice.n_delays, "rank": rank}}
    )
    tables.append(compared.summary.assign(rank=rank))
rows = pd.concat(tables).query("group_b == 'slow leak'")
print(rows[["rank", "group_a", "group_b", "mean", "separation"]].round(4).to_string(index=False))

# %% [markdown]
# It does. At the chosen rank, DSA finds the leak, and takes such neurons for a larger difference still. At rank 8 the
# floor hides most of both. So a difference by DSA can come from the neurons. Look at other delays and ranks, each beside its
# floor, and compare recordings whose neurons see the same directions.
