"""A model's interface, tried on two trials before a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from warpline.core.plugins import ContractError, calling
from warpline.models.base import build_model, outputs_of

__all__ = ["check_model"]

TRIALS, STEPS = 2, 7
RTOL, ATOL = 1e-4, 1e-5
"""Rounding of float32 that another batch size may cause."""


def check_model(settings: Mapping[str, Any], n_inputs: int, n_outputs: int, dt: float) -> None:
    """Build a model and run it on two trials; see `warpline.models.base.Model` for what is asked of it.

    Parameters
    ----------
    settings, n_inputs, n_outputs, dt
        As `warpline.models.base.build_model`.

    Raises
    ------
    ContractError
        At the first fault: what was expected, what was got, and what to do.
    """
    model, other = _built(settings, n_inputs, n_outputs, dt)
    inputs = torch.randn(TRIALS, STEPS, n_inputs, generator=torch.Generator().manual_seed(1))
    outputs, states = _run(model, inputs, n_outputs)
    _check_parameters(model, other, inputs)
    _check_independence(model, inputs, outputs, states)
    _check_noise(model, inputs, outputs, states, settings.get("noise") or 0.0)
    _check_gradients(model, inputs)


def _built(
    settings: Mapping[str, Any], n_inputs: int, n_outputs: int, dt: float
) -> list[nn.Module]:
    """Return the models of two seeds, after holding builds against each other."""
    expected = "Class(n_inputs, n_outputs, dt, settings, generator) to make a torch.nn.Module"
    models, weights = [], []
    for seed in (1, 1, 2):
        with calling(expected):
            model = build_model(settings, n_inputs, n_outputs, dt, seed)
        if not isinstance(model, nn.Module):
            raise ContractError(
                f"{expected}, got {type(model).__name__}: let the class inherit torch.nn.Module"
            )
        models.append(model)
        weights.append({name: value.detach() for name, value in model.named_parameters()})
    first, again, other = weights
    different = [name for name in first if not _equal(first[name], again.get(name))]
    if different:
        raise ContractError(
            f"expected the same weights from the same generator, got others in {', '.join(different)}: "
            "draw all of them from `generator`, as in torch.randn(shape, generator=generator)"
        )
    if all(_equal(value, other.get(name)) for name, value in first.items()):
        raise ContractError(
            "expected initial weights that depend on `generator`, got the same ones for two seeds: "
            "draw them from `generator`, as in torch.randn(shape, generator=generator)"
        )
    wrong = [
        f"{name} {str(p.dtype).removeprefix('torch.')}"
        for name, p in models[0].named_parameters()
        if p.dtype != torch.float32
    ]
    if wrong:
        raise ContractError(
            f"expected parameters of float32, got {', '.join(wrong)}: convert them with .float()"
        )
    fixed = [name for name, p in models[0].named_parameters() if not p.requires_grad]
    if fixed:
        raise ContractError(
            "expected parameters that can learn, because the curriculum says which do, got "
            f"requires_grad=False of {', '.join(fixed)}, which would be trained all the same: make what is "
            "fixed a buffer, the same for all seeds"
        )
    return models[1:]


def _equal(a: Tensor, b: Tensor | None) -> bool:
    return b is not None and a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def _run(model: nn.Module, inputs: Tensor, n_outputs: int) -> tuple[Tensor, Tensor]:
    """Return outputs and states of some trials, after checking what they are."""
    n_trials, n_steps, n_channels = inputs.shape
    before = inputs.clone()
    with (
        calling(f"outputs and states of inputs ({n_trials}, {n_steps}, {n_channels})"),
        torch.no_grad(),
    ):
        result = model(inputs)
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise ContractError(f"expected forward to return (outputs, states), got {got}")
    layout = {"outputs": "(trial, time, output)", "states": "(trial, time, unit)"}
    for name, value in zip(layout, result, strict=True):
        if not isinstance(value, Tensor):
            raise ContractError(
                f"expected {name} {layout[name]} as one tensor, got {type(value).__name__}: return the "
                "tensor alone (torch.nn.LSTM and its like return tuples of tensors)"
            )
        size = n_outputs if name == "outputs" else "units"
        shape = tuple(value.shape)
        fits = len(shape) == 3 and shape[:2] == (n_trials, n_steps)
        if not fits or (name == "outputs" and shape[2] != n_outputs):
            hint = ""
            if shape[:2] == (n_steps, n_trials):
                hint = ": time is first; transpose(0, 1), or batch_first=True"
            raise ContractError(
                f"expected {name} {layout[name]} = ({n_trials}, {n_steps}, {size}), got {shape}{hint}"
            )
        if value.dtype != inputs.dtype or not bool(torch.isfinite(value).all()):
            got = str(value.dtype).removeprefix("torch.")
            got = f"{got}" if value.dtype != inputs.dtype else "NaN or infinity"
            raise ContractError(f"expected finite {name} of float32, got {got}")
    if not torch.equal(inputs, before):
        raise ContractError(
            "expected forward to leave its inputs as they are, got changed ones: work on a copy"
        )
    outputs, states = result
    return outputs, states


@torch.no_grad()
def _check_parameters(model: nn.Module, other: nn.Module, inputs: Tensor) -> None:
    """Refuse a network that is more than its parameters, which are all that a checkpoint keeps."""
    for mine, theirs in zip(other.parameters(), model.parameters(), strict=True):
        mine.copy_(theirs)
    if not _close(other(inputs), model(inputs)):
        raise ContractError(
            "expected outputs and states that the parameters determine, got others from the model of "
            "another seed with the same parameters: a checkpoint keeps parameters alone; make what is "
            "drawn a torch.nn.Parameter, or the same for all seeds"
        )


def _check_independence(model: nn.Module, inputs: Tensor, outputs: Tensor, states: Tensor) -> None:
    """Refuse a model that mixes trials, or whose states depend on later inputs."""
    expected = outputs.shape[2]
    alone = _run(model, inputs[1:].clone(), expected)
    if not _close(alone, (outputs[1:], states[1:])):
        raise ContractError(
            "expected each trial by itself, got other outputs or states of trial 2 when it is run "
            "without trial 1: is time taken for the first dimension (batch_first=True), or is "
            "there a normalisation over trials?"
        )
    shorter = _run(model, inputs[:, :-2].clone(), expected)
    if not _close(shorter, (outputs[:, :-2], states[:, :-2])):
        raise ContractError(
            "expected outputs and states that depend on earlier inputs alone, got others when the last "
            "two steps are left out: shorter trials are padded with zeros, which must not change them"
        )


def _close(run: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> bool:
    return all(
        a.shape == b.shape and torch.allclose(a, b, rtol=RTOL, atol=ATOL)
        for a, b in zip(run, expected, strict=True)
    )


@torch.no_grad()
def _check_noise(
    model: nn.Module, inputs: Tensor, outputs: Tensor, states: Tensor, noise: float
) -> None:
    """Refuse noise without a generator, noise that it does not determine, and noise that is missing."""
    if not _close(model(inputs), (outputs, states)):
        raise ContractError(
            "expected a run without `generator` to be noise-free, got two that differ: turn dropout off, "
            "draw noise only where there is a generator, and keep no state between calls"
        )
    with calling("a run with hidden noise, model(inputs, generator)"):
        noisy = [model(inputs, torch.Generator().manual_seed(2)) for _ in range(2)]
    if not _close(noisy[0], noisy[1]):
        raise ContractError(
            "expected the same hidden noise from the same generator, got two runs that differ: draw it "
            "from `generator`, as in torch.randn(shape, generator=generator)"
        )
    if noise > 0 and torch.equal(noisy[0][1], states):
        raise ContractError(
            f"expected hidden noise in a run with a generator at noise = {noise:g}, got the states of a run "
            "without: use settings['noise'], or set noise: 0"
        )
    with calling("outputs and states in evaluation mode, model.eval()"):
        evaluated = model.eval()(inputs)
    model.train()
    if not _close(evaluated, (outputs, states)):
        raise ContractError(
            "expected the same outputs and states in training and in evaluation mode, in which networks are "
            "analysed, got others: let forward do the same in both, without running statistics"
        )
    with calling("outputs(inputs, generator) to return the outputs (trial, time, output)"):
        alone = outputs_of(model, inputs)
    if not isinstance(alone, Tensor) or not _close((alone, states), (outputs, states)):
        raise ContractError(
            "expected outputs(inputs, generator) to return the outputs of forward, got others: "
            "let both do the same arithmetic, or leave `outputs` out"
        )


def _check_gradients(model: nn.Module, inputs: Tensor) -> None:
    """Refuse a model that a gradient cannot train, its input weights among others."""
    # Which parameters are trained is the curriculum's to say.
    outputs = outputs_of(model.requires_grad_(True), inputs)
    if not outputs.requires_grad:
        raise ContractError(
            "expected outputs that depend on the parameters by differentiable torch operations, got "
            "outputs without gradient: is there a detach, a no_grad or numpy in forward?"
        )
    weights = dict(model.named_parameters())
    with calling("a gradient of the outputs"):
        gradients = torch.autograd.grad(
            outputs.square().sum(), list(weights.values()), allow_unused=True
        )
    unreached = [
        name
        for name, gradient in zip(weights, gradients, strict=True)
        if gradient is None and name in tuple(model.input_weights)
    ]
    if unreached:
        raise ContractError(
            f"expected outputs that depend on the input weights, got no gradient of "
            f"{', '.join(unreached)}: a curriculum that trains them alone would learn nothing"
        )
