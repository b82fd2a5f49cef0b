"""Processor time of the demo, beside a fixed load by which machines compare: python benchmarks/demo.py.

The demo runs as `make demo` does, in an empty folder: the workflow, then its report. The load is like that of
the demo's jobs: products of matrices, and the start of processes that import torch. *Demo over load* says
what the demo costs on a machine of any speed.

Prints a line of a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PRODUCTS = """
import numpy as np
matrix = np.random.default_rng(0).normal(size=(2048, 2048)).astype("f4")
for _ in range(40):
    matrix @ matrix
"""
IMPORTS = 5
"""Processes that import torch, of which the load consists beside the products."""


def spent(*commands: list[str], folder: Path | None = None) -> tuple[float, float]:
    """Return processor and wall-clock time (s) of commands, with all processes that they start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    for command in commands:
        process = subprocess.run(
            [sys.executable, *command], cwd=folder, capture_output=True, text=True
        )
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{process.stdout}{process.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return processor, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=PROJECT / "config" / "demo.yaml")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    load = [["-c", PRODUCTS], *[["-c", "import torch"]] * IMPORTS]
    with tempfile.TemporaryDirectory() as folder:
        snakemake = ["-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")]
        snakemake += ["--configfile", str(arguments.config.resolve())]
        # The load on both sides of the demo: other work on the machine comes and goes.
        loads = [spent(*load)[0]]
        workflow, workflow_wall = spent(
            [*snakemake, "--cores", str(arguments.cores)], folder=Path(folder)
        )
        report, report_wall = spent(
            [*snakemake, "--cores", "1", "--report", "report.html"], folder=Path(folder)
        )
        loads.append(spent(*load)[0])
    result = {
        "cpu_seconds": workflow + report,
        "report_cpu_seconds": report,
        "wall_seconds": workflow_wall + report_wall,
        "load_cpu_seconds": sum(loads) / len(loads),
    }
    ratio = result["cpu_seconds"] / result["load_cpu_seconds"]
    print(
        f"| {arguments.config.stem} | processor time | of the report | wall | load | demo over load |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    figures = " | ".join(f"{seconds:.0f} s" for seconds in result.values())
    print(f"| {arguments.cores} cores | {figures} | {ratio:.1f} |")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
