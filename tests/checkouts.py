"""A copy of the project in which real Snakemake runs; what the tests in workflow/ and slurm/ share."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

COPIED = ("Snakefile", "workflow", "config", "scripts", "src", "profiles", "envs", "slurm")
TINY = "tests/workflow/tiny.yaml"


class Checkout:
    """A copy of the project in which Snakemake is run on a small configuration.

    Parameters
    ----------
    root : pathlib.Path
    config : str
        The configuration file, below the root.
    python_path : pathlib.Path, optional
        A folder of installed modules.
    """

    def __init__(
        self, root: Path, config: str = "tiny.yaml", python_path: Path | None = None
    ) -> None:
        self.root = root
        self.config = config
        self.python_path = python_path

    def snakemake(self, *arguments: str, config: str | None = None, check: bool = True):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if self.python_path is not None:
            environment["PYTHONPATH"] = str(self.python_path)
        # Targets come before --configfile, which takes every name that follows it.
        command = [sys.executable, "-m", "snakemake", *arguments]
        command += ["--cores", "2", "--configfile", config or self.config]
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, env=environment
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def planned(self, *arguments: str, config: str | None = None) -> dict[str, int]:
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

    @contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        """Replace a text in a file, and put it back at the end."""
        path = self.root / name
        before = path.read_text()
        self.edit(name, old, new)
        try:
            yield
        finally:
            path.write_text(before)

    def configure(self, **changes) -> None:
        """Change the configuration: dotted keys, new values."""
        path = self.root / self.config
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


def start_in_background(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen:
    """Start a command as the leader of a process group of its own; what it says is added to a file."""
    with log.open("a") as out:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=out,
            process_group=0,
            # Whoever runs the tests in the background of a shell has SIGINT ignored, and so has every child.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def copy_project(source: Path, target: Path, config: str = TINY) -> Checkout:
    target.mkdir(parents=True)
    for name in COPIED:
        place = source / name
        if place.is_symlink():
            (target / name).symlink_to(place.readlink())
        elif place.is_dir():
            # With bytecode and Numba's compiled code, which a fresh copy would take half a minute to make.
            shutil.copytree(place, target / name, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy2(place, target / name)
    name = Path(config).name
    shutil.copy2(source / config, target / name)
    return Checkout(target, name)
