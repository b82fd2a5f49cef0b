"""Validation of the measures on systems whose similarity is known by construction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from warpline.pipeline import report_order
from warpline.pipeline.config.base import DSA, scored_by_wasserstein
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, measure_settings
from warpline.pipeline.stages.figures import Figure
from warpline.pipeline.stages.sizes import START_MB, START_SECONDS

__all__ = [
    "AttractorFigures",
    "CompareAttractors",
    "ScoreAttractors",
    "SimulateAttractors",
    "SweepHyperparameters",
]

KINDS = ("families", "motifs")
"""Systems that are simulated."""
EXPERIMENTS = ("families", "motifs", "composition", "noise")


class _Validation(Stage):
    """What the jobs share: their cost grows with trials and time steps (measured at 200 x 200)."""

    heading = "attractors"
    folders = ("attractors",)
    seconds: ClassVar[float]
    megabytes: ClassVar[float]

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.validation = self.config.attractors

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with trials and time steps."""
        share = self.validation.n_trials * self.validation.n_steps / 200**2
        return Cost(
            seconds=START_SECONDS + self.seconds * share,
            memory=START_MB + 500 * share,
            disk=self.megabytes * share,
        )

    def all_jobs(self) -> Iterator[dict[str, str]]:
        """Yield every job, whether or not ``run.attractors`` asks for them."""
        raise NotImplementedError

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every job where ``run.attractors`` asks for them."""
        if self.config.run.attractors:
            yield from self.all_jobs()


class SimulateAttractors(_Validation):
    """The systems that the experiments start from (netCDF)."""

    rule = "simulate_attractors"
    script = "simulate_attractors.py"
    outputs = {"systems": "attractors/systems/{kind}.nc"}
    seconds, megabytes = 3.0, 10.0

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the sizes, and the parameters of the families or of the motifs."""
        keys = {"paired", "n_trials", "n_steps", "dt", "s", "b"}
        entry = self.validation
        made: dict[str, Settings] = {
            "families": entry.model_dump(include={"families"}),
            "motifs": {"motifs": entry.motifs.model_dump(include={"curve", "patterns"})},
        }
        kind = wildcards["kind"]
        return {"seed": self.config.seed, **entry.model_dump(include=keys), **made[kind]}

    def all_jobs(self) -> Iterator[dict[str, str]]:
        """Yield families and motifs."""
        yield from ({"kind": kind} for kind in KINDS)

    def of_experiment(self, experiment: str) -> str:
        """Return the systems that an experiment starts from."""
        return self.path(kind="families" if experiment == "families" else "motifs")


