"""Mamba: a stack of selective state-space layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.mamba_block import ResidualBlock, RMSNorm
from warpline.models.selective_scan import kernel_name

__all__ = ["Network"]


class Network(nn.Module):
    """Mamba (Gu and Dao 2023): embedding, residual layers, readout; from h = 0 and no earlier inputs.

    x = E u + e; x <- x + layer(RMSNorm(x)) for each layer; outputs = R RMSNorm(x) + c. The hidden states
    are the h (channel, state) of one layer, flattened. The setting ``layer`` selects it, counted from 1; the
    default is the last. The last norm is ``norm_f`` of ``mamba_ssm.models.mixer_seq_simple.MixerModel``;
    with the setting ``final_norm: false``, outputs = R x + c.

    With the setting ``state`` "stale", recorded states are those of the code of Guilhot et al. (2024). Its
    convolution cache has as many steps as the network has inputs, not d_conv - 1, and the convolution reads
    the oldest of them. States so come from inputs that are older by the difference. Outputs do not change.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("embedding.weight",)
    step_duration = 1.0
    """Mamba has no time constant: time is counted in steps."""

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
        # torch's layers draw from the global generator only: seed it from ours, and restore it after.
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Linear(n_inputs, sizes["d_model"])
            blocks = [ResidualBlock(**sizes) for _ in range(settings["n_layers"])]
            self.layers = nn.ModuleList(blocks)
            self.readout_layer = nn.Linear(sizes["d_model"], n_outputs)
        # Files of networks from before there was this setting lack it, and the norm.
        final_norm = settings.get("final_norm", False)
        self.norm_f = RMSNorm(sizes["d_model"]) if final_norm else nn.Identity()
        # Shapes of the Markov state: h and convolution cache of each layer, then the readout's features.
        self._shapes = []
        for mixer in (block.mixer for block in blocks):
            self._shapes += [(mixer.d_inner, mixer.d_state), (mixer.d_conv - 1, mixer.d_inner)]
        self._shapes.append((1, sizes["d_model"]))
        stale = settings.get("state", "current") == "stale"
        self.lag = max(0, n_inputs - (sizes["d_conv"] - 1)) if stale else 0
        layer = settings.get("layer")
        self.layer = (settings["n_layers"] if layer is None else layer) - 1

    @property
    def kernel(self) -> str:
        """Implementation of the scan: ``torch``, or mamba_ssm and its version."""
        return kernel_name(self.embedding.weight)

    def _run(self, inputs: Tensor, keep_states: bool, lag: int = 0) -> tuple[Tensor, Tensor | None]:
        # Time first, so that each step of the scan reads contiguous memory.
        features = self.embedding(inputs.transpose(0, 1))
        states = None
        for k, layer in enumerate(self.layers):
            features, layer_states = layer(features, keep_states and k == self.layer, lag)
            states = layer_states if k == self.layer else states
        return self.readout_layer(self.norm_f(features)).transpose(0, 1), states

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel), without noise; see `warpline.models.base.Model`."""
        outputs, states = self._run(inputs, keep_states=True)
        if self.lag:
            states = self._run(inputs, keep_states=True, lag=self.lag)[1]
        assert states is not None
        return outputs, states.transpose(0, 1).flatten(2)

    def outputs(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the outputs alone; on CUDA the states are then not computed."""
        return self._run(inputs, keep_states=False)[0]

    # --- single steps -------------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        """Return the state before the first step, shape (trial, state): zeros.

        The state holds, for each layer, h (channel, state) and the last inputs of the convolution (step,
        channel). Its last entries are the features of the last layer. The next step does not need them;
        they make `readout` a function of the state.
        """
        return self.embedding.weight.new_zeros(trials, sum(a * b for a, b in self._shapes))

    def _split_state(self, state: Tensor) -> list[Tensor]:
        flat = state.split([a * b for a, b in self._shapes], dim=-1)
        return [block.unflatten(-1, shape) for block, shape in zip(flat, self._shapes, strict=True)]

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the state (trial, state) after a step with inputs (trial, channel)."""
        blocks = self._split_state(state)
        features = self.embedding(inputs)
        next_state = []
        layer: Any
        for k, layer in enumerate(self.layers):
            features, hidden, cache = layer.step(features, *blocks[2 * k : 2 * k + 2])
            next_state += [hidden.flatten(1), cache.flatten(1)]
        return torch.cat([*next_state, features], dim=1)

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs (trial, output) of a state."""
        outputs: Tensor = self.readout_layer(self.norm_f(self._split_state(state)[-1].squeeze(1)))
        return outputs

    def hidden(self, state: Tensor) -> Tensor:
        """Return h of the selected layer (trial, unit), as `forward` returns it for this step."""
        return self._split_state(state)[2 * self.layer].flatten(1)
