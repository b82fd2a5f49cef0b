"""Claims of the two papers, judged on all tables of a run."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cached_property

from warpline.console.script import list_file
from warpline.pipeline.config.claim_rules import read_rules
from warpline.pipeline.config.comparison import DSASensitivity, Within
from warpline.pipeline.config.documents import read_document
from warpline.pipeline.config.networks import Curriculum
from warpline.pipeline.config.protocol import protocol_name
from warpline.pipeline.expansion import Plan
from warpline.pipeline.project_files import CLAIM_RULES, PROJECT, PUBLISHED_MEANS
from warpline.pipeline.stages.analyses import AnalyseWarping
from warpline.pipeline.stages.attractors import ScoreAttractors
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.sensitivity import CompareAround
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.statistics import ComputeStatistics

__all__ = ["JudgeClaims"]

EXPERIMENTS = ("static", "decision", "context", "memory")
"""Analyses of metric warping that claims are about."""
WITH_ARRAYS = ("context",)
"""Those whose arrays claims read, too."""
CLUSTER = "snakemake claims --profile profiles/slurm --configfile"
ATTRACTORS = "config/attractors_claims.yaml"
"""Configuration of the claims on attractors."""
MODULES = ("cka", "procrustes", "dsa")
"""Measures that the papers' claims name."""
VALIDATION = ("families", "composition", "noise", "hyperparameters")


def _level(curriculum: Curriculum, others: int, targets: Set[str]) -> int | None:
    """Return a curriculum's place in the order of Guilhot et al. (2024), None where it has none.

    `others` is the number of tasks beside the target, and `targets` are its names, in one task set. Curricula
    that train all weights after a pretraining have no place: they differ in more than what they were
    pretrained on. Nor have those that were pretrained on the target, or trained on other tasks than it.
    """
    if not curriculum.train:
        return 0
    if curriculum.trainable != "input" or {*curriculum.pretrain} & targets:
        return None
    if not targets >= {*curriculum.train}:
        return None
    if not curriculum.pretrain:
        return 1
    return 3 if len(curriculum.pretrain) >= others else 2


def _is_master(curriculum: Curriculum, targets: Set[str]) -> bool:
    """Say whether a curriculum is the reference of that order: all weights learn the target, and it alone."""
    learns_target = bool(curriculum.train) and targets >= {*curriculum.train}
    return learns_target and curriculum.trainable == "all" and not curriculum.pretrain


