"""The pages of the site on the keys of the configuration, one per section, from the models themselves."""

import inspect
import re

from pydantic import BaseModel

from warpline.pipeline.config.messages import models_in
from warpline.pipeline.config.readme_tables import BEGIN, END, key_table, models_by_section
from warpline.pipeline.config.schema import Config

__all__ = ["configuration_overview", "configuration_pages", "page_of_model"]

FOLDER = "configuration"


def page_of_model() -> dict[str, str]:
    """Return the page of each model, by its anchor: the model's name in small letters."""
    return {
        model.__name__.lower(): f"{FOLDER}/{key}.md"
        for key, models in models_by_section().items()
        for model in models
    }


def _linked_table(model: type[BaseModel], folder: str, depth: int) -> str:
    """Return the table of a model whose second column links to the models that it names.

    Parameters
    ----------
    model : type
    folder : str
        From the page to the folder of the pages: empty, or ``configuration/``.
    depth : int
        Level of its heading.
    """
    pages = page_of_model()

    def link(name: re.Match[str]) -> str:
        anchor = name[0].lower()
        if anchor not in pages:
            return name[0]
        return f"[{name[0]}]({folder}{pages[anchor].partition('/')[2]}#{anchor})"

    lines = key_table(model).splitlines()
    for k, line in enumerate(lines):
        # Between the first bars of a row; text in code is a value, no model.
        if line.startswith("| `"):
            before, takes, after = re.fullmatch(r"(\| `\w+` \| )(.*?)( \| .*)", line).groups()
            lines[k] = before + re.sub(r"(?<![`\w])[A-Z]\w+", link, takes) + after
    # The style sheet stacks the cells of this block where the window is narrow.
    first = lines.index(next(line for line in lines if line.startswith("| key |")))
    lines[first:] = ['<div class="keys" markdown>', "", *lines[first:], "", "</div>"]
    return "\n".join(lines).replace("###", "#" * depth, 1)


def _keys_by_page() -> dict[str, list[str]]:
    """Return the keys that each page describes; some share their models, as both trainings do."""
    sections = models_by_section()
    page_of = {model: key for key, models in sections.items() for model in models}
    keys: dict[str, list[str]] = {}
    for key, field in Config.model_fields.items():
        pages = [page_of[model] for model in models_in(field.annotation)]
        if key in sections or pages:
            keys.setdefault(key if key in sections else pages[0], []).append(key)
    return keys


def configuration_pages() -> dict[str, str]:
    """Return the Markdown of each page by its name, in the order of the configuration."""
    pages = {}
    keys = _keys_by_page()
    for key, models in models_by_section().items():
        about = (Config.model_fields[each].description or "" for each in keys[key])
        # A section of one model may be described by the same sentence, which stands below the model's name.
        said = {inspect.cleandoc(model.__doc__ or "") for model in models}
        parts = [f"# {', '.join(keys[key])}"]
        parts += [text for text in (re.sub(r"\s+", " ", one) for one in about) if text not in said]
        parts.append("[All sections](../configuration.md#all-keys)")
        parts += [_linked_table(model, "", 2) for model in models]
        pages[f"{FOLDER}/{key}.md"] = "\n\n".join(parts) + "\n"
    return pages


def configuration_overview(readme: str) -> str:
    """Return config/README.md with a table of the sections in the place of those of all keys.

    A model keeps its anchor, from which a link leads to its page.
    """
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    table = _linked_table(Config, f"{FOLDER}/", 3)
    for page, keys in _keys_by_page().items():
        for key in keys:
            table = table.replace(f"| `{key}` |", f"| [`{key}`]({FOLDER}/{page}.md) |")
    places = [
        f'<a id="{anchor}"></a>[{model.__name__}]({page}#{anchor})'
        for key, models in models_by_section().items()
        for model in models
        for anchor in [model.__name__.lower()]
        for page in [f"{FOLDER}/{key}.md"]
    ]
    return f"{before}\n{table}\n\nWhat the column *takes* names: {', '.join(places)}.\n{after}"
