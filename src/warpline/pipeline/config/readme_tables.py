"""Tables of all keys for config/README.md, from the models themselves."""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from warpline.pipeline.config.messages import models_in
from warpline.pipeline.config.schema import Config

__all__ = ["BEGIN", "END", "key_table", "key_tables", "models_by_section", "update"]

BEGIN, END = "<!-- keys: written by make schema -->", "<!-- end of keys -->"


def _kind(schema: dict[str, Any]) -> str:
    """Return a short word for what a key takes."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    for many in ("anyOf", "oneOf", "allOf"):
        if many in schema:
            return " or ".join(dict.fromkeys(_kind(option) for option in schema[many]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object":
        inner = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
        held = [_kind(option) for option in inner if isinstance(option, dict)]
        return f"mapping of names to {' or '.join(held)}" if held else "mapping"
    bounds = {
        "minimum": "≥ {}",
        "exclusiveMinimum": "> {}",
        "maximum": "≤ {}",
        "exclusiveMaximum": "< {}",
    }
    limits = [text.format(f"{schema[key]:g}") for key, text in bounds.items() if key in schema]
    return ", ".join([kind, *limits])


def _plain(value: Any) -> Any:
    """Return a default as it is written in YAML: models as mappings of the keys that were given."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "needed"
    if isinstance(field.default, BaseModel):
        return "see its keys"
    if field.default is None:
        return "`null`"
    return (
        f"`{_plain(field.default)!r}`".replace("True", "true")
        .replace("False", "false")
        .replace("'", "")
    )


def _walk(model: type[BaseModel], seen: dict[type[BaseModel], None]) -> None:
    if model in seen:
        return
    seen[model] = None
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            _walk(inner, seen)


def key_table(model: type[BaseModel]) -> str:
    """Return a model as a Markdown section: its name, what it is, and a table of its keys."""
    properties = model.model_json_schema()["properties"]
    lines = [f"### {model.__name__}", "", inspect.cleandoc(model.__doc__ or ""), ""]
    lines += ["| key | takes | default | meaning |", "| --- | --- | --- | --- |"]
    for key, field in model.model_fields.items():
        text = re.sub(r"\s+", " ", (field.description or "").replace("``", "`")).replace("|", "\\|")
        lines.append(f"| `{key}` | {_kind(properties[key])} | {_default(field)} | {text} |")
    return "\n".join(lines)


def models_by_section() -> dict[str, list[type[BaseModel]]]:
    """Return the models below each key of the configuration, each with the first key that leads to it."""
    seen: dict[type[BaseModel], None] = {Config: None}
    sections = {}
    for key, field in Config.model_fields.items():
        before = len(seen)
        for model in models_in(field.annotation):
            _walk(model, seen)
        if added := list(seen)[before:]:
            sections[key] = added
    return sections


def key_tables() -> str:
    """Return a Markdown table per model, in the order of the configuration."""
    models: list[type[BaseModel]] = [
        Config,
        *(model for below in models_by_section().values() for model in below),
    ]
    return "\n\n".join(map(key_table, models))


def update(readme: str) -> str:
    """Return a README with its tables of keys replaced by the current ones."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{key_tables()}\n\n{END}{after}"
