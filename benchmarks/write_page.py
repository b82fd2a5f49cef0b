"""Run the benchmarks and write docs/benchmarks.md: our figure and the rival's, measured in the same run.

    python benchmarks/write_page.py --netrep ../netrep    # all, half an hour or more
    python benchmarks/write_page.py --only dsa lorenz63
    python benchmarks/write_page.py --only             # none: write the page from docs/data/benchmarks.csv

A benchmark that is not run again keeps its lines in docs/data/benchmarks.csv, with their machine and day.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpline.figures.page_numbers import at_most

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
TABLE = HERE.parent / "docs" / "data" / "benchmarks.csv"
COLUMNS = ("what", "ours", "rival", "theirs", "ratio", "check")
HEAD = """# Benchmarks

`make benchmark NETREP=FOLDER`, with a checkout of netrep, runs these and writes this page.
Each line was measured in one run with its rival, on one
thread, by processor time unless it says otherwise. Lines of a GPU are wall-clock time. *Ratio* is the
rival's figure over ours: above 1, ours is smaller. Ratios are of the sizes that a line names: at others they
differ. Where a rival is scaled, a sample of its pairs, points or
starts was timed. A rival that works on one pair at a time does again what ours does once for a system: of a
single pair of the size below, plain CKA and SciPy's Procrustes are the faster ones.
Fixed points of the network below take from many starts about as long
as by scipy, and from few starts longer.
Where it is *published*, its time and its data are those of its authors, on their machine: the ratio is no
measurement. Times differ twofold between machines, and ratios by up to two thirds.
Forward and backward passes are on a CPU. On a GPU, cuDNN's layers are faster than ours
([workflow.md](workflow.md#speed-of-training)).
`python benchmarks/demo.py` measures the processor time of the demo beside a fixed load, and prints its line.

"""


@dataclass(frozen=True)
class Line:
    """A line of the table: what was measured, ours, the rival, the rival's figure, and what was checked."""

    what: str
    ours: float
    rival: str
    theirs: float
    unit: str
    check: str = ""


def _difference(what: str, largest: float) -> str:
    return f"{what} differ by at most {at_most(largest)}" if largest > 0 else f"{what} are equal"


def _similarity(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        several = row["pairs"] > 1
        count = f"{row['pairs']} pairs of {row['systems']}" if several else "one pair of"
        scale, unit = (1, "s") if several else (1e3, "ms")
        for key in [k for k in row if k.endswith("_ratio")]:
            rival = key.removesuffix("_ratio")
            yield Line(
                f"{row['measure']}, {count} systems of {row['size']}",
                scale * row["seconds"],
                f"{rival}, a pair at a time, scaled from a sample" if several else rival,
                scale * row[f"{rival}_seconds"],
                unit,
                _difference("values", row[f"{rival}_largest_difference"]),
            )


def _lorenz63(rows: list[dict[str, Any]]) -> Iterator[Line]:
    ours = rows[0]
    silhouettes = {row["method"]: row["silhouette"] for row in rows if "silhouette" in row}
    for row in rows:
        if "seconds" in row and row is not ours and not row["method"].startswith("Warpline"):
            checks = [f"silhouette {ours['silhouette']:.3f}"]
            if "silhouette" in row:
                # By the other score the published silhouette is the higher one.
                wasserstein = row["method"].replace("angular", "Wasserstein")
                checks.append(
                    f"theirs {row['silhouette']:.3f} (by Wasserstein: ours "
                    f"{silhouettes['Warpline, wasserstein']:.3f}, theirs {silhouettes[wasserstein]:.3f})"
                )
            checks.append(f"{ours['uncertain']:,} of our angles uncertain")
            yield Line(
                f"Lorenz-63 of KoopSTD, DSA, {ours['pairs']:,} pairs",
                ours["seconds"],
                row["method"],
                row["seconds"],
                "s",
                ", ".join(checks),
            )


def _operator(what: str, row: dict[str, Any], unit: str) -> Line:
    """Return the line of an operator that dsa-metric computed from the same states."""
    return Line(what, 1e3 * row["seconds"], "dsa-metric", 1e3 * row["reference_seconds"], unit)


def _dsa(result: dict[str, Any]) -> Iterator[Line]:
    for row in result.get("operators", []):
        what = f"DSA operator, {row['case']}, rank {row['rank']}"
        yield _operator(what, row, "ms (wall)")
    for summary in result.get("pairs", []):
        default = summary["caps"][-1]
        yield Line(
            f"DSA alignment of a pair, rank {summary['rank']}, default starts",
            1e3 * default["processor_seconds_a_pair"],
            f"dsa-metric, {summary['reference_iterations']} iterations",
            1e3 * summary["reference_processor_seconds_a_pair"],
            "ms",
            f"{default['pairs_below_reference_by_1e-4']} of {summary['pairs']} angles lower by 1e-4, "
            f"{default['pairs_above_reference_by_1e-4']} higher",
        )


def _dsa_large(row: dict[str, Any]) -> Iterator[Line]:
    yield Line(
        f"DSA of {row['systems']} systems of 500 x 200 x 256, {row['n_delays']} delays, rank {row['rank']}",
        row["seconds"],
        f"dsa-metric, {row['reference_iterations']} iterations",
        row["reference_seconds"],
        "s",
        f"operators {row['operator_seconds']:.3g} s of ours; largest angle less theirs "
        f"{row['largest_excess']:.0e}",
    )


def _dsa_input(result: dict[str, Any]) -> Iterator[Line]:
    for row in result["operators"]:
        yield _operator(f"InputDSA operator, {row['backend']}, {row['units']} units", row, "ms")
    pairs = result["pairs"]
    yield Line(
        f"InputDSA, state, control and joint scores of {pairs['pairs']} pairs",
        pairs["seconds_of_all_scores"],
        f"dsa-metric, state by {pairs['adam_steps']} steps of Adam, joint in closed form",
        pairs["reference_seconds_of_the_state"] + pairs["reference_seconds_of_the_joint_alignment"],
        "s",
        f"joint angle {pairs['mean_joint_angle']:.3f} against "
        f"{pairs['mean_joint_angle_at_their_alignment']:.3f}",
    )
    yield Line(
        f"InputDSA, state, control and joint scores of {pairs['pairs']} pairs",
        pairs["seconds_of_all_scores"],
        "dsa-metric's default: joint in closed form, no search",
        pairs["reference_seconds_of_the_joint_alignment"],
        "s",
        f"joint angle {pairs['mean_joint_angle']:.3f} against "
        f"{pairs['mean_joint_angle_at_their_alignment']:.3f}",
    )


def _geometry(result: dict[str, Any]) -> Iterator[Line]:
    for row in result["rival"]:
        what = f"pullback metric, {row['kind']}, {row['points']} points, {row['steps']} steps"
        yield Line(
            what,
            row["metric_seconds"],
            "torch.func.jacfwd of all states, by torch.vmap over points",
            row["vmap_seconds"],
            "s",
            f"{_difference('metrics', row['vmap_largest_difference'])} of their value",
        )
        yield Line(
            what,
            row["metric_seconds"],
            "torch.func.jacrev, a point and a time at a time, scaled from a sample",
            row["jacrev_seconds_scaled"],
            "s",
            _difference("tangents", row["jacrev_largest_difference"]),
        )


def _geodesics(result: dict[str, Any]) -> Iterator[Line]:
    rows = result["integrator"]
    ours = rows["batch"]["seconds"]
    for name in ("scipy, one system", "scipy, each alone"):
        yield Line(
            "44 geodesics at tolerance 1e-6",
            ours,
            f"RK45 of {name}",
            ours * rows[name]["ratio"],
            "s",
            f"error {rows['batch']['error']:.0e}, theirs {rows[name]['error']:.0e}",
        )


def _fixed_points(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        yield Line(
            f"fixed points and spectra, per start ({row['starts']} starts, 128 units)",
            row["ms_per_start"],
            "scipy.optimize.root and numpy, scaled from a sample",
            row["scipy_and_spectra_ms_per_start"],
            "ms",
        )


def _training(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        rivals = {
            "plain loop": "plain",
            "careful loop": "careful",
            "torch.nn, without a leak": "torch_nn",
        }
        for rival, key in rivals.items():
            yield Line(
                f"forward and backward, {row['model']}, {row['units']} units, "
                f"{row['batch']} trials x {row['steps']} steps",
                row["warpline_ms"],
                rival,
                row[f"{key}_ms"],
                "ms",
                f"{row['of_products']:.2f} of the speed of the bare products",
            )


def _mamba(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        for rival in ("loop", "mambapy", "mamba_ssm"):
            if f"{rival}_ms" in row:
                yield Line(
                    f"forward and backward, Mamba {row['architecture']}, "
                    f"{row['batch']} trial{'s' if row['batch'] > 1 else ''} x {row['steps']} steps, "
                    f"{row['device']}",
                    row["warpline_ms"],
                    rival,
                    row[f"{rival}_ms"],
                    "ms",
                    "outputs agree within 2e-3 and 0.1 %",
                )


def _checksums(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        if row["checksums_ms"] > 0.9 * row["ms"]:
            # Nothing but the checksum of a file.
            continue
        yield Line(
            f"reading and checking, {row['reading']}, {row['megabytes']:.1f} MB",
            row["ms"],
            "the same without its checksums",
            row["ms"] - row["checksums_ms"],
            "ms",
        )


def _ensembles(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        # A network alone is trained without CUDA graphs.
        ways = {"together": "as one", "together_not_captured": "as one without CUDA graphs"}
        for way, label in ways.items():
            if f"{way}_per_s" in row:
                yield Line(
                    f"training {row['networks']} networks ({row['architecture']}) {label}, {row['device']}",
                    1e3 / row[f"{way}_per_s"],
                    "one after another, by our own loop, without CUDA graphs",
                    1e3 / row["alone_per_s"],
                    "ms an update of a network",
                )


def _planning(result: dict[str, Any]) -> Iterator[Line]:
    name, configured = next(iter(result.items()))
    yield Line(
        # Snakemake counts its target, which makes no file.
        f"plan of {name}, {configured['jobs'] - 1:,} jobs",
        configured["cpu_seconds"],
        "a plain workflow of as many jobs",
        result["plain"]["cpu_seconds"],
        "s",
        f"{configured['largest_mb_so_far']:,.0f} MB",
    )


LINES: dict[str, Callable[[Any], Iterator[Line]]] = {
    "dsa": _dsa,
    "dsa_large": _dsa_large,
    "dsa_input": _dsa_input,
    "lorenz63": _lorenz63,
    "similarity": _similarity,
    "geometry": _geometry,
    "geodesics": _geodesics,
    "fixed_points": _fixed_points,
    "training": _training,
    "mamba": _mamba,
    "ensembles": _ensembles,
    "planning": _planning,
    "checksums": _checksums,
}
"""Lines of the table by the name of the benchmark, from what it writes."""


def machine() -> str:
    """Return the machine in words: cores and processor."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        named = re.search(r"model name\s*: (.*)", information.read_text())
        model = named[1] if named else model
    return f"{os.cpu_count()} cores, {model}"


def rows_of(name: str, result: Any) -> list[dict[str, str]]:
    """Return the rows of the table from what a benchmark wrote."""
    origin = {"machine": machine(), "day": time.strftime("%-d %B %Y")}
    return [
        {
            "benchmark": name,
            "what": line.what,
            "ours": f"{_number(line.ours)} {line.unit}",
            "rival": line.rival,
            "theirs": f"{_number(line.theirs)} {line.unit}",
            "ratio": _number(line.theirs / line.ours),
            "check": line.check,
            **origin,
        }
        for line in LINES[name](result)
    ]


def _number(value: float) -> str:
    """Return three significant digits; thousands stay readable: 1.23e+03 is 1,230."""
    text = f"{value:,.3g}"
    return f"{float(text):,.0f}" if "e+" in text else text


def render(rows: list[dict[str, str]]) -> str:
    """Return the page from the rows of the table."""
    text = [
        HEAD,
        "| what | ours | rival | theirs | ratio | check |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    origins: dict[str, dict[str, None]] = {}
    for row in rows:
        origins.setdefault(f"{row['machine']}, {row['day']}", {})[f"`{row['benchmark']}.py`"] = None
        text.append("| " + " | ".join(row[column] for column in COLUMNS) + " |")
    text += ["", "Measured on:", ""]
    text += [f"- {origin}: {', '.join(names)}" for origin, names in origins.items()]
    return "\n".join(text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=LINES, default=None, help="benchmarks to run")
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--netrep", type=Path, help="checkout of netrep, for similarity")
    arguments = parser.parse_args()
    names = list(LINES) if arguments.only is None else arguments.only
    if arguments.netrep is None and "similarity" in names:
        parser.error("expected --netrep FOLDER, a checkout of netrep: similarity measures it, too")
    further = {"similarity": ["--netrep", str(arguments.netrep)]}
    rows = read_rows()
    for name in names:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / f"{name}.json"
            subprocess.run(
                [
                    *(sys.executable, str(HERE / f"{name}.py"), "--output", str(result)),
                    *further.get(name, []),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            new = rows_of(name, json.loads(result.read_text()))
        rows = [row for row in rows if row["benchmark"] != name] + new
        rows.sort(key=lambda row: list(LINES).index(row["benchmark"]))
        # After each: a benchmark that fails loses nothing of those before it.
        write_rows(rows)
    arguments.output.write_text(render(rows), encoding="utf-8")
    print(f"{arguments.output}: {len(rows)} lines")


def read_rows() -> list[dict[str, str]]:
    """Return the kept rows, in the order of the benchmarks."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(rows: list[dict[str, str]]) -> None:
    """Keep rows."""
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, ["benchmark", *COLUMNS, "machine", "day"], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
