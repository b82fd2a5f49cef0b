"""Real Snakemake runs: a copy of the project, run once, then changed in one way per test."""

from __future__ import annotations

import fcntl
import os
import shutil

import pytest
from checkouts import Checkout, copy_project


@pytest.fixture(scope="session")
def finished(project, tmp_path_factory) -> Checkout:
    """Return a checkout in which the tiny configuration has run to its end. Not to be changed."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The processes of one session share the run: the first makes it, the others wait.
        folder = folder.parent
    root, done = folder / "finished", folder / "finished.done"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            copy_project(project, root).snakemake()
            done.touch()
    return Checkout(root)


@pytest.fixture
def checkout(finished, tmp_path) -> Checkout:
    """Return a copy of the finished checkout, results and Snakemake's records included, to change."""
    target = tmp_path / "checkout"
    shutil.copytree(finished.root, target, symlinks=True)
    return Checkout(target)


@pytest.fixture
def fresh(project, tmp_path) -> Checkout:
    """Return a checkout without results."""
    return copy_project(project, tmp_path / "fresh")
