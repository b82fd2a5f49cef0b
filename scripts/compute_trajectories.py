"""Run the checkpoints of some networks on the evaluation trials (rule compute_trajectories)."""

import numpy as np
import torch
import xarray as xr

from warpline.comparison.hidden_states import (
    condition_means,
    cut_window,
    hidden_states,
    principal_components,
)
from warpline.console import script
from warpline.core import result_files
from warpline.core.device import choose_device
from warpline.core.process import run
from warpline.models.base import build_model
from warpline.training.checkpoint_schedule import nearest_checkpoint


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--trials", nargs="+", required=True, help="evaluation trials, target first"
    )
    parser.add_argument("--checkpoints", nargs="+", required=True, help="a file per seed")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="in the same order")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    device, memory = choose_device(), settings["memory_mb"]
    tasks = [result_files.read_dataset(path) for path in arguments.trials]
    target = tasks[0]
    inputs = target["inputs"].transpose("trial", "time", "channel").values
    start, stop = (target[edge].sel(period=settings["period"]).values for edge in ("start", "stop"))

    per_seed = []
    for path, seed in zip(arguments.checkpoints, arguments.seeds, strict=True):
        found = result_files.read_tensor_metadata(path)
        summary = {entry["step"]: entry for entry in found["checkpoints"]}
        model = build_model(
            settings["architecture"],
            inputs.shape[-1],
            int(target.attrs["n_outputs"]),
            float(target.attrs["dt"]),
            seed=0,
        ).to(device)

        def load(step: int, path: str = path, model: torch.nn.Module = model) -> None:
            tensors, _ = result_files.read_tensors(path, f"{step:08d}/")
            model.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})

        rows, components = [], []
        for fraction in settings["fractions"]:
            step, actual = nearest_checkpoint(list(summary), fraction)
            load(step)
            window = cut_window(hidden_states(model, inputs, memory), start, stop)
            if not np.isfinite(window).all():
                # Of a diverged run, which its status says: nothing is left to compare.
                window = np.zeros_like(window)
            scores, kept = principal_components(window, settings["variance"])
            components.append(scores.astype(np.float32))
            rows.append((step, actual, summary[step]["accuracy"], scores.shape[-1], kept))

        means = {}
        for trials in tasks:
            states = hidden_states(
                model, trials["inputs"].transpose("trial", "time", "channel").values, memory
            )
            decision = trials["decision"].transpose("trial", "time").values
            averaged, aligned = condition_means(
                states,
                trials["condition"].values,
                go=decision.argmax(1),
                end=decision.shape[1] - decision[:, ::-1].argmax(1),
            )
            means[trials.attrs["task"]] = xr.DataArray(
                averaged,
                dims=("condition", "step_aligned", "unit"),
                coords={"step_aligned": aligned},
            )
        step, fraction, accuracy, count, kept = (
            np.array(column) for column in zip(*rows, strict=True)
        )
        widest = max(part.shape[-1] for part in components)
        padded = [
            np.pad(part, [(0, 0), (0, 0), (0, widest - part.shape[-1])]) for part in components
        ]
        per_seed.append(
            xr.Dataset(
                {
                    "states": (("checkpoint", "trial", "time", "component"), np.stack(padded)),
                    "step": ("checkpoint", step),
                    "fraction": ("checkpoint", fraction),
                    "accuracy": ("checkpoint", accuracy),
                    "n_components": ("checkpoint", count),
                    "variance": ("checkpoint", kept),
                    "status": ((), found["status"]),
                    "mean_states": xr.concat(means.values(), "task", join="outer"),
                },
                coords={
                    "checkpoint": settings["fractions"],
                    "component": np.arange(widest),
                    "task": list(means),
                    "seed": seed,
                },
            )
        )
    dataset = xr.concat(per_seed, "seed", join="outer", data_vars="all", fill_value={"states": 0.0})
    for name in ("condition", "repeat"):
        dataset[name] = target[name]
    dataset.attrs = {
        "taskset": settings["taskset"],
        "architecture": settings["architecture"]["name"],
        "curriculum": settings["curriculum"],
        "dt": target.attrs["dt"],
    }
    result_files.write_dataset(
        dataset,
        arguments.output,
        {
            "settings": settings,
            "code": arguments.code,
            "seeds": arguments.seeds,
            "device": device.type,
        },
    )


if __name__ == "__main__":
    run(main)
