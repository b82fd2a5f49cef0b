"""Models that do not keep their interface are refused: what was expected, got, to do."""

from __future__ import annotations

import pytest
from plugin_texts import (
    ARCHITECTURE,
    DRAW,
    MODEL,
    RETURN,
    model_fault,
    replaced,
)

from warpline.models.model_check import check_model

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
    "a parameter that is not to learn": (
        "        self.noise = settings",
        "        self.weight_hh.requires_grad_(False)\n        self.noise = settings",
        "got requires_grad=False of weight_hh, which would be trained all the same",
    ),
    "something else in evaluation mode": (
        RETURN,
        "        states = states if self.training else 2 * states\n" + RETURN,
        "expected the same outputs and states in training and in evaluation mode",
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


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_breaks_its_interface_is_refused(case, written, task_settings):
    old, new, message, *more = MODELS[case]
    fault = model_fault(written(replaced(MODEL, (old, new), *more)), task_settings)
    assert (fault is None) if message is None else (message in str(fault)), fault
