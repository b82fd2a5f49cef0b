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
from warpline.pipeline.paths import ResultsFolder
from warpline.pipeline.protocol_stages import (
    AUDIT_HEADING,
    ByProtocol,
    GatherAudit,
    TabulateProtocol,
)
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import Stage
from warpline.pipeline.stages.claims import JudgeClaims
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.figures import DrawFigures, Figure

__all__ = ["Audit"]

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
