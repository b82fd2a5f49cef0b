"""What a result says of its making that cannot change it: a sidecar beside the file.

No rule has a sidecar as its input: of it, a reader takes the size and the SHA-256 of the file alone. A job's
digest does not count this module, so that editing it re-runs nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["SIDECAR", "sidecar_path", "sidecar_text"]

SIDECAR = ".provenance.json"
"""What a sidecar's name adds to that of its file."""
REPORTED_PACKAGES = ("warpline", "numpy", "scipy", "torch", "xarray", "neurogym", "dsa-metric")


def _git_state() -> dict[str, Any]:
    here = Path(__file__).resolve()
    try:
        ask = ["git", "-C", str(here.parent)]
        # An environment may lie inside the repository of another project.
        tracked = [*ask, "ls-files", "--error-unmatch", here.name]
        subprocess.run(tracked, capture_output=True, check=True)
        commit = subprocess.run(
            [*ask, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        status = subprocess.run(
            [*ask, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(status)}


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def sidecar_path(path: str | Path) -> Path:
    """Return the path of a file's sidecar, ``<file>.provenance.json``."""
    path = Path(path)
    return path.with_name(path.name + SIDECAR)


def sidecar_text(path: Path, provenance: Mapping[str, Any], size: int, checksum: str) -> str:
    """Return the sidecar of a result as JSON: size, SHA-256, git state, versions, host, time.

    Parameters
    ----------
    path : pathlib.Path
        Where the result will lie.
    provenance : mapping
        What the result depends on.
    size : int
        Bytes of the result.
    checksum : str
        SHA-256 of the result.
    """
    record = {
        "file": path.name,
        # Its wildcards: a result is a path.
        "path": path.as_posix(),
        "bytes": size,
        "sha256": checksum,
        "provenance": dict(provenance),
        "git": _git_state(),
        "python": platform.python_version(),
        "packages": {name: _installed(name) for name in REPORTED_PACKAGES},
        "host": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        # Only what says otherwise has computed elsewhere.
        "device": provenance.get("device", "cpu"),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "command": Path(sys.argv[0]).name,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(record, indent=1, sort_keys=True) + "\n"
