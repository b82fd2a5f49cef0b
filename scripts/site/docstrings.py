"""Docstrings in the form of the site: equations between dollars, types as text, an entry per parameter."""

import re
from typing import Any

import griffe

__all__ = ["SiteDocstrings", "with_optional_types"]

INLINE = re.compile(r":math:`([^`]*)`")
# The equation ends at the first blank line that no more deeply indented line follows.
BLOCK = re.compile(
    r"^(?P<indent>[ ]*)\.\. math::[ ]*(?P<first>.*)\n(?P<rest>(?:[ ]*\n|(?P=indent)[ ]+\S.*\n?)*)",
    re.MULTILINE,
)
# The type "Tensor, shape (trial, unit)" of a parameter would be read as a tuple of Python.
SHAPE = re.compile(r"^([ ]*[\w*, ]+ : [\w. ]+|[ ]*(?:Tensor|ndarray)), (shapes?) \(", re.MULTILINE)
# An inner product <a, b> would be read as a tag of HTML. Code and examples, with what they print,
# stay as they are: an example ends at a blank line.
TAG = re.compile(
    r"(``.*?``|`[^`]*`|^[ ]*>>>.*?(?=\n[ ]*\n|\Z))|<(?=[\w/])", re.DOTALL | re.MULTILINE
)
# Names that share an entry ("low, high : float") would all be given the type and the default of the first.
PARAMETERS = re.compile(
    r"(?<=^Parameters\n-{10}\n).*?(?=\n\n[^\n]+\n---|\Z)", re.DOTALL | re.MULTILINE
)
SHARED = re.compile(r"^(?P<names>[\w*]+(?:, [\w*]+)+)(?P<rest>(?: : .*)?(?:\n+ .*)*)", re.MULTILINE)
# The type and the default of a parameter or an attribute, as mkdocstrings writes them after its name.
TYPE = re.compile(
    r"(?<=</b>)\s*\(<code>(?P<type>(?:(?!</?code>).)*)</code>"
    r"(?:, default:\s*<code>(?P<default>(?:(?!</?code>).)*)</code>\s*)?\)",
    re.DOTALL,
)


def to_markdown(text: str) -> str:
    """Return a docstring with its equations between dollars, shapes as words, and an entry per parameter."""

    def block(equation: re.Match[str]) -> str:
        lines = [equation["first"], *equation["rest"].splitlines()]
        body = " ".join(line.strip() for line in lines if line.strip())
        indent = equation["indent"]
        return f"{indent}$$\n{indent}{body}\n{indent}$$\n\n"

    def entries(shared: re.Match[str]) -> str:
        return "\n".join(name + shared["rest"] for name in shared["names"].split(", "))

    text = PARAMETERS.sub(lambda section: SHARED.sub(entries, section[0]), text)
    text = TAG.sub(lambda match: match[1] or "&lt;", text)
    return SHAPE.sub(r"\1 of \2 (", INLINE.sub(r"$\1$", BLOCK.sub(block, text)))


def with_optional_types(html: str) -> str:
    """Return a page whose defaults of None read "optional", as in numpy's docstrings."""

    def shown(entry: re.Match[str]) -> str:
        # Words that a comma parts were read as a tuple.
        kind = re.sub(r"^\(([^()]*)\)$", r"\1", entry["type"])
        default = entry["default"]
        if default is None:
            return f" (<code>{kind}</code>)"
        default = "optional" if default == "None" else f"default: <code>{default}</code>"
        return f" (<code>{kind}</code>, {default})"

    return TYPE.sub(shown, html)


class SiteDocstrings(griffe.Extension):
    """Rewrite the docstring of each object that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)
