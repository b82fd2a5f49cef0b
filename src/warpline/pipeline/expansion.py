"""What a configuration asks for: the networks, the blocks of seeds, who is compared with whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from warpline.pipeline.config.schema import Config
from warpline.pipeline.paths import ResultsFolder

__all__ = ["NetworkSpec", "Plan"]


@dataclass(frozen=True)
class NetworkSpec:
    """What is trained, or read from a file, once per seed."""

    taskset: str
    architecture: str
    curriculum: str


class Plan:
    """The expansion of a configuration.

    Parameters
    ----------
    config : Config
    results : pathlib.Path
        The folder that holds ``<name>``.
    """

    def __init__(self, config: Config, results: Path = Path("results")) -> None:
        self.config = config
        self.results = ResultsFolder(results / config.name)
        self.seeds = tuple(config.run.seeds)
        self.reference = config.comparison.over.references[0]
        """The curriculum that figures show the others against."""

    # --- networks -------------------------------------------------------------------------------

    def _networks(self, comparison: str | None = None) -> Iterator[NetworkSpec]:
        for block in self.config.run.grid:
            if comparison in (None, "figures", *block.comparisons):
                for taskset in block.tasksets:
                    for architecture in block.architectures:
                        for curriculum in block.curricula:
                            yield NetworkSpec(taskset, architecture, curriculum)
        for name in self.config.run.warping:
            analysis = self.config.warping[name]
            # An analysis over learning stands beside the dissimilarities of its networks. The networks of
            # any other analysis have no figures but those of the analysis.
            compared = analysis.over_learning and comparison in ("figures", "learning")
            if comparison is None or compared:
                yield NetworkSpec(analysis.taskset, analysis.architecture, analysis.curriculum)

    @cached_property
    def networks(self) -> tuple[NetworkSpec, ...]:
        """All that is analysed, in the order of the configuration, each once."""
        return tuple(dict.fromkeys(self._networks()))

    def is_given(self, architecture: str) -> bool:
        """Say whether an architecture's weights come from files, so that nothing is trained."""
        return self.config.architectures[architecture].weights is not None

    @cached_property
    def trained_networks(self) -> tuple[NetworkSpec, ...]:
        """The networks that are trained."""
        return tuple(one for one in self.networks if not self.is_given(one.architecture))

    @cached_property
    def given_networks(self) -> tuple[NetworkSpec, ...]:
        """The networks whose weights come from files."""
        return tuple(one for one in self.networks if self.is_given(one.architecture))

    def weights_file(self, network: NetworkSpec, seed: int) -> str:
        """Return the file with the weights of a given network."""
        pattern = self.config.architectures[network.architecture].weights
        assert pattern is not None
        fields = {"seed": seed, "curriculum": network.curriculum, "taskset": network.taskset}
        return pattern.format(**fields)

    @cached_property
    def tasksets(self) -> tuple[str, ...]:
        """Task sets that are run."""
        return tuple(dict.fromkeys(network.taskset for network in self.networks))

    @cached_property
    def tasksets_with_figures(self) -> tuple[str, ...]:
        """Task sets that have tables and figures of their own."""
        return tuple(dict.fromkeys(network.taskset for network in self._networks("figures")))

    def curricula(
        self, taskset: str, architecture: str, comparison: str | None = None
    ) -> list[str]:
        """Return the curricula of an architecture, of the blocks that ask for a comparison."""
        return list(self._curricula[comparison].get((taskset, architecture), {}))

    def architectures(self, taskset: str, comparison: str | None = None) -> list[str]:
        """Return the architectures of a task set, of the blocks that ask for a comparison."""
        return [architecture for of, architecture in self._curricula[comparison] if of == taskset]

    @cached_property
    def _curricula(self) -> dict[str | None, dict[tuple[str, str], dict[str, None]]]:
        """Curricula by comparison, then by task set and architecture; dicts serve as ordered sets."""
        by_comparison: dict[str | None, dict[tuple[str, str], dict[str, None]]] = {}
        for comparison in (None, "figures", "learning", "architectures"):
            curricula = by_comparison.setdefault(comparison, {})
            for network in self._networks(comparison):
                key = (network.taskset, network.architecture)
                curricula.setdefault(key, {})[network.curriculum] = None
        return by_comparison

    @cached_property
    def absent_references(self) -> tuple[str, ...]:
        """References of which no network is compared over learning, where any is."""
        compared = {name for names in self._curricula["learning"].values() for name in names}
        references = self.config.comparison.over.references
        return tuple(name for name in references if compared and name not in compared)

    # --- seeds ----------------------------------------------------------------------------------

    @cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """Seeds in blocks of ``jobs.seeds_per_job``; a seed added at the end changes no full block."""
        return self._in_blocks(self.config.jobs.seeds_per_job)

    @cached_property
    def training_blocks(self) -> tuple[tuple[int, ...], ...]:
        """Seeds that are trained in one job, in blocks of ``jobs.seeds_per_training_job``."""
        return self._in_blocks(self.config.jobs.seeds_per_training_job)

    def _in_blocks(self, size: int) -> tuple[tuple[int, ...], ...]:
        return tuple(self.seeds[i : i + size] for i in range(0, len(self.seeds), size))

    def blocks_up_to(self, block: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the blocks before a block, and itself."""
        return self.blocks[: self.blocks.index(block) + 1]

    # --- measures and tasks ---------------------------------------------------------------------

    def measures(self, taskset: str) -> list[str]:
        """Return the measures that the networks of a task set are compared by."""
        return self.config.tasksets[taskset].measures or self.config.run.measures

    @cached_property
    def all_measures(self) -> list[str]:
        """The measures of all task sets that are run, each once."""
        used = [name for taskset in self.tasksets for name in self.measures(taskset)]
        return list(dict.fromkeys([*self.config.run.measures, *used]))

    def compares_architectures(self, taskset: str) -> bool:
        """Say whether two architectures of a task set are compared."""
        return len(self.architectures(taskset, "architectures")) > 1

    def tasks(self, taskset: str, names: list[str]) -> list[str]:
        """Return tasks by name, with ``target`` replaced by the task set's."""
        target = self.config.tasksets[taskset].target
        return [target if name == "target" else name for name in names]

    def pretraining(self, taskset: str, curriculum: str) -> str | None:
        """Return the name of a curriculum's pretraining (``Anti+Basic``), None where it has none.

        Curricula with the same pretraining share the name, and so the network.
        """
        names = self.tasks(taskset, self.config.curricula[curriculum].pretrain)
        order = list(self.config.tasksets[taskset].tasks)
        return "+".join(sorted(set(names), key=order.index)) or None

    @cached_property
    def pretrainings(self) -> tuple[str, ...]:
        """Names of all pretrainings that are run, each once."""
        pairs = dict.fromkeys((one.taskset, one.curriculum) for one in self.trained_networks)
        return tuple(dict.fromkeys(name for pair in pairs if (name := self.pretraining(*pair))))

    def training_tasks(self, taskset: str, curriculum: str) -> list[str]:
        """Return the tasks whose trials a run reads; an untrained network is still evaluated."""
        return self.tasks(taskset, self.config.curricula[curriculum].train or ["target"])

    def evaluation_tasks(self, taskset: str) -> list[str]:
        """Return the tasks that networks are evaluated on, the target first; none if none compares."""
        if not any(self.architectures(taskset, kind) for kind in ("learning", "architectures")):
            return []
        names = self.tasks(taskset, ["target", *self.config.trajectories.tasks])
        tasks = self.config.tasksets[taskset].tasks
        return [name for name in dict.fromkeys(names) if name in tasks]
