"""Which files the bench needs, and what each of its figures reads."""

from __future__ import annotations

from dataclasses import dataclass

from warpline.pipeline.attractor_slices import intervals
from warpline.pipeline.plan import Plan

__all__ = ["Bench", "Figure"]


@dataclass(frozen=True)
class Figure:
    """A figure of the bench.

    Attributes
    ----------
    shows : str
        Its label in the report.
    inputs : dict of str to list of str
        Files by the option of the figure's script that takes them.
    keys : tuple of str
        Entries of `warpline.pipeline.attractor_slices.figure_slice`.
    """

    shows: str
    inputs: dict[str, list[str]]
    keys: tuple[str, ...] = ()


class Bench:
    """Paths of the bench, ``results/<name>/attractors``.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.root = (plan.layout.root / "attractors").as_posix()
        self.measures = plan.config.attractors.measures
        self.intervals = intervals(plan)
        """Delay intervals of the sweep; none where DSA is not on the bench."""

    @property
    def scored(self) -> list[str]:
        """Experiments that have a table of scores."""
        sweep = ["hyperparameters"] if self.intervals else []
        return ["families", "composition", "noise", *sweep]

    def systems(self, experiment: str) -> str:
        """Return the systems that an experiment starts from."""
        kind = "families" if experiment == "families" else "motifs"
        return f"{self.root}/systems/{kind}.nc"

    def tables(self, experiment: str) -> list[str]:
        """Return the tables of dissimilarities of an experiment: of all measures, or of the sweep."""
        if experiment == "hyperparameters":
            names = [f"interval~{interval}" for interval in self.intervals]
        else:
            names = list(self.measures)
        return [f"{self.root}/{experiment}/{name}.csv" for name in names]

    def scores(self, experiment: str) -> str:
        """Return the table of scores of an experiment."""
        return f"{self.root}/scores/{experiment}.csv"

    def _scored(self, experiment: str) -> dict[str, list[str]]:
        return {"rows": self.tables(experiment), "scores": [self.scores(experiment)]}

    @property
    def figures(self) -> dict[str, Figure]:
        """Figures by the names of their scripts."""
        found = {
            "attractor_systems": Figure(
                "1. the systems of the families",
                {"systems": [self.systems("families")]},
                ("families",),
            ),
            "attractor_motifs": Figure("2. the motifs", {"systems": [self.systems("motifs")]}),
            "attractor_elementary": Figure(
                "3. motif by motif", {"rows": self.tables("motifs")}, ("measures",)
            ),
            "attractor_families": Figure(
                "4. within and across families", self._scored("families"), ("measures",)
            ),
            "attractor_composition": Figure(
                "5. shared motifs", self._scored("composition"), ("measures",)
            ),
            "attractor_noise": Figure(
                "6. noise and mixing", self._scored("noise"), ("measures", "levels", "shares")
            ),
        }
        if self.intervals:
            found["attractor_hyperparameters"] = Figure(
                "7. hyperparameters of DSA", {"scores": [self.scores("hyperparameters")]}, ("best",)
            )
            found["attractor_best"] = Figure(
                "8. the best hyperparameters", self._scored("hyperparameters"), ("best",)
            )
        return found

    def all_attractors(self) -> list[str]:
        """Return every table of scores and every figure of the bench."""
        scores = [self.scores(experiment) for experiment in self.scored]
        return scores + [
            f"{self.root}/figures/{name}.{suffix}"
            for name in self.figures
            for suffix in ("svg", "png")
        ]
