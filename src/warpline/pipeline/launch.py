"""Snakemake on a configuration, with the workflow of the working folder or of the package."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from warpline.pipeline.project_files import PROJECT, configuration_file
from warpline.pipeline.study_folder import is_study

__all__ = ["launch", "snakemake_command"]

CORES = ("--cores", "-c", "--jobs", "-j", "--profile", "--executor", "-e")
"""Options that say where, or on how many cores, jobs run."""


def _gives(arguments: Sequence[str], options: Sequence[str]) -> bool:
    """Say whether one of some options stands among arguments, as ``-c 2``, ``-c2`` or ``--cores=2``."""
    return any(
        argument == option
        or argument.startswith(f"{option}=")
        or (len(option) == 2 and argument.startswith(option) and not argument.startswith("--"))
        for argument in arguments
        for option in options
    )


def _check_config(arguments: Sequence[str]) -> None:
    """Refuse what ``--config`` cannot take, where Snakemake would say no more than that it is invalid."""
    of_config = False
    for argument in arguments:
        if argument.startswith("-"):
            of_config = argument in ("--config", "-C") or argument.startswith("--config=")
            argument = argument.removeprefix("--config=")
        if not of_config or argument.startswith("-"):
            continue
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(
                f"expected KEY=VALUE after --config, got {argument!r}: targets stand before --config"
            )
        if "." in key:
            from warpline.pipeline.config.messages import nested

            raise ValueError(f"expected a key after --config, got {key!r}; {nested(key, value)}")


def snakemake_command(name: str, arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs a configuration.

    Parameters
    ----------
    name : str
        As `warpline.pipeline.project_files.configuration_file` takes it.
    arguments : sequence of str
        Targets and options for Snakemake.

    Raises
    ------
    FileNotFoundError
        When there is no such configuration.
    ValueError
        When the arguments name a further configuration, or hold a ``--config`` without a key or with a dotted
        one.
    """
    _check_config(arguments)
    if _gives(arguments, ("--configfile", "--configfiles")):
        raise ValueError(
            f"expected the configuration as `warpline run {name}`, got --configfile as well: "
            "layer files with snakemake itself, --configfile first.yaml second.yaml"
        )
    targets = itertools.takewhile(lambda argument: not argument.startswith("-"), arguments)
    files = [target for target in targets if target.endswith((".yaml", ".yml"))]
    if files:
        raise ValueError(
            f"expected one configuration, got {name} and {files[0]}: layer files with snakemake itself, "
            f"snakemake --configfile {name} {files[0]}"
        )
    command = [sys.executable, "-m", "snakemake", *arguments]
    if not is_study(Path()):
        command += ["--snakefile", str(PROJECT / "Snakefile")]
    if not _gives(arguments, CORES):
        command += ["--cores", "all"]
    if not _gives(arguments, ("--logger",)):
        command += ["--logger", "warpline"]
    # Last, because it takes every name that follows it.
    return [*command, "--configfile", str(configuration_file(name))]


def launch(name: str, arguments: Sequence[str]) -> None:
    """Become Snakemake on a configuration: signals and the exit status are its own.

    Raises
    ------
    FileNotFoundError, ValueError
        As `snakemake_command`; also when the configuration file cannot be read, of which Snakemake, which
        reads it before any code of ours, would show a traceback.
    """
    from warpline.pipeline.config.documents import read_document

    read_document(configuration_file(name))
    command = snakemake_command(name, arguments)
    sys.stdout.flush()
    os.execv(command[0], command)