class JudgeClaims(Stage):
    """Verdicts on all claims (CSV, HTML), and the published means beside ours (CSV)."""

    rule = "judge_claims"
    heading = "tables"
    script = "judge_claims.py"
    outputs = {
        "claims": "claims.csv",
        "published": "published_means.csv",
        "page": "claims.html",
    }

    def __init__(
        self,
        plan: Plan,
        comparisons: CompareNetworks,
        around: CompareAround,
        statistics: ComputeStatistics,
        warping: AnalyseWarping,
        scores: ScoreAttractors,
    ) -> None:
        super().__init__(plan)
        self.comparisons = comparisons
        self.around = around
        self.statistics = statistics
        self.warping = warping
        self.scores = scores
        self._by_protocol: Callable[[], Mapping[str, CompareNetworks]] = dict

    def under(self, protocols: Callable[[], Mapping[str, CompareNetworks]]) -> JudgeClaims:
        """Return this stage, which then judges the comparisons under other protocols, too.

        Parameters
        ----------
        protocols : callable
            Returns the comparisons by the name of their protocol. It is called when a job is planned.
        """
        stage = copy.copy(self)
        stage._by_protocol = protocols
        return stage

    @property
    def job_name(self) -> str:
        """There is one job."""
        return "claims"

    # --- files ----------------------------------------------------------------------------------

    def _tables(self) -> dict[str, dict[str, list[str]]]:
        """Return files by option of the script and task set (of attractors, by nothing)."""
        tables: dict[str, dict[str, list[str]]] = {
            kind: {
                taskset: self.comparisons.tables(kind, taskset)
                for taskset in self.plan.tasksets_with_figures
            }
            for kind in ("after", "over", "within")
        }
        tables["around"] = {
            taskset: self.around.tables(taskset) for taskset in self.plan.tasksets_with_figures
        }
        if compared := self._by_protocol():
            tables["protocols"] = {
                f"{protocol}/{taskset}": comparisons.tables("after", taskset)
                for protocol, comparisons in compared.items()
                for taskset in self.plan.tasksets_with_figures
            }
        tables["summary"] = {
            job["taskset"]: [self.statistics.path("summary", **job)]
            for job in self.statistics.jobs()
            # Without comparisons the summary has no rows, and no columns.
            if tables["after"][job["taskset"]]
        }
        analyses = {
            name: entry
            for name, entry in self.warping.analyses.items()
            if entry.experiment in EXPERIMENTS
        }
        tables["numbers"] = {name: self.warping.of_analysis("numbers", name) for name in analyses}
        tables["arrays"] = {
            name: self.warping.of_analysis("arrays", name)
            for name, entry in analyses.items()
            if entry.experiment in WITH_ARRAYS
        }
        run = self.config.run.attractors
        tables["attractors"] = {
            experiment: self.scores.tables(experiment)
            for experiment in VALIDATION
            if run and experiment in self.scores.experiments
        }
        return tables

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return all tables that hold evidence."""
        return {
            option: [path for paths in by_name.values() for path in paths]
            for option, by_name in self._tables().items()
        }

    def options(self, wildcards: Wildcards) -> str:
        """Return the inputs as options of the script: each file after the name of what it is about."""
        return " ".join(
            f"--{option} "
            + list_file(f"{name}={path}" for name, paths in by_name.items() for path in paths)
            for option, by_name in self._tables().items()
        )

    # --- settings -------------------------------------------------------------------------------

    @property
    def _first_taskset(self) -> str:
        """The task set of runs that would decide claims: the first that is compared, or else the first."""
        return next(iter((*self.plan.tasksets_with_figures, *self.config.tasksets)), "")

    def _targets(self, taskset: str) -> set[str]:
        """Return the names of a task set's target: ``target``, and its own."""
        sets = self.config.tasksets
        return {"target", *([sets[taskset].target] if taskset in sets else [])}

    def _level_in(self, taskset: str, curriculum: str) -> int | None:
        """Return the place of a curriculum in the claimed order, in one task set."""
        sets = self.config.tasksets
        # The same pretraining can be of all other tasks of one task set, and of some of another one.
        others = len(sets[taskset].tasks) - 1 if taskset in sets else 0
        return _level(self.config.curricula[curriculum], others, self._targets(taskset))

    def _master_in(self, taskset: str) -> str:
        """Return the reference of the claimed order: that of the run, or else the first one that there is."""
        names, curricula = (self.plan.reference, *self.config.curricula), self.config.curricula
        targets = self._targets(taskset)
        return next((name for name in names if _is_master(curricula[name], targets)), "")

    @cached_property
    def _levels(self) -> Mapping[str, Mapping[str, int]]:
        """Places of the curricula of each task set in the claimed order; none without its reference."""
        by_taskset: dict[str, dict[str, int]] = {}
        for taskset in self.plan.tasksets_with_figures:
            if self._master_in(taskset) != self.plan.reference:
                by_taskset[taskset] = {}
                continue
            names = [one.curriculum for one in self.plan.networks if one.taskset == taskset]
            levels = {name: self._level_in(taskset, name) for name in dict.fromkeys(names)}
            by_taskset[taskset] = {
                name: level for name, level in levels.items() if level is not None
            }
        return by_taskset

    def _command(self) -> str:
        """Return the command that makes the claims of this run on a cluster."""
        own = PROJECT / "config" / f"{self.config.name}.yaml"
        # A file that lies on top of another one, such as seeds alone, is no configuration.
        whole = own.is_file() and "grid" in read_document(own).get("run", {})
        name = f"config/{own.name}" if whole else "YOUR_CONFIGURATION"
        return f"{CLUSTER} {name}"

    def _deciding(self) -> dict[str, Settings]:
        """Return, by kind of evidence, the command and the sections of the smallest run that holds it.

        It has a network more than once only in seeds, which the claim adds.
        """
        config, own = self.config, self._command()
        nothing = {"grid": [], "measures": [], "warping": [], "attractors": False}
        if config.run.datasets:
            nothing["datasets"] = []
        deciding = {"attractors": {"command": f"{CLUSTER} {ATTRACTORS}", "sections": {}}}
        for experiment in EXPERIMENTS:
            names = [
                name
                for name in (*config.run.warping, *config.warping)
                if config.warping[name].experiment == experiment
            ]
            run = {**nothing, "warping": names[:1]}
            deciding[experiment] = {"command": own, "sections": {"run": run}}

        around: Settings = {}
        if config.dsa_sensitivity.seeds < 2:
            around = {"dsa_sensitivity": {"seeds": DSASensitivity().seeds}}
        for kind, mamba in (("order", False), ("order of mamba", True)):
            master = self._master_in(self._first_taskset) or self.plan.reference
            grid = self._block(mamba, [master, *self._one_of_each_level()])
            sections = {"run": {**nothing, "grid": [grid]}, **around}
            if master != self.plan.reference:
                sections["comparison"] = {"over": {"references": [master]}}
            deciding[kind] = {"command": own, "sections": sections}
        # The number of networks that would decide the claim is of the curricula of the run.
        in_run = self._levels.get(self._first_taskset, {})
        names = [self.plan.reference, *in_run, *self._one_of_each_level()]
        learns = [name for name in dict.fromkeys(names) if config.curricula[name].train]
        block = self._block(False, [self.plan.reference, *learns[:2]])
        sections = {"run": {**nothing, "grid": [block]}, **around}
        deciding["course"] = {"command": own, "sections": {**sections, **self._checkpoints()}}
        return deciding

    def _block(self, mamba: bool, curricula: list[str]) -> Settings:
        """Return a block of the grid: one architecture, and these curricula."""
        config = self.config
        listed = (
            *(network.architecture for network in self.plan.networks),
            *config.architectures,
        )
        architectures = [
            name for name in listed if (config.architectures[name].model == "mamba") == mamba
        ]
        return {
            "tasksets": [self._first_taskset],
            "architectures": architectures[:1],
            "curricula": list(dict.fromkeys(curricula)),
            "comparisons": ["learning"],
        }

    def _one_of_each_level(self) -> list[str]:
        """Return a curriculum of each level of the claimed order, of the run where it has one."""
        taskset = self._first_taskset
        by_level: dict[int, str] = {}
        for name in (*self._levels.get(taskset, {}), *self.config.curricula):
            level = self._level_in(taskset, name)
            if level is not None:
                by_level.setdefault(level, name)
        return [by_level[level] for level in sorted(by_level)]

    def _checkpoints(self) -> Settings:
        """Return sections with five checkpoints over training where the configuration has fewer."""
        config = self.config
        if min(len(config.comparison.over.fractions), len(config.comparison.within.fractions)) > 2:
            return {}
        fractions = Within().fractions
        compared = {"over": {"fractions": fractions}, "within": {"fractions": fractions}}
        return {"trajectories": {"fractions": fractions}, "comparison": compared}

    @cached_property
    def _measures(self) -> list[list[str]]:
        """Name and module of the measures of the run, and of one for each module that a claim asks for."""
        config = self.config
        in_run = {name for taskset in self.plan.tasksets for name in self.plan.measures(taskset)}
        names = [name for name in self.plan.all_measures if name in in_run]
        for module in MODULES:
            listed = [name for name, entry in config.measures.items() if entry.measure == module]
            if not any(config.measures[name].measure == module for name in names):
                names += listed[:1]
        # Lists, because an object of JSON has no order.
        return [[name, config.measures[name].measure] for name in names]

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the rules, and what the tables do not say of curricula, architectures and measures."""
        config = self.config
        measures = {name for taskset in self.plan.tasksets for name in self.plan.measures(taskset)}
        return {
            **read_rules(CLAIM_RULES).model_dump(),
            # The file is no input: its path differs between a checkout, a package and a module out of git.
            "means": hashlib.sha256(PUBLISHED_MEANS.read_bytes()).hexdigest(),
            "protocol": protocol_name(config.protocol),
            "name": config.name,
            "deciding": self._deciding(),
            "measures": self._measures,
            "families": config.attractors.families,
            "reference": self.plan.reference,
            "levels": self._levels,
            "models": {
                network.architecture: config.architectures[network.architecture].model
                for network in self.plan.networks
            },
            "analyses": {name: entry.architecture for name, entry in self.warping.analyses.items()},
            # Lists, because an object of JSON has no order.
            "kinds": [
                [name, config.measures[name].measure]
                for name in self.plan.all_measures
                if name in measures
            ],
            "attractor_kinds": [
                [name, entry.measure] for name, entry in config.attractors.measures.items()
            ],
            "swept_setting": self.scores.sweep.own_setting,
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the one job, where there is evidence of any claim."""
        if any(paths for by_name in self._tables().values() for paths in by_name.values()):
            yield {}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the rows of the dissimilarities."""
        tables = [path for paths in self._tables()["after"].values() for path in paths]
        first = next(self.comparisons.jobs(), None)
        megabytes = len(tables) * self.comparisons.expected_cost(first).disk if first else 0.0
        return Cost(
            seconds=START_SECONDS + 5 + 0.5 * megabytes,
            memory=START_MB + 5 * megabytes,
            disk=0.1 + 3 * SIDECAR_MB,
        )

    def all_outputs(self) -> list[str]:
        """Return every file of the claims."""
        return [path for name in self.outputs for path in self.files(name)]
