"""The audit: networks trained and compared under several protocols that differ in one switch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from warpline.pipeline import report_order
from warpline.pipeline.config.base import scored_by_wasserstein
from warpline.pipeline.config.protocol import variants
from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import ResultsFolder, join_seeds
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.claims import JudgeClaims
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.figures import DrawFigures, Figure
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import TrainingStage

__all__ = ["AUDIT_HEADING", "Audit", "ByProtocol"]

AUDIT_HEADING = "audit"
"""Part of the pipeline under which the jobs of an audit are counted: that of the target of this name."""
FOLDERS = {
    "trials": "trials",
    "pretraining": "pretraining",
    "training": "training",
    "trajectories": "trajectories",
    "condition_states": "trajectories",
    "mean_states": "trajectories",
    "dsa": "choice",
    "compare": "comparisons",
}
"""Stage whose results a folder holds. Results of other stages are not made by protocol."""


class _ProtocolFolder(ResultsFolder):
    """The results of one protocol: each stage's where the first protocol with the same settings has them.

    The settings of a stage are its jobs' parameters and those of the stages that it reads. So protocols that
    differ in the evaluation alone share their networks.
    """

    def __init__(self, folder: ResultsFolder, owner_of: Callable[[str], str]) -> None:
        super().__init__(folder.root)
        object.__setattr__(self, "_owner_of", owner_of)

    def at(self, pattern: str) -> str:
        """Return a pattern below the folder."""
        stage = FOLDERS.get(pattern.partition("/")[0])
        owner = self._owner_of(stage) if stage else ""  # type: ignore[attr-defined]
        return super().at(f"protocols/{owner}/{pattern}" if owner else pattern)


class ByProtocol:
    """A stage whose jobs have one more wildcard, ``protocol``.

    It stands in rules for the stage that it is made from, and has its resources.

    Parameters
    ----------
    audit : Audit
    name : str
        Attribute of `warpline.pipeline.stages.Pipeline`.
    block : tuple of int
        Seeds of the jobs of a rule that trains several; empty for all others.
    """

    heading = AUDIT_HEADING

    def __init__(self, audit: Audit, name: str, block: tuple[int, ...] = ()) -> None:
        self.audit, self.name, self.block = audit, name, block
        self.own: Any = self._of(audit.pipeline)
        self._stages: dict[str, Stage] = {}

    def __getattr__(self, name: str) -> Any:
        # Resources, seeds and all that no protocol changes.
        return getattr(self.own, name)

    def _of(self, pipeline: Pipeline) -> Stage:
        stage: Stage = getattr(pipeline, self.name)
        if isinstance(stage, TrainingStage):
            return stage.of_block(self.block)
        # Of the tables of a comparison the one after learning alone is made by protocol.
        return stage.of_tables("after") if isinstance(stage, CompareNetworks) else stage

    def _stage(self, wildcards: Wildcards) -> Stage:
        protocol = wildcards["protocol"]
        if protocol not in self._stages:
            self._stages[protocol] = self._of(self.audit.of_protocol(protocol))
        return self._stages[protocol]

    def pattern(self, name: str | None = None) -> str:
        """Return the pattern of an output (by default the first) with the results folder."""
        outputs = self.own.outputs
        pattern = outputs[name or next(iter(outputs))]
        return self.audit.pipeline.plan.results.at(f"protocols/{{protocol}}/{pattern}")

    @property
    def patterns(self) -> dict[str, str]:
        """Patterns of all outputs, by name."""
        return {name: self.pattern(name) for name in self.own.outputs}

    def block_patterns(self, name: str) -> list[str]:
        """Return an output's pattern for each seed of the block; with its wildcard where it is empty."""
        pattern = self.pattern(name)
        return [pattern.replace("{seed}", str(seed)) for seed in self.block] or [pattern]

    @property
    def rule(self) -> str:
        """Name of the rule, that of a block without its seeds: ``audit_train``."""
        return f"audit_{self.own.rule}"

    @property
    def rule_name(self) -> str:
        """Name of the rule: ``audit_train``, or ``audit_train_1_2`` for a block."""
        return f"audit_{self.own.rule_name}"

    @property
    def log(self) -> str:
        """Pattern of a job's log."""
        place = f"{self.own.rule}/{self.own.job_name}"
        return f"logs/{self.own.config.name}/protocols/{{protocol}}/{place}.log"

    @property
    def benchmark(self) -> str:
        """Pattern of the file with what a job took."""
        place = f"{self.own.rule}/{self.own.job_name}"
        return self.own.plan.results.at(f"benchmarks/protocols/{{protocol}}/{place}.tsv")

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the files that a job reads."""
        return self._stage(wildcards).inputs(wildcards)

    def settings(self, wildcards: Wildcards) -> str:
        """Return a job's settings as they stand on its command line."""
        return self._stage(wildcards).settings(wildcards)

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that a job can run."""
        return self._stage(wildcards).code(wildcards)

    def job_outputs(self, wildcards: Wildcards) -> list[str]:
        """Return all files that a job makes."""
        return self._stage(wildcards).job_outputs(wildcards)

    def expected_cost(self, wildcards: Wildcards) -> Cost:
        """Return what a job takes under its protocol."""
        return self._stage(wildcards).expected_cost(_without_protocol(wildcards))

    def memory_mb(self, wildcards: Wildcards, attempt: int = 1) -> int:
        """Return the memory to ask for under its protocol."""
        return self._stage(wildcards).memory_mb(_without_protocol(wildcards), attempt)

    def runtime(self, wildcards: Wildcards, attempt: int = 1) -> int:
        """Return the minutes to ask for under its protocol: the reference solver takes longer."""
        return self._stage(wildcards).runtime(_without_protocol(wildcards), attempt)

    @property
    def resources(self) -> dict[str, Any]:
        """What Snakemake asks a cluster for."""
        asked: dict[str, Any] = {
            "mem_mb": lambda wildcards, attempt: self.memory_mb(wildcards, attempt),
            "runtime": lambda wildcards, attempt: self.runtime(wildcards, attempt),
        }
        return {**self.own.resources, **asked}

    def candidates(self) -> Iterator[dict[str, str]]:
        """Yield the jobs of every protocol that has results of its own of this stage, needed or not."""
        for protocol in self.audit.distinct:
            # Trials of learning and of evaluation lie in one folder.
            owned = "trials" if self.name == "evaluation_trials" else self.name
            if self.audit.owner(protocol, owned) == protocol:
                names = {"protocol": protocol}
                yield from ({**job, **names} for job in self._stage(names).jobs_of_rule())

    def jobs_of_rule(self) -> Iterator[dict[str, str]]:
        """Yield the jobs that the audit needs."""
        yield from self.audit.needed_jobs.get(self.rule_name, [])

    # Each instance has one rule.
    jobs = jobs_of_rule


class TabulateProtocol(Stage):
    """Accuracy and dissimilarities of the networks of one protocol (CSV)."""

    rule = "tabulate_protocol"
    heading = AUDIT_HEADING
    folders = ("protocols",)
    script = "tabulate_protocol.py"
    outputs = {"effects": "protocols/{protocol}/effects.csv"}

    def __init__(self, audit: Audit) -> None:
        super().__init__(audit.pipeline.plan)
        self.audit = audit

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return dissimilarities after learning, and trajectories, which hold the accuracies."""
        pipeline = self.audit.of_protocol(wildcards["protocol"])
        return {
            "after": pipeline.comparisons.files("after"),
            "trajectories": [
                pipeline.trajectories.path(**vars(network), seeds=join_seeds(block))
                for network in self._compared()
                for block in self.plan.blocks
            ],
        }

    def _compared(self) -> Iterator[Any]:
        for network in self.plan.networks:
            if network.curriculum in self.plan.curricula(
                network.taskset, network.architecture, "learning"
            ):
                yield network

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return protocol, reference, confidence, and how many tasks each curriculum learns."""
        curricula = dict.fromkeys(network.curriculum for network in self._compared())

        def number_of_tasks(name: str) -> int:
            # A task that is trained after it was pretrained counts once, under either name of the target.
            entry = self.config.curricula[name]
            tasks = (*entry.pretrain, *entry.train)
            tasksets = {one.taskset for one in self._compared() if one.curriculum == name}
            targets = {self.config.tasksets[taskset].target for taskset in tasksets}
            return len({"target" if {task} == targets else task for task in tasks})

        learned = {name: number_of_tasks(name) for name in curricula}
        return {
            "protocol": wildcards["protocol"],
            "reference": self.plan.reference,
            "confidence": self.config.statistics.confidence,
            "learned": learned,
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every protocol that differs from those before it."""
        yield from ({"protocol": name} for name in self.audit.distinct)

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of reading the tables."""
        return Cost(START_SECONDS + 5, START_MB, 0.01 + SIDECAR_MB)


class GatherAudit(Stage):
    """The effects of all protocols in one table (CSV)."""

    rule = "gather_audit"
    heading = AUDIT_HEADING
    script = "gather_audit.py"
    outputs = {"audit": "tables/audit.csv"}

    def __init__(self, effects: TabulateProtocol) -> None:
        super().__init__(effects.plan)
        self.effects = effects

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the table of each protocol."""
        return {"effects": self.effects.files()}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return nothing: the tables say all."""
        return {}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the one job."""
        yield {}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of reading the tables."""
        return Cost(START_SECONDS, START_MB, 0.1 + SIDECAR_MB)


class Audit:
    """The protocols of an audit, with their stages, tables and figure; each is built when it is asked for.

    Parameters
    ----------
    pipeline : Pipeline
        That of the configuration. Its results serve the protocols that have the same settings.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._protocols = variants(pipeline.plan.config.audit)
        self._pipelines: dict[str, Pipeline] = {}
        self._settings: dict[str, dict[str, str]] = {}
        # Stages with one rule for all protocols; those of training have one per block of seeds.
        self.trials, self.evaluation_trials, self.trajectories, self.choice, self.comparisons = (
            ByProtocol(self, name)
            for name in ("trials", "evaluation_trials", "trajectories", "choice", "comparisons")
        )
        self.effects = TabulateProtocol(self)
        self.table = GatherAudit(self.effects)
        judged = pipeline.claims
        self.claims: JudgeClaims = (
            judged.under(self._compared) if pipeline.plan.config.audit.claims else judged
        )
        """The claims of the configuration, under all protocols where ``audit.claims`` asks for them."""

    @property
    def names(self) -> list[str]:
        """Names of the protocols."""
        return list(self._protocols)

    def training_stages(self) -> list[Any]:
        """Return the stages of pretraining and training, each for single seeds and for every block."""
        return [
            ByProtocol(self, name, stage.block)
            for name in ("pretraining", "training")
            for stage in getattr(self.pipeline, name).blocks()
        ]

    def of_protocol(self, name: str) -> Pipeline:
        """Return the pipeline of a protocol."""
        if name not in self._pipelines:
            plan = self._plan(name)
            plan.results = _ProtocolFolder(
                self.pipeline.plan.results, lambda stage: self.owner(name, stage)
            )
            self._pipelines[name] = Pipeline(plan)
        return self._pipelines[name]

    def _plan(self, name: str) -> Plan:
        config = self.pipeline.plan.config
        return Plan(config.model_copy(update={"protocol": self._protocols[name]}))

    @cached_property
    def distinct(self) -> list[str]:
        """Protocols of which some dissimilarity can differ from those of the protocols before.

        A switch that concerns no network of the configuration has none.
        """
        seen: dict[str, str] = {}
        for name in self.names:
            seen.setdefault(self._settings_of(name)["comparisons"], name)
        kept = set(seen.values()) | {"right", "published"}
        return [name for name in self.names if name in kept]

    def _compared(self) -> dict[str, CompareNetworks]:
        """Return the comparisons of the protocols that differ from the configuration's own."""
        return {
            name: self.of_protocol(name).comparisons
            for name in self.distinct
            if self.owner(name, "comparisons")
        }

    def owner(self, name: str, stage: str) -> str:
        """Return the first protocol with the same settings of a stage; none if the configuration has them."""
        wanted = self._settings_of(name)[stage]
        others = ("", *self.names)
        return next(other for other in others if self._settings_of(other)[stage] == wanted)

    # --- jobs -----------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether the configuration has a section ``audit``: any can be audited, few are meant to be."""
        return "audit" in self.pipeline.plan.config.model_fields_set

    @property
    def own_stages(self) -> tuple[Stage, ...]:
        """The stages of the configuration itself; its claims may be judged under all protocols."""
        stages = self.pipeline.stages
        return tuple(self.claims if stage is self.pipeline.claims else stage for stage in stages)

    @cached_property
    def by_protocol(self) -> tuple[ByProtocol, ...]:
        """The stages whose jobs have a protocol, one for each rule."""
        trained = [stage for stage in self.training_stages() if any(stage.own.jobs_of_rule())]
        trials = (self.trials, self.evaluation_trials)
        return (*trials, *trained, self.trajectories, self.choice, self.comparisons)

    @property
    def stages(self) -> tuple[Stage | ByProtocol, ...]:
        """Every stage that submits jobs of the audit, in the order of ``warpline plan``."""
        return (*self.by_protocol, self.effects, self.table, self.drawing)

    @cached_property
    def needed_jobs(self) -> dict[str, list[dict[str, str]]]:
        """Jobs of the stages `by_protocol` that the tables need, by the name of their rule.

        A protocol may have trials of its own of which it reads those of the evaluation alone.
        """
        makers = {
            path: (stage, job)
            for stage in self.by_protocol
            for job in stage.candidates()
            for path in stage.job_outputs(job)
        }
        needed: dict[str, list[dict[str, str]]] = {}
        asked = [path for job in self.effects.jobs() for path in _files(self.effects.inputs(job))]
        seen: set[tuple[str, ...]] = set()
        while asked:
            # What no protocol makes, the configuration's own jobs make.
            stage, job = makers.get(asked.pop(), (None, {}))
            if stage is not None and (key := (stage.rule_name, *job.values())) not in seen:
                seen.add(key)
                needed.setdefault(stage.rule_name, []).append(job)
                asked += _files(stage.inputs(job))
        return needed

    def _settings_of(self, name: str) -> dict[str, str]:
        """Return all that each stage of a protocol, or of the configuration, depends on."""
        if name not in self._settings:
            # Of a pipeline whose files lie in one folder: where they lie is what the settings decide.
            pipeline = Pipeline(self._plan(name)) if name else self.pipeline
            self._settings[name] = _settings_by_stage(pipeline)
        return self._settings[name]

    def figures(self) -> Iterator[Figure]:
        """Yield the figure of the effects, and that of the claims where these are judged by protocol."""
        config = self.pipeline.plan.config
        settings: Mapping[str, Any] = {
            "style": config.figures.model_dump(),
            "seed": config.seed,
            "curricula": list(dict.fromkeys(n.curriculum for n in self.pipeline.plan.networks)),
            "measures": self.pipeline.plan.all_measures,
            "wasserstein": scored_by_wasserstein(config.measures),
            "reference": self.pipeline.plan.reference,
        }
        yield Figure(
            rule="draw_audit",
            script="figures/audit.py",
            output="figures/audit",
            caption="audit.rst",
            category=report_order.SENSITIVITY,
            labels={"figure": "protocols, one switch at a time"},
            inputs=lambda _: {"audit": self.table.files()},
            settings=lambda _: dict(settings),
            log="draw_audit",
        )
        if config.audit.claims:
            yield Figure(
                rule="draw_audit_claims",
                script="figures/audit_claims.py",
                output="figures/audit_claims",
                caption="audit_claims.rst",
                category=report_order.CLAIMS,
                labels={"figure": "claims, protocol by protocol"},
                inputs=lambda _: {"claims": self.claims.files("claims")},
                settings=lambda _: {key: settings[key] for key in ("style", "seed")},
                log="draw_audit_claims",
            )

    @property
    def drawing(self) -> DrawFigures:
        """The figures as a stage."""
        results = self.pipeline.plan.results
        paths = [results.at(figure.output) for figure in self.figures()]
        return DrawFigures(self.pipeline.plan, "draw_audit*", AUDIT_HEADING, lambda: paths)

    def files(self) -> list[str]:
        """Return the table and the figures."""
        return [*self.table.files(), *self.drawing.files()]


def _without_protocol(wildcards: Wildcards) -> dict[str, str]:
    return {name: value for name, value in wildcards.items() if name != "protocol"}


def _files(inputs: Mapping[str, list[str]]) -> list[str]:
    return [path for files in inputs.values() for path in files]


def _settings_by_stage(pipeline: Pipeline) -> dict[str, str]:
    """Return the parameters of each stage's jobs, and of the jobs whose files these read, as texts."""

    def parameters(stage: Stage) -> str:
        return json.dumps([stage.parameters(job) for job in stage.jobs()], sort_keys=True)

    learned = parameters(pipeline.trials)
    trials = learned + parameters(pipeline.evaluation_trials)
    pretraining = learned + parameters(pipeline.pretraining)
    training = pretraining + parameters(pipeline.training) + parameters(pipeline.given)
    trajectories = training + trials + parameters(pipeline.trajectories)
    choice = trajectories + parameters(pipeline.choice)
    return {
        "trials": trials,
        "pretraining": pretraining,
        "training": training,
        "trajectories": trajectories,
        "choice": choice,
        "comparisons": choice + parameters(pipeline.comparisons),
    }
