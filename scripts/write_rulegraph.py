"""Write Snakemake's own graph of the demo's rules into docs/workflow.md, with all figures as one rule."""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```mermaid\n.*?```", re.DOTALL)


def drawn(graph: str) -> str:
    """Return a Mermaid block from the output of ``snakemake --rulegraph mermaid-js``."""
    # A rule for a block of seeds is drawn as the rule that it is made from: train_1_2 as train.
    names = dict(re.findall(r"(id\d+)\[(\w+?)(?:_\d+)*\]", graph))
    short = {key: "draw_*" if name.startswith("draw_") else name for key, name in names.items()}
    arrows = {(short[a], short[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", graph)}
    shown = sorted((a, b) for a, b in arrows if b != "all" and a != b)

    def node(name: str) -> str:
        return f'draw["{name}"]' if name == "draw_*" else name

    lines = [f"    {node(a)} --> {node(b)}" for a, b in shown]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def update(page: str, graph: str) -> str:
    """Return a page with its graph replaced by the current one."""
    return BLOCK.sub(lambda _: drawn(graph), page, count=1)


if __name__ == "__main__":
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    done = subprocess.run(
        [*command, "--configfile", "config/demo.yaml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    page = PROJECT / "docs" / "workflow.md"
    page.write_text(update(page.read_text(encoding="utf-8"), done.stdout), encoding="utf-8")
