"""Figures: each is a script that reads tables and small arrays only."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpline.core.figure_files import FIGURE_SUFFIXES
from warpline.core.plugins import PluginLocation
from warpline.pipeline import report_order
from warpline.pipeline.code_digest import digest
from warpline.pipeline.config.base import scored_by_wasserstein
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, code_of, settings_json
from warpline.pipeline.stages.comparisons import CompareArchitectures, CompareNetworks
from warpline.pipeline.stages.dsa_choice import ChooseDSA
from warpline.pipeline.stages.sensitivity import SummariseSensitivity
from warpline.pipeline.stages.sizes import FIGURE, START_SECONDS
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.training import Pretrain, Train
from warpline.pipeline.stages.trajectories import ComputeTrajectories
from warpline.pipeline.stages.trials import GenerateTrials

__all__ = ["DrawFigures", "Figure", "TasksetFigures"]

Inputs = Mapping[str, list[str]]


@dataclass(frozen=True)
class Figure:
    """A figure: one rule, one script.

    Attributes
    ----------
    rule : str
        Name of its rule.
    script : str
        Below ``scripts``; or the path of a script of the user's.
    output : str
        Pattern of the file below the results folder, without its suffix.
    caption : str
        File in ``workflow/report``.
    category : str
        Heading in the report (`warpline.pipeline.report_order`).
    labels : mapping of str to str
        What the report shows beside it.
    inputs : callable
        Files by the option of the script that takes them, from the wildcards.
    settings : callable
        What the script is told, from the wildcards.
    log : str
        Pattern of its log, below the logs' folder, without its suffix.
    users : bool
        Whether the script is the user's.
    """

    rule: str
    script: str
    output: str
    caption: str
    category: str
    labels: Mapping[str, str]
    inputs: Callable[[Wildcards], Inputs]
    settings: Callable[[Wildcards], Settings]
    log: str
    users: bool = False

    @property
    def command(self) -> str:
        """The script as it stands on a command line."""
        if self.users:
            return shlex.quote(self.script)
        return f'"$WARPLINE_SCRIPTS/{self.script}"'

    def code(self) -> str:
        """Return the digest of the code that draws it."""
        if self.users:
            # Modules beside it count, as with any file of the user's.
            return digest(self.script, [PluginLocation(file=Path(self.script))])
        return code_of(self.script)

    def settings_json(self, wildcards: Wildcards) -> str:
        """Return the settings as they stand on the command line."""
        return settings_json(self.settings(wildcards))


class DrawFigures(Stage):
    """The figures of one part of the pipeline, as ``warpline plan`` counts them.

    Parameters
    ----------
    plan : Plan
    rule, heading : str
    paths : callable
        Returns the figures' files (without suffix) that the configuration asks for.
    """

    def __init__(self, plan: Plan, rule: str, heading: str, paths: Callable[[], list[str]]) -> None:
        super().__init__(plan)
        self.rule = rule  # type: ignore[misc]
        self.heading = heading  # type: ignore[misc]
        self.folders = ("figures",) if heading == "figures" else ()  # type: ignore[misc]
        self.paths = paths

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield a job per figure."""
        yield from ({"figure": path} for path in self.paths())

    def cost(self, wildcards: Wildcards) -> Cost:
        """Return what a figure takes; they are all alike."""
        seconds, memory, disk = FIGURE
        return Cost(seconds + START_SECONDS, memory, disk)

    def files(self, name: str | None = None) -> list[str]:
        """Return every figure, in every format."""
        return [f"{path}.{suffix}" for path in self.paths() for suffix in FIGURE_SUFFIXES]


