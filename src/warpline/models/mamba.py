"""Mamba: a stack of selective state-space layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.mamba_block import ResidualBlock
from warpline.models.selective_scan import kernel_name

__all__ = ["Network"]


class Network(nn.Module):
    """Mamba (Gu and Dao 2023): embedding, residual layers, readout; from h = 0 and no earlier inputs.

    x = E u + e; x <- x + layer(RMSNorm(x)) for each layer; logits = R x + c. Its hidden states are the
    h (channel, state) of one layer, flattened; ``layer`` counts from 1 and is the last by default.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("embedding.weight",)
    step_duration = 1.0
    """A map without a time constant: time is counted in steps."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        dt: float,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = {key: settings[key] for key in ("d_model", "d_state", "d_conv", "expand")}
        # torch's layers draw from the global generator alone: lend it a stream of our own.
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Linear(n_inputs, sizes["d_model"])
            blocks = [ResidualBlock(**sizes) for _ in range(settings["n_layers"])]
            self.layers = nn.ModuleList(blocks)
            self.readout_layer = nn.Linear(sizes["d_model"], n_outputs)
        # The parts of the Markov state: h and cache of each layer, then what the readout reads.
        self._shapes = []
        for mixer in (block.mixer for block in blocks):
            self._shapes += [(mixer.d_inner, mixer.d_state), (mixer.d_conv - 1, mixer.d_inner)]
        self._shapes.append((1, sizes["d_model"]))
        chosen = settings.get("layer")
        self.layer = (settings["n_layers"] if chosen is None else chosen) - 1

    @property
    def kernel(self) -> str:
        """What does the scan: ``torch``, or mamba_ssm and its version."""
        return kernel_name(self.embedding.weight)

    def _run(self, inputs: Tensor, keep_states: bool) -> tuple[Tensor, Tensor | None]:
        # Time first, so that each step of the scan reads contiguous memory.
        features = self.embedding(inputs.transpose(0, 1))
        kept = None
        for k, layer in enumerate(self.layers):
            features, states = layer(features, keep_states and k == self.layer)
            kept = states if k == self.layer else kept
        return self.readout_layer(features).transpose(0, 1), kept

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`. It has no noise."""
        outputs, states = self._run(inputs, keep_states=True)
        assert states is not None
        return outputs, states.transpose(0, 1).flatten(2)

    def outputs(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the outputs alone, which on CUDA spares the states."""
        return self._run(inputs, keep_states=False)[0]

    # --- one step at a time -------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        """Return the state before the first step, shape (trial, state): zeros.

        The state holds, for each layer, h (channel, state) and the convolution's last inputs (step,
        channel), and last the features that the readout reads. They follow from the state before and
        from the input, and nothing reads them but `readout`: with them, it is a function of the state.
        """
        return self.embedding.weight.new_zeros(trials, sum(a * b for a, b in self._shapes))

    def _parts(self, state: Tensor) -> list[Tensor]:
        flat = state.split([a * b for a, b in self._shapes], dim=-1)
        return [part.unflatten(-1, shape) for part, shape in zip(flat, self._shapes, strict=True)]

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the state (trial, state) after a step with inputs (trial, channel)."""
        parts = self._parts(state)
        features = self.embedding(inputs)
        after = []
        layer: Any
        for k, layer in enumerate(self.layers):
            features, hidden, cache = layer.step(features, *parts[2 * k : 2 * k + 2])
            after += [hidden.flatten(1), cache.flatten(1)]
        return torch.cat([*after, features], dim=1)

    def readout(self, state: Tensor) -> Tensor:
        """Return the logits (trial, action) of a state."""
        logits: Tensor = self.readout_layer(self._parts(state)[-1].squeeze(1))
        return logits

    def hidden(self, state: Tensor) -> Tensor:
        """Return the chosen layer's h (trial, unit), as `forward` returns it for this step."""
        return self._parts(state)[2 * self.layer].flatten(1)
