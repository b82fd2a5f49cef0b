"""A copy of the project in which real Snakemake runs; what the tests in workflow/ and slurm/ share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

COPIED = ("Snakefile", "workflow", "config", "scripts", "src", "profiles", "envs", "slurm")
TINY = "tests/workflow/tiny.yaml"


class Checkout:
    """A copy of the project in which Snakemake is run on a small configuration."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def snakemake(self, *arguments: str, config: str = "tiny.yaml", check: bool = True):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        # Targets come before --configfile, which takes every name that follows it.
        command = [sys.executable, "-m", "snakemake", *arguments]
        command += ["--cores", "2", "--configfile", config]
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, env=environment
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def planned(self, *arguments: str, config: str = "tiny.yaml") -> dict[str, int]:
        """Return the jobs that Snakemake would run, by rule."""
        done = self.snakemake("--dry-run", *arguments, config=config)
        text = done.stdout + done.stderr
        if "Nothing to be done" in text:
            return {}
        table = text.split("Job stats:")[1].split("total")[0]
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
        return {rule: int(count) for rule, count in jobs.items() if rule != "all"}

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that occurs in a file; it must be there."""
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1))

    def configure(self, **changes) -> None:
        """Change the tiny configuration: dotted keys, new values."""
        path = self.root / "tiny.yaml"
        config = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split("__")
            place = config
            for parent in parents:
                place = (
                    place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
                )
            place[last] = value
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def outputs(self, name: str = "tiny") -> dict[str, bytes]:
        """Return all results, the sidecars and run times aside, by path."""
        results = self.root / "results" / name
        skipped = ("benchmarks", "resume")
        return {
            str(path.relative_to(results)): path.read_bytes()
            for path in sorted(results.rglob("*"))
            if path.is_file()
            and path.relative_to(results).parts[0] not in skipped
            and not path.name.endswith(".provenance.json")
        }


def copy_project(source: Path, target: Path) -> Checkout:
    target.mkdir(parents=True)
    for name in COPIED:
        place = source / name
        if place.is_symlink():
            (target / name).symlink_to(place.readlink())
        elif place.is_dir():
            shutil.copytree(
                place, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy2(place, target / name)
    shutil.copy2(source / TINY, target / "tiny.yaml")
    return Checkout(target)
