# The configuration, validated before anything else, and what the rules share.

# Used with --software-deployment-method conda only.
CPU = str(PROJECT / "envs" / "cpu.yaml")
GPU = str(PROJECT / "envs" / "gpu.yaml")

from warpline.console import tensorboard
from warpline.console.script import list_file
from warpline.pipeline.before_work import faults_before_work
from warpline.pipeline.config import ConfigError, load, read_again
from warpline.pipeline.config.documents import merge, read_document
from warpline.pipeline.expansion import Plan
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.forecast import expected_seconds
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import alternatives

# Snakemake renders the introduction of a report with the configuration of the outermost workflow. Where that takes
# this one as a module, the default is not in it: what is run lies there under this key, for the introduction alone.
FOR_REPORT = "warpline_report"

try:
    if workflow.modifier.skip_configfile:
        # The `config` of a module statement lies on top of the default, as a file does.
        given = {key: value for key, value in config.items() if key != FOR_REPORT}
        config = merge(read_document(DEFAULT), given)
    else:
        # Snakemake's own reader lets a repeated key pass, and leaves numbers of --config as text.
        given = workflow.config_settings
        config = read_again(config, [DEFAULT, *given.configfiles], given.config)
    PLAN = Plan(load(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

outermost = workflow.modifier_stack[0].globals["config"]
if outermost is not config:
    outermost[FOR_REPORT] = config

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
# What `--logger warpline` needs for the time left, and says at the end.
if plugin := sys.modules.get("snakemake_logger_plugin_warpline"):
    plugin.expect(lambda: expected_seconds(AUDIT), str(PLAN.results.root))
if CONFIG.jobs.tensorboard:
    os.environ[tensorboard.VARIABLE] = f"logs/{CONFIG.name}/events"


wildcard_constraints:
    taskset=alternatives(PLAN.tasksets),
    task=alternatives({task for name in PLAN.tasksets for task in CONFIG.tasksets[name].tasks}),
    architecture=alternatives({network.architecture for network in PLAN.networks}),
    curriculum=alternatives({network.curriculum for network in PLAN.networks}),
    pretraining=alternatives(PLAN.pretrainings),
    protocol=alternatives(AUDIT.names),
    seed=r"\d+",
    seeds=r"\d+(\+\d+)*",


def share_settings(rule, name):
    """Let what a profile sets for a rule (its partition, a GPU model) hold for a rule made from it, too."""
    given = workflow.resource_settings._parsed_overwrite_resources
    # A module may give its rules other names.
    named = workflow.modifier.modify_rulename
    if own := given.get(named(rule)):
        given.setdefault(named(name), own)
    return name


def seeds_of(wildcards):
    """Return a block of seeds as options on a command line."""
    return wildcards.seeds.replace("+", " ")


def as_options(wildcards, input):
    """Return the inputs of a rule as options of a command line, by their names."""
    files = {name: [one] if isinstance(one, str) else one for name, one in input.items()}
    return " ".join(f"--{name} {list_file(paths)}" for name, paths in files.items())


def figures_group(wildcards):
    """Return the group of a figure, None where the profile does not say that a job draws several.

    Snakemake checks a group by walking through all that its jobs depend on: for each figure, through most of the
    plan.
    """
    components = workflow.group_settings.group_components
    return "figures" if components.get("figures", 1) > 1 else None
