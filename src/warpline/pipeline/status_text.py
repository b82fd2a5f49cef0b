"""The state of a run as text for a terminal; the configuration behind a folder of results."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from warpline.core.utf8_paths import shell_word
from warpline.pipeline.project_files import PROJECT, configuration_file
from warpline.pipeline.protocol_stages import AUDIT_HEADING
from warpline.pipeline.run_status import STATES, Job, RunStatus

__all__ = ["configuration_of", "render_status"]

SHOWN = 5
"""Running and failed jobs that are named."""


def configuration_of(place: str) -> str:
    """Return the configuration file that a folder of results, a file or a name stands for.

    Raises
    ------
    FileNotFoundError
        When no file, or more than one, has the name of the folder.
    """
    if not Path(place).is_dir():
        return str(configuration_file(place))
    name = Path(os.path.realpath(place)).name
    for folders in ((Path("config"), Path()), (PROJECT / "config",)):
        files = [
            path
            for folder in folders
            for path in sorted(folder.glob("*.yaml"))
            # Other files can lie there: folders, links to nothing, text that is not UTF-8.
            if path.is_file()
            and re.search(
                rf"^name: *[\"']?{re.escape(name)}[\"']? *(#.*)?$",
                path.read_text("utf-8", "replace"),
                re.M,
            )
        ]
        if len(files) == 1:
            return str(files[0])
        if files:
            break
    number = f"{len(files)} ({', '.join(map(str, files))})" if files else "none"
    raise FileNotFoundError(
        f"expected one configuration with `name: {name}` in this folder or in config, found {number}: "
        "give the file, `warpline status FILE`, in the folder in which Snakemake runs"
    )


def _last_line(path: str) -> str:
    """Return the last line of a log: the progress of a job; empty where there is no file."""
    # A pipe in its place would be waited for.
    if not Path(path).is_file():
        return ""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 2000, 0))
            lines = file.read().decode("utf-8", "replace").replace("\r", "\n").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:120]


def _named(jobs: list[Job], title: str) -> list[str]:
    """Return some jobs, each with its log and the last line of that."""
    lines = []
    for job in jobs[:SHOWN]:
        last = _last_line(job.log)
        lines.append(f"{title}: {job.rule}, {job.log}" + (f": {last}" if last else ""))
    if len(jobs) > SHOWN:
        lines.append(f"{title}: {len(jobs) - SHOWN:,} more")
    return lines


def _command(files: list[str], arguments: list[str]) -> str:
    """Return the command that runs some configuration files, in any folder where there is one file."""
    if len(files) > 1:
        return " ".join(["snakemake", *arguments, "--configfile", *map(shell_word, files)])
    short = Path(files[0]).stem
    try:
        named = configuration_file(short).samefile(files[0])
    except FileNotFoundError:
        named = False
    return " ".join(["warpline", "run", shell_word(short if named else files[0]), *arguments])


def _targets(status: RunStatus) -> list[str]:
    """Return the targets with jobs that are not done; none where the default target has them all."""
    of_audit = {job.heading == AUDIT_HEADING for job in status.jobs if job.state != "done"}
    return [*(["all"] if False in of_audit else []), "audit"] if True in of_audit else []


def render_status(status: RunStatus, name: str, root: Path, files: list[str]) -> str:
    """Return counts by part of the pipeline, what runs and what failed, and what to run next.

    Parameters
    ----------
    status : RunStatus
    name : str
        The configuration's name.
    root : pathlib.Path
        Its results folder.
    files : list of str
        Its files, as the user gave them.
    """
    counts = status.counts
    lines = [f"{name}: {counts['done']:,} of {len(status.jobs):,} jobs done, results in {root}", ""]
    lines.append(f"{'stage':<13}" + "".join(f"{state:>9}" for state in STATES))
    for heading in dict.fromkeys(job.heading for job in status.jobs):
        of_stage = Counter(job.state for job in status.jobs if job.heading == heading)
        cells = (f"{of_stage[state]:>9,}" if of_stage[state] else f"{'.':>9}" for state in STATES)
        lines.append(f"{heading:<13}" + "".join(cells))
    lines.append("")

    def of(state: str) -> list[Job]:
        return [job for job in status.jobs if job.state == state]

    lines += _named(of("running"), "running") + _named(of("failed"), "failed")
    for reason, count in Counter(job.reason for job in of("stale")).most_common():
        lines.append(f"stale: {count:,} jobs, {reason}")
    if of("stopped"):
        lines.append(
            f"stopped: {counts['stopped']:,} jobs ran when Snakemake ended, or run on another machine"
        )
    if counts["done"] == len(status.jobs):
        lines.append("Nothing is left to run.")
    elif status.snakemake_runs:
        lines.append("A Snakemake works in this folder.")
    else:
        if status.locked:
            lines.append(
                "The folder is locked, and no Snakemake works here. If none works on another machine: "
                f"{_command(files, ['--unlock'])}"
            )
        lines.append(f"Next: {_command(files, [*_targets(status), '--cores', '2'])}")
    return "\n".join(lines)
