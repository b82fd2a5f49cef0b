"""Stages of an audit: those of the pipeline once more for each protocol, and the tables of their effects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from warpline.pipeline.paths import join_seeds
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import TrainingStage

if TYPE_CHECKING:
    from warpline.pipeline.protocol_audit import Audit

__all__ = ["AUDIT_HEADING", "ByProtocol", "GatherAudit", "TabulateProtocol"]

AUDIT_HEADING = "audit"
"""Part of the pipeline under which the jobs of an audit are counted: that of the target of this name."""


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


def _without_protocol(wildcards: Wildcards) -> dict[str, str]:
    return {name: value for name, value in wildcards.items() if name != "protocol"}
