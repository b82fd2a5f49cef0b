# The configuration, validated before anything else, and what the rules share.

import os
import sys

from snakemake.exceptions import WorkflowError

PROJECT = WORKFLOW.parent
# Used with --software-deployment-method conda only.
CPU = str(PROJECT / "envs" / "cpu.yaml")
GPU = str(PROJECT / "envs" / "gpu.yaml")

# Scripts find the package and the interpreter of the environment that Snakemake runs in, whether or
# not it is activated or installed.
sys.path.insert(0, str(PROJECT / "src"))
os.environ.update(
    WARPLINE_SCRIPTS=str(PROJECT / "scripts"),
    PYTHONPATH=os.pathsep.join([str(PROJECT / "src"), *filter(None, [os.getenv("PYTHONPATH")])]),
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.getenv("PATH", os.defpath)]),
)

from warpline.console import tensorboard
from warpline.console.script import list_file
from warpline.pipeline.before_work import faults_before_work
from warpline.pipeline.config import ConfigError, load, read_again
from warpline.pipeline.expansion import Plan
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import alternatives

try:
    if not workflow.modifier.skip_configfile:
        # Snakemake's own reader lets a repeated key pass, and leaves numbers of --config as text.
        given = workflow.config_settings
        default = WORKFLOW.parent / "config" / "config.yaml"
        config = read_again(config, [default, *given.configfiles], given.config)
    PLAN = Plan(load(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

if problem := PLAN.results.problem():
    raise WorkflowError(problem)

# Each stage holds all about one kind of job: outputs, inputs, parameters, cost.
PIPELINE = Pipeline(PLAN)
# The same stages under other protocols, for the audit.
AUDIT = Audit(PIPELINE)
CONFIG = PLAN.config
# Jobs read the workflow anew, and need not try again what the start of the run has tried.
if workflow.is_main_process:
    if faults := faults_before_work(PIPELINE, passed=Path(".snakemake") / "warpline_plugins"):
        raise WorkflowError(str(ConfigError(faults)))
if CONFIG.jobs.tensorboard:
    os.environ[tensorboard.VARIABLE] = f"logs/{CONFIG.name}/events"


wildcard_constraints:
    taskset=alternatives(PLAN.tasksets),
    task=alternatives({task for name in PLAN.tasksets for task in CONFIG.tasksets[name].tasks}),
    split="train|validation|evaluation",
    architecture=alternatives({network.architecture for network in PLAN.networks}),
    curriculum=alternatives({network.curriculum for network in PLAN.networks}),
    pretraining=alternatives(PLAN.pretrainings),
    protocol=alternatives(AUDIT.names),
    seed=r"\d+",
    seeds=r"\d+(\+\d+)*",


def share_settings(rule, name):
    """Let what a profile sets for a rule (its partition, a GPU model) hold for a rule made from it, too."""
    given = workflow.resource_settings._parsed_overwrite_resources
    if own := given.get(rule):
        given.setdefault(name, own)
    return name


def seeds_of(wildcards):
    """Return a block of seeds as options on a command line."""
    return wildcards.seeds.replace("+", " ")


def as_options(wildcards, input):
    """Return the inputs of a rule as options of a command line, by their names."""
    files = {name: [one] if isinstance(one, str) else one for name, one in input.items()}
    return " ".join(f"--{name} {list_file(paths)}" for name, paths in files.items())
