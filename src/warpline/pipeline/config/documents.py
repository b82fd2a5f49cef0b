"""YAML files and plain values: what is refused before the models of the configuration see it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from warpline.pipeline.config.messages import ConfigError, shown

__all__ = ["as_number", "as_values", "merge", "plain_faults", "read_document"]

MAX_BYTES = 1_000_000
"""Size of a file; the largest one that is shipped has 5 kB."""
MAX_DEPTH = 30
"""Levels of mappings and lists within each other; the configuration has eight."""
MAX_VALUES = 50_000
"""Values of a configuration, where each mention of an anchor counts."""
MAX_CHARACTERS = 100_000
"""Characters of a configuration as JSON; the shipped ones have up to 13,000. What a job is told of it stands
on a command line, where an argument ends at 131,072 bytes."""
SMALLEST, LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127
"""Magnitudes that single precision holds, in which networks are trained."""
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

# LibYAML reads ten times as fast; a PyYAML without it has the other one.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Safe loader that refuses a repeated key, and takes ``1e-3`` for a number."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    places: dict[Any, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            line = key.start_mark.line + 1
            if key.value in places:
                raise _RepeatedKeyError(
                    f"expected each key once, got '{shown(key.value, quoted=False)}' in line "
                    f"{places[key.value]} and again in line {line}: the last one would replace the first"
                )
            places[key.value] = line
    loader.flatten_mapping(node)
    return dict(loader.construct_pairs(node, deep=True))


class _RepeatedKeyError(ValueError):
    """A mapping has the same key twice."""


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(node.value)
    if len(text) > 40:
        raise ValueError(
            f"expected a whole number below 2^63, got one of {len(text):,} digits in line "
            f"{node.start_mark.line + 1}"
        )
    if ":" in text or re.match(r"[-+]?0[0-9_]", text):
        # YAML 1.1 counts in eights, and in sixties: 010 would be 8, and 1:30 would be 90.
        raise ValueError(
            f"expected a whole number without leading zeros or colons, got {shown(text, quoted=False)} in "
            f"line {node.start_mark.line + 1}: write it in decimals, or in quotes if it is text"
        )
    return int(loader.construct_yaml_int(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _number(loader: Any, node: yaml.ScalarNode) -> float:
    text = str(node.value)
    if ":" in text:
        # As above: 1:30.5 would be 90.5.
        raise ValueError(
            f"expected a number without colons, got {shown(text, quoted=False)} in line "
            f"{node.start_mark.line + 1}: write it in decimals, or in quotes if it is text"
        )
    return float(loader.construct_yaml_float(node))


_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_document(path: Path) -> dict[str, Any]:
    """Read a YAML file.

    Raises
    ------
    ConfigError
        When there is no such file, it is larger than 1 MB or not UTF-8, it is not YAML or not a mapping, a
        key is repeated, or it is nested more deeply than any configuration.
    """

    def refuse(problem: str) -> ConfigError:
        return ConfigError([f"{path}: {problem}"])

    if not path.is_file():
        raise refuse("expected a file, found none")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refuse(
                f"expected a file of at most {MAX_BYTES:,} bytes, got {path.stat().st_size:,}"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            f"expected text in UTF-8, got byte 0x{error.object[error.start]:02x} at position "
            f"{error.start}: save the file as UTF-8"
        ) from None
    except OSError as error:
        raise refuse(f"expected a file that can be read: {error.strerror}") from None
    too_deep = f"expected at most {MAX_DEPTH} levels of nesting, got more"
    try:
        # Events come one by one: a deep or endless document is refused before it is built.
        depth = 0
        for event in yaml.parse(text, Loader=_Base):
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise refuse(too_deep)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                depth -= 1
        document = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        if "recursive" in str(error):
            raise refuse("expected values with an end, got an anchor that holds itself") from None
        # Newer versions of the scanner look ahead, and stop at a depth of their own.
        if "maximum nesting depth" in str(error):
            raise refuse(too_deep) from None
        # The parser names its text by a word of its own, and a tab by what it cannot start.
        problem = str(error).replace('in "<unicode string>", ', "in ")
        if "cannot start any token" in problem and "\t" in text:
            problem += " (a tab? YAML is indented by spaces)"
        raise refuse(f"expected YAML: {problem}") from None
    except (ValueError, RecursionError, OverflowError) as error:
        if isinstance(error, ConfigError):
            raise
        # Among them: more digits than Python turns into a number, and dates that no calendar has.
        problem = str(error) or type(error).__name__
        if not problem.startswith("expected"):
            problem = f"expected values that fit their tags, and dates of the calendar: {problem}"
        raise refuse(problem) from None
    except KeyError as error:
        raise refuse(f"expected true or false after the tag !!bool, got {error}") from None
    except (TypeError, AttributeError) as error:
        # A key that is a list or a mapping; a merge of what is no mapping.
        raise refuse(f"expected YAML with names as keys: {error}") from None
    if document is None:
        raise refuse("expected a mapping of keys, the file is empty")
    if not isinstance(document, dict):
        raise refuse(f"expected a mapping of keys, got {type(document).__name__}")
    return document


def plain_faults(raw: Any) -> list[str]:
    """Return what is no plain value of a configuration, a message per fault.

    Plain are mappings with text as keys, lists, text, true and false, null, and finite numbers that single
    precision holds. The size is bounded, with each mention of an anchor counted: a few lines of anchors can
    stand for more values than fit in memory, or for themselves.

    Parameters
    ----------
    raw : object
        As Snakemake or `read_document` reads it.
    """
    faults: list[str] = []
    n_values = 0
    # Iterators instead of recursion: nothing here depends on how deep the values are.
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", raw)])]
    while stack:
        try:
            place, value = next(stack[-1])
        except StopIteration:
            stack.pop()
            continue
        n_values += 1
        if n_values > MAX_VALUES:
            return [
                f"expected at most {MAX_VALUES:,} values, got more (at {place}); each mention of an "
                "anchor (*name) counts"
            ]
        if len(stack) > MAX_DEPTH + 1:
            return [
                f"{'.'.join(place.split('.')[:6])}...: expected at most {MAX_DEPTH} levels of nesting, got "
                "more; an anchor that holds itself is endless"
            ]
        if isinstance(value, Mapping):
            odd = [key for key in value if not isinstance(key, str)]
            below = f"{place}." if place else ""
            faults += [
                f"{below}{shown(key)}: expected text as a key, got {type(key).__name__}: put it in quotes"
                for key in odd[:10]
            ]
            named = ((key, item) for key, item in value.items() if isinstance(key, str))
            stack.append(_placed(place, named))
        elif isinstance(value, list | tuple):
            stack.append(_placed(place, enumerate(value)))
        elif problem := _scalar_problem(value):
            faults.append(f"{place}: {problem}")
    if not faults and (length := len(json.dumps(raw, default=str))) > MAX_CHARACTERS:
        faults.append(
            f"expected a configuration of at most {MAX_CHARACTERS:,} characters (as JSON), got {length:,}"
        )
    return faults


def _placed(place: str, items: Iterable[tuple[str | int, Any]]) -> Iterator[tuple[str, Any]]:
    for key, item in items:
        yield f"{place}.{key}" if place else str(key), item


def _scalar_problem(value: Any) -> str | None:
    """Say why a value is no plain scalar, None where it is one."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if any(not char.isprintable() and char not in "\n\t" for char in value):
            return f"expected printable text, got {shown(value)}"
        return None
    if isinstance(value, int):
        if abs(value) < 2**63:
            return None
        return f"expected a whole number below 2^63, got {shown(value)}"
    if isinstance(value, float):
        if value == 0 or SMALLEST <= abs(value) <= LARGEST:
            return None
        if not math.isfinite(value):
            return f"expected a finite number, got {value}"
        return (
            f"expected 0 or a number that single precision holds ({SMALLEST:.1e} to {LARGEST:.1e}), "
            f"got {value}"
        )
    return (
        f"expected text, a number, true, false, null, a list or a mapping, got {shown(value)} "
        f"({type(value).__name__}): put it in quotes if it is text"
    )


def as_number(text: str) -> int | float | None:
    """Return the number that a text spells, ``1e-3`` included; None where it is none."""
    if len(text) > 40 or not NUMBER.fullmatch(text):
        return None
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)


def as_values(value: Any) -> Any:
    """Return values of the command line as YAML has them in a file.

    Snakemake leaves every number, true, false and null inside ``--config key={...}`` as text.
    """
    if isinstance(value, Mapping):
        return {key: as_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_values(item) for item in value]
    if not isinstance(value, str):
        return value
    words = {"true": True, "false": False, "null": None, "~": None, "": None}
    if value.lower() in words:
        return words[value.lower()]
    number = as_number(value)
    return value if number is None else number


def merge(below: Any, above: Any) -> Any:
    """Merge as Snakemake does: mappings deeply, anything else replaced.

    Raises
    ------
    ConfigError
        When the mappings are nested more deeply than any configuration.
    """
    try:
        return _merged(below, above)
    except RecursionError:
        raise ConfigError(
            ["expected a configuration of a few levels, got one without an end"]
        ) from None


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        merged = dict(below)
        for key, value in above.items():
            merged[key] = _merged(merged[key], value) if key in merged else value
        return merged
    return above
