"""Real Snakemake runs: a copy of the project, run once, then changed in one way per test."""

from __future__ import annotations

import shutil

import pytest
from checkouts import Checkout, copy_project


@pytest.fixture(scope="session")
def finished(project, tmp_path_factory) -> Checkout:
    """Return a checkout in which the tiny configuration has run to its end. Not to be changed."""
    checkout = copy_project(project, tmp_path_factory.mktemp("workflow") / "finished")
    checkout.snakemake()
    return checkout


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
