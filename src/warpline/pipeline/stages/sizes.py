"""How large the parts of a job are, and the measured rates that turn sizes into seconds and memory.

The rates were measured on one thread of an AMD EPYC, no GPU (``warpline plan CONFIG --check`` holds them
against the benchmarks of a finished run).
"""

from __future__ import annotations

from warpline.pipeline.config.networks import MambaArchitecture
from warpline.pipeline.config.tasks import Choice, TruncatedExponential, Uniform
from warpline.pipeline.expansion import Plan

__all__ = ["Sizes"]

# --- rates, measured --------------------------------------------------------------------------------

START_SECONDS = 8.0
"""Snakemake twice (in the job, and in its step), Python, torch."""
START_MB = 650.0
"""The same: two Snakemakes of 130 MB beside a job that has imported torch (380 MB)."""
STEP = {
    "leaky_rnn": (30.0, 0.39, 0.0023),
    "leaky_gru": (98.0, 0.73, 0.0117),
    "mamba": (100.0, 0.62, 0.0),
}
"""Microseconds of a time step of 64 trials, forward and backward: fixed, per hidden unit (of Mamba: per state
of all layers), per hidden unit squared. The last two grow with the trials. Forward alone: a third."""
MATRICES = {"leaky_rnn": 1.0, "leaky_gru": 3.0, "rnn": 1.0, "current_rnn": 1.0}
MATRICES |= {"lstm": 4.0, "lstm_cell": 4.0}
"""Square weight matrices of a recurrent model."""
HELD = {"leaky_rnn": (24, 15), "leaky_gru": (62, 33), "mamba": (20, 6)}
"""Bytes of memory for each number of the hidden states of a batch: in an update, in an evaluation."""
OTHER = "leaky_gru"
"""What a model that is not listed is taken for."""
OTHER_UNITS = 128
"""Hidden units of a given network whose entry does not state them."""
TYPICAL_UPDATES = {"pretraining": 1700, "all": 600, "input": 150}
"""Updates until a run has learned, in the demo: pretraining; training of all weights; of the input
weights after a pretraining. Input weights alone, from random recurrent ones, run to ``max_steps``."""
TYPICAL_COMPONENTS = 12
"""Principal components that hold 99.9 % of the variance."""
TYPICAL_SETTING = (5, 30)
"""Numbers of delays and rank that are chosen for a task set, where they are ``auto``."""
TYPICAL_CELLS = 10
"""Cells of the factorial design of the evaluation trials."""
FIGURE = (7.5, 560.0, 0.32)
"""Seconds, MB of memory (Snakemake twice, and 300) and MB of disk of a figure (SVG, PNG and PDF)."""
SIDECAR_MB = 0.003
"""Provenance beside a file, and its benchmark."""


class Sizes:
    """The sizes of a configuration's jobs.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config

    def steps(self, taskset: str, task: str, longest: bool = False) -> float:
        """Return the time steps of a trial of a task: the mean, or the longest."""
        entry = self.config.tasksets[taskset]
        total = 0.0
        for period, duration in entry.timing.items():
            if period == "delay" and not entry.tasks[task].delay:
                continue
            if isinstance(duration, Choice):
                values = duration.choice
                total += max(values) if longest else sum(values) / len(values)
            elif isinstance(duration, Uniform):
                total += duration.uniform[1] if longest else sum(duration.uniform) / 2
            elif isinstance(duration, TruncatedExponential):
                total += duration.truncated_exponential[2 if longest else 0]
            else:
                total += duration
        return total / entry.dt

    def window(self, taskset: str) -> float:
        """Return the steps of the comparison window."""
        entry = self.config.tasksets[taskset]
        duration = entry.timing[entry.window]
        return duration / entry.dt if isinstance(duration, int | float) else 0.0

    def evaluation_trials(self, taskset: str) -> float:
        """Return how many evaluation trials a task has, about."""
        entry = self.config.tasksets[taskset]
        cells = 2
        for value in entry.parameters.values():
            cells *= len(value) if isinstance(value, list) else 1
        return entry.trials.evaluation_repeats * (cells if entry.parameters else TYPICAL_CELLS)

    def hidden(self, architecture: str) -> int:
        """Return how many numbers a network's hidden state holds, all layers."""
        entry = self.config.architectures[architecture]
        if isinstance(entry, MambaArchitecture):
            return entry.n_layers * entry.expand * entry.d_model * entry.d_state
        return entry.units or OTHER_UNITS

    def weights(self, architecture: str) -> float:
        """Return how many parameters a network has, about."""
        entry = self.config.architectures[architecture]
        if isinstance(entry, MambaArchitecture):
            channels = entry.expand * entry.d_model
            layer = channels * (3 * entry.d_model + 3 * entry.d_state + entry.d_conv + 6)
            return entry.n_layers * layer + 20 * entry.d_model
        units = self.hidden(architecture)
        return self.matrices(architecture) * units * (units + 12)

    def matrices(self, architecture: str) -> float:
        """Return how many square weight matrices a network has."""
        return MATRICES.get(self.config.architectures[architecture].model, MATRICES[OTHER])

    def step_seconds(self, architecture: str, trials: float) -> float:
        """Return the seconds of one time step of a batch, forward and backward."""
        model = self.config.architectures[architecture].model
        fixed, linear, square = STEP.get(model, STEP[OTHER])
        units = self.hidden(architecture)
        return 1e-6 * (fixed + trials / 64 * (linear * units + square * units**2))

    def window_states(self, taskset: str) -> float:
        """Return the MB of one network's kept states at one checkpoint, single precision."""
        numbers = self.evaluation_trials(taskset) * self.window(taskset) * TYPICAL_COMPONENTS
        return numbers * 4 / 1e6
