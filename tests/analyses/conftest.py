"""Networks as the analyses open them: small, with weights of two checkpoints, not trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from warpline.analyses.trained_network import open_network
from warpline.models.base import build_model
from warpline.models.checkpoints import write_checkpoints
from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.tasks.trials import make_environment

SMALL = """
name: small
run:
  warping: [static, decision, context, memory, context_learning, pdm_learning]
  grid: [{tasksets: [PDM], architectures: [leaky_rnn], curricula: [master]}]
tasksets:
  Context: {dt: 50, timing: {fixation: 100, stimulus: 600, decision: 200}}
  SequenceMemory: {dt: 100}
  PDM: {dt: 100, timing: {stimulus: 1000, delay: {choice: [200, 400]}}}
measures: {dsa: {n_delays: 3, rank: 3}}
architectures:
  leaky_rnn: {units: 24}
  context_rnn: {units: 24}
  memory_rnn: {units: 24}
warping:
  static: {points: 60, gridlines: 8}
  decision: {points: 7, fixed_points: 5, starts: 1, neurons: 3}
  context: {points: 5, fixed_points: 5, gridlines: 5}
  memory: {points: 8, landmarks: 50}
  context_learning: {points: 5}
  pdm_learning: {points: 5, timing: {delay: 200}}
"""


@pytest.fixture(scope="session")
def plan(project, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "small.yaml"
    path.write_text(SMALL)
    return Plan(load_files([project / "config" / "config.yaml", path]))


@pytest.fixture
def network(plan, tmp_path):
    """Return a function: the name of an analysis, to a network of its kind and the analysis's settings."""

    def make(name, device="cpu", architecture=None, steps=(0, 10, 20), **changes):
        settings = Pipeline(plan).warping.parameters({"analysis": name})
        settings["architecture"] |= architecture or {}
        environment = make_environment(settings["taskset"], settings["task"])
        model = build_model(
            settings["architecture"],
            n_inputs=len(environment.channel_names()),
            n_outputs=environment.n_outputs,
            dt=float(settings["taskset"]["dt"]),
            seed=5,
        )
        start = {key: value.detach().numpy().copy() for key, value in model.named_parameters()}
        noise = torch.Generator().manual_seed(7)
        weights, summary = {}, []
        for k, step in enumerate(steps):
            weights[step] = {}
            for key, value in start.items():
                shift = torch.randn(value.shape, generator=noise).numpy()
                scale = 0.2 * k * np.abs(value).mean()
                weights[step][key] = (value + scale * shift).astype(np.float32)
            summary.append({"step": step, "accuracy": 0.5 + 0.2 * k, "loss": 1.0})
        path = tmp_path / f"{name}.safetensors"
        write_checkpoints(path, weights, summary, {"status": "converged", "chance": 0.5})
        opened = open_network(path, settings, 1, torch.device(device))
        return opened, {**settings["settings"], **changes}

    return make
