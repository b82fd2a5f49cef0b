"""Results that print as a line or three, not as their arrays."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any

import numpy as np

__all__ = ["ShortRepr"]

WIDTH = 88
N_LINES = 3


class ShortRepr:
    """Base of dataclasses declared with ``repr=False``: scalars by value, arrays by shape."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        parts = [f"{field.name}={_brief(getattr(self, field.name))}" for field in fields]
        text = f"{type(self).__name__}({', '.join(parts)})"
        lines = textwrap.wrap(
            text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        if len(lines) > N_LINES:
            lines = [*lines[: N_LINES - 1], lines[N_LINES - 1].rstrip(", ")[: WIDTH - 6] + ", ...)"]
        return "\n".join(lines)


def _brief(value: Any) -> str:
    """Return a value in a few words: numbers rounded, arrays by their shape, tables by their size."""
    if isinstance(value, (bool, int, str, type(None))):
        return repr(value) if len(repr(value)) <= 40 else repr(value)[:37] + "...'"
    if isinstance(value, (float, np.generic)):
        return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
    shape = getattr(value, "shape", None)
    if shape is not None:
        if tuple(shape) == ():
            return f"{value.item():.6g}" if isinstance(value.item(), float) else str(value.item())
        if hasattr(value, "columns"):
            return f"<table of {shape[0]} rows x {shape[1]} columns>"
        kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
        return f"<{kind} {' x '.join(map(str, shape))}>"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        items = list(value)
        if len(items) <= 4 and all(isinstance(item, (int, float, str)) for item in items):
            if isinstance(value, dict):
                return f"{{{', '.join(f'{k}: {_brief(v)}' for k, v in value.items())}}}"
            return f"({', '.join(_brief(item) for item in items)})"
        return f"<{len(items)} items>"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    return f"<{type(value).__name__}>"
