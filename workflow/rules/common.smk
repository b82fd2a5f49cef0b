# The configuration, validated before anything else, and what the rules share.

import json
import os
import re
import sys
from functools import cache

from snakemake.exceptions import WorkflowError

PROJECT = WORKFLOW.parent
SCRIPTS = PROJECT / "scripts"

# Scripts find the package and the interpreter of the environment that Snakemake runs in, whether or
# not it is activated or installed.
sys.path.insert(0, str(PROJECT / "src"))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(PROJECT / "src"), os.environ.get("PYTHONPATH")])
)
os.environ["PATH"] = os.pathsep.join(
    [os.path.dirname(sys.executable), os.environ["PATH"]]
)

from warpline import slices
from warpline.config import ConfigError, load
from warpline.digest import digest
from warpline.layout import (
    COMPARISON_TABLES,
    STATISTICS_TABLES,
    join_seeds,
    split_seeds,
)
from warpline.plan import Plan, Subject
from warpline.registry import locate

try:
    PLAN = Plan(load(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

LAYOUT = PLAN.layout
CONFIG = PLAN.config
LOGS = f"logs/{CONFIG.name}"
BENCHMARKS = f"{LAYOUT.root}/benchmarks"


def alternatives(names):
    """Return a wildcard constraint that matches these names and no others."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    taskset=alternatives(PLAN.tasksets),
    task=alternatives(
        {task for name in PLAN.tasksets for task in CONFIG.tasksets[name].tasks}
    ),
    split="train|validation|evaluation",
    architecture=alternatives({subject.architecture for subject in PLAN.subjects}),
    curriculum=alternatives({subject.curriculum for subject in PLAN.subjects}),
    pretraining=r"[A-Za-z0-9_.\-]+(\+[A-Za-z0-9_.\-]+)*",
    measure=alternatives(CONFIG.run.measures),
    seed=r"\d+",
    seeds=r"\d+(\+\d+)*",


@cache
def code(script, *named):
    """Return the digest of a script and of the modules that its settings name: (folder, name) pairs."""
    places = [locate(folder, name) for folder, name in named]
    return digest(
        SCRIPTS / script,
        modules=[place.module for place in places if place.module],
        files=[place.file for place in places if place.file],
    )


def settings(content):
    """Return a slice of the configuration as it stands on a command line."""
    return json.dumps(content, sort_keys=True)


def subject(wildcards):
    """Return what a run's wildcards name."""
    return Subject(wildcards.taskset, wildcards.architecture, wildcards.curriculum)


def model_of(wildcards):
    """Return the registry entry of an architecture's model."""
    return ("models", CONFIG.architectures[wildcards.architecture].model)
