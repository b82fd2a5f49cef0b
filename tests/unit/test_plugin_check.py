"""Plug-ins that do not keep their interface are refused before any work: what was expected, got, to do."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from warpline.core import plugins
from warpline.core.plugins import ContractError
from warpline.models.model_check import check_model
from warpline.pipeline import live_code, plugin_check, reachable_modules
from warpline.pipeline.command_line import main
from warpline.pipeline.config import load
from warpline.pipeline.config.analyses import EXPERIMENTS
from warpline.pipeline.expansion import Plan
from warpline.pipeline.plugin_check import plugin_faults
from warpline.pipeline.plugin_process import try_plugin
from warpline.pipeline.stages import Pipeline
from warpline.similarity.measure_check import check_measure
from warpline.tasks.taskset_check import accepted_parameters

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

# What is replaced in the model, by what, and a part of the message.
MODELS = {
    "the class is a function": (
        "class Mine(torch.nn.Module):",
        "def Mine(): pass\nclass Other(torch.nn.Module):",
        "expected Class(n_inputs, n_outputs, dt, settings, generator)",
    ),
    "an import that fails": ("import torch\n", "import torch, no_such_module\n", "no_such_module"),
    "another constructor": (
        "n_inputs, n_outputs, dt, settings, generator)",
        "n_inputs, n_outputs, generator)",
        "got TypeError: Mine.__init__() got an unexpected keyword argument",
    ),
    "a setting that is not there": (
        'settings["noise"]',
        'settings["nose"]',
        "got KeyError: 'nose' (mine.py, line 16)",
    ),
    "an exit": ("super().__init__()", "raise SystemExit('bye')", "got SystemExit: bye"),
    "not a module of torch": (
        "class Mine(torch.nn.Module):",
        "class Mine:\n    def named_parameters(self):\n        return [('weight_in', 0)]\n",
        "let the class inherit torch.nn.Module",
    ),
    "no input weights": (
        '    input_weights = ("weight_in",)',
        "",
        "expected Mine.input_weights to name some of ['weight_hh', 'weight_in', 'weight_out'], got None",
    ),
    "an input weight that does not exist": (
        '("weight_in",)',
        '("weight_ih",)',
        "got ('weight_ih',)",
    ),
    "weights from the global generator": (
        DRAW,
        "torch.randn(shape)",
        "got others in weight_in, weight_hh, weight_out: draw all of them from `generator`",
    ),
    "one weight from the global generator": (
        "self.weight_out = draw(n_outputs, units)",
        "self.weight_out = torch.nn.Linear(units, n_outputs).weight",
        "got others in weight_out",
    ),
    "a seed of its own": (
        DRAW,
        "torch.randn(shape, generator=torch.Generator().manual_seed(7))",
        "got the same ones for two seeds",
    ),
    "weights in double precision": (DRAW, f"{DRAW}.double()", "expected parameters of float32"),
    "a mask that is drawn and is no parameter": (
        "        self.noise =",
        "        self.mask = torch.randn(units, generator=generator) > 0\n        self.noise =",
        None,  # until it is used: see the next
    ),
    "a mask that is drawn, used, and in no checkpoint": (
        RETURN,
        "        states = states * self.scale\n" + RETURN,
        "a checkpoint keeps parameters alone",
        (
            "        self.noise =",
            "        self.scale = torch.rand(units, generator=generator)\n        self.noise =",
        ),
    ),
    "outputs alone": (RETURN, "        return self.readout(states)\n", "got Tensor"),
    "three values": (RETURN, "        return states, states, states\n", "got 3 values"),
    "a list": (
        RETURN,
        "        return [self.readout(states), states]\n",
        "expected forward to return (outputs, states), got list",
    ),
    "a tuple of states": (
        RETURN,
        "        return self.readout(states), (states, state)\n",
        "expected states (trial, time, unit) as one tensor, got tuple",
    ),
    "states instead of outputs": (
        RETURN,
        "        return states, states\n",
        "expected outputs (trial, time, output) = (2, 7, 3), got (2, 7, 6)",
    ),
    "the last output alone": (
        RETURN,
        "        return self.readout(state), states\n",
        "expected outputs (trial, time, output) = (2, 7, 3), got (2, 3)",
    ),
    "the last state alone": (
        RETURN,
        "        return self.readout(states), state\n",
        "expected states (trial, time, unit) = (2, 7, units), got (2, 6)",
    ),
    "time first in what is returned": (
        RETURN,
        "        states = states.transpose(0, 1)\n" + RETURN,
        "got (7, 2, 3): time is first",
    ),
    "time first in what is read": (
        "        state, states = self.initial_state(len(inputs)), []\n"
        "        for k in range(inputs.shape[1]):\n"
        "            state = self.step(state, inputs[:, k])\n",
        "        state, states = self.initial_state(inputs.shape[1]), []\n"
        "        for k in range(inputs.shape[0]):\n"
        "            state = self.step(state, inputs[k])\n",
        "expected each trial by itself",
        ("dim=1)\n        return", "dim=0)\n        return"),
    ),
    "a normalisation over trials": (
        RETURN,
        "        states = states - states.mean(0)\n" + RETURN,
        "is there a normalisation over trials?",
    ),
    "the mean over the whole trial": (
        RETURN,
        "        states = states - states.mean(1, keepdim=True)\n" + RETURN,
        "expected outputs and states that depend on earlier inputs alone",
    ),
    "a trial backwards": (
        "inputs[:, k]",
        "inputs[:, inputs.shape[1] - 1 - k]",
        "expected outputs and states that depend on earlier inputs alone",
    ),
    "outputs in half precision": (
        RETURN,
        "        return self.readout(states).half(), states\n",
        "expected finite outputs of float32, got float16",
    ),
    "states that are not finite": (
        RETURN,
        "        return self.readout(states), states / 0\n",
        "expected finite states of float32, got NaN or infinity",
    ),
    "inputs that are changed": (
        "        state, states =",
        "        inputs += 1\n        state, states =",
        "expected forward to leave its inputs as they are",
    ),
    "dropout": (
        RETURN,
        "        states = torch.nn.functional.dropout(states, 0.5)\n" + RETURN,
        "expected",
    ),
    "noise without a generator": (
        "            if generator is not None:\n                state = state + self.noise * torch.randn(state.shape, generator=generator)\n",
        "            state = state + 1e-3 * torch.randn(state.shape)\n",
        "expected",
    ),
    "noise that the generator does not determine": (
        "torch.randn(state.shape, generator=generator)",
        "torch.randn(state.shape)",
        "expected the same hidden noise from the same generator",
    ),
    "no noise although it is asked for": (
        "self.noise * torch",
        "0 * torch",
        "expected hidden noise in a run with a generator at noise = 0.1",
    ),
    "no generator taken": (
        "def forward(self, inputs, generator=None):",
        "def forward(self, inputs):",
        "expected a run with hidden noise, model(inputs, generator), got TypeError",
        ("if generator is not None", "if False"),
    ),
    "a state kept from one call to the next": (
        "        state, states = self.initial_state(len(inputs)), []",
        "        state, states = getattr(self, 'last', self.initial_state(len(inputs)))[:1], []",
        "expected",
        (
            "            states.append(state)",
            "            states.append(state)\n            self.last = state",
        ),
    ),
    "another method outputs": (
        "    def initial_state",
        "    def outputs(self, inputs, generator=None):\n        return 2 * self(inputs)[0]\n\n    def initial_state",
        "expected outputs(inputs, generator) to return the outputs of forward",
    ),
    "no gradient": (
        RETURN,
        "        return self.readout(states).detach(), states\n",
        "expected outputs that depend on the parameters by differentiable torch operations",
    ),
    "by way of numpy": (
        RETURN,
        "        states = torch.from_numpy(states.numpy())\n" + RETURN,
        "expected",
    ),
    "no gradient of the input weights": (
        "inputs @ self.weight_in.T",
        "inputs @ self.weight_in.T.detach()",
        "got no gradient of weight_in",
    ),
    "an error in the middle": (
        "        states = torch.stack",
        "        states = torch.tanh(3) + torch.stack",
        "(mine.py, line 25)",
    ),
}

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
# As for models; then settings of the task set, the window, a second replacement, and the task.
TASKS = {
    "an import that fails": ("import numpy", "import nunpy", "got ModuleNotFoundError"),
    "an environment without the mixin": (
        "class Mine(RuleTask, Louder):",
        "class Mine(Louder):",
        "got Mine, which is no RuleTask",
    ),
    "the mixin last": (
        "class Mine(RuleTask, Louder):",
        "class Mine(Louder, RuleTask):",
        "got Mine(Louder, RuleTask)",
    ),
    "the mixin alone": (
        "class Mine(RuleTask, Louder):",
        "class Mine(RuleTask):",
        "got Mine(RuleTask)",
    ),
    "unknown parameters": (
        "",
        "",
        "expected `parameters` among cues, levels, got tones: remove what Mine does not take",
        {"parameters": {"levels": [0.5, 1.0], "tones": 2}},
    ),
    "a parameter that is missing": (
        "",
        "",
        "missing 1 required positional argument",
        {"parameters": {}},
    ),
    "a period that the environment does not have": (
        "",
        "",
        "expected periods among fixation, stimulus, delay, decision in `timing`, got cue",
        {"timing": {"fixation": 100, "stimulus": 500, "delay": 0, "decision": 200, "cue": 100}},
    ),
    "a period without a duration": (
        "",
        "",
        "got KeyError: 'stimulus'",
        {"timing": {"fixation": 100, "delay": 0, "decision": 200}},
    ),
    "a window that is no period": ("", "", "expected `window` to name periods", {}, "tone"),
    "a window that varies": (
        "",
        "",
        "expected the comparison window stimulus to last equally long in all trials",
        {
            "timing": {
                "fixation": 100,
                "stimulus": {"choice": [200, 900]},
                "delay": 0,
                "decision": 200,
            }
        },
    ),
    "periods that the class does not state": (
        "class Mine(RuleTask, Louder):",
        "class Mine(RuleTask, Louder):\n    periods = ('fixation', 'stimulus', 'decision')",
        "got fixation, stimulus, delay, decision",
        {"timing": {"fixation": 100, "stimulus": 500, "decision": 200}},
        "stimulus",
        ("super().__init__(dt=dt)", "super().__init__(dt=dt); timing = {**timing, 'delay': 100}"),
    ),
    "periods in another order": (
        "class Mine(RuleTask, Louder):",
        "class Mine(RuleTask, Louder):\n    periods = ('stimulus', 'fixation', 'delay', 'decision')",
        "expected `periods` in the order of the trial",
    ),
    "decisions that are no period": (
        "class Mine(RuleTask, Louder):",
        "class Mine(RuleTask, Louder):\n    decisions = ('answer',)",
        "expected `decisions` to name periods",
    ),
    "channels without names": (", name=name)", ")", "with names of its channels"),
    "vector actions without a tolerance": (
        "spaces.Discrete(3)",
        "spaces.Box(-1, 1, shape=(2,))",
        "state `tolerance`",
    ),
    "no target": (
        "        self.set_groundtruth(trial['ground_truth'], 'decision')\n",
        "",
        "call self.set_groundtruth",
    ),
    "a target that is no action": (
        "set_groundtruth(trial['ground_truth']",
        "set_groundtruth(trial['ground_truth'] + 2",
        "expected actions from 0 to 2 as targets, got 0 to",
    ),
    "an opposite that is no action": (
        "return 3 - action",
        "return 1 - action",
        "is `opposite` right for every action",
        {},
        "stimulus",
        None,
        "Anti",
    ),
    "an opposite that is the answer itself": (
        "return 3 - action",
        "return 2 - action",
        "expected `opposite` to return another answer than it is given, got 1 of 1",
        {},
        "stimulus",
        None,
        "Anti",
    ),
    "an opposite that goes round": (
        "return 3 - action",
        "return (action + 1) % 3",
        "expected the opposite of the opposite to be the answer itself",
        {},
        "stimulus",
        None,
        "Anti",
    ),
    "names of other channels": (
        "'tone': [1, 2]}",
        "'tone': [2, 3]}",
        "expected a name for each of the channels 0 to 2",
    ),
    "a channel of two names": (
        "'tone': [1, 2]}",
        "'tone': [1, 2], 'extra': 2}",
        "expected a name for each of the channels 0 to 2",
    ),
    "no opposite": (
        "    def opposite(self, action):\n        return 3 - action\n",
        "",
        "NotImplementedError: a task set with anti tasks states what the opposite action is",
        {},
        "stimulus",
        None,
        "Anti",
    ),
    "no trial returned": ("        return trial\n", "", "got NoneType"),
    "numpy's global generator": (
        "self.rng.choice(self.levels)",
        "np.random.choice([0.25, 0.5, 0.75, 1, 2, 3, 4, 5])",
        "draw from self.rng",
    ),
    "nothing is drawn": (
        "self.rng.choice(self.choices), 'level': self.rng.choice(self.levels)",
        "1, 'level': 0.5",
        "got the same one of 20 seeds",
        {"input_noise": 0.0},
    ),
    "an ideal accuracy in percent": (
        "    def opposite",
        "    def ideal_accuracy(self, trial):\n        return 90.0\n\n    def opposite",
        "expected ideal_accuracy between 0 and 1, got 90.0",
    ),
    "inputs that are not finite": (
        "self.add_ob(trial['level']",
        "self.add_ob(np.nan * trial['level']",
        "expected finite inputs",
    ),
    "a request that is ignored": (
        UPDATE,
        "",
        "let _new_trial take over its keyword arguments before it makes the trial",
    ),
    "a request that is taken too late": (
        UPDATE,
        "",
        "got the same inputs and targets",
        {},
        "stimulus",
        ("        return trial\n", UPDATE + "        return trial\n"),
    ),
    "one factor that is ignored": (
        UPDATE,
        "        trial['ground_truth'] = kwargs.get('ground_truth', trial['ground_truth'])\n",
        "expected a trial of new_trial(ground_truth=1, level=0.5), got level=1.0",
    ),
    "a factor that is no variable": (
        "'level': self.levels}",
        "'loudness': self.levels}",
        "got the same inputs and targets",
    ),
    "a factor without levels": (
        "'level': self.levels}",
        "'level': []}",
        "expected levels of every factor of the evaluation trials, got none of level",
    ),
    "no choices": (
        "    def factors(self):\n        return {'ground_truth': self.choices, 'level': self.levels}\n",
        "",
        "AttributeError: 'Mine' object has no attribute 'choices'",
        {},
        "stimulus",
        (", self.choices = timing, levels, [1, 2]", " = timing, levels"),
    ),
    "nothing to score": (
        "    def opposite",
        "    def is_scored(self, trial):\n        return False\n\n    def opposite",
        "expected some trials of Basic with a right answer to score",
    ),
}

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
MEASURES = {
    "an error of syntax": ("        rows = []", "        rows = [", "SyntaxError"),
    "no represent": ("def represent", "def present", "got no represent"),
    "no compare_pairs": ("def compare_pairs", "def compare", "got no compare_pairs"),
    "no static methods": (
        "    @staticmethod\n    def represent(",
        "    def represent(self, ",
        "static methods",
    ),
    "a similarity": (VALUE, VALUE + "            value = 2 - value\n", "is it a similarity?"),
    "no dissimilarity": ('"dissimilarity"', '"distance"', "got distance, status"),
    "no status": (', "status": "converged"', "", "got dissimilarity"),
    "a status that is no text": ('"converged"', "True", "got True"),
    "numbers for rows": (
        'rows.append({"dissimilarity": value, "status": "converged"})',
        "rows.append(float(value))",
        "got float",
    ),
    "an array": ('"dissimilarity": value', '"dissimilarity": np.array([value])', "got ndarray"),
    "a complex number": ('"dissimilarity": value', '"dissimilarity": value + 0j', "got complex"),
    "NaN for a system with itself": (
        VALUE,
        VALUE + "            value = value / value\n",
        "expected a finite dissimilarity of a system and itself, got nan",
    ),
    "infinity": (
        VALUE,
        VALUE + "            value = value if i == j else np.inf\n",
        "expected a finite dissimilarity of two systems, got inf",
    ),
    "negative": (
        VALUE,
        VALUE + "            value = value - 10\n",
        "expected a dissimilarity of at least 0, got -10",
    ),
    "a row too few": (
        "        return rows",
        "        return rows[1:]",
        "expected a row for each of 6 pairs, got 5",
    ),
    "one row per system": ("in pairs:", "in pairs[:3]:", "got 3"),
    "nothing": ("        return rows", "        pass", "got TypeError"),
    "an asymmetric one": (
        VALUE,
        VALUE + "            value = value * (1 + (i < j))\n",
        "expected the same dissimilarity of (a, b) and (b, a)",
    ),
    "states that are changed": (
        "        flat = flat - flat.mean(axis=0)\n",
        "        flat -= flat.mean(axis=0)\n",
        "expected represent to leave its states as they are",
    ),
    "representations that are changed": (
        VALUE,
        VALUE + "            representations[i] *= 1.1\n",
        "expected",
    ),
    "numbers drawn without the seed": (
        VALUE,
        VALUE + "            value = value * (1 + 1e-3 * np.random.default_rng().random())\n",
        "draw from numpy.random.default_rng(seed)",
    ),
    "numbers drawn in represent": (
        "        return kernel /",
        "        kernel = kernel + 1e-3 * np.random.normal(size=kernel.shape)\n        return kernel /",
        "expected represent to return the same from the same states",
    ),
    "systems of other numbers of units": (
        "        kernel = flat @ flat.T\n        return kernel / np.linalg.norm(kernel)",
        "        return flat.T @ flat",
        "also of systems with other numbers of units, got ValueError",
    ),
    "inputs that the entry does not ask for": (
        "class Mine:\n",
        "class Mine:\n    NEEDS_INPUTS = True\n",
        "say `needs_inputs: true`",
    ),
    "an unknown setting": (
        VALUE,
        VALUE + "            settings['power']\n",
        "got KeyError: 'power'",
    ),
}


def replaced(text, *changes):
    for old, new in filter(None, changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return a function that writes a plug-in and returns its name in a configuration."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:Mine"

    return write


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


def test_good_plugins_pass(written, task_settings):
    assert model_fault(written(MODEL), task_settings) is None
    for task in ("Basic", "Anti", "DelayResponse"):
        assert task_fault(written(TASK), task_settings, task=task) is None
    assert measure_fault(written(MEASURE)) is None


LEAKY = {"activation": "relu", "init": "orthogonal", "gain": 1.0, "tau": 200.0, **ARCHITECTURE}
MAMBA = {
    "d_model": 4,
    "d_state": 2,
    "d_conv": 3,
    "expand": 2,
    "n_layers": 2,
    "final_norm": True,
    "layer": None,
}


@pytest.mark.parametrize(
    ("model", "n_outputs", "settings"),
    [
        ("leaky_rnn", 3, LEAKY),
        ("leaky_gru", 3, LEAKY),
        ("ei_rnn", 1, LEAKY),
        ("static_mlp", 1, LEAKY),
        ("mamba", 3, MAMBA),
        ("current_rnn", 3, LEAKY),
        ("low_rank_rnn", 3, {**LEAKY, "parameters": {"rank": 2}}),
        *(
            (name, 3, {**LEAKY, "noise": 0.0})
            for name in ("rnn", "gru", "lstm", "gru_cell", "lstm_cell")
        ),
    ],
)
def test_models_of_the_package_pass(model, n_outputs, settings):
    check_model({"model": model, **settings}, n_inputs=3, n_outputs=n_outputs, dt=100.0)


@pytest.mark.parametrize("measure", ["cka", "cka_debiased", "procrustes", "dsa"])
def test_measures_of_the_package_pass(measure):
    dsa = {
        "n_delays": 2, "delay_interval": 1, "rank": 3, "ridge": 0.0, "score": "angle", "strict": False,
        "solver": "newton", "max_starts": 4, "bound": "auto", "rank_tolerance": None, "iterations": 10, "lr": 0.1,
    }  # fmt: skip
    assert measure_fault(measure, **(dsa if measure == "dsa" else {})) is None


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_breaks_its_interface_is_refused(case, written, task_settings):
    old, new, message, *more = MODELS[case]
    fault = model_fault(written(replaced(MODEL, (old, new), *more)), task_settings)
    assert (fault is None) if message is None else (message in str(fault)), fault


@pytest.mark.parametrize("case", TASKS)
def test_a_task_set_that_breaks_its_interface_is_refused(case, written, task_settings):
    old, new, message, *more = TASKS[case]
    changes, window, change, task = (*more, *({}, "stimulus", None, "Basic")[len(more) :])
    name = written(replaced(TASK, (old, new) if old else None, change))
    assert message in str(task_fault(name, task_settings, changes, window, task))


def test_a_measure_gets_the_inputs_and_conditions_that_it_needs(written):
    needs = "class Mine:\n    NEEDS_INPUTS = NEEDS_CONDITIONS = True\n"
    asks = "settings, inputs, conditions):\n        assert len(inputs) == len(states) == len(conditions)\n"
    name = written(replaced(MEASURE, ("class Mine:\n", needs), ("settings):\n", asks)))
    check_measure({"measure": name}, n_trials=6, n_steps=10, needs_inputs=True)
    with pytest.raises(ContractError, match="say `needs_inputs: false`"):
        check_measure({"measure": written(MEASURE, "other.py")}, 6, 10, needs_inputs=True)


@pytest.mark.parametrize("case", MEASURES)
def test_a_measure_that_breaks_its_interface_is_refused(case, written):
    old, new, message = MEASURES[case]
    assert message in str(measure_fault(written(replaced(MEASURE, (old, new)))))


# --- environments of neurogym ---------------------------------------------------------------------------

CHOICES = {
    "ContextDecisionMaking": {},
    "DelayComparison": {},
    "DelayMatchSample": {},
    "IntervalDiscrimination": {"ground_truth": [1, 2]},
    "ProbabilisticReasoning": {"ground_truth": [0, 1]},
    "DualDelayMatchSample": {"ground_truth": [1, 2]},
    "AntiReach": {},
}
"""Environments of neurogym, and the levels that a user may ask of them; of those without, its choices."""
IGNORED = {
    "IntervalDiscrimination": "let _new_trial take over its keyword arguments",
    "ProbabilisticReasoning": "let _new_trial take over its keyword arguments",
    "DualDelayMatchSample": "got the same inputs and targets",
    "AntiReach": "expected an environment without an attribute `anti`",
}


@pytest.mark.parametrize("name", CHOICES)
def test_environments_of_neurogym_do_what_they_are_asked_or_are_refused(
    name, written, task_settings
):
    module = importlib.import_module(f"neurogym.envs.native.{name.lower()}")
    environment = getattr(module, name)()
    environment.seed(1)
    environment.new_trial()
    periods = sorted(environment.start_ind, key=lambda period: environment.start_ind[period])
    factors = f"    factors = lambda self: {CHOICES[name]}\n" if CHOICES[name] else ""
    plugin = written(
        f"from neurogym.envs.native.{name.lower()} import {name}\n"
        "from warpline.tasks.base import RuleTask\n\n\n"
        f"class Mine(RuleTask, {name}):\n"
        f"    periods = {tuple(periods)}\n    decisions = {(periods[-1],)}\n    stimulus = {periods[1]!r}\n"
        + factors
    )
    timing = dict.fromkeys(periods, 300)
    changes = {"timing": timing, "parameters": {}, "rules": ["Basic"]}
    fault = task_fault(plugin, task_settings, changes, window=periods[1])
    assert IGNORED[name] in fault if name in IGNORED else fault is None, fault


# --- analyses -------------------------------------------------------------------------------------------

EXPERIMENT = """
class Mine:
    @staticmethod
    def analyse(network, settings):
        return None
