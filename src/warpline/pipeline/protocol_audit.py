"""The audit: networks trained and compared under several protocols that differ in one switch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from warpline.pipeline import report_order
from warpline.pipeline.config.protocol import variants
from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import ResultsFolder, join_seeds
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.figures import DrawFigures, Figure
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import TrainingStage

__all__ = ["Audit", "ByProtocol"]

FOLDERS = {
    "trials": "trials",
    "pretraining": "pretraining",
    "training": "training",
    "trajectories": "trajectories",
    "condition_states": "trajectories",
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

    def __init__(self, audit: Audit, name: str, block: tuple[int, ...] = ()) -> None:
        self.audit, self.name, self.block = audit, name, block
        self.own: Any = self._of(audit.pipeline)

    def __getattr__(self, name: str) -> Any:
        # Resources, seeds and all that no protocol changes.
        return getattr(self.own, name)

    def _of(self, pipeline: Pipeline) -> Stage:
        stage = getattr(pipeline, self.name)
        return stage.of_block(self.block) if isinstance(stage, TrainingStage) else stage

    def _stage(self, wildcards: Wildcards) -> Stage:
        return self._of(self.audit.of_protocol(wildcards["protocol"]))

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
        """Name of the rule whose settings of a profile hold for this one."""
        return str(self.own.rule)

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


class TabulateProtocol(Stage):
    """Accuracy and dissimilarities of the networks of one protocol (CSV)."""

    rule = "tabulate_protocol"
    heading = "audit"
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
        learned = {
            name: len(entry.pretrain) + len(entry.train)
            for name, entry in self.config.curricula.items()
            if name in curricula
        }
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
    heading = "audit"
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
        self.after = self.comparisons.pattern("after")
        """Pattern of the table after learning, the only one of the comparisons that is made by protocol."""
        self.effects = TabulateProtocol(self)
        self.table = GatherAudit(self.effects)

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
                self.pipeline.plan.results, lambda stage: self._owner(name, stage)
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

    def _owner(self, name: str, stage: str) -> str:
        """Return the first protocol with the same settings of a stage; none if the configuration has them."""
        wanted = self._settings_of(name)[stage]
        others = ("", *self.names)
        return next(other for other in others if self._settings_of(other)[stage] == wanted)

    def _settings_of(self, name: str) -> dict[str, str]:
        """Return all that each stage of a protocol, or of the configuration, depends on."""
        if name not in self._settings:
            # Of a pipeline whose files lie in one folder: where they lie is what the settings decide.
            pipeline = Pipeline(self._plan(name)) if name else self.pipeline
            self._settings[name] = _settings_by_stage(pipeline)
        return self._settings[name]

    def figures(self) -> Iterator[Figure]:
        """Yield the figure."""
        config = self.pipeline.plan.config
        settings: Mapping[str, Any] = {
            "style": config.figures.model_dump(),
            "seed": config.seed,
            "curricula": list(dict.fromkeys(n.curriculum for n in self.pipeline.plan.networks)),
            "measures": self.pipeline.plan.all_measures,
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

    @property
    def drawing(self) -> DrawFigures:
        """The figure as a stage."""
        results = self.pipeline.plan.results
        paths = [results.at(figure.output) for figure in self.figures()]
        return DrawFigures(self.pipeline.plan, "draw_audit", "audit", lambda: paths)

    def files(self) -> list[str]:
        """Return the table and the figure."""
        return [*self.table.files(), *self.drawing.files()]


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
