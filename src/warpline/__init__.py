"""Warpline asks how a computation develops in a recurrent network.

What a notebook needs is here; importing it is quick, because torch and the rest load when used.

>>> import warpline
>>> warpline.compare(states_a, states_b, measure="cka")            # doctest: +SKIP
>>> run = warpline.open_run("demo", "PDM", "leaky_rnn", "master", seed=1)   # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warpline.notebook import (
        Run,
        as_recording,
        choose_dsa,
        compare,
        compare_groups,
        list_runs,
        load_table,
        open_run,
    )

__version__ = "0.1.0"
__all__ = [
    "Run",
    "as_recording",
    "choose_dsa",
    "compare",
    "compare_groups",
    "list_runs",
    "load_table",
    "open_run",
]


def __getattr__(name: str) -> Any:
    """Load the public names on first use."""
    if name in __all__:
        return getattr(import_module("warpline.notebook"), name)
    raise AttributeError(f"module 'warpline' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
