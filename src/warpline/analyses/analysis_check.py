"""What an analysis asks of a network, tried on an untrained one before networks are trained."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from warpline.analyses.task_inputs import input_manifold
from warpline.core.plugins import ContractError, calling, load
from warpline.geometry.derivatives.dynamics import dynamics_of
from warpline.geometry.derivatives.sensitivity import tangents
from warpline.models.base import build_model
from warpline.tasks.base import RuleTask
from warpline.tasks.trials import make_environment

__all__ = ["check_analysis"]

POINTS = 2
STEPS = 20
"""Steps of a trial over which the model is held against its own steps."""


def check_analysis(
    settings: Mapping[str, Any],
    derivatives: int,
    weights: Sequence[str],
    n_coordinates: int | None,
) -> None:
    """Make sure that an untrained network has what an analysis reads, and can be differentiated.

    Parameters
    ----------
    settings : mapping
        Of the job (`warpline.analyses.trained_network.Network`).
    derivatives : int
        How often the network's step is differentiated: 0, 1 or 2.
    weights : sequence of str
        Parameters that the analysis reads.
    n_coordinates : int or None
        Number of coordinates that the analysis is made for.

    Raises
    ------
    ContractError
        At the first fault: what was expected, what was got, and what to do.
    """
    _check_experiment(settings["experiment"])
    taskset, architecture = settings["taskset"], settings["architecture"]
    with calling(f"the environment of {settings['task']}"):
        environment = make_environment(taskset, settings["task"])
    with calling("a model"):
        model = build_model(
            architecture,
            len(environment.channel_names()),
            environment.n_outputs,
            float(taskset["dt"]),
            seed=1,
        )
    names = [name for name, _ in model.named_parameters()]
    missing = [name for name in weights if name not in names]
    if missing:
        raise ContractError(
            f"expected a model with the parameters {', '.join(weights)}, which experiment "
            f"{settings['experiment']} reads, got {', '.join(names)} (model {architecture['model']}): "
            "choose another architecture, or give the parameters these names"
        )
    if derivatives:
        _check_derivatives(model, environment, settings, derivatives, n_coordinates)


def _check_experiment(name: str) -> None:
    with calling("a file that can be imported"):
        experiment = load("analyses", name)
    analyse = getattr(experiment, "analyse", None)
    try:
        inspect.signature(analyse).bind(None, None)  # type: ignore[arg-type]
    except TypeError:
        got = f"analyse{inspect.signature(analyse)}" if callable(analyse) else "none"
        raise ContractError(
            f"expected a function analyse(network, settings), got {got}: "
            "in a class, make it a static method"
        ) from None


def _check_derivatives(
    model: nn.Module,
    environment: RuleTask,
    settings: Mapping[str, Any],
    order: int,
    n_coordinates: int | None,
) -> None:
    """Differentiate the states after a trial once or twice, as the analysis will."""
    # One value of each condition, such as a context, stands for all.
    with calling("the task's inputs as a function of kappa"):
        levels = environment.factors() if environment.conditions else {}
        condition = {name: levels[name][0] for name in environment.conditions}
        inputs = input_manifold(environment, settings["timing"], **condition)
    if n_coordinates is not None and len(inputs.coordinates) != n_coordinates:
        raise ContractError(
            f"expected inputs with {n_coordinates} coordinate{'s' * (n_coordinates > 1)} for experiment "
            f"{settings['experiment']}, got {len(inputs.coordinates)} ({', '.join(inputs.names)}) of task "
            f"set {settings['taskset']['name']}: choose another task set or experiment"
        )
    kappa = inputs.grid(*[3] * len(inputs.coordinates))[:POINTS]
    name = type(model).__name__
    with calling(f"a model {name} that can be taken a step at a time"):
        shown = torch.stack([inputs(kappa, k) for k in range(min(STEPS, inputs.n_steps))], dim=1)
        _check_steps(model.double(), shown)
    times = "once" if order == 1 else "twice, for curvature or geodesics"
    with calling(f"a step of {name} that can be differentiated {times}"):
        result = tangents(model, inputs, kappa, at=[inputs.n_steps], second=order == 2)
    derivatives = [result.vectors] if result.second is None else [result.vectors, result.second]
    if not all(bool(torch.isfinite(tensor).all()) for tensor in derivatives):
        raise ContractError(
            f"expected finite derivatives of the states of {name}, got NaN or infinity: is there a root, "
            "a division or a norm at 0 in its step?"
        )


@torch.no_grad()
def _check_steps(model: nn.Module, inputs: Tensor) -> None:
    """Hold the model, run on inputs (trial, time, channel), against its own steps."""
    dynamics = dynamics_of(model)
    assert dynamics.readout is not None
    state = dynamics.initial(len(inputs))
    outputs, states = [], []
    for inputs_of_step in inputs.unbind(1):
        state = dynamics.step(state, inputs_of_step)
        outputs.append(dynamics.readout(state))
        states.append(dynamics.observe(state))
    for name, stepped, run in zip(
        ("outputs (readout)", "states (hidden)"),
        (torch.stack(outputs, dim=1), torch.stack(states, dim=1)),
        model(inputs),
        strict=True,
    ):
        if stepped.shape != run.shape or not torch.allclose(stepped, run, rtol=1e-5, atol=1e-6):
            got = f"shapes {tuple(stepped.shape)} and {tuple(run.shape)}"
            if stepped.shape == run.shape:
                got = f"a difference of {float((stepped - run).abs().max()):.3g}"
            raise ContractError(
                f"expected the same {name} from step() as from forward() without noise, got {got}"
            )
