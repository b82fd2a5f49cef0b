"""The stages of the pipeline, each in a module that holds all about it; and who reads whose files."""

from __future__ import annotations

from functools import cached_property

from warpline.core.figure_files import FIGURE_SUFFIXES
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.analyses import (
    AnalyseWarping,
    RelateLearning,
    SummariseWarping,
    WarpingFigures,
)
from warpline.pipeline.stages.attractors import (
    AttractorFigures,
    CompareAttractors,
    ScoreAttractors,
    SimulateAttractors,
    SweepHyperparameters,
)
from warpline.pipeline.stages.base import Cost, Stage
from warpline.pipeline.stages.claims import JudgeClaims
from warpline.pipeline.stages.comparisons import CompareArchitectures, CompareNetworks
from warpline.pipeline.stages.datasets import (
    CompareDatasets,
    DatasetFigures,
    ReadDatasets,
    SummariseDatasets,
)
from warpline.pipeline.stages.dsa_choice import ChooseDSA
from warpline.pipeline.stages.explorer import WriteExplorer
from warpline.pipeline.stages.figures import DrawFigures, Figure, TasksetFigures
from warpline.pipeline.stages.importing import ImportNetwork
from warpline.pipeline.stages.sensitivity import CompareAround, SummariseSensitivity
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.training import Pretrain, Train
from warpline.pipeline.stages.trajectories import ComputeTrajectories
from warpline.pipeline.stages.trials import GenerateEvaluationTrials, GenerateTrials

__all__ = ["Cost", "Figure", "Pipeline", "Stage"]


class Pipeline:
    """All stages of a configuration. A stage is handed those whose files it reads.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.evaluation_trials = GenerateEvaluationTrials(plan)
        self.trials = GenerateTrials(plan, self.evaluation_trials)
        self.pretraining = Pretrain(plan, self.trials)
        self.training = Train(plan, self.trials, pretraining=self.pretraining)
        self.given = ImportNetwork(plan, self.trials)
        self.trajectories = ComputeTrajectories(plan, self.trials, self.training)
        self.choice = ChooseDSA(plan, self.trajectories)
        self.comparisons = CompareNetworks(plan, self.trajectories, self.choice)
        self.architectures = CompareArchitectures(plan, self.trajectories, self.choice)
        self.around = CompareAround(plan, self.trajectories, self.comparisons)
        self.statistics = ComputeStatistics(plan, self.training, self.comparisons)
        self.sensitivity = SummariseSensitivity(plan, self.around, self.statistics)
        self.warping = AnalyseWarping(plan, self.training)
        self.summaries = SummariseWarping(plan, self.warping)
        self.relations = RelateLearning(plan, self.warping, self.comparisons)
        self.datasets = ReadDatasets(plan)
        self.dataset_comparisons = CompareDatasets(
            plan, self.datasets, self.trials, self.trajectories
        )
        self.dataset_summary = SummariseDatasets(plan, self.dataset_comparisons)
        self.systems = SimulateAttractors(plan)
        self.validation = CompareAttractors(plan, self.systems)
        self.sweep = SweepHyperparameters(plan, self.systems)
        self.scores = ScoreAttractors(plan, self.validation, self.sweep)
        self.claims = JudgeClaims(
            plan, self.comparisons, self.around, self.statistics, self.warping, self.scores
        )
        self.explorer = WriteExplorer(
            plan,
            self.training,
            self.trajectories,
            self.comparisons,
            self.architectures,
            self.statistics,
            self.warping,
            self.claims,
        )
        self._taskset_figures = TasksetFigures(
            plan,
            self.trials,
            self.pretraining,
            self.training,
            self.trajectories,
            self.choice,
            self.comparisons,
            self.architectures,
            self.statistics,
            self.sensitivity,
        )

    # --- figures --------------------------------------------------------------------------------

    @cached_property
    def figures_by_part(self) -> dict[str, list[Figure]]:
        """Every figure, by the part of the pipeline that it belongs to."""
        return {
            "figures": list(self._taskset_figures.figures()),
            "warping": list(WarpingFigures(self.summaries, self.relations).figures()),
            "datasets": list(DatasetFigures(self.dataset_summary).figures()),
            "attractors": list(AttractorFigures(self.scores).figures()),
        }

    @cached_property
    def drawings(self) -> dict[str, DrawFigures]:
        """The figures as stages: what a job costs, and how many there are."""
        results = self.plan.results

        def outputs(part: str) -> list[str]:
            return [results.at(figure.output) for figure in self.figures_by_part[part]]

        def attractor_outputs() -> list[str]:
            return outputs("attractors") if self.plan.config.run.attractors else []

        return {
            "figures": DrawFigures(self.plan, "draw_*", "figures", self._taskset_figures.paths),
            "warping": DrawFigures(
                self.plan, "draw_warping_*", "warping", lambda: outputs("warping")
            ),
            "datasets": DrawFigures(
                self.plan, "draw_datasets", "datasets", lambda: outputs("datasets")
            ),
            "attractors": DrawFigures(
                self.plan, "draw_attractor_*", "attractors", attractor_outputs
            ),
        }

    # --- all of it ------------------------------------------------------------------------------

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Every stage that submits jobs, in the order of ``warpline plan``."""
        return (
            self.trials,
            self.evaluation_trials,
            self.pretraining,
            self.training,
            self.given,
            self.trajectories,
            self.choice,
            self.comparisons,
            self.architectures,
            self.around,
            self.statistics,
            self.sensitivity,
            self.drawings["figures"],
            self.warping,
            self.summaries,
            self.relations,
            self.drawings["warping"],
            self.datasets,
            self.dataset_comparisons,
            self.dataset_summary,
            self.drawings["datasets"],
            self.systems,
            self.validation,
            self.sweep,
            self.scores,
            self.drawings["attractors"],
            self.claims,
            self.explorer,
        )

    def all_comparisons(self) -> list[str]:
        """Return every table of dissimilarities."""
        tables = [self.comparisons.files(kind) for kind in self.comparisons.outputs]
        return [*self.architectures.files(), *(path for files in tables for path in files)]

    def all_warping(self) -> list[str]:
        """Return every summary and figure of the analyses."""
        return [*self.summaries.files(), *self.drawings["warping"].files()]

    def all_datasets(self) -> list[str]:
        """Return every table and figure of the recordings."""
        tables = [
            path
            for name in self.dataset_summary.outputs
            for path in self.dataset_summary.files(name)
        ]
        return [*tables, *self.drawings["datasets"].files()]

    def all_attractors(self) -> list[str]:
        """Return every table of scores and every figure of the validation."""
        results = self.plan.results
        scores = [self.scores.path(**job) for job in self.scores.all_jobs()]
        return scores + [
            f"{results.at(figure.output)}.{suffix}"
            for figure in self.figures_by_part["attractors"]
            for suffix in FIGURE_SUFFIXES
        ]
