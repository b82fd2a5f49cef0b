"""Analyses of metric warping: an analysis per block of networks, its summary over seeds, its figures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from warpline.pipeline import report_order
from warpline.pipeline.config.analyses import GENERIC_COST, Experiment, UserExperiment
from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import join_seeds, split_seeds
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.figures import Figure
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import Train, network_settings
from warpline.pipeline.stages.trials import taskset_settings

__all__ = ["AnalyseWarping", "RelateLearning", "SummariseWarping", "WarpingFigures"]


class _Analysis(Stage):
    """What the jobs of an analysis share."""

    heading = "warping"
    folders = ("warping",)

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.analyses: dict[str, Experiment] = {
            name: self.config.warping[name] for name in self.config.run.warping
        }
        """The analyses that are run, by name."""


class AnalyseWarping(_Analysis):
    """An analysis of the networks of a block of seeds: arrays (netCDF) and numbers (CSV)."""

    rule = "analyse_warping"
    script = "analyse_warping.py"
    outputs = {
        "arrays": "warping/{analysis}/seed~{seeds}.nc",
        "numbers": "warping/{analysis}/seed~{seeds}.csv",
    }

    def __init__(self, plan: Plan, training: Train) -> None:
        super().__init__(plan)
        self.training = training

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the networks."""
        analysis = self.analyses[wildcards["analysis"]]
        seeds = split_seeds(wildcards["seeds"])
        return {"checkpoints": self.training.of_seeds(seeds, vars(analysis))}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the experiment with its settings, the task's inputs, and the architecture."""
        name = wildcards["analysis"]
        analysis = self.analyses[name]
        taskset = self.config.tasksets[analysis.taskset]
        settings = analysis.own_settings()
        if analysis.over_learning:
            settings["fractions"] = self.config.trajectories.fractions
        return {
            "seed": self.config.seed,
            "analysis": name,
            "experiment": analysis.experiment,
            "task": taskset.target,
            "window": taskset.window,
            "timing": analysis.timing,
            "taskset": taskset_settings(self.plan, analysis.taskset, taskset.target),
            "architecture": network_settings(self.plan, analysis.architecture),
            "settings": settings,
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the experiment, the task set's environment and the model."""
        analysis = self.analyses[wildcards["analysis"]]
        return [
            ("analyses", analysis.experiment),
            ("tasks", self.config.tasksets[analysis.taskset].env),
            ("models", self.config.architectures[analysis.architecture].model),
        ]

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every analysis and block of seeds."""
        for name in self.analyses:
            for block in self.plan.blocks:
                yield {"analysis": name, "seeds": join_seeds(block)}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the experiment's networks; a generic cost where nobody measured it."""
        analysis = self.analyses[wildcards["analysis"]]
        seconds, disk = analysis.measured_cost() or GENERIC_COST
        growth = analysis.growth()
        n_seeds = len(split_seeds(wildcards["seeds"]))
        return Cost(
            seconds=START_SECONDS + n_seeds * seconds * growth,
            memory=START_MB + 350 * max(1.0, growth**0.5),
            disk=n_seeds * disk * growth + 2 * SIDECAR_MB,
        )

    def without_cost(self) -> list[str]:
        """Return the analyses whose experiment does not say what it takes."""
        return [name for name, entry in self.analyses.items() if entry.measured_cost() is None]

    def of_analysis(self, output: str, analysis: str) -> list[str]:
        """Return an output of an analysis, a file per block of seeds."""
        return [
            self.path(output, analysis=analysis, seeds=join_seeds(block))
            for block in self.plan.blocks
        ]


class _Table(_Analysis):
    """A small table made of an analysis's numbers."""

    def __init__(self, plan: Plan, analysis: AnalyseWarping) -> None:
        super().__init__(plan)
        self.analysis = analysis

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the numbers of all networks."""
        return {"numbers": self.analysis.of_analysis("numbers", wildcards["analysis"])}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the settings of intervals."""
        return {"confidence": self.config.statistics.confidence}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Hardly anything."""
        return Cost(START_SECONDS + 2, START_MB, 0.01 + SIDECAR_MB)


class SummariseWarping(_Table):
    """Numbers of an analysis over seeds (CSV)."""

    rule = "summarise_warping"
    script = "summarise_warping.py"
    outputs = {"summary": "warping/{analysis}/summary.csv"}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the analyses, each once."""
        yield from ({"analysis": name} for name in self.analyses)


class RelateLearning(_Table):
    """What of metric and dissimilarities moves with accuracy over learning (CSV)."""

    rule = "relate_learning"
    script = "relate_learning.py"
    outputs = {"relations": "warping/{analysis}/relations.csv"}

    def __init__(self, plan: Plan, analysis: AnalyseWarping, comparisons: CompareNetworks) -> None:
        super().__init__(plan, analysis)
        self.comparisons = comparisons

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the numbers, and the dissimilarities over learning of the same networks."""
        entry = self.analyses[wildcards["analysis"]]
        return {
            **super().inputs(wildcards),
            "over": self.comparisons.tables("over", entry.taskset, entry.architecture),
        }

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the settings of intervals, and the curriculum."""
        curriculum = self.analyses[wildcards["analysis"]].curriculum
        return {**super().parameters(wildcards), "curriculum": curriculum}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the analyses over learning."""
        for name, entry in self.analyses.items():
            if entry.over_learning:
                yield {"analysis": name}


def _ignoring_wildcards(value: Any, wildcards: Wildcards) -> Any:
    return value


class WarpingFigures:
    """The figures of all analyses.

    Parameters
    ----------
    summary : SummariseWarping
    relations : RelateLearning
    """

    def __init__(self, summary: SummariseWarping, relations: RelateLearning) -> None:
        self.summary = summary
        self.relations = relations

    def _settings(self, entry: Experiment) -> Settings:
        plan = self.summary.plan
        settings = {
            "style": plan.config.figures.model_dump(),
            "seed": plan.config.seed,
            "measures": plan.measures(entry.taskset) if entry.over_learning else [],
            "curriculum": entry.curriculum,
        }
        if isinstance(entry, UserExperiment):
            # Those of the package take their intervals from the summary.
            settings["statistics"] = plan.config.statistics.model_dump()
        return settings

    def figures(self) -> Iterator[Figure]:
        """Yield every figure of every analysis."""
        analysis = self.summary.analysis
        for name, entry in self.summary.analyses.items():
            for figure, (script, label) in entry.figure_scripts().items():
                inputs = {
                    "arrays": analysis.of_analysis("arrays", name),
                    "summary": [self.summary.path(analysis=name)],
                }
                if entry.over_learning:
                    inputs |= {
                        "numbers": analysis.of_analysis("numbers", name),
                        "over": self.relations.inputs({"analysis": name})["over"],
                        "relations": [self.relations.path(analysis=name)],
                    }
                users = isinstance(entry, UserExperiment)
                yield Figure(
                    rule=f"draw_warping_{name}_{figure}",
                    script=script,
                    output=f"warping/{name}/figures/{figure}",
                    caption="user_figure.rst" if users else f"warping_{figure}.rst",
                    category=report_order.GEOMETRY,
                    labels={"figure": label, "analysis": name},
                    # Its files and settings are the same whatever the (empty) wildcards.
                    inputs=partial(_ignoring_wildcards, inputs),
                    settings=partial(_ignoring_wildcards, self._settings(entry)),
                    log=f"draw_warping/{name}/{figure}",
                    users=users,
                )
