"""Draw Snakemake's own graph of the demo's rules into README.md, the figures as one."""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```mermaid\n.*?```", re.DOTALL)


def drawn(graph: str) -> str:
    """Return a README block from the output of ``snakemake --rulegraph mermaid-js``."""
    # A rule for a block of seeds is drawn as the rule that it is made from: train_1_2 as train.
    names = dict(re.findall(r"(id\d+)\[(\w+?)(?:_\d+)*\]", graph))
    short = {key: "draw_*" if name.startswith("draw_") else name for key, name in names.items()}
    arrows = {(short[a], short[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", graph)}
    shown = sorted((a, b) for a, b in arrows if b != "all" and a != b)

    def node(name: str) -> str:
        return f'draw["{name}"]' if name == "draw_*" else name

    lines = [f"    {node(a)} --> {node(b)}" for a, b in shown]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def update(readme: str, graph: str) -> str:
    """Return the README with the graph in the place of the one that is there."""
    return BLOCK.sub(lambda _: drawn(graph), readme, count=1)


if __name__ == "__main__":
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    done = subprocess.run(
        [*command, "--configfile", "config/demo.yaml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    readme = PROJECT / "README.md"
    readme.write_text(update(readme.read_text(encoding="utf-8"), done.stdout), encoding="utf-8")
