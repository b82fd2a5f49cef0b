"""A working folder of one's own: its configuration, a Snakefile that takes Warpline as a module, profiles."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from warpline.pipeline.project_files import PROJECT

__all__ = ["is_study", "write_study"]

CONFIGURATION = """\
# The study {name}, on top of Warpline's default configuration.
# Catalogues (tasksets, architectures, curricula, measures) are mappings: an entry adds to them.
# What is run is a list under `run`: a list replaces the list of the default.
name: {name}

run:
  seeds: [1, 2]
  measures: [cka, procrustes]
  grid:
    - tasksets: [PDM]
      architectures: [leaky_rnn]
      curricula: [untrained, master, pretrain_anti]
      comparisons: [learning]

curricula:
  # A network that first learns to answer with the other side.
  pretrain_anti: {{pretrain: [Anti]}}

architectures:
  leaky_rnn: {{units: 64}}

tasksets:
  PDM:
    trials: {{train: 2000, validation: 400, evaluation_repeats: 20}}
"""
SNAKEFILE = """\
# The study {name}. Jobs of your own can stand below: they may read what Warpline writes.
from warpline.pipeline.project_files import SNAKEFILE


module warpline:
    snakefile:
        SNAKEFILE


use rule * from warpline
"""
README = """\
# {name}

    warpline run {name} --cores 2       # or: snakemake --cores 2
    warpline status {name}              # what is done, running, failed, stale
    warpline plan {name}                # jobs, time, memory, disk
    warpline run {name} -n              # what would run, and why
    warpline run {name} --report report.html --cores 1

The report has every figure with its caption, code and settings. In Python,
`warpline.load_table("{name}", "PDM", "runs")` reads a table, and `warpline.open_run` opens a network.

| file | contents |
| --- | --- |
| `{configuration}` | what is run, on top of Warpline's default |
| `Snakefile` | Warpline as a module; place for rules of your own |
| `profiles/default` | options of every run |
| `profiles/slurm` | a cluster: `snakemake --profile profiles/slurm` |
| `results/{name}` | `explorer.html` (open it in a browser), `figures`, `tables`, networks |
"""
PROFILE_HEAD = """\
# The configuration of this study; `snakemake --configfile` with another file takes its place.
configfile: {configuration}
# Jobs done and time left, beside what Snakemake says.
logger: warpline
"""


def write_study(folder: Path) -> list[Path]:
    """Write a working folder and return its files.

    Parameters
    ----------
    folder : pathlib.Path
        Its last part becomes the name of the configuration; what a name cannot hold is written as ``-``.

    Raises
    ------
    FileExistsError
        When one of the files is there, or a file where a folder is due; nothing is written then.
    """
    # Links that lead in a circle have no end, which `Path.resolve` takes for an error of its own.
    real = Path(os.path.realpath(folder))
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", real.name)[:80]
    name = name if name[:1].isalpha() else f"study-{name}"[:80]
    configuration = f"config/{name}.yaml"
    profile = (PROJECT / "profiles" / "default" / "config.yaml").read_text(encoding="utf-8")
    texts = {
        configuration: CONFIGURATION,
        "Snakefile": SNAKEFILE,
        "README.md": README,
        "profiles/default/config.yaml": f"{PROFILE_HEAD}{profile}",
    }
    slurm = "profiles/slurm/config.yaml"
    if os.path.lexists(folder) and not folder.is_dir():
        raise FileExistsError(
            f"expected a folder, or a place for one, got {folder}: a file, or a link to nothing"
        )
    # A link counts although it leads nowhere: to write through it would make a file elsewhere.
    present = [path for path in (*texts, slurm) if os.path.lexists(folder / path)]
    due = dict.fromkeys(
        parent for path in (*texts, slurm) for parent in reversed(Path(path).parents)
    )
    present += [
        str(parent)
        for parent in due
        if os.path.lexists(folder / parent) and not (folder / parent).is_dir()
    ]
    if present:
        raise FileExistsError(
            f"expected a folder without {', '.join(present)}, got {real}: nothing was written; take another "
            "folder, or move these away"
        )
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        filled = text.format(name=name, configuration=configuration)
        (folder / path).write_text(filled, encoding="utf-8")
    (folder / slurm).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / slurm, folder / slurm)
    return [folder / path for path in (*texts, slurm)]


def is_study(folder: Path) -> bool:
    """Say whether a folder has a Snakefile that runs Warpline."""
    snakefile = folder / "Snakefile"
    return snakefile.is_file() and "warpline" in snakefile.read_text("utf-8", "replace").lower()
