"""Given weights against their models and task sets, before any job runs."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.training import network_settings
from warpline.pipeline.stages.trials import taskset_settings

if TYPE_CHECKING:
    from torch import nn

__all__ = ["weights_faults"]


def weights_faults(plan: Plan) -> list[str]:
    """Return a message for each file of weights that does not fit its model or task set; none if all fit.

    Each network is built and runs one trial of zeros (`warpline.models.given_weights`).
    """
    if not plan.given_networks:
        return []
    # Models and task sets load torch and neurogym, which the other commands do without.
    from warpline.models.given_weights import network_from_file
    from warpline.tasks.trials import make_environment

    faults: dict[str, str] = {}
    first_with: dict[tuple[str, str, str], str] = {}
    for network in plan.given_networks:
        target = plan.config.tasksets[network.taskset].target
        task = taskset_settings(plan, network.taskset, target)
        names = plan.config.architectures[network.architecture].weight_names
        architecture = {**network_settings(plan, network.architecture), "weight_names": names}
        try:
            environment = make_environment(task, target)
        except (TypeError, ValueError) as error:
            faults[f"tasksets.{network.taskset}, task {target}: {error}"] = ""
            continue
        place = f"architectures.{network.architecture}.weights"
        for seed in plan.seeds:
            path = plan.weights_file(network, seed)
            try:
                given = network_from_file(
                    path,
                    architecture,
                    n_inputs=len(environment.channel_names()),
                    n_outputs=environment.n_outputs,
                    dt=float(task["dt"]),
                )
            except Exception as error:
                # The model may be a class of the user's, with any error of its own.
                kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
                # The files of several seeds often have one fault: it is told of the first.
                message = f"{place}, task set {network.taskset}: {kind}{error}"
                faults.setdefault(message, f" (in {path})")
                continue
            # In a comparison they would be a network and itself.
            key = (network.taskset, network.architecture, _digest(given.model))
            name = f"{network.curriculum}, seed {seed}"
            if (first := first_with.setdefault(key, name)) != name:
                message = "expected another network for each seed and curriculum, got the same weights for"
                faults[f"{place}: {message} {first} and {name} ({path}): leave one out"] = ""
    return [f"{message}{where}" for message, where in faults.items()]


def _digest(model: nn.Module) -> str:
    """Return a digest of the weights: two files of torch with the same ones can differ in bytes."""
    import torch

    content = BytesIO()
    torch.save(model.state_dict(), content)
    return hashlib.sha256(content.getbuffer()).hexdigest()
