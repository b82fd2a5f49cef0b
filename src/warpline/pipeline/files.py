"""Which files a configuration needs, and which files each kind of job reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from warpline.pipeline.paths import COMPARISON_TABLES, STATISTICS_TABLES, join_seeds, split_seeds
from warpline.pipeline.plan import Plan

__all__ = ["Files"]


class Files:
    """Paths by what they are for; the patterns are those of `warpline.pipeline.paths.Layout`.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.layout = plan.layout
        self.reference = plan.config.comparison.over.references[0]
        """The curriculum that figures show the others against."""

    # --- trials and networks ------------------------------------------------------------------------

    def trials(self, taskset: str, tasks: Iterable[str], split: str) -> list[str]:
        """Return the trials of some tasks of a task set."""
        pattern = self.layout.trials
        return [pattern.format(taskset=taskset, task=task, split=split) for task in tasks]

    def training_trials(self, taskset: str, curriculum: str, split: str) -> list[str]:
        """Return the trials that a curriculum's training reads."""
        return self.trials(taskset, self.plan.training_tasks(taskset, curriculum), split)

    def evaluation_trials(self, taskset: str) -> list[str]:
        """Return the trials that networks are evaluated on, the target's first."""
        return self.trials(taskset, self.plan.shown_tasks(taskset), "evaluation")

    def _trials_by_task(self, taskset: str) -> dict[str, set[str]]:
        """Return the splits that are needed of each task, in the task set's order."""
        plan = self.plan
        splits: dict[str, set[str]] = {task: set() for task in plan.config.tasksets[taskset].tasks}
        for subject in plan.subjects:
            if subject.taskset == taskset:
                pretrained = plan.tasks(taskset, plan.config.curricula[subject.curriculum].pretrain)
                for task in (*plan.training_tasks(taskset, subject.curriculum), *pretrained):
                    splits[task] |= {"train", "validation"}
        for task in plan.shown_tasks(taskset):
            splits[task].add("evaluation")
        return {task: needed for task, needed in splits.items() if needed}

    def all_trials(self) -> list[str]:
        """Return all trials."""
        return [
            path
            for taskset in self.plan.tasksets
            for task, splits in self._trials_by_task(taskset).items()
            for split in sorted(splits)
            for path in self.trials(taskset, [task], split)
        ]

    def shown_trials(self, taskset: str) -> list[str]:
        """Return one file of trials per task that is trained or shown."""
        return [
            self.trials(taskset, [task], "validation" if "validation" in splits else "evaluation")[
                0
            ]
            for task, splits in self._trials_by_task(taskset).items()
        ]

    def all_networks(self) -> list[str]:
        """Return the checkpoints of every network."""
        pattern = self.layout.checkpoints("training")
        return [
            pattern.format(**vars(subject), seed=seed)
            for subject in self.plan.subjects
            for seed in self.plan.seeds
        ]

    def networks(self, taskset: str, architecture: str, curriculum: str, seeds: str) -> list[str]:
        """Return the checkpoints of the networks of a block of seeds (``1+2``)."""
        pattern = self.layout.checkpoints("training")
        names = {"taskset": taskset, "architecture": architecture, "curriculum": curriculum}
        return [pattern.format(**names, seed=seed) for seed in split_seeds(seeds)]

    def initial(self, taskset: str, architecture: str, curriculum: str, seed: str) -> list[str]:
        """Return the pretrained network that a curriculum starts from, if any."""
        pretraining = self.plan.pretraining(taskset, curriculum)
        if pretraining is None:
            return []
        names = {"taskset": taskset, "architecture": architecture, "pretraining": pretraining}
        return [self.layout.checkpoints("pretraining").format(**names, seed=seed)]

    def histories(self, taskset: str, architecture: str | None = None) -> list[str]:
        """Return the training histories of a task set, or of one of its architectures."""
        return [
            self.layout.history("training").format(**vars(subject), seed=seed)
            for subject in self.plan.subjects
            if subject.taskset == taskset and architecture in (None, subject.architecture)
            for seed in self.plan.seeds
        ]

    def pretraining_histories(self, taskset: str, architecture: str) -> list[str]:
        """Return the histories of all pretrainings behind an architecture's curricula."""
        curricula = self.plan.curricula(taskset, architecture)
        names = dict.fromkeys(self.plan.pretraining(taskset, name) for name in curricula)
        pattern = self.layout.history("pretraining")
        return [
            pattern.format(taskset=taskset, architecture=architecture, pretraining=name, seed=seed)
            for name in names
            if name
            for seed in self.plan.seeds
        ]

    # --- trajectories and comparisons ---------------------------------------------------------------

    def _trajectories(
        self, taskset: str, architecture: str, comparison: str, blocks: Sequence[tuple[int, ...]]
    ) -> list[str]:
        names = {"taskset": taskset, "architecture": architecture}
        return [
            self.layout.trajectories.format(**names, curriculum=name, seeds=join_seeds(block))
            for block in blocks
            for name in self.plan.curricula(taskset, architecture, comparison)
        ]

    def trajectories_up_to(self, taskset: str, architecture: str, seeds: str) -> list[str]:
        """Return what a block of seeds is compared with: itself, and the blocks before it."""
        blocks = self.plan.blocks_up_to(split_seeds(seeds))
        return self._trajectories(taskset, architecture, "learning", blocks)

    def trajectories_shown(self, taskset: str, architecture: str) -> list[str]:
        """Return the trajectories that are drawn: those of the first block of seeds."""
        return self._trajectories(taskset, architecture, "learning", self.plan.blocks[:1])

    def trajectories_between(self, taskset: str, seeds: str) -> list[str]:
        """Return the trajectories of all architectures that are compared with each other."""
        return [
            path
            for architecture in self.plan.architectures(taskset, "architectures")
            for path in self._trajectories(
                taskset, architecture, "architectures", [split_seeds(seeds)]
            )
        ]

    def learning_tables(
        self, kind: str, taskset: str, architecture: str | None = None
    ) -> list[str]:
        """Return the tables of one kind, of all measures and seeds."""
        compared = self.plan.architectures(taskset, "learning")
        pattern = self.layout.comparison(kind)
        return [
            pattern.format(
                measure=measure, taskset=taskset, architecture=name, seeds=join_seeds(block)
            )
            for name in compared
            if architecture in (None, name)
            for measure in self.plan.measures(taskset)
            for block in self.plan.blocks
        ]

    def architecture_tables(self, taskset: str) -> list[str]:
        """Return the tables between architectures, of all measures and seeds."""
        if not self.plan.compares_architectures(taskset):
            return []
        return [
            self.layout.architectures.format(
                measure=measure, taskset=taskset, seeds=join_seeds(block)
            )
            for measure in self.plan.measures(taskset)
            for block in self.plan.blocks
        ]

    def all_comparisons(self) -> list[str]:
        """Return every table of dissimilarities."""
        wanted = []
        for taskset in self.plan.tasksets:
            wanted += self.architecture_tables(taskset)
            for kind in COMPARISON_TABLES:
                wanted += self.learning_tables(kind, taskset)
        return wanted

    def all_tables(self) -> list[str]:
        """Return the tables of statistics."""
        return [
            self.layout.table(table).format(taskset=taskset)
            for taskset in self.plan.charted
            for table in STATISTICS_TABLES
        ]

    # --- figures ------------------------------------------------------------------------------------

    def _figures(self, taskset: str, architecture: str) -> Iterator[str]:
        """Yield the figures that an architecture's comparisons allow."""
        yield "learning_curves"
        curricula = self.plan.curricula(taskset, architecture, "learning")
        if not curricula:
            return
        yield "trajectories"
        if not self.plan.measures(taskset):
            return
        yield "within_learning"
        if self.reference in curricula:
            yield "over_learning"
        if len(curricula) > 1:
            yield "curriculum_matrix"
            if self.reference in curricula:
                yield "after_learning"

    def all_figures(self) -> list[str]:
        """Return every figure, SVG and PNG."""
        stems = []
        for taskset in self.plan.charted:
            names = ["task_trial"]
            if self.architecture_tables(taskset):
                names.append("hyperparameters")
            stems += [self.layout.figure(name, False).format(taskset=taskset) for name in names]
            for architecture in self.plan.architectures(taskset, "charted"):
                stems += [
                    self.layout.figure(name, True).format(
                        taskset=taskset, architecture=architecture
                    )
                    for name in self._figures(taskset, architecture)
                ]
        return [f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png")]
