"""Pretraining and training of networks, a job per seed or per block of seeds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import join_seeds
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, alternatives
from warpline.pipeline.stages.sizes import (
    HELD,
    OTHER,
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_UPDATES,
)
from warpline.pipeline.stages.trials import GenerateTrials
from warpline.training.checkpoint_schedule import checkpoint_steps, most_kept

__all__ = ["Pretrain", "Train", "TrainingStage", "network_settings"]

RUN = "{taskset}/{architecture}/{curriculum}/seed~{seed}"
FIXED_TARGET = 0.99
"""Accuracy at which training stops in the code of Guilhot et al. (2024)."""
PRETRAINING = "{taskset}/{architecture}/{pretraining}/seed~{seed}"


def network_settings(plan: Plan, architecture: str, *left_out: str) -> Settings:
    """Return what of an architecture makes the network; its learning rate belongs to the loop."""
    entry = plan.config.architectures[architecture]
    # Of given weights the checkpoint file says all; a key without a value is as good as none.
    settings = entry.model_dump(exclude={"learning_rate", "weights", "weight_names", *left_out})
    protocol = plan.config.protocol.model
    if "init" in settings and protocol.init == "uniform":
        settings["init"] = "uniform"
    if entry.model == "leaky_gru":
        settings["reset_gate"] = protocol.reset_gate
    return {key: value for key, value in settings.items() if (key, value) != ("units", None)}


class TrainingStage(Stage):
    """What pretraining and training share.

    A rule's outputs cannot depend on a wildcard: each block of several seeds has a rule of its own
    (`blocks`), and all seeds that have a job to themselves share the rule without a block.

    Parameters
    ----------
    plan : Plan
    trials : GenerateTrials
    block : tuple of int
        Seeds of the rule's jobs; empty for a job per seed.
    """

    heading = "training"
    folders = ("pretraining", "training")
    script = "train_network.py"
    gpu = True
    section: ClassVar[str]
    """Section of the configuration with the loop's settings, and folder of the results."""

    def __init__(self, plan: Plan, trials: GenerateTrials, block: tuple[int, ...] = ()) -> None:
        super().__init__(plan)
        self.trials = trials
        self.block = block

    # --- blocks of seeds ------------------------------------------------------------------------

    def of_block(self, block: tuple[int, ...]) -> TrainingStage:
        """Return the same stage for the jobs of a block."""
        return type(self)(self.plan, self.trials, block)

    def blocks(self) -> list[TrainingStage]:
        """Return the stage of single seeds, then one per block of several."""
        several = [block for block in self.plan.training_blocks if len(block) > 1]
        return [self.of_block(()), *(self.of_block(block) for block in several)]

    def rules(self) -> list[TrainingStage]:
        """Return the stage of single seeds, if there are any, then one per block of several."""
        single, *several = self.blocks()
        return [single, *several] if any(single.jobs_of_rule()) else several

    def jobs_of_rule(self) -> Iterator[dict[str, str]]:
        """Yield the networks of the block, or of every seed that has a job to itself."""
        blocks = [self.block] if self.block else self.plan.training_blocks
        seeds = [str(block[0]) for block in blocks if block == self.block or len(block) == 1]
        networks = dict.fromkeys(
            tuple((key, value) for key, value in job.items() if key != "n_seeds")
            for job in self.jobs()
        )
        for network in networks:
            yield from ({**dict(network), "seed": seed} for seed in seeds)

    def job_outputs(self, wildcards: Wildcards) -> list[str]:
        """Return all files that a job makes, those of every seed of its block."""
        patterns = [pattern for name in self.outputs for pattern in self.block_patterns(name)]
        return [pattern.format(**wildcards) for pattern in patterns]

    @property
    def profile_rule(self) -> str:
        """Name of the rule whose settings of a profile hold for all rules of the stage."""
        return self.rule

    @property
    def rule_name(self) -> str:
        """Name of the rule: ``train``, or ``train_1_2`` for a block."""
        return "_".join([self.rule, *map(str, self.block)])

    @property
    def architectures(self) -> str:
        """Wildcard constraint: the architectures that are trained."""
        return alternatives(network.architecture for network in self.plan.trained_networks)

    @property
    def single_seeds(self) -> str:
        """Wildcard constraint: the seeds that have a job to themselves."""
        blocks = self.plan.training_blocks
        if all(len(block) == 1 for block in blocks):
            return r"\d+"
        return alternatives(str(block[0]) for block in blocks if len(block) == 1)

    def block_patterns(self, name: str) -> list[str]:
        """Return an output's pattern for each seed of the block; with its wildcard where it is empty."""
        pattern = self.pattern(name)
        return [pattern.replace("{seed}", str(seed)) for seed in self.block] or [pattern]

    @property
    def job_name(self) -> str:
        """With the block in the place of the seed."""
        name = super().job_name
        return name.replace("{seed}", join_seeds(self.block)) if self.block else name

    def _seeds(self, wildcards: Wildcards) -> Sequence[int | str]:
        return self.block or [wildcards["seed"]]

    # Snakemake does not track parameters that are derived from a job's outputs: cutting the same seeds into
    # other jobs re-runs nothing by these.

    def seeds(self, wildcards: Wildcards, output: Any) -> str:
        """Return the seeds of a job as they stand on its command line."""
        return " ".join(
            found[1] for path in output.checkpoints if (found := re.search(r"/seed~(\d+)/", path))
        )

    def resume(self, wildcards: Wildcards, output: Any) -> list[str]:
        """Return the states of a job's unfinished networks; no rule's output."""
        root = self.plan.results.root.as_posix()
        return [
            path.replace(root, f"{root}/resume", 1).replace("checkpoints.", "state.")
            for path in output.checkpoints
        ]

    def resume_every(self, wildcards: Wildcards, output: Any) -> int:
        """Return the updates between two saves of a job's state, which no result depends on."""
        return int(getattr(self.config, self.section).resume_every)

    def gpu_option(self, wildcards: Wildcards, output: Any) -> str:
        """Return the option that takes a GPU outside SLURM, too; it trains no single seed anew."""
        return "--gpu" if self.config.jobs.gpu else ""

    def initial(self, wildcards: Wildcards, input: Any) -> str:
        """Return the option that names the networks to start from, empty where there are none."""
        return f"--initial {shlex.join(input.initial)}" if input.get("initial") else ""

    @property
    def together(self) -> str:
        """Seeds that are trained as one network on a GPU, whose last bits then depend on each other."""
        return join_seeds(self.block) if self.config.jobs.gpu else ""

    # --- jobs -----------------------------------------------------------------------------------

    def _loop(self, architecture: str, trainable: str, n_tasks: int) -> Settings:
        rate = self.config.architectures[architecture].learning_rate
        settings = getattr(self.config, self.section).model_dump(exclude={"resume_every"})
        if self._keep is None:
            # As if there were no such key: networks of before it count as they are.
            del settings["checkpoints"]["keep"]
        protocol = self.config.protocol.training
        if protocol.target == "fixed":
            settings |= {"target_fraction": FIXED_TARGET, "sustained": 1}
        settings["max_steps"] = self._most_updates(n_tasks)
        further = {"learning_rate": rate, "trainable": trainable, **protocol.model_dump()}
        return {**settings, **further}

    def _most_updates(self, n_tasks: int) -> int:
        """Return the largest number of updates: where tasks do not take turns, each has as many."""
        most = int(getattr(self.config, self.section).max_steps)
        return most if self.config.protocol.training.interleave else most * n_tasks

    @property
    def _keep(self) -> list[float] | None:
        """Fractions of training whose checkpoints are kept; None where all are."""
        keep = getattr(self.config, self.section).checkpoints.keep
        return None if keep == "all" else keep

    @property
    def _root(self) -> int | None:
        """Root seed; None where each job draws its own."""
        return self.config.seed if self.config.protocol.seeding == "streams" else None

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the model."""
        return [("models", self.config.architectures[wildcards["architecture"]].model)]

    def tasks(self, wildcards: Wildcards) -> list[str]:
        """Return the interleaved tasks that are learned."""
        raise NotImplementedError

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return training and validation trials, a file per task."""
        taskset, tasks = wildcards["taskset"], self.tasks(wildcards)
        return {
            "train": self.trials.of_tasks(taskset, tasks, "train"),
            "validation": self.trials.of_tasks(taskset, tasks, "validation"),
        }

    # --- cost -----------------------------------------------------------------------------------

    def _updates(self, trainable: str, pretrained: bool, n_tasks: int) -> int:
        most = self._most_updates(n_tasks)
        # Random recurrent weights without pretraining do not solve the task: such a run goes to its end.
        if self.section == "training" and trainable == "input" and not pretrained:
            return most
        typical = "pretraining" if self.section == "pretraining" else trainable
        return min(most, TYPICAL_UPDATES[typical])

    def _cost(self, wildcards: Wildcards, updates: int) -> Cost:
        """Return the cost of training some seeds of a network for so many updates."""
        sizes, settings = self.sizes, getattr(self.config, self.section)
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        entry, trials = (
            self.config.architectures[architecture],
            self.config.tasksets[taskset].trials,
        )
        tasks = self.tasks(wildcards)
        n_seeds = int(wildcards.get("n_seeds", max(1, len(self.block))))

        # Time: updates, and evaluations (forward alone) on all validation trials of all tasks.
        mean = sum(sizes.steps(taskset, task) for task in tasks) / len(tasks)
        longest = max(sizes.steps(taskset, task, longest=True) for task in tasks)
        update = mean * sizes.step_seconds(architecture, entry.batch_size)
        evaluation = len(tasks) * longest * sizes.step_seconds(architecture, trials.validation) / 3
        checkpoints = settings.checkpoints.model_dump()
        most = self._most_updates(len(tasks))
        steps = checkpoint_steps(checkpoints, most) if most else [0]

        def n_checkpoints(until: int) -> int:
            # The last update leaves one, too.
            return sum(step <= until for step in steps) + (until > 0)

        def seconds(until: int) -> float:
            evaluations = n_checkpoints(until) + until / settings.evaluate_every
            return START_SECONDS + n_seeds * (until * update + evaluations * evaluation)

        # Memory: the trials, the hidden states of a batch, and the checkpoints until they are written.
        weights = sizes.weights(architecture)
        numbers = 4 * (3 + len(self.config.tasksets[taskset].tasks)) + 14
        arrays = trials.train * longest * len(tasks) * numbers
        update_bytes, evaluation_bytes = HELD.get(entry.model, HELD[OTHER])
        states = longest * sizes.hidden(architecture)
        # On a GPU the seeds are trained as one.
        as_one = n_seeds if self.config.jobs.gpu else 1
        batch = max(
            as_one * update_bytes * entry.batch_size * states,
            evaluation_bytes * trials.validation * states,
        )
        until = most if updates else 0
        kept = n_seeds * 12 * n_checkpoints(until) * weights
        n_kept = min(n_checkpoints(updates), most_kept(self._keep))
        # Weights, with a name each of 90 bytes in the header; rows of the history.
        files = 4 * weights * n_kept + 110 * len(tasks) * n_checkpoints(updates)
        return Cost(
            seconds=seconds(updates),
            longest=seconds(until),
            memory=START_MB + (2 * arrays + batch + kept) / 1e6,
            disk=n_seeds * (files / 1e6 + 2 * SIDECAR_MB),
        )


