"""What a run of tests/golden/golden.yaml leaves, as digests: what a change of code must not change.

``python tests/golden_run.py record`` writes tests/golden/golden.json; ``... compare REVISION`` makes the run
twice on this machine, by the code of a git revision and by that of the working tree, and compares the bytes.

Digests are of the content (numbers, names, dimensions), not of what a file says about its code. The last bits
of a float differ between processors, so that recorded digests hold on machines like the one that recorded
them; elsewhere the sizes of the numbers are compared instead.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from warpline.core.figure_files import without_provenance

PROJECT = Path(__file__).resolve().parent.parent
CONFIG = PROJECT / "tests" / "golden" / "golden.yaml"
RECORD = PROJECT / "tests" / "golden" / "golden.json"
PACKAGES = ("numpy", "scipy", "torch", "numba", "pandas", "neurogym", "matplotlib", "ripser")
HEADER = "warpline"
"""Attribute of a netCDF file that says where it comes from: its code too."""


def machine() -> dict[str, str]:
    """Return what decides the last bits of a float."""
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    flags = next((line for line in lines if line.startswith("flags")), "")
    kernels = {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "openblas": os.environ.get("OPENBLAS_CORETYPE", "auto"),
        "flags": hashlib.sha256(flags.encode()).hexdigest()[:12],
    }
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"machine": platform.machine(), **kernels, **versions}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a result by name, whatever its format."""
    if path.suffix == ".nc":
        import xarray as xr

        with xr.open_dataset(path, engine="netcdf4") as dataset:
            names = [*dataset.coords, *dataset.data_vars]
            return {f"{name}{dataset[name].dims}": dataset[name].values for name in map(str, names)}
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return load_file(path)
    text = path.read_bytes()
    # A table's first line is its provenance, and so is a figure's description.
    body = text.partition(b"\n")[2] if path.suffix == ".csv" else without_provenance(text)
    return {"": np.frombuffer(body, dtype=np.uint8)}


def _digest(arrays: dict[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        raw = array.tobytes() if array.dtype.kind != "O" else repr(array.tolist()).encode()
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode() + raw)
    return total.hexdigest()[:16]


def _sizes(path: Path, arrays: dict[str, np.ndarray]) -> list[float]:
    """Return count and root mean square of all finite numbers; of weights and arrays alone."""
    if path.suffix not in (".nc", ".safetensors"):
        return []
    flat = [a.astype(float).ravel() for a in arrays.values() if a.dtype.kind in "fiub"]
    values = np.concatenate(flat) if flat else np.zeros(0)
    values = values[np.isfinite(values)]
    return [len(values), float(np.sqrt(np.mean(values**2))) if len(values) else 0.0]


def content(results: Path) -> dict[str, dict[str, Any]]:
    """Return digest and sizes of every table, array, weight and figure below a results folder."""
    found = {}
    for path in sorted(results.rglob("*")):
        if (
            path.suffix in (".nc", ".csv", ".safetensors", ".svg")
            and "benchmarks" not in path.parts
        ):
            arrays = _arrays(path)
            name = path.relative_to(results).as_posix()
            found[name] = {"digest": _digest(arrays), "sizes": _sizes(path, arrays)}
    return found


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return the results that are not byte for byte what was expected, or are missing, or new."""
    names = sorted({*expected, *found})
    return [name for name in names if expected.get(name) != found.get(name)]


def run_at(root: Path) -> dict[str, dict[str, Any]]:
    """Run the golden configuration by the code of a checkout."""
    (root / "golden.yaml").write_text(CONFIG.read_text())
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "golden.yaml"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the golden run failed\n{done.stdout[-2000:]}{done.stderr[-6000:]}")
    return content(root / "results" / "golden")


def checkout(revision: str, root: Path) -> Path:
    """Unpack a revision of the project below a folder."""
    packed = subprocess.run(
        ["git", "archive", revision], cwd=PROJECT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        # Python before 3.11.4 has no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(root)
    return root


def main() -> int:
    """Record the golden run of the working tree, or hold it against a revision's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("revision", nargs="?", help="what to compare with")
    arguments = parser.parse_args()
    from checkouts import copy_project

    with tempfile.TemporaryDirectory() as scratch:
        ours = run_at(copy_project(PROJECT, Path(scratch) / "ours").root)
        if arguments.action == "record":
            record = {"machine": machine(), "results": ours}
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
            print(f"{len(ours)} results recorded in {RECORD.relative_to(PROJECT)}")
            return 0
        if arguments.revision is None:
            parser.error("compare: expected a revision, such as HEAD~1")
        theirs = run_at(checkout(arguments.revision, Path(scratch) / "theirs"))
        changed = differences(theirs, ours)
    print("\n".join(f"changed: {name}" for name in changed))
    print(f"{len(ours)} results, {len(changed)} of them not as of {arguments.revision}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
