"""Task sets that do not keep their interface are refused: what was expected, got, to do."""

from __future__ import annotations

import importlib

import pytest
from plugin_texts import (
    TASK,
    UPDATE,
    replaced,
    task_fault,
)

from warpline.core import plugins
from warpline.tasks.taskset_check import accepted_parameters

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
    "noise of the environment that the class does not state": (
        "timing, levels, [1, 2]",
        "timing, levels, [1, 2]; self.sigma = 0.3",
        "expected `adds_noise = True` of a class whose environment adds noise by itself (sigma = 0.3)",
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
    "an answer that is due and not trained": (
        "    def opposite",
        "    unasked = ('delay', 'decision')\n\n    def opposite",
        "expected `unasked` without the periods of `decisions`, in which an answer is due and is trained, got "
        "decision in both",
    ),
    "a variable with the name of a mask": (
        "        return trial\n",
        "        trial['valid'] = 1\n        return trial\n",
        "expected trial variables of other names than the arrays of the trials, got valid",
    ),
    "a variable with the name of the design": (
        "        return trial\n",
        "        trial['condition'] = 1\n        return trial\n",
        "expected trial variables of other names than the arrays of the trials, got condition",
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


@pytest.mark.parametrize("case", TASKS)
def test_a_task_set_that_breaks_its_interface_is_refused(case, written, task_settings):
    old, new, message, *more = TASKS[case]
    changes, window, change, task = (*more, *({}, "stimulus", None, "Basic")[len(more) :])
    name = written(replaced(TASK, (old, new) if old else None, change))
    assert message in str(task_fault(name, task_settings, changes, window, task))


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
        f"    adds_noise = {hasattr(environment, 'sigma')}\n" + factors
    )
    timing = dict.fromkeys(periods, 300)
    changes = {"timing": timing, "parameters": {}, "rules": ["Basic"]}
    fault = task_fault(plugin, task_settings, changes, window=periods[1])
    assert IGNORED[name] in fault if name in IGNORED else fault is None, fault


@pytest.mark.parametrize("name", plugins.available("tasks"))
def test_parameters_of_a_task_set_are_those_that_its_environment_takes(name):
    task_class = plugins.load("tasks", name).TaskSet
    set_by_others = {"task", "rules", "anti", "delay", "timing", "dt", "input_noise", "sigma"}
    if name in ("sequence_memory", "one_go_memory"):
        set_by_others.add("tolerance")  # which follows from tolerance_degrees
    assert set(task_class.parameters) == accepted_parameters(task_class) - set_by_others