class Pretrain(TrainingStage):
    """Networks that several curricula start from."""

    rule = "pretrain"
    section = "pretraining"
    outputs = {
        "checkpoints": f"pretraining/{PRETRAINING}/checkpoints.safetensors",
        "history": f"pretraining/{PRETRAINING}/history.csv",
    }

    def tasks(self, wildcards: Wildcards) -> list[str]:
        """Return the tasks that the pretraining is named after."""
        return wildcards["pretraining"].split("+")

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the run's name without its seed, the architecture, and the loop's settings."""
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        return {
            "seed": self._root,
            # The script adds the seed: settings do not depend on how seeds are cut into jobs.
            "run": [taskset, architecture, f"pretraining {wildcards['pretraining']}"],
            "architecture": network_settings(self.plan, architecture, "layer"),
            "training": self._loop(architecture, "all", len(self.tasks(wildcards))),
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the pretrainings of all curricula, each once, a job per block of seeds."""
        plan = self.plan
        wanted = {
            (network.taskset, network.architecture, name)
            for network in plan.trained_networks
            if (name := plan.pretraining(network.taskset, network.curriculum)) is not None
        }
        for taskset, architecture, name in sorted(wanted):
            for block in plan.training_blocks:
                yield {
                    "taskset": taskset,
                    "architecture": architecture,
                    "pretraining": name,
                    "n_seeds": str(len(block)),
                }

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the updates that a pretraining typically takes."""
        updates = self._updates("all", False, len(self.tasks(wildcards)))
        return self._cost(wildcards, updates)

    def histories(self, taskset: str, architecture: str) -> list[str]:
        """Return the histories of all pretrainings behind an architecture's curricula."""
        if self.plan.is_given(architecture):
            return []
        curricula = self.plan.curricula(taskset, architecture)
        names = dict.fromkeys(self.plan.pretraining(taskset, name) for name in curricula)
        fields = {"taskset": taskset, "architecture": architecture}
        return [
            self.path("history", **fields, pretraining=name, seed=seed)
            for name in names
            if name
            for seed in self.plan.seeds
        ]


