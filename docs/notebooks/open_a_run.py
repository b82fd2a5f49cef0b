# ---
# jupyter:
#   jupytext: {formats: py:percent}
# ---

# %% [markdown]
# # Notebook: a run and its metric
#
# How does learning warp the inputs of a network? This opens networks of the demo (`make demo`), and measures how
# far their state moves when the coherence of the stimulus changes a little: the pullback metric of
# [geometry](../geometry.md).

# %%
import matplotlib.pyplot as plt

import warpline
from warpline.geometry import pullback_metric, tangents

for run in warpline.list_runs("demo"):
    if run.taskset == "PDM":
        print(run.architecture, run.curriculum, run.seed, run.info["status"], run.steps[-1])

# %% [markdown]
# One network, its history and its states at the compared checkpoints.

# %%
run = warpline.open_run("demo", "PDM", "leaky_rnn", "master", seed=1)
print(run.history().tail(3).round(3).to_string(index=False))
print(dict(run.trajectories()["states"].sizes))

# %% [markdown]
# The task's inputs without noise are a function of one coordinate, the signed coherence. `tangents` carries the
# derivatives of the state through the network's own steps, here to the end of the stimulus.

# %%
inputs = run.input_manifold({"delay": 1000})
kappa = inputs.grid(41)
stop = int(run.trials()["stop"].sel(period="stimulus").values[0])
print(inputs.coordinates, "stimulus ends at time step", stop)


def stretch(model):
    """Return how far the state moves per unit of coherence, at each coherence."""
    metric = pullback_metric(tangents(model, inputs, kappa, at=[stop]))
    return metric.matrix[:, 0, 0, 0].sqrt()


figure, axis = plt.subplots(figsize=(4.5, 2.8), layout="constrained")
for seed, style in ((1, "-"), (2, "--")):
    run = warpline.open_run("demo", "PDM", "leaky_rnn", "master", seed=seed)
    for step, colour in ((run.steps[0], "tab:gray"), (run.steps[-1], "tab:orange")):
        label = f"seed {seed}, {step} updates"
        axis.plot(kappa[:, 0], stretch(run.model(step)), style, color=colour, label=label)
axis.set(xlabel="coherence", ylabel="|dx / d coherence|", yscale="log")
axis.legend(frameon=False, fontsize=7)

# %% [markdown]
# In both networks, learning stretches the states most around zero coherence, where the choice turns over. Two
# networks are two observations. The analysis `pdm_learning` of the pipeline does this for all checkpoints and seeds,
# with intervals ([experiments](../experiments.md)).

# %% [markdown]
# ## Two architectures over learning
#
# The pipeline compares architectures after learning. Over learning it takes a few lines: the states of both at the same
# fraction of training, beside the floor, which is another seed of one architecture.

# %%
states = {
    name: [
        warpline.open_run("demo", "PDM", name, "master", seed=seed).trajectories()["states"]
        for seed in (1, 2)
    ]
    for name in ("leaky_rnn", "leaky_gru")
}
fractions = states["leaky_rnn"][0]["checkpoint"].values
figure, axis = plt.subplots(figsize=(4.5, 2.8), layout="constrained")
for a, b in (("leaky_rnn", "leaky_gru"), ("leaky_rnn", "leaky_rnn"), ("leaky_gru", "leaky_gru")):
    pairs = [
        (x, y) for i, x in enumerate(states[a]) for j, y in enumerate(states[b]) if a != b or i < j
    ]
    values = [
        [
            warpline.compare(x.sel(checkpoint=f), y.sel(checkpoint=f), measure="cka")[
                "dissimilarity"
            ]
            for x, y in pairs
        ]
        for f in fractions
    ]
    means = [sum(row) / len(row) for row in values]
    axis.plot(fractions, means, "o-", label=f"{a} to {b} (pairs: {len(pairs)})")
axis.set(xlabel="fraction of training", ylabel="CKA (angle / 90°)", ylim=(0, None))
axis.legend(frameon=False, fontsize=7)

# %% [markdown]
# Two seeds give one pair for each floor: enough to see that it works, too few for a conclusion.
