"""Read a configuration and stop where it is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from warpline.pipeline.config.checks import faults
from warpline.pipeline.config.documents import (
    as_number,
    as_values,
    merge,
    plain_faults,
    read_document,
)
from warpline.pipeline.config.grids import expand
from warpline.pipeline.config.messages import ConfigError, explain
from warpline.pipeline.config.networks import MambaArchitecture, RecurrentArchitecture
from warpline.pipeline.config.schema import Config

__all__ = ["json_schema", "load", "load_files", "read_again"]


def load(raw: Mapping[str, Any]) -> Config:
    """Validate a configuration.

    Parameters
    ----------
    raw : mapping
        As Snakemake or `load_files` reads it.

    Raises
    ------
    ConfigError
        With a line for every fault: its place, what was expected, what was got.
    """
    if odd := plain_faults(raw):
        raise ConfigError(odd)
    config = _validated(expand(raw))
    if found := faults(config):
        raise ConfigError(found)
    return config


def _validated(expanded: dict[str, Any]) -> Config:
    try:
        return Config.model_validate(expanded)
    except ValidationError as error:
        first = error
    # YAML reads 1e-3 as text, and so does Snakemake all numbers inside --config key={...}.
    if not _read_numbers(expanded, first):
        raise explain(first, Config, expanded) from None
    try:
        return Config.model_validate(expanded)
    except ValidationError as error:
        raise explain(error, Config, expanded) from None


def _read_numbers(expanded: dict[str, Any], error: ValidationError) -> bool:
    """Replace texts by numbers where numbers are expected; returns whether there was any."""
    changed = False
    for item in error.errors():
        text = item["input"]
        if item["type"] not in ("int_type", "float_type") or not isinstance(text, str):
            continue
        number = as_number(text)
        node: Any = expanded
        for part in item["loc"]:
            # A location also names members of unions, which are no keys.
            inside = isinstance(node, dict) and part in node
            inside |= isinstance(node, list) and isinstance(part, int) and part < len(node)
            if inside:
                if node[part] is text and number is not None:
                    node[part], changed = number, True
                node = node[part]
    return changed


def load_files(paths: Iterable[str | Path]) -> Config:
    """Read YAML files, the later over the earlier, and validate the result.

    Raises
    ------
    ConfigError
        As `load` and `read_document`.
    """
    merged: Any = {}
    for path in paths:
        merged = merge(merged, read_document(Path(path)))
    return load(merged)


def read_again(
    merged: Mapping[str, Any], paths: Iterable[str | Path], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a configuration that Snakemake has merged, with its sources read as `load_files` reads them.

    Parameters
    ----------
    merged : mapping
        Snakemake's ``config``.
    paths : iterable of path
        The configuration files, the later over the earlier.
    options : mapping
        What ``--config`` says, by its key.

    Raises
    ------
    ConfigError
        As `read_document`.
    """
    result: Any = dict(merged)
    for path in paths:
        result = merge(result, read_document(Path(path)))
    return dict(merge(result, as_values(options)))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, for editors and for the drift test."""
    schema = Config.model_json_schema()
    for model in (RecurrentArchitecture, MambaArchitecture):
        properties = schema["$defs"][model.__name__]["properties"]
        for key, value in properties.items():
            if key != "parameters":
                described = {k: value.pop(k) for k in ("default", "description") if k in value}
                properties[key] = {"anyOf": [value, {"type": "array", "items": value}], **described}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema
