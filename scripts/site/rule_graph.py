"""The graph of rules as SVG, for the site: the Mermaid text of docs/workflow.md without its program."""

import re
from collections import defaultdict
from html import escape

__all__ = ["drawn_graph"]

COLUMN, ROW, WIDTH, HEIGHT = 200, 62, 176, 28
"""Distances of the nodes of a layer and of layers, and the size of a node, in pixels."""
ARROW = re.compile(r"^\s*(\w+)(?:\[\"(.*?)\"\])? --> (\w+)(?:\[\"(.*?)\"\])?", re.MULTILINE)


def drawn_graph(text: str) -> str:
    """Return a flow chart (Mermaid, ``a --> b``) as SVG, in layers from the top to the bottom.

    An arrow that others imply is left out: with a to b and b to c, one from a to c.
    """
    label: dict[str, str] = {}
    sources: dict[str, set[str]] = defaultdict(set)
    for a, label_a, b, label_b in ARROW.findall(text):
        label |= {a: label_a or label.get(a, a), b: label_b or label.get(b, b)}
        sources[b].add(a)

    def ancestors(node: str) -> set[str]:
        return set().union(*({a} | ancestors(a) for a in sources.get(node, ())))

    needed = {
        node: {
            a for a in sources.get(node, ()) if not any(a in ancestors(b) for b in sources[node])
        }
        for node in label
    }

    # A node stands one layer below the last of those that it needs.
    layers: dict[int, list[str]] = defaultdict(list)
    layer: dict[str, int] = {}
    for node in sorted(label, key=lambda node: len(ancestors(node))):
        layer[node] = 1 + max((layer[a] for a in needed[node]), default=-1)
        layers[layer[node]].append(node)

    # Within a layer, nodes stand in the order of the mean place of what they need: fewer arrows cross.
    column: dict[str, float] = {}
    widest = max(map(len, layers.values()))
    for k in sorted(layers):
        layers[k].sort(
            key=lambda node: sum(column[a] for a in needed[node]) / max(len(needed[node]), 1)
        )
        column |= {node: (widest - len(layers[k])) / 2 + i for i, node in enumerate(layers[k])}

    def corner(node: str) -> tuple[float, float]:
        return 10 + COLUMN * column[node], 10 + ROW * layer[node]

    drawing = []
    for node in label:
        for a in sorted(needed[node]):
            (x, y), (x_end, y_end) = corner(a), corner(node)
            x, x_end, y = x + WIDTH / 2, x_end + WIDTH / 2, y + HEIGHT
            bend = (y_end - y) / 2
            drawing.append(
                f'<path d="M{x} {y} C{x} {y + bend} {x_end} {y_end - bend} {x_end} {y_end - 3}"'
                ' marker-end="url(#tip)"/>'
            )
    for node, name in label.items():
        x, y = corner(node)
        drawing.append(f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>')
        drawing.append(f'<text x="{x + WIDTH / 2}" y="{y + HEIGHT / 2 + 4}">{escape(name)}</text>')
    width, height = 20 + COLUMN * (widest - 1) + WIDTH, 20 + ROW * max(layers) + HEIGHT
    words = "; ".join(
        f"{label[node]} needs {', '.join(sorted(needed[node]))}" for node in label if needed[node]
    )
    return (
        f'<svg class="rule-graph" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(words)}">'
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6"'
        ' orient="auto"><path d="M0 0 6 3 0 6z"/></marker></defs>' + "".join(drawing) + "</svg>"
    )
