"""What checking costs: files of the demo's and of the paper's size, read as a job reads them.

    python benchmarks/checksums.py [--output checksums.json]

Prints milliseconds of CPU time of a reading, and the share of it that is spent on checksums: medians over
several readings of a file that lies in memory.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr

from warpline.core import result_files, tensor_files
from warpline.models.checkpoints import CheckpointFile, write_checkpoints

SIZES = {
    # Units and checkpoints of a network; checkpoints, trials, steps, units of trajectories; rows of a table.
    "demo": (64, 45, (6, 280, 40, 64), 500),
    "paper": (256, 36, (8, 400, 60, 256), 20_000),
}
HASHES = [
    (result_files, "checksum"),
    (tensor_files, "_tensor_digest"),
    (tensor_files, "_header_digest"),
]


def measure(read: Callable[[], object], repeats: int = 9) -> tuple[float, float]:
    """Return the milliseconds of a reading, and those of the checksums in it."""
    hashing = 0.0

    def timed(function: Callable) -> Callable:
        def run(*arguments: object) -> object:
            nonlocal hashing
            start = time.process_time()
            value = function(*arguments)
            hashing += time.process_time() - start
            return value

        return run

    whole, checksums = [], []
    with ExitStack() as stack:
        for module, name in HASHES:
            stack.enter_context(mock.patch.object(module, name, timed(getattr(module, name))))
        for _ in range(repeats):
            hashing, start = 0.0, time.process_time()
            read()
            whole.append(time.process_time() - start)
            checksums.append(hashing)
    return 1000 * median(whole), 1000 * median(checksums)


def write(folder: Path, size: str) -> tuple[Path, Path, Path]:
    """Write weights, trajectories and a table of one size."""
    units, n_checkpoints, shape, rows = SIZES[size]
    random = np.random.default_rng(0)
    weights, trajectories, table = (
        folder / f"{size}.{kind}" for kind in ("safetensors", "nc", "csv")
    )
    by_step = {
        step: {
            "weight_hh": random.normal(size=(units, units)).astype("f4"),
            "bias": np.zeros(units, "f4"),
        }
        for step in range(n_checkpoints)
    }
    summary = [{"step": step, "loss": 0.5, "accuracy": 0.5} for step in by_step]
    write_checkpoints(weights, by_step, summary, {"status": "converged"})
    states = np.cumsum(random.normal(size=shape), 2).astype("f4")
    dataset = xr.Dataset({"states": (("checkpoint", "trial", "time", "unit"), states)})
    result_files.write_dataset(dataset, trajectories, {})
    frame = pd.DataFrame(random.normal(size=(rows, 8)), columns=[f"value_{k}" for k in range(8)])
    result_files.write_table(frame, table, {})
    return weights, trajectories, table


def all_weights(path: Path) -> None:
    checkpoints = CheckpointFile(path)
    for step in checkpoints.steps:
        checkpoints.weights(step)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    content = bytes(2**26)
    start = time.process_time()
    hashlib.sha256(content).hexdigest()
    print(f"SHA-256: {len(content) / (time.process_time() - start) / 1e9:.2f} GB/s")
    print(f"{'reading':<24} {'MB':>7} {'ms':>8} {'checksums':>9} {'share':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            weights, trajectories, table = write(Path(folder), size)
            readings: list[tuple[str, Path, Callable[[Path], object]]] = [
                ("last checkpoint", weights, lambda path: CheckpointFile(path).weights()),
                ("all checkpoints", weights, all_weights),
                ("weights, whole file", weights, lambda path: result_files.checksum(path)),
                ("trajectories", trajectories, result_files.read_dataset),
                ("table", table, result_files.read_table),
            ]
            for name, path, read in readings:
                whole, checksums = measure(lambda read=read, path=path: read(path))
                megabytes = path.stat().st_size / 1e6
                row = {"reading": f"{size} {name}", "megabytes": megabytes}
                rows.append({**row, "ms": whole, "checksums_ms": checksums})
                print(
                    f"{size + ' ' + name:<24} {megabytes:>7.1f} {whole:>8.1f} {checksums:>9.1f}"
                    f" {checksums / whole:>6.0%}"
                )
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
