"""Expand grids of architectures into named entries."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

__all__ = ["expand"]

SHORT = {"units": "", "activation": "", "init": "", "learning_rate": "lr", "batch_size": "b"}
SHORT |= {"d_model": "d", "d_state": "n", "n_layers": "l"}
"""How a key stands in a name; empty where the value speaks for itself."""


def _label(key: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{SHORT.get(key, key)}{text}"


def expand(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with every architecture that has lists replaced by its grid.

    ``leaky_rnn: {units: [64, 128], activation: [relu, tanh], ...}`` becomes ``leaky_rnn-64-relu``,
    ``leaky_rnn-64-tanh`` and so on; in ``run.grid`` the name ``leaky_rnn`` then stands for all of them.
    A list of one value stands in the name too, so that it can grow without renaming.

    Parameters
    ----------
    raw : mapping
        The configuration as read.
    """
    result = deepcopy(dict(raw))
    catalogue = result.get("architectures")
    if not isinstance(catalogue, dict):
        return result
    entries: dict[str, Any] = {}
    stands_for: dict[str, list[str]] = {}
    # Nothing is validated yet: what is not a mapping or a list is left for the models to refuse.
    for name, entry in catalogue.items():
        varied = (
            {key: value for key, value in entry.items() if isinstance(value, list)}
            if isinstance(entry, dict)
            else {}
        )
        if not varied:
            entries[name] = entry
            continue
        stands_for[name] = []
        for values in itertools.product(*varied.values()):
            member = dict(zip(varied, values, strict=True))
            label = "-".join([name, *(_label(key, value) for key, value in member.items())])
            entries[label] = {**entry, **member}
            stands_for[name].append(label)
    result["architectures"] = entries
    # In the blocks of the grid, the name of an entry with lists stands for all of its members.
    run = result.get("run")
    blocks = run.get("grid") if isinstance(run, dict) else None
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, dict) and isinstance(block.get("architectures"), list):
            block["architectures"] = [
                full
                for name in block["architectures"]
                for full in (stands_for.get(name, [name]) if isinstance(name, str) else [name])
            ]
    return result
