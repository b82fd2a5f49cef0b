"""A good model, task set and measure as text, and what is said of changed ones."""

from __future__ import annotations

from warpline.pipeline.plugin_process import try_plugin

MODEL = """
import torch


class Mine(torch.nn.Module):
    input_weights = ("weight_in",)
    step_duration = 0.5

    def __init__(self, n_inputs, n_outputs, dt, settings, generator):
        super().__init__()
        units = settings["units"]
        draw = lambda *shape: torch.nn.Parameter(torch.randn(shape, generator=generator) / units**0.5)
        self.weight_in = draw(units, n_inputs)
        self.weight_hh = draw(units, units)
        self.weight_out = draw(n_outputs, units)
        self.noise = settings["noise"]

    def forward(self, inputs, generator=None):
        state, states = self.initial_state(len(inputs)), []
        for k in range(inputs.shape[1]):
            state = self.step(state, inputs[:, k])
            if generator is not None:
                state = state + self.noise * torch.randn(state.shape, generator=generator)
            states.append(state)
        states = torch.stack(states, dim=1)
        return self.readout(states), states

    def initial_state(self, trials):
        return self.weight_in.new_zeros(trials, self.weight_in.shape[0])

    def step(self, state, inputs):
        drive = inputs @ self.weight_in.T + state @ self.weight_hh.T
        return state + 0.5 * (torch.tanh(drive) - state)

    def readout(self, state):
        return state @ self.weight_out.T

    def hidden(self, state):
        return state
"""

RETURN = "        return self.readout(states), states\n"

STEP = "        return state + 0.5 * (torch.tanh(drive) - state)\n"

DRAW = "torch.randn(shape, generator=generator)"

TASK = """
import numpy as np
from neurogym.core import TrialEnv
from neurogym.utils import spaces
from warpline.tasks.base import RuleTask


class Louder(TrialEnv):
    def __init__(self, dt, timing, levels):
        super().__init__(dt=dt)
        self.timing, self.levels, self.choices = timing, levels, [1, 2]
        name = {'fixation': 0, 'tone': [1, 2]}
        self.observation_space = spaces.Box(-np.inf, np.inf, shape=(3,), dtype=np.float32, name=name)
        self.action_space = spaces.Discrete(3)

    def _new_trial(self, **kwargs):
        trial = {'ground_truth': self.rng.choice(self.choices), 'level': self.rng.choice(self.levels)}
        trial.update(kwargs)
        self.add_period(['fixation', 'stimulus', 'delay', 'decision'])
        self.add_ob(trial['level'], 'stimulus', where=trial['ground_truth'])
        self.set_groundtruth(trial['ground_truth'], 'decision')
        return trial


class Mine(RuleTask, Louder):
    def factors(self):
        return {'ground_truth': self.choices, 'level': self.levels}

    def opposite(self, action):
        return 3 - action
"""

UPDATE = "        trial.update(kwargs)\n"

MEASURE = """
import numpy as np


class Mine:
    @staticmethod
    def represent(states, *, settings):
        flat = states.reshape(-1, states.shape[-1])
        flat = flat - flat.mean(axis=0)
        kernel = flat @ flat.T
        return kernel / np.linalg.norm(kernel)

    @staticmethod
    def compare_pairs(representations, pairs, *, settings, seed, progress=None):
        rows = []
        for i, j in pairs:
            value = np.linalg.norm(representations[i] - representations[j])
            rows.append({"dissimilarity": value, "status": "converged"})
            progress.update()
        return rows
"""

VALUE = "            value = np.linalg.norm(representations[i] - representations[j])\n"


def replaced(text, *changes):
    for old, new in filter(None, changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


ARCHITECTURE = {"units": 6, "noise": 0.1, "batch_size": 4, "parameters": {}}


def model_fault(name, task_settings):
    settings = {**ARCHITECTURE, "model": name}
    taskset = task_settings()
    return try_plugin("model", {"architecture": settings, "taskset": taskset, "task": "Basic"})


def task_fault(name, task_settings, changes=None, window="stimulus", task="Basic"):
    settings = task_settings(
        env=name,
        task=task,
        timing={"fixation": 200, "stimulus": 500, "delay": 0, "decision": 300},
        parameters={"levels": [0.5, 1.0]},
    )
    arguments = {"settings": {**settings, **(changes or {})}, "task": task, "window": window}
    return try_plugin("task", arguments)


def measure_fault(name, **settings):
    arguments = {"settings": {"measure": name, **settings}, "n_trials": 4, "n_steps": 10}
    return try_plugin("measure", arguments)
