"""How long Snakemake takes to plan a configuration, and how much memory: python benchmarks/planning.py.

The rival, in the same run, is a workflow of as many jobs without any configuration behind it: what
Snakemake itself takes.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PLAIN = """
rule all:
    input: expand("second/{{k}}.txt", k=range({half}))
rule first:
    output: "first/{{k}}.txt"
    shell: "touch {{output}}"
rule second:
    input: "first/{{k}}.txt"
    output: "second/{{k}}.txt"
    shell: "touch {{output}}"
"""


def plan(arguments: list[str], folder: Path) -> dict[str, float]:
    """Time one dry run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.findall(r"^total +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    return {
        "jobs": int(found[-1]),
        "seconds": wall,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "largest_mb_so_far": after.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="config/paper.yaml")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    ours = plan(["--configfile", arguments.config], PROJECT)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(PLAIN.format(half=int(ours["jobs"]) // 2))
        plain = plan([], Path(folder))
    result = {arguments.config: ours, "plain": plain, "ratio": ours["seconds"] / plain["seconds"]}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
