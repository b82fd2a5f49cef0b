"""Tests without Snakemake runs, on the oldest and newest supported versions: ``nox``, ``nox -s lowest``."""

import nox

TESTS = ("-m", "not workflow and not slurm and not browser")
nox.options.error_on_missing_interpreters = False
# uv installs a session in one to four minutes, where pip takes over twenty.
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Take every dependency at the lower bound that pyproject.toml states."""
    session.install("-c", "envs/lowest.txt", "-e", ".[dev]")
    session.run("python", "-m", "pytest", *TESTS, *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def newest(session: nox.Session) -> None:
    """Take the newest versions that pip finds, without constraints."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", *TESTS, *session.posargs)