class CompareAttractors(_Validation):
    """Dissimilarities of the systems of one experiment, by one measure (CSV)."""

    rule = "compare_attractors"
    script = "compare_attractors.py"
    outputs = {"rows": "attractors/{experiment}/{measure}.csv"}
    seconds, megabytes = 40.0, 0.4

    def __init__(self, plan: Plan, systems: SimulateAttractors) -> None:
        super().__init__(plan)
        self.systems = systems
        self.measures = self.validation.measures

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the systems."""
        return {"systems": [self.systems.of_experiment(wildcards["experiment"])]}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return experiment and measure."""
        experiment, measure = wildcards["experiment"], wildcards["measure"]
        further: dict[str, Settings] = {
            "composition": {"sequence": self.validation.motifs.sequence},
            "noise": {"noise": self.validation.noise.model_dump()},
        }
        return {
            "seed": self.config.seed,
            "experiment": experiment,
            "measure": measure_settings(measure, self.measures[measure]),
            **further.get(experiment, {}),
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the measure."""
        return [("similarity", self.measures[wildcards["measure"]].measure)]

    def all_jobs(self) -> Iterator[dict[str, str]]:
        """Yield every experiment and measure."""
        for experiment in EXPERIMENTS:
            yield from ({"experiment": experiment, "measure": name} for name in self.measures)


class SweepHyperparameters(_Validation):
    """DSA over its hyperparameters, a job per delay interval (CSV)."""

    rule = "sweep_hyperparameters"
    script = "sweep_hyperparameters.py"
    outputs = {"rows": "attractors/hyperparameters/interval~{interval}.csv"}
    seconds, megabytes = 60.0, 0.4

    def __init__(self, plan: Plan, systems: SimulateAttractors) -> None:
        super().__init__(plan)
        self.systems = systems
        entries = self.validation.measures.values()
        self.swept = next((entry for entry in entries if isinstance(entry, DSA)), None)
        """The DSA whose hyperparameters are swept: the first of the measures."""
        cells = self.validation.cells() if self.swept is not None else []
        self.intervals = sorted({interval for _, interval, _ in cells})
        """Delay intervals of the sweep; none where DSA is not among the measures."""

    @property
    def own_setting(self) -> Settings:
        """Delays, interval and rank of the DSA that is swept; empty where there is none."""
        names = ("n_delays", "delay_interval", "rank")
        return {} if self.swept is None else {name: getattr(self.swept, name) for name in names}

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the motifs."""
        return {"systems": [self.systems.of_experiment("hyperparameters")]}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the combinations of hyperparameters at one delay interval."""
        assert self.swept is not None, "no delay intervals without DSA"
        entry, set_by_cells = self.validation, ("name", "n_delays", "delay_interval", "rank")
        settings = measure_settings("", self.swept)
        return {
            "seed": self.config.seed,
            "sequence": entry.motifs.sequence,
            "max_pairs": entry.hyperparameters.max_pairs,
            "measure": {key: settings[key] for key in settings if key not in set_by_cells},
            "cells": [
                {"n_delays": n_delays, "delay_interval": interval, "rank": rank}
                for n_delays, interval, rank in entry.cells()
                if interval == int(wildcards["interval"])
            ],
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return DSA."""
        return [("similarity", "dsa")]

    def all_jobs(self) -> Iterator[dict[str, str]]:
        """Yield the delay intervals."""
        yield from ({"interval": str(interval)} for interval in self.intervals)


class ScoreAttractors(_Validation):
    """Scores of the measures in one experiment (CSV)."""

    rule = "score_attractors"
    script = "score_attractors.py"
    outputs = {"scores": "attractors/scores/{experiment}.csv"}
    seconds, megabytes = 10.0, 0.05

    def __init__(
        self, plan: Plan, comparisons: CompareAttractors, sweep: SweepHyperparameters
    ) -> None:
        super().__init__(plan)
        self.comparisons = comparisons
        self.sweep = sweep
        swept = ["hyperparameters"] if sweep.intervals else []
        self.experiments = ["families", "composition", "noise", *swept]
        """Experiments that have a table of scores."""

    def tables(self, experiment: str) -> list[str]:
        """Return the dissimilarities of an experiment: of all measures, or of the sweep."""
        if experiment == "hyperparameters":
            return [self.sweep.path(interval=interval) for interval in self.sweep.intervals]
        return [
            self.comparisons.path(experiment=experiment, measure=name)
            for name in self.comparisons.measures
        ]

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the dissimilarities of the experiment."""
        return {"tables": self.tables(wildcards["experiment"])}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the experiment, and the settings of its intervals."""
        experiment = wildcards["experiment"]
        if experiment == "hyperparameters":
            return {"experiment": experiment}
        return {
            "experiment": experiment,
            "confidence": self.config.statistics.confidence,
        }

    def all_jobs(self) -> Iterator[dict[str, str]]:
        """Yield the experiments with scores."""
        yield from ({"experiment": name} for name in self.experiments)


class AttractorFigures:
    """The figures of the validation.

    Parameters
    ----------
    scores : ScoreAttractors
    """

    def __init__(self, scores: ScoreAttractors) -> None:
        self.scores = scores

    def _settings(self, *keys: str) -> Settings:
        """Return the style, and further entries by name."""
        entry, plan = self.scores.validation, self.scores.plan
        entries = {
            "measures": list(entry.measures),
            "families": list(entry.families),
            "levels": entry.noise.levels,
            "shares": entry.noise.shares,
            "best": entry.hyperparameters.best,
            "swept": self._swept(),
            "wasserstein": scored_by_wasserstein(entry.measures),
            "swept_by_wasserstein": getattr(self.scores.sweep.swept, "score", "") == "wasserstein",
        }
        if {"measures", "swept"} & {*keys}:
            keys = (*keys, "wasserstein")
        style = plan.config.figures.model_dump()
        return {"style": style, "seed": plan.config.seed, **{key: entries[key] for key in keys}}

    def _swept(self) -> Settings:
        """Return the measure whose hyperparameters are swept, and its own; empty where there is none."""
        for name, entry in self.scores.validation.measures.items():
            if entry is self.scores.sweep.swept:
                return {"measure": name, "setting": self.scores.sweep.own_setting}
        return {}

    def figures(self) -> Iterator[Figure]:
        """Yield every figure."""
        scores, systems = self.scores, self.scores.comparisons.systems

        def figure(name: str, label: str, inputs: dict[str, list[str]], *keys: str) -> Figure:
            return Figure(
                rule=f"draw_attractor_{name}",
                script=f"figures/attractor_{name}.py",
                output=f"attractors/figures/attractor_{name}",
                caption=f"attractor_{name}.rst",
                category=report_order.ATTRACTORS,
                labels={"figure": label},
                inputs=lambda _: inputs,
                settings=lambda _: self._settings(*keys),
                log=f"draw_attractor_{name}",
            )

        def scored(experiment: str) -> dict[str, list[str]]:
            return {
                "rows": scores.tables(experiment),
                "scores": [scores.path(experiment=experiment)],
            }

        families = {"systems": [systems.of_experiment("families")]}
        motifs = {"systems": [systems.of_experiment("motifs")]}
        yield figure("systems", "1. the systems of the families", families, "families")
        yield figure("motifs", "2. the motifs", motifs)
        elementary = {"rows": scores.tables("motifs")}
        yield figure("elementary", "3. motif by motif", elementary, "measures")
        yield figure("families", "4. within and across families", scored("families"), "measures")
        composition, swept = scored("composition"), {}
        if scores.sweep.intervals:
            swept = {"sweep": [scores.path(experiment="hyperparameters")]}
        keys = ("measures", "swept") if swept else ("measures",)
        yield figure("composition", "5. shared motifs", composition | swept, *keys)
        noise = scored("noise")
        yield figure("noise", "6. noise and mixing", noise, "measures", "levels", "shares")
        if scores.sweep.intervals:
            swept = {"scores": [scores.path(experiment="hyperparameters")]}
            yield figure("hyperparameters", "7. hyperparameters of DSA", swept, "best")
            best = scored("hyperparameters")
            yield figure(
                "best", "8. the best hyperparameters", best, "best", "swept_by_wasserstein"
            )
