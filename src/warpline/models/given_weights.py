"""Weights from elsewhere: read a file that another program wrote, and fit it to a model of ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from warpline.core.result_files import KEY
from warpline.core.tensor_files import read_tensors
from warpline.models.base import build_model

__all__ = ["GivenNetwork", "WeightsError", "network_from_file", "read_weights", "rename_weights"]

SUFFIXES = (".safetensors", ".pt", ".pth")
NESTED = ("state_dict", "model_state_dict")
"""Entries under which training programs keep the weights beside other things."""
LISTED = 6
"""Faults of names and shapes that a message lists."""


class WeightsError(ValueError):
    """A file of weights cannot be read, or does not fit its model or task."""


@dataclass(frozen=True)
class GivenNetwork:
    """A network with weights from a file.

    Attributes
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Model`; on the CPU.
    converted : dict of str to str
        Numerical type in the file, by the name of each weight that was converted to the model's type.
    """

    model: nn.Module
    converted: dict[str, str]


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name. No code of the file is run.

    Parameters
    ----------
    path : str or pathlib.Path
        Safetensors, or a ``.pt`` or ``.pth`` file with the ``state_dict`` of a module, alone or under the
        key ``state_dict`` or ``model_state_dict``. Of a checkpoint file of Warpline, the last
        checkpoint counts.

    Raises
    ------
    WeightsError
        When there is no such file, it has another ending, or it holds anything but named tensors; when a
        file of Warpline is not as it was written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"expected a file that ends in {', '.join(SUFFIXES)}; got {path}")
    if not path.is_file():
        raise WeightsError(f"expected a file of weights at {path}, found none")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load_file

        try:
            with safe_open(path, framework="pt") as handle:
                is_ours = KEY in (handle.metadata() or {})
            if is_ours:
                # It holds checksums, which this reader checks.
                arrays, _ = read_tensors(path)
                tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
            else:
                tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"expected safetensors in {path}: {error}") from error
        return _last_checkpoint(tensors)
    try:
        # No pickled object is built but tensors and plain containers.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"expected tensors alone in {path}, which torch.load(weights_only=True) can read: save them by "
            f"torch.save(model.state_dict(), ...), or as safetensors; torch says: "
            # An empty file raises an error without a text.
            f"{(str(error) or type(error).__name__).splitlines()[0]}"
        ) from error
    if isinstance(content, Mapping):
        content = next((content[key] for key in NESTED if key in content), content)
    others = (
        [type(content).__name__]
        if not isinstance(content, Mapping)
        else [
            f"{name}: {type(value).__name__}"
            for name, value in content.items()
            if not isinstance(value, Tensor)
        ]
    )
    if others:
        raise WeightsError(
            f"expected named tensors in {path}, got {', '.join(others[:LISTED])}: save "
            "model.state_dict() alone, or under the key 'state_dict'"
        )
    return {str(name): value.detach().to_dense() for name, value in content.items()}


def _last_checkpoint(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the last checkpoint of a checkpoint file; other tensors as they are."""
    steps = {match[0] for name in tensors if (match := re.match(r"\d{8}/", name))}
    if not steps or any(name[:9] not in steps for name in tensors):
        return tensors
    last = max(steps)
    return {name[9:]: value for name, value in tensors.items() if name.startswith(last)}


def rename_weights(
    tensors: Mapping[str, Tensor], names: Mapping[str, str | None]
) -> dict[str, Tensor]:
    """Replace what the names of weights start with.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    names : mapping of str to str or None
        What a name starts with, and what stands in its place; None leaves the weight out. The longest
        start that fits counts.

    Raises
    ------
    WeightsError
        When no weight starts so, or two get the same name.
    """
    renamed: dict[str, Tensor] = {}
    used = set()
    for name, value in tensors.items():
        start = max((key for key in names if name.startswith(key)), key=len, default=None)
        target: str | None = name
        if start is not None:
            used.add(start)
            place = names[start]
            target = None if place is None else place + name[len(start) :]
        if target is None:
            continue
        if target in renamed:
            raise WeightsError(f"expected a name of its own for each weight, got '{target}' twice")
        renamed[target] = value
    idle = [key for key in names if key not in used]
    if idle:
        raise WeightsError(
            f"expected weights whose names start with {', '.join(idle)}, got {', '.join(tensors)}"
        )
    return renamed


def _hint(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Return which renaming would fit missing weights to unknown ones, by their shapes and names."""
    unknown = [name for name in given if name not in expected]
    renaming: dict[str, str] = {}
    for name, value in expected.items():
        if name in given:
            continue
        same_shape = [other for other in unknown if given[other].shape == value.shape]
        prefixed = [other for other in same_shape if other.endswith(f".{name}")]
        if len(prefixed) == 1:
            renaming[prefixed[0][: -len(name)]] = '""'
        elif same_shape:
            close = difflib.get_close_matches(name, same_shape, n=1, cutoff=0.0)[0]
            renaming[close] = name
    if not renaming:
        return ""
    listed = ", ".join(f"{old}: {new}" for old, new in renaming.items())
    return f"; to rename them, say `weight_names: {{{listed}}}`"


def _check_fit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Refuse weights whose names, shapes or values are not those of the model."""
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        raise WeightsError(
            f"expected weights named {', '.join(expected)}; "
            f"missing: {', '.join(missing[:LISTED]) or 'none'}; "
            f"unknown: {', '.join(unknown[:LISTED]) or 'none'}{_hint(expected, given)}"
        )
    shapes = [
        f"{name}: expected {tuple(value.shape)}, got {tuple(given[name].shape)}"
        for name, value in expected.items()
        if given[name].shape != value.shape
    ]
    if shapes:
        raise WeightsError(
            f"expected the shapes of the model: {'; '.join(shapes[:LISTED])} (are units, task set and "
            "parameters those that the weights were trained with?)"
        )
    for name, value in given.items():
        # In the model's type: what fits float64 may be infinite in float32.
        if expected[name].is_floating_point() and not (
            value.is_floating_point() or value.is_complex()
        ):
            raise WeightsError(
                f"{name}: expected floating-point numbers, got {str(value.dtype).removeprefix('torch.')}: "
                "quantised weights need their scale; save them after dequantising"
            )
        if value.is_complex() or not torch.isfinite(value.to(expected[name].dtype)).all():
            kind = str(expected[name].dtype).removeprefix("torch.")
            raise WeightsError(f"{name}: expected finite real numbers in {kind}, got others")


def network_from_file(
    path: str | Path, architecture: Mapping[str, Any], n_inputs: int, n_outputs: int, dt: float
) -> GivenNetwork:
    """Build a model and give it the weights of a file.

    Parameters
    ----------
    path : str or pathlib.Path
        As `read_weights`.
    architecture : mapping
        The architecture's entry of the configuration; of it, ``weight_names`` renames weights.
    n_inputs, n_outputs : int
        Numbers of input channels and of outputs of the task set.
    dt : float
        Time step in ms.

    Raises
    ------
    WeightsError
        When the file cannot be read; when names, shapes or values do not fit the model; when the model
        does not take the task's inputs or give its outputs.
    TypeError
        As `warpline.models.base.build_model`.
    """
    tensors = rename_weights(read_weights(path), architecture.get("weight_names") or {})
    # The initial weights are overwritten: their seed does not matter.
    model = build_model(architecture, n_inputs, n_outputs, dt, seed=0)
    expected = model.state_dict()
    _check_fit(expected, tensors)
    converted = {
        name: str(value.dtype).removeprefix("torch.")
        for name, value in tensors.items()
        if value.dtype != expected[name].dtype
    }
    model.load_state_dict(tensors)
    # Without dropout: what is analysed is a function of the inputs.
    model.eval()

    # One trial of two steps: a class of one's own may fix sizes that are not the task's.
    probe = torch.zeros(1, 2, n_inputs)
    try:
        with torch.no_grad():
            outputs, states = model(probe)
    except Exception as error:
        raise WeightsError(
            f"expected {type(model).__name__} to take inputs (trial, time, {n_inputs}) of the task set; "
            f"torch says: {str(error).splitlines()[0]}"
        ) from error
    if outputs.shape != (1, 2, n_outputs) or states.shape[:2] != (1, 2) or states.ndim != 3:
        raise WeightsError(
            f"expected outputs (1, 2, {n_outputs}) and states (1, 2, unit) of one trial of two steps, "
            f"got {tuple(outputs.shape)} and {tuple(states.shape)}"
        )
    return GivenNetwork(model, converted)
