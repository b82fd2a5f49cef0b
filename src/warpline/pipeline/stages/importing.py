"""Networks from elsewhere: a file of weights becomes a run of one checkpoint, a job per network."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.expansion import NetworkSpec, Plan
from warpline.pipeline.stages.base import (
    Cost,
    Settings,
    Stage,
    Wildcards,
    alternatives,
    file_checksum,
)
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import Train, network_settings
from warpline.pipeline.stages.trials import GenerateTrials

__all__ = ["ImportNetwork"]


class ImportNetwork(Stage):
    """Networks whose weights come from files.

    It makes the same files as `Train`, at the same places: what reads a trained network reads these.
    """

    rule = "import_network"
    heading = "training"
    folders = Train.folders
    script = "import_network.py"
    outputs = Train.outputs

    def __init__(self, plan: Plan, trials: GenerateTrials) -> None:
        super().__init__(plan)
        self.trials = trials

    @property
    def architectures(self) -> str:
        """Wildcard constraint: the architectures whose weights come from files."""
        return alternatives(network.architecture for network in self.plan.given_networks)

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the validation trials on which the network is evaluated, a file per task."""
        taskset = wildcards["taskset"]
        tasks = self.plan.training_tasks(taskset, wildcards["curriculum"])
        return {"validation": self.trials.of_tasks(taskset, tasks, "validation")}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the run's name without its seed, the architecture, and the file with its SHA-256."""
        taskset, architecture, curriculum = (
            wildcards[name] for name in ("taskset", "architecture", "curriculum")
        )
        network = NetworkSpec(taskset, architecture, curriculum)
        path = self.plan.weights_file(network, int(wildcards["seed"]))
        names = self.config.architectures[architecture].weight_names
        fixed = self.config.protocol.training.target == "fixed"
        return {
            "run": [taskset, architecture, curriculum],
            "architecture": {
                **network_settings(self.plan, architecture, "layer"),
                "weight_names": names,
            },
            "source": {"file": path, "sha256": file_checksum(path)},
            **({"target": "fixed"} if fixed else {}),
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the model."""
        return [("models", self.config.architectures[wildcards["architecture"]].model)]

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every network and seed."""
        for network in self.plan.given_networks:
            for seed in self.plan.seeds:
                yield {**vars(network), "seed": str(seed)}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of one run of the validation trials."""
        sizes, taskset, architecture = (
            self.sizes,
            wildcards["taskset"],
            wildcards["architecture"],
        )
        trials = self.config.tasksets[taskset].trials.validation
        tasks = self.plan.training_tasks(taskset, wildcards["curriculum"])
        steps = sum(sizes.steps(taskset, task, longest=True) for task in tasks)
        states = steps * trials * sizes.hidden(architecture) * 4 / 1e6
        return Cost(
            seconds=START_SECONDS + steps * sizes.step_seconds(architecture, trials) / 3,
            memory=START_MB + 8 * states,
            disk=4 * sizes.weights(architecture) / 1e6 + 2 * SIDECAR_MB,
        )
