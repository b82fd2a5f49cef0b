"""Compute DSA on the same pairs of sequences with each combination of hyperparameters."""

from pathlib import Path

import pandas as pd

from warpline.attractors.experiments import Experiment, compare, sample_pairs, sequences
from warpline.console import script
from warpline.core import random_streams, result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--systems", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    every = sequences(result_files.read_dataset(arguments.systems), settings)
    stream = random_streams.generator(settings["seed"], "attractors", "sampled pairs")
    drawn = sample_pairs(every.pairs, settings["max_pairs"], stream)
    experiment = Experiment(every.systems, drawn)
    frames = []
    for cell in settings["cells"]:
        frame = compare(experiment, {**settings["measure"], **cell}, settings["seed"])
        for place, (key, value) in enumerate(cell.items()):
            frame.insert(place, key, value)
        frames.append(frame)
    result_files.write_table(
        pd.concat(frames, ignore_index=True),
        arguments.output,
        {"settings": settings, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
