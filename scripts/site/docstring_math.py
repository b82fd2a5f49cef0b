"""Equations of docstrings: from the form of reStructuredText, which editors show, to that of the site."""

import re
from typing import Any

import griffe

__all__ = ["DocstringMath"]

INLINE = re.compile(r":math:`([^`]*)`")
# The equation ends at the first blank line that no more deeply indented line follows.
BLOCK = re.compile(
    r"^(?P<indent>[ ]*)\.\. math::[ ]*(?P<first>.*)\n(?P<rest>(?:[ ]*\n|(?P=indent)[ ]+\S.*\n?)*)",
    re.MULTILINE,
)


def to_markdown(text: str) -> str:
    """Return a docstring with its equations between dollars."""

    def block(equation: re.Match[str]) -> str:
        lines = [equation["first"], *equation["rest"].splitlines()]
        body = " ".join(line.strip() for line in lines if line.strip())
        indent = equation["indent"]
        return f"{indent}$$\n{indent}{body}\n{indent}$$\n\n"

    return INLINE.sub(r"$\1$", BLOCK.sub(block, text))


class DocstringMath(griffe.Extension):
    """Rewrite the docstring of each object that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)
