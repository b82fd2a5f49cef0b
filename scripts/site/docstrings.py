"""Docstrings in the form of the site: equations of reStructuredText between dollars, and types as text."""

import re
from typing import Any

import griffe

__all__ = ["SiteDocstrings"]

INLINE = re.compile(r":math:`([^`]*)`")
# The equation ends at the first blank line that no more deeply indented line follows.
BLOCK = re.compile(
    r"^(?P<indent>[ ]*)\.\. math::[ ]*(?P<first>.*)\n(?P<rest>(?:[ ]*\n|(?P=indent)[ ]+\S.*\n?)*)",
    re.MULTILINE,
)
# The type "Tensor, shape (trial, unit)" of a parameter would be read as a tuple of Python.
SHAPE = re.compile(r"^([ ]*[\w*, ]+ : [\w. ]+|[ ]*(?:Tensor|ndarray)), shape \(", re.MULTILINE)
# An inner product <a, b> would be read as a tag of HTML. Code and examples stay as they are.
TAG = re.compile(
    r"(``.*?``|`[^`]*`|^[ ]*(?:>>>|\.\.\.)[^\n]*)|<(?=[\w/])", re.DOTALL | re.MULTILINE
)


def to_markdown(text: str) -> str:
    """Return a docstring with its equations between dollars, and shapes as words."""

    def block(equation: re.Match[str]) -> str:
        lines = [equation["first"], *equation["rest"].splitlines()]
        body = " ".join(line.strip() for line in lines if line.strip())
        indent = equation["indent"]
        return f"{indent}$$\n{indent}{body}\n{indent}$$\n\n"

    text = TAG.sub(lambda match: match[1] or "&lt;", text)
    return SHAPE.sub(r"\1 of shape (", INLINE.sub(r"$\1$", BLOCK.sub(block, text)))


class SiteDocstrings(griffe.Extension):
    """Rewrite the docstring of each object that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)
