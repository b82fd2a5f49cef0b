"""Networks and experiments that an analysis cannot use are refused: what was expected, got, to do."""

from __future__ import annotations

import re

import pytest
from plugin_texts import (
    ARCHITECTURE,
    MODEL,
    replaced,
)

from warpline.pipeline.config.analyses import EXPERIMENTS
from warpline.pipeline.plugin_process import try_plugin

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
