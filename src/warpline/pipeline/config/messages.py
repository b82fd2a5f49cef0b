"""Turn validation errors into messages: where, what was expected, what was got."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from warpline.core import plugins

__all__ = ["ConfigError", "explain", "models_in", "nearest", "nested", "plugin_fault", "shown"]

MOST_FAULTS = 30
"""Faults that a message lists; the rest is counted."""


class ConfigError(ValueError):
    """The configuration is wrong. The message has a line per fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        lines = [f"  - {_cut(fault, 800)}" for fault in self.faults[:MOST_FAULTS]]
        if len(self.faults) > MOST_FAULTS:
            lines.append(f"  - and {len(self.faults) - MOST_FAULTS:,} more")
        listed = "\n".join(lines)
        super().__init__(f"the configuration is wrong:\n{listed}")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 20]}... ({len(text):,} characters)"


def shown(value: Any, quoted: bool = True) -> str:
    """Return a value as a message shows it: as Python writes it, and no longer than a line or two."""
    try:
        return _cut(repr(value) if quoted else str(value), 200)
    except ValueError:
        # Python writes no number of more than 4,300 digits.
        return f"a whole number of about {int(value.bit_length() * 0.30103) + 1:,} digits"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known name, or all of them."""
    known = list(known)
    # Likeness takes a time that grows with both: no name of a thousand is searched.
    comparable = known if len(str(name)) <= 100 and len(known) <= 1000 else []
    close = difflib.get_close_matches(str(name), comparable, n=1, cutoff=0.55)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"expected one of {', '.join(known)}" if known else "nothing is expected here"


def plugin_fault(package: str, name: str) -> str | None:
    """Return why a plug-in cannot be found, or None; nothing of its file runs.

    Parameters
    ----------
    package, name : str
        As `warpline.core.plugins.find_plugin` takes them.
    """
    try:
        plugins.find_plugin(package, name)
    except plugins.UnknownNameError as error:
        return str(error)
    except SyntaxError as error:
        return (
            f"expected a Python file without errors of syntax, got {error.msg} "
            f"({name.partition(':')[0]}, line {error.lineno})"
        )
    return None


def nested(key: str, value: Any) -> str:
    """Say how a key with dots is written: keys within each other."""
    *outer, last = list(filter(None, key.split("."))) or [key]
    inside = f"{last}: {shown(value, quoted=False)}"
    for name in reversed(outer[1:]):
        inside = f"{name}: {{{inside}}}"
    top = outer[0] if outer else last
    return (
        f"keys lie within each other: write {top}: {{{inside}}} in a file, or --config "
        f"{top}='{{{inside}}}'"
    )


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation holds, through unions, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in models_in(part)]


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the keys that are valid at a place of the configuration."""
    current = [model]
    for part in path:
        if str(part).startswith("tag:"):
            # Which member of a union the entry is.
            current = [found for found in current if part == f"tag:{found.__name__}"] or current
            continue
        fields = [found.model_fields[part] for found in current if part in found.model_fields]
        # A name of a catalogue, or a place in a list, leads to the models that it holds.
        if fields:
            current = [inner for field in fields for inner in models_in(field.annotation)]
    return list(dict.fromkeys(key for found in current for key in found.model_fields))


def explain(error: ValidationError, model: type[BaseModel], raw: Mapping[str, Any]) -> ConfigError:
    """Return the pydantic error as a `ConfigError`."""
    faults = []
    items = error.errors()[:200]
    # Where a name is wrong, what it holds does not matter yet.
    misnamed = {item["loc"][:-1] for item in items if item["loc"][-1:] == ("[key]",)}
    for item in items:
        # Tags of unions are not keys of the configuration.
        where = [part for part in item["loc"] if not str(part).startswith("tag:")]
        place = ".".join(str(part) for part in where)
        if item["loc"][-1:] != ("[key]",) and any(item["loc"][: len(m)] == m for m in misnamed):
            continue
        place = place.removesuffix(".[key]")
        if item["type"] == "string_pattern_mismatch" and "A-Za-z" in item["ctx"]["pattern"]:
            faults.append(
                f"{place}: expected a name of letters, digits, '_', '-' and '.' that starts with a "
                f"letter, got {shown(item['input'])}"
            )
        elif item["type"] == "extra_forbidden" and "." in str(where[-1]):
            faults.append(f"{place}: unknown key; {nested(str(where[-1]), item['input'])}")
        elif item["type"] == "list_type" and not isinstance(item["input"], Mapping):
            given = shown(item["input"])
            faults.append(f"{place}: expected a list, got {given}: write [{given}]")
        elif item["type"] == "extra_forbidden":
            keys = _fields_at(model, item["loc"][:-1])
            faults.append(f"{place}: unknown key; {nearest(str(where[-1]), keys)}")
        elif item["type"] == "missing":
            faults.append(f"{place}: expected a value, got none")
        elif item["type"] in ("unnamed", "duration"):
            faults.append(f"{place}: {item['msg']}, got {shown(item['input'])}")
        elif item["type"] == "value_error":
            text = str(item["ctx"]["error"]) if "ctx" in item else item["msg"]
            faults.append(f"{place}: {text}" if place else text)
        else:
            message = item["msg"][0].lower() + item["msg"][1:]
            faults.append(f"{place}: {message}, got {shown(item['input'])}")
    return ConfigError(dict.fromkeys(faults))
