"""Analyse how some networks warp the manifold of their inputs (rule analyse_warping)."""

from pathlib import Path

import pandas as pd
import xarray as xr

from warpline.analyses.trained_network import open_network
from warpline.console import progress, script
from warpline.core import plugins, result_files
from warpline.core.device import choose_device
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--checkpoints", nargs="+", required=True, help="a file per seed")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="in the same order")
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--numbers", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    device = choose_device()
    experiment = plugins.load("analyses", settings["experiment"])

    arrays, numbers = [], []
    with progress.bar(len(arguments.seeds), settings["analysis"], "network") as bar:
        for path, seed in zip(arguments.checkpoints, arguments.seeds, strict=True):
            network = open_network(path, settings, seed, device)
            dataset, rows = experiment.analyse(network, settings["settings"])
            arrays.append(dataset.assign_coords(seed=seed).assign(status=network.status))
            numbers.append(rows.assign(seed=seed, status=network.status))
            bar.update()
    provenance = {"settings": settings, "code": arguments.code, "device": device.type}
    result_files.write_dataset(
        xr.concat(arrays, "seed", join="outer"), arguments.arrays, provenance
    )
    frame = pd.concat(numbers, ignore_index=True)
    frame.insert(0, "analysis", settings["analysis"])
    result_files.write_table(frame, arguments.numbers, provenance)


if __name__ == "__main__":
    run(main)
