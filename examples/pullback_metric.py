"""How a torch module of your own warps its inputs: the pullback metric in under 30 lines.

python examples/pullback_metric.py
"""

import torch

from warpline.geometry import Coordinate, Dynamics, InputManifold, metric_stream

torch.manual_seed(0)
cell = torch.nn.GRUCell(2, 64, dtype=torch.float64)  # Put your own, trained one here.
pulse = InputManifold(  # A stimulus in the plane for 10 steps, then a delay of 20.
    (Coordinate("strength", 0.2, 2.0), Coordinate("angle", -torch.pi, torch.pi, periodic=True)),
    lambda kappa, step: (
        (step < 10) * kappa[:, :1] * torch.stack([kappa[:, 1].cos(), kappa[:, 1].sin()], 1)
    ),
    n_steps=30,
)
network = Dynamics(lambda state, inputs: cell(inputs, state), lambda n: torch.zeros(n, 64).double())
time_steps = [1, 5, 10, 15, 20, 30]
metric = metric_stream(network, pulse, pulse.grid(9, 24), at=time_steps)
inputs = metric.inputs.spectrum()
print("step  |dx/dstrength|  |dx/dangle|  |velocity|  effective rank  anisotropy")
for i, step in enumerate(time_steps):
    strength, angle, speed = metric.lengths[:, i].mean(0)
    rank, anisotropy = inputs.effective_rank[:, i].mean(), inputs.anisotropy[:, i].mean()
    print(f"{step:4d}{strength:16.4f}{angle:13.4f}{speed:12.4f}{rank:16.3f}{anisotropy:12.3f}")
