# The configuration, validated before anything else, and what the rules share.

import json
import os
import re
import shlex
import sys
from functools import cache

from snakemake.exceptions import WorkflowError

PROJECT = WORKFLOW.parent
SCRIPTS = PROJECT / "scripts"
# Used with --software-deployment-method conda only.
CPU = str(PROJECT / "envs" / "cpu.yaml")
GPU = str(PROJECT / "envs" / "gpu.yaml")

# Scripts find the package and the interpreter of the environment that Snakemake runs in, whether or
# not it is activated or installed.
sys.path.insert(0, str(PROJECT / "src"))
os.environ.update(
    WARPLINE_SCRIPTS=str(SCRIPTS),
    PYTHONPATH=os.pathsep.join([str(PROJECT / "src"), *filter(None, [os.getenv("PYTHONPATH")])]),
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.getenv("PATH", os.defpath)]),
)

from warpline.console import tensorboard
from warpline.pipeline import slices
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.costs import RULES, Costs
from warpline.pipeline.code_digest import digest
from warpline.pipeline.files import Files
from warpline.pipeline.paths import COMPARISON_TABLES, STATISTICS_TABLES, join_seeds
from warpline.pipeline.plan import Plan, Subject
from warpline.core.plugins import locate

try:
    PLAN = Plan(load(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

if problem := PLAN.layout.problem():
    raise WorkflowError(problem)

COSTS = Costs(PLAN)
LAYOUT = PLAN.layout
FILES = Files(PLAN)
CONFIG = PLAN.config
LOGS = f"logs/{CONFIG.name}"
if CONFIG.jobs.tensorboard:
    os.environ[tensorboard.VARIABLE] = f"{LOGS}/events"
BENCHMARKS = f"{LAYOUT.root}/benchmarks"


def alternatives(names):
    """Return a wildcard constraint that matches these names and no others."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    taskset=alternatives(PLAN.tasksets),
    task=alternatives({task for name in PLAN.tasksets for task in CONFIG.tasksets[name].tasks}),
    split="train|validation|evaluation",
    architecture=alternatives({subject.architecture for subject in PLAN.subjects}),
    curriculum=alternatives({subject.curriculum for subject in PLAN.subjects}),
    pretraining=alternatives(PLAN.pretrainings),
    measure=alternatives(PLAN.all_measures),
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


def resources_of(rule, n_seeds=1):
    """Return what a rule's jobs ask a cluster for; a job that was killed asks for more."""
    found = {
        "mem_mb": lambda wildcards, attempt: COSTS.memory_mb(rule, wildcards, attempt, n_seeds),
        "runtime": lambda wildcards, attempt: COSTS.runtime(rule, wildcards, attempt, n_seeds),
    }
    if RULES[rule].gpu and CONFIG.jobs.gpu:
        found["gpu"] = 1
    return found


def share_settings(rule, name):
    """Let what a profile sets for a rule (its partition, a GPU model) hold for a rule made from it, too."""
    given = workflow.resource_settings._parsed_overwrite_resources
    if own := given.get(rule):
        given.setdefault(name, own)
    return name


def subject(wildcards):
    """Return what a run's wildcards name."""
    return Subject(wildcards.taskset, wildcards.architecture, wildcards.curriculum)


def of_block(pattern, block):
    """Return a pattern for each seed of a block; as it is, with its wildcard, for the empty one."""
    return [pattern.replace("{seed}", str(seed)) for seed in block] or [pattern]


def seeds_of_block(wildcards, block):
    """Return the seeds of a job."""
    return block or [int(wildcards.seed)]


def block_name(block):
    """Return a block as it stands in the name of a log."""
    return join_seeds(block) if block else "{seed}"


def seeds_of_files(paths):
    """Return the seeds of some networks from the paths of their files."""
    return [re.search(r"/seed~(\d+)/", path)[1] for path in paths]


def resume_files(stage, wildcards, checkpoints):
    """Return the states of a job's unfinished networks."""
    return [
        LAYOUT.resume(stage).format(**{**wildcards, "seed": seed})
        for seed in seeds_of_files(checkpoints)
    ]


def model_of(wildcards):
    """Return the registry entry of an architecture's model."""
    return ("models", CONFIG.architectures[wildcards.architecture].model)


def analysis_code(wildcards):
    """Return the digest of an analysis: of its experiment, its task set and its model."""
    entry = WARPING.analyses[wildcards.analysis]
    return code(
        "analyse_warping.py",
        ("analyses", entry.experiment),
        ("tasks", CONFIG.tasksets[entry.taskset].env),
        ("models", CONFIG.architectures[entry.architecture].model),
    )


def measure_of(wildcards):
    """Return the registry entry of a measure."""
    return ("similarity", CONFIG.measures[wildcards.measure].measure)


def seeds_of(wildcards):
    """Return a block of seeds as options on a command line."""
    return wildcards.seeds.replace("+", " ")


def as_options(wildcards, input):
    """Return the inputs of a rule as options of a command line, by their names."""
    files = {name: [found] if isinstance(found, str) else found for name, found in input.items()}
    return " ".join(f"--{name} {shlex.join(found)}" for name, found in files.items())


def figure_settings(*keys, **further):
    """Return what a figure script is told."""
    return settings({**slices.figure_slice(PLAN, *keys), **further})


def figure_code(name):
    """Return the digest of a figure script."""
    return code(f"figures/{name}.py")