@dataclass(frozen=True)
class TasksetFigures:
    """The figures of task sets and of their architectures."""

    plan: Plan
    trials: GenerateTrials
    pretraining: Pretrain
    training: Train
    trajectories: ComputeTrajectories
    choice: ChooseDSA
    comparisons: CompareNetworks
    architectures: CompareArchitectures
    statistics: ComputeStatistics
    sensitivity: SummariseSensitivity

    def _settings(self, *keys: str, **further: Any) -> Settings:
        """Return what a figure script is told: the style, and further sections by name."""
        plan, config = self.plan, self.plan.config
        sections = {
            # In the order in which they are run: an entry that is not run changes no colour.
            "curricula": list(dict.fromkeys(network.curriculum for network in plan.networks)),
            "measures": plan.all_measures,
            "wasserstein": scored_by_wasserstein(config.measures),
        }
        if "measures" in keys:
            keys = (*keys, "wasserstein")
        style = config.figures.model_dump()
        return {
            "style": style,
            "seed": config.seed,
            **{key: sections[key] for key in keys},
            **further,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield every figure, in the order of the report."""

        def figure(
            name: str,
            category: str,
            label: str,
            inputs: Callable[[Wildcards], Inputs],
            settings: Callable[[Wildcards], Settings] = lambda _: self._settings(),
            per_architecture: bool = True,
        ) -> Figure:
            folder = "{taskset}/{architecture}" if per_architecture else "{taskset}"
            labels = {"figure": label, "task set": "{taskset}"}
            return Figure(
                rule=f"draw_{name}",
                script=f"figures/{name}.py",
                output=f"figures/{folder}/{name}",
                caption=f"{name}.rst",
                category=category,
                labels=labels | ({"architecture": "{architecture}"} if per_architecture else {}),
                inputs=inputs,
                settings=settings,
                log=f"draw_{name}/{folder}",
            )

        def tables(kind: str) -> Callable[[Wildcards], list[str]]:
            return lambda w: self.comparisons.tables(kind, w["taskset"], w["architecture"])

        def statistic(name: str) -> Callable[[Wildcards], list[str]]:
            return lambda w: [self.statistics.path(name, taskset=w["taskset"])]

        def statistics(*keys: str) -> Settings:
            # A figure is not drawn anew by what it does not show.
            return self.plan.config.statistics.model_dump(include={*keys})

        def compared(_: Wildcards) -> Settings:
            return self._settings(
                "curricula",
                "measures",
                reference=self.plan.reference,
                statistics=statistics("min_seeds"),
            )

        def compared_architectures(w: Wildcards) -> Settings:
            return {
                name: self.plan.config.architectures[name].model_dump(
                    exclude={"weights", "weight_names"}
                )
                for name in self.plan.architectures(w["taskset"], "architectures")
            }

        def orderings(w: Wildcards) -> list[str]:
            return self.sensitivity.of("dsa_sensitivity", w["taskset"])

        after, over, within = tables("after"), tables("over"), tables("within")
        summary, controls, learning = map(statistic, ("summary", "controls", "learning"))
        yield figure(
            "task_trial",
            report_order.TASKS,
            "a trial of each task",
            lambda w: {"trials": self.trials.one_per_task(w["taskset"])},
            per_architecture=False,
        )
        yield figure(
            "learning_curves",
            report_order.TASKS,
            "learning curves",
            lambda w: {
                "pretraining": self.pretraining.histories(w["taskset"], w["architecture"]),
                "training": self.training.histories(w["taskset"], w["architecture"]),
            },
            lambda _: self._settings("curricula"),
        )
        yield figure(
            "trajectories",
            report_order.TASKS,
            "trajectories",
            lambda w: {
                "trajectories": self.trajectories.shown(w["taskset"], w["architecture"]),
                "trials": self.trials.evaluation(w["taskset"])[:1],
            },
        )
        yield figure(
            "dsa_choice",
            report_order.SENSITIVITY,
            "prediction by delays and rank",
            lambda w: {
                "sweep": self.choice.tables("sweep", w["taskset"]),
                "networks": self.choice.tables("networks", w["taskset"]),
            },
            per_architecture=False,
        )
        yield figure(
            "dsa_sensitivity",
            report_order.SENSITIVITY,
            "conclusions around the parameters",
            lambda w: {
                "values": self.sensitivity.of("dsa_sensitivity_values", w["taskset"]),
                "shares": self.sensitivity.of("dsa_sensitivity_shares", w["taskset"]),
            },
            lambda w: self._settings(
                "curricula",
                "wasserstein",
                architecture=w["architecture"],
                reference=self.plan.reference,
            ),
        )
        yield figure(
            "after_learning",
            report_order.AFTER,
            "dissimilarity to the reference",
            lambda w: {
                "after": after(w),
                "summary": summary(w),
                "controls": controls(w),
                "sensitivity": orderings(w),
            },
            compared,
        )
        yield figure(
            "curriculum_matrix",
            report_order.AFTER,
            "curriculum by curriculum",
            lambda w: {"summary": summary(w), "after": after(w)},
            lambda w: self._settings("curricula", "measures", architecture=w["architecture"]),
        )
        yield figure(
            "over_learning",
            report_order.OVER,
            "over learning",
            lambda w: {
                "over": over(w),
                "learning": learning(w),
                "sensitivity": orderings(w),
            },
            compared,
        )
        yield figure(
            "within_learning",
            report_order.OVER,
            "within learning",
            lambda w: {"within": within(w)},
            lambda _: self._settings("curricula", "measures"),
        )
        yield figure(
            "hyperparameters",
            report_order.AFTER,
            "by model and hyperparameter",
            lambda w: {
                "between": self.architectures.tables(w["taskset"]),
                "sensitivity": orderings(w),
            },
            lambda w: self._settings(
                "curricula",
                "measures",
                architectures=compared_architectures(w),
                statistics=statistics("confidence"),
            ),
            per_architecture=False,
        )

    def _names(self, taskset: str, architecture: str) -> Iterator[str]:
        """Yield the figures that an architecture's comparisons allow."""
        yield "learning_curves"
        curricula = self.plan.curricula(taskset, architecture, "learning")
        if not curricula:
            return
        yield "trajectories"
        if not self.plan.measures(taskset):
            return
        yield "within_learning"
        if self.plan.reference in curricula:
            yield "over_learning"
        if len(curricula) > 1:
            yield "curriculum_matrix"
            if self.plan.reference in curricula:
                yield "after_learning"
                around = self.sensitivity.around.jobs()
                if any((j["taskset"], j["part"]) == (taskset, architecture) for j in around):
                    yield "dsa_sensitivity"

    def paths(self) -> list[str]:
        """Return the figures that the configuration asks for, without their suffix."""
        outputs = {figure.rule: self.plan.results.at(figure.output) for figure in self.figures()}
        paths = []
        for taskset in self.plan.tasksets_with_figures:
            names = ["task_trial"]
            if self.architectures.tables(taskset):
                names.append("hyperparameters")
            if self.choice.tables("choice", taskset):
                names.append("dsa_choice")
            paths += [outputs[f"draw_{name}"].format(taskset=taskset) for name in names]
            for architecture in self.plan.architectures(taskset, "figures"):
                fields = {"taskset": taskset, "architecture": architecture}
                paths += [
                    outputs[f"draw_{name}"].format(**fields)
                    for name in self._names(taskset, architecture)
                ]
        return paths
