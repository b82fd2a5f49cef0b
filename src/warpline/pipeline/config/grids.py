"""Expand grids of architectures into named entries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from warpline.pipeline.config.documents import as_number
from warpline.pipeline.config.messages import ConfigError, shown

__all__ = ["expand"]

SHORT = {"units": "", "activation": "", "init": "", "learning_rate": "lr", "batch_size": "b"}
SHORT |= {"d_model": "d", "d_state": "n", "n_layers": "l"}
"""How a key stands in a name; empty where the value speaks for itself."""

MAX_MEMBERS = 10_000
"""Architectures that the lists of all entries may stand for."""


def _label(key: str, value: Any) -> str:
    text = str(value)
    if isinstance(value, float):
        # Six digits where they say it all: two values never share a name.
        text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
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

    Raises
    ------
    ConfigError
        When a list is empty or has a value twice, when two architectures would have one name, or when there
        are more than 10,000 of them.
    """
    result = deepcopy(dict(raw))
    catalogue = result.get("architectures")
    if not isinstance(catalogue, dict):
        return result
    entries: dict[str, Any] = {}
    stands_for: dict[str, list[str]] = {}
    faults: list[str] = []
    # Names are taken by the entries without lists first.
    taken = {name: name for name, entry in catalogue.items() if not _varied(entry)}
    # Nothing is validated yet: what is not a mapping or a list is left for the models to refuse.
    for name, entry in catalogue.items():
        varied = _varied(entry)
        if not varied:
            entries[name] = entry
            continue
        stands_for[name] = []
        problems = list(_list_faults(name, varied))
        n_members = math.prod(map(len, varied.values()))
        if n_members + len(entries) > MAX_MEMBERS:
            problems.append(
                f"architectures.{name}: expected lists that stand for at most {MAX_MEMBERS:,} "
                f"architectures with those before them, got {n_members:,} in this entry"
            )
        if problems:
            faults += problems
            continue
        for values in itertools.product(*varied.values()):
            member = dict(zip(varied, values, strict=True))
            label = "-".join([name, *(_label(key, value) for key, value in member.items())])
            other = taken.setdefault(label, name)
            if other != name or label == name:
                faults.append(
                    f"architectures.{name}: expected a name of its own for each architecture, got '{label}' "
                    f"twice, for a member of this entry and of '{other}': rename one of the entries"
                )
            entries[label] = {**entry, **member}
            stands_for[name].append(label)
    if faults:
        raise ConfigError(faults)
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


def _varied(entry: Any) -> dict[str, list[Any]]:
    """Return the values of an entry that are lists, with numbers that were read as text as numbers."""
    if not isinstance(entry, dict):
        return {}
    return {
        key: [_number_or_text(item) for item in value]
        for key, value in entry.items()
        if isinstance(value, list)
    }


def _number_or_text(item: Any) -> Any:
    number = as_number(item) if isinstance(item, str) else None
    return item if number is None else number


def _list_faults(name: str, varied: Mapping[str, list[Any]]) -> Iterator[str]:
    for key, values in varied.items():
        place = f"architectures.{name}.{key}"
        if not values:
            yield f"{place}: expected at least one value, got an empty list: no architecture would be left"
        labels = [_label(key, value) for value in values]
        if len(set(labels)) < len(labels):
            yield f"{place}: expected each value once, got {shown(values)}"