class Train(TrainingStage):
    """Networks of every curriculum."""

    rule = "train"
    section = "training"
    outputs = {
        "checkpoints": f"training/{RUN}/checkpoints.safetensors",
        "history": f"training/{RUN}/history.csv",
    }

    def __init__(
        self,
        plan: Plan,
        trials: GenerateTrials,
        block: tuple[int, ...] = (),
        pretraining: Pretrain | None = None,
    ) -> None:
        super().__init__(plan, trials, block)
        self.pretraining = pretraining or Pretrain(plan, trials)

    def of_block(self, block: tuple[int, ...]) -> Train:
        """Return the same stage for the jobs of a block."""
        return Train(self.plan, self.trials, block, self.pretraining)

    def tasks(self, wildcards: Wildcards) -> list[str]:
        """Return the tasks of the curriculum's training."""
        return self.plan.training_tasks(wildcards["taskset"], wildcards["curriculum"])

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the trials, and the pretrained networks that the curriculum starts from, if any."""
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        pretraining = self.plan.pretraining(taskset, wildcards["curriculum"])
        names = {"taskset": taskset, "architecture": architecture, "pretraining": pretraining or ""}
        initial = [self.pretraining.path(**names, seed=seed) for seed in self._seeds(wildcards)]
        return {**super().inputs(wildcards), "initial": initial if pretraining else []}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the run's name without its seed, the architecture, and the loop's settings."""
        taskset, architecture, curriculum = (
            wildcards[name] for name in ("taskset", "architecture", "curriculum")
        )
        entry = self.config.curricula[curriculum]
        loop = self._loop(architecture, entry.trainable, len(self.tasks(wildcards)))
        if not entry.train:
            loop["max_steps"] = 0
        return {
            "seed": self._root,
            "run": [taskset, architecture, curriculum],
            # Which layer is looked at changes no weight.
            "architecture": network_settings(self.plan, architecture, "layer"),
            "training": loop,
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every network, a job per block of seeds."""
        for network in self.plan.trained_networks:
            for block in self.plan.training_blocks:
                yield {**vars(network), "n_seeds": str(len(block))}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the updates that the curriculum typically takes."""
        entry = self.config.curricula[wildcards["curriculum"]]
        pretrained = self.plan.pretraining(wildcards["taskset"], wildcards["curriculum"])
        n_tasks = len(self.tasks(wildcards))
        updates = self._updates(entry.trainable, pretrained is not None, n_tasks)
        return self._cost(wildcards, updates if entry.train else 0)

    # --- what other stages read -----------------------------------------------------------------

    def all_networks(self) -> list[str]:
        """Return the checkpoints of every network."""
        return [
            self.path(**vars(network), seed=seed)
            for network in self.plan.networks
            for seed in self.plan.seeds
        ]

    def of_seeds(self, seeds: Sequence[int], names: Mapping[str, str]) -> list[str]:
        """Return the checkpoints of some seeds of a network."""
        fields = {name: names[name] for name in ("taskset", "architecture", "curriculum")}
        return [self.path(**fields, seed=seed) for seed in seeds]

    def histories(self, taskset: str, architecture: str | None = None) -> list[str]:
        """Return the histories of a task set, or of one of its architectures."""
        return [
            self.path("history", **vars(network), seed=seed)
            for network in self.plan.networks
            if network.taskset == taskset and architecture in (None, network.architecture)
            for seed in self.plan.seeds
        ]