"""
SILU = ("torch.tanh(drive)", "torch.nn.functional.silu(drive)")
# Replacements in the model; how often it is differentiated; other arguments; a part of the message.
ANALYSES = {
    "no steps": (
        [("def step(", "def steps("), ("self.step(", "self.steps(")],
        {},
        "has no step: see",
    ),
    "no readout": (
        [("def readout", "def read"), ("self.readout(", "self.read(")],
        {},
        "has no readout",
    ),
    "weights that the model lacks": (
        [],
        {"weights": ["weight_hh", "weight_ho"]},
        "expected a model with the parameters weight_hh, weight_ho, which experiment decision reads, got "
        "weight_in, weight_hh, weight_out",
    ),
    "a step that is no function of torch": (
        [("torch.tanh(drive)", "torch.from_numpy(drive.numpy())")],
        {},
        "expected",
    ),
    "a step with a jump": (
        [("torch.tanh(drive)", "torch.round(16 * drive) / 16")],
        {},
        "differentiable torch operations",
    ),
    "a step that hides its state": (
        [("state @ self.weight_hh.T", "state.detach() @ self.weight_hh.T")],
        {},
        "differentiable torch operations",
    ),
    "a step that torch differentiates once": ([SILU], {"derivatives": 2}, "twice, for curvature"),
    "a derivative that is infinite": (
        [("torch.tanh(drive)", "torch.tanh(state).abs().sqrt()")],
        {},
        "expected",
    ),
    "another step than in forward": (
        [
            (
                "        states = torch.stack(states, dim=1)",
                "        states = 2 * torch.stack(states, dim=1)",
            )
        ],
        {},
        "expected the same outputs (readout) from step() as from forward()",
    ),
    "another hidden state than in forward": (
        [
            (
                "def hidden(self, state):\n        return state",
                "def hidden(self, state):\n        return state**2",
            )
        ],
        {},
        "expected the same states (hidden) from step() as from forward()",
    ),
    "a step that draws": (
        [
            (
                "        return state + 0.5",
                "        return 1e-2 * torch.randn_like(state) + state + 0.5",
            )
        ],
        {},
        "expected the same outputs",
    ),
    "two coordinates": ([], {"n_coordinates": 2}, "expected inputs with 2 coordinates"),
    "a duration that varies": ([], {"timing": {}}, "expected one duration of delay"),
    "a period that is none": ([], {"timing": {"delay": 300, "cue": 100}}, "got cue"),
    "a task without coordinates": (
        [],
        {"env": "go_nogo"},
        "whose stimulus is a smooth function of some kappa",
    ),
    "a model that cannot be built": (
        [("self.noise = settings", "self.noise = setting")],
        {},
        "NameError",
    ),
}


def analysis_fault(written, task_settings, changes=(), experiment="decision", **arguments):
    env = arguments.pop("env", "perceptual_decision")
    settings = {
        "analysis": "name",
        "experiment": experiment,
        "taskset": task_settings(env=env, task="DelayResponse"),
        "task": "DelayResponse",
        "timing": arguments.pop("timing", {"delay": 300}),
        "architecture": {**ARCHITECTURE, "model": written(replaced(MODEL, *changes))},
    }
    needs = {"derivatives": 1, "weights": [], "n_coordinates": 1, **arguments}
    return try_plugin("analysis", {"settings": settings, **needs})


@pytest.mark.parametrize("derivatives", [0, 1, 2])
def test_a_network_that_an_analysis_can_differentiate_passes(derivatives, written, task_settings):
    assert analysis_fault(written, task_settings, derivatives=derivatives) is None
    assert derivatives == 2 or not analysis_fault(
        written, task_settings, [SILU], derivatives=derivatives
    )


@pytest.mark.parametrize("case", ANALYSES)
def test_a_network_that_an_analysis_cannot_use_is_refused(case, written, task_settings):
    changes, arguments, message = ANALYSES[case]
    assert message in str(analysis_fault(written, task_settings, changes, **arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("def analyse", "def analyze"), "got none"),
        (
            ("    @staticmethod\n    def analyse(", "    def analyse(self, "),
            "got analyse(self, network, settings)",
        ),
        (("network, settings)", "network)"), "got analyse(network)"),
        (("class Mine", "import no_such_module\n\nclass Mine"), "no_such_module"),
    ],
)
def test_an_experiment_that_cannot_be_called_is_refused(change, message, written, task_settings):
    name = written(replaced(EXPERIMENT, change), "experiment.py")
    fault = analysis_fault(written, task_settings, experiment=name, derivatives=0)
    assert message in str(fault)


def test_needs_of_the_experiments_are_what_their_code_reads(project):
    """Each experiment states the parameters and derivatives that occur in its modules."""
    texts = {
        name: "".join(
            path.read_text() for path in (project / "src/warpline/analyses").glob(f"{name}*.py")
        )
        for name in EXPERIMENTS
    }
    for name, experiment in EXPERIMENTS.items():
        read = set(re.findall(r'\["(weight_\w+)"\]', texts[name]))
        assert read == set(experiment.weights), name
        assert (experiment.derivatives == 2) == ("state_map(" in texts[name]), name
        counts = set(re.findall(r"network\.input_manifold\((\d)", texts[name]))
        assert counts == ({str(experiment.n_coordinates)} if experiment.n_coordinates else set())


@pytest.mark.parametrize("name", plugins.available("tasks"))
def test_parameters_of_a_task_set_are_those_that_its_environment_takes(name):
    task_class = plugins.load("tasks", name).TaskSet
    set_by_others = {"task", "rules", "anti", "delay", "timing", "dt", "input_noise", "sigma"}
    if name in ("sequence_memory", "one_go_memory"):
        set_by_others.add("tolerance")  # which follows from tolerance_degrees
    assert set(task_class.parameters) == accepted_parameters(task_class) - set_by_others


def test_modules_beside_a_user_s_file_are_imported_and_are_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(
            "from beside_mine import WHERE\nclass Mine:\n    where = WHERE\n"
        )
        (tmp_path / name / "beside_mine.py").write_text(f"WHERE = {name!r}\n")
    one, two = (f"{tmp_path / name / 'mine.py'}:Mine" for name in ("one", "two"))
    assert plugins.load("models", one).where == "one"
    assert plugins.load("models", one).where == "one"
    with pytest.raises(
        ImportError, match=r"two/beside_mine\.py and .*one/beside_mine\.py.*rename one"
    ):
        plugins.load("models", two)
    del sys.modules["beside_mine"]
    sys.path.remove(str(tmp_path / "one"))
    assert plugins.load("models", two).where == "two"
    del sys.modules["beside_mine"]


# --- in a process of their own --------------------------------------------------------------------------


def test_a_plugin_that_hangs_crashes_or_ends_is_named_and_the_others_go_on(
    raw_config, written, tmp_path, monkeypatch, capfd
):
    bodies = {
        "good": "",
        "forks": "        import os; os.fork()\n",
        "hangs": "        while True: pass\n",
        "sleeps": "        import time; time.sleep(600)\n",
        "crashes": "        import ctypes; ctypes.string_at(0)\n",
        "exits": "        import os; os._exit(3)\n",
        "prints": "        print('noise', flush=True)\n",
        "prints_bytes": "        import os; os.write(1, bytes([255])); os.write(2, bytes([255]))\n",
        "exits_with_bytes": "        import os; os.write(2, bytes([255])); os._exit(4)\n",
        "leaves_a_process": (
            "        import pathlib, subprocess\n"
            f"        left = pathlib.Path({str(tmp_path / 'left')!r})\n"
            "        if not left.exists():\n"
            "            left.write_text(str(subprocess.Popen(['sleep', '300']).pid))\n"
        ),
        "has_no_alarm": "        import signal, time; signal.setitimer(0, 0); time.sleep(600)\n",
    }
    raw_config["architectures"] = {
        name: {
            "model": written(
                replaced(MODEL, ("        units = settings", body + "        units = settings")),
                f"{name}.py",
            ),
            "units": 6,
        }
        for name, body in bodies.items()
    }
    raw_config["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": list(bodies), "curricula": ["master"]}
    ]
    raw_config["run"]["warping"] = []
    raw_config["warping"] = {}
    pipeline = Pipeline(Plan(load(raw_config)))
    passed = tmp_path / "kept" / "passed"
    monkeypatch.setattr(plugin_check, "STARTING", 10.0)
    faults = plugin_faults(pipeline, passed, seconds=3)
    # What a plug-in leaves running is not waited for: it is there still.
    os.kill(int((tmp_path / "left").read_text()), signal.SIGTERM)
    messages = {fault.split(" ")[0]: fault for fault in faults}
    fine = ("good", "forks", "prints", "prints_bytes", "leaves_a_process")
    assert set(messages) == {f"architectures.{name}" for name in bodies if name not in fine}
    assert "expected an answer within 3 s, got none" in messages["architectures.hangs"]
    assert "expected an answer within 3 s, got none" in messages["architectures.sleeps"]
    assert "ended with SIGSEGV" in messages["architectures.crashes"]
    assert "ended (3)" in messages["architectures.exits"]
    assert "ended (4)" in messages["architectures.exits_with_bytes"]
    assert "expected an answer within 3 s" in messages["architectures.has_no_alarm"]
    assert "noise" not in capfd.readouterr().out

    # What passed is not tried again, until its code changes.
    tried = []

    def run(checks, seconds):
        tried.extend(check.place.split(" ")[0].removeprefix("architectures.") for check in checks)
        return [None] * len(checks), ""

    monkeypatch.setattr(plugin_check, "_run", run)
    bad = [name for name in bodies if name not in fine]
    assert plugin_faults(pipeline, passed) == [] and tried == bad
    tried.clear()
    assert plugin_faults(pipeline, passed) == [] and tried == []
    good = tmp_path / "good.py"
    good.write_text(good.read_text().replace("0.5 *", "0.25 *"))
    # Files are parsed once a process.
    for cached in (reachable_modules.parse, live_code._facts, live_code._unit):
        cached.cache_clear()
    assert plugin_faults(pipeline, passed) == [] and tried == ["good"]
    assert plugin_faults(pipeline, Path("/proc/none/passed")) == []


def test_check_says_what_is_wrong(tmp_path, monkeypatch, capsys, written, project):
    name = written(replaced(MODEL, (DRAW, "torch.randn(shape)")))
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        f"architectures: {{mine: {{model: '{name}', units: 6}}}}\n"
        "run: {grid: [{tasksets: [PDM], architectures: [mine], curricula: [master]}]}\n"
    )
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["warpline", "check", str(mine)])
    assert main() == 1
    error = capsys.readouterr().err
    assert (
        f"architectures.mine ({name}): expected the same weights from the same generator" in error
    )
