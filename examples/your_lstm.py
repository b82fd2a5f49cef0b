"""An nn.LSTM that was trained without Warpline: its metric, its fixed points, and DSA.

Run:  python examples/your_lstm.py
"""

import torch
from torch import nn

import warpline
from warpline.geometry import Coordinate, InputManifold, dynamics_of, find_fixed_points, tangents
from warpline.models import lstm

STEPS, UNITS = 20, 24


class Integrator(nn.Module):
    """A module as anyone writes it: it tells the sign of the evidence, summed over a trial."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, UNITS, batch_first=True)
        self.fc = nn.Linear(UNITS, 1)

    def forward(self, evidence: torch.Tensor) -> torch.Tensor:
        """Return logits (trial, time, 1) of evidence (trial, time, 1)."""
        return self.fc(self.lstm(evidence)[0])


def train(updates: int = 150) -> Integrator:
    """Train the module on noisy evidence. Put your own, trained module here."""
    torch.manual_seed(0)
    module = Integrator()
    adam = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(updates):
        coherence = torch.rand(64, 1, 1) * 2 - 1
        logits = module(coherence + 0.5 * torch.randn(64, STEPS, 1))[:, -1]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, (coherence[:, 0] > 0).float())
        adam.zero_grad()
        loss.backward()
        adam.step()
    return module


def main() -> None:
    module = train()
    # The same weights, as a network of which Warpline can take single steps. Its state is (h, c).
    network = lstm.Network.from_module(module.lstm, module.fc)

    # The metric: how far does the state move if the coherence changes a little?
    line = InputManifold((Coordinate("coherence", -1, 1),), lambda kappa, step: kappa, STEPS)
    kappa = line.grid(9)
    lengths = tangents(network, line, kappa, at=[1, STEPS]).vectors[:, :, 0].norm(dim=-1)
    print("coherence  |dx/dcoherence| after 1 step  after 20 steps")
    for value, (early, late) in zip(kappa[:, 0], lengths, strict=True):
        print(f"{value:9.2f}{early:20.3f}{late:27.3f}")

    # Fixed points without evidence, searched from the states at the ends of the trials.
    dynamics = dynamics_of(network)
    ends = tangents(network, line, kappa, at=[STEPS]).full_states[:, 0]
    points = find_fixed_points(dynamics, torch.zeros(1, 1), ends)
    print(f"\nwhere {len(ends)} starts ended without evidence: {points.counts()}")
    for state, row in zip(points.states, points.table().itertuples(), strict=True):
        logit = dynamics.readout(state[None]).item()
        print(f"  {row.kind} point: logit {logit:7.2f}, {row.n_unstable} unstable modes")

    # DSA: the trained network against itself before training, on trials with noise.
    torch.manual_seed(1)
    evidence = (torch.rand(40, 1, 1) * 2 - 1) + 0.5 * torch.randn(40, STEPS, 1)
    untrained = lstm.Network.from_module(Integrator().lstm)
    states, before = (one(evidence)[1].detach() for one in (network, untrained))
    result = warpline.compare(states, before, measure="dsa", n_delays=3, rank=5)
    print(f"\nDSA, trained and untrained: {result['dissimilarity']:.3f} ({result['status']})")


if __name__ == "__main__":
    main()
