"""Read a configuration and stop where it is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from warpline.pipeline.config.checks import faults
from warpline.pipeline.config.grids import expand
from warpline.pipeline.config.messages import ConfigError, explain
from warpline.pipeline.config.schema import Config, MambaArchitecture, RecurrentArchitecture

__all__ = ["json_schema", "load", "load_files"]


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
    expanded = expand(raw)
    try:
        config = Config.model_validate(expanded)
    except ValidationError as error:
        raise explain(error, Config, expanded) from None
    found = faults(config)
    if found:
        raise ConfigError(found)
    return config


def _merge(below: Any, above: Any) -> Any:
    """Merge as Snakemake does: mappings deeply, anything else replaced."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        merged = dict(below)
        for key, value in above.items():
            merged[key] = _merge(merged[key], value) if key in merged else value
        return merged
    return above


def load_files(paths: Iterable[str | Path]) -> Config:
    """Read YAML files, the later over the earlier, and validate the result.

    Raises
    ------
    ConfigError
        As `load`; also where a file is not a YAML mapping.
    """
    merged: Any = {}
    for path in paths:
        if not Path(path).is_file():
            raise ConfigError([f"{path}: expected a file, found none"])
        try:
            part = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ConfigError([f"{path}: expected YAML: {error}"]) from None
        if part is None:
            raise ConfigError([f"{path}: expected a mapping of keys, the file is empty"])
        if not isinstance(part, Mapping):
            raise ConfigError([f"{path}: expected a mapping of keys, got {type(part).__name__}"])
        merged = _merge(merged, part)
    return load(merged)


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
