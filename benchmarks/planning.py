"""Time and memory of Snakemake's plan for a configuration: python benchmarks/planning.py.

The comparison, in the same run, is a plain workflow of as many jobs without a configuration: the cost of
Snakemake alone.
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


def time_dry_run(arguments: list[str], folder: Path) -> dict[str, float]:
    """Return number of jobs, time and memory of a dry run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    totals = re.findall(r"^total +(\d+)$", process.stdout + process.stderr, re.MULTILINE)
    return {
        "jobs": int(totals[-1]),
        "seconds": seconds,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "largest_mb_so_far": after.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="config/paper.yaml")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    configured = time_dry_run(["--configfile", arguments.config], PROJECT)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(PLAIN.format(half=int(configured["jobs"]) // 2))
        plain = time_dry_run([], Path(folder))
    ratio = configured["seconds"] / plain["seconds"]
    result = {arguments.config: configured, "plain": plain, "ratio": ratio}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
