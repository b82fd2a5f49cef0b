"""Tabulate what one protocol makes of the networks (rule tabulate_protocol)."""

from pathlib import Path

import pandas as pd

from warpline.comparison.protocol_effects import protocol_effects
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def networks_of(path):
    """Return a row per trained network of a file of trajectories: its accuracies after learning."""
    dataset = result_files.read_dataset(path)
    names = ("taskset", "architecture", "curriculum")
    return [
        {name: dataset.attrs[name] for name in names}
        | {
            "seed": int(seed),
            **{
                name: float(dataset[name].transpose("seed", "checkpoint").values[k, -1])
                for name in ("accuracy", "held_out_accuracy")
            },
        }
        for k, seed in enumerate(dataset["seed"].values)
    ]


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--after", nargs="+", required=True, help="of all measures and task sets")
    parser.add_argument("--trajectories", nargs="+", required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    networks = pd.DataFrame([row for path in arguments.trajectories for row in networks_of(path)])
    # <measure>/<task set>/<architecture>/seed~1.csv; a folder above may have the name of a task set, too.
    after = {}
    for path in arguments.after:
        after.setdefault(Path(path).parts[-3], []).append(result_files.read_table(path))
    frames = [
        protocol_effects(
            pd.concat(after[taskset], ignore_index=True),
            networks[networks["taskset"] == taskset],
            arguments.settings,
        )
        for taskset in after
    ]
    result_files.write_table(
        pd.concat(frames, ignore_index=True),
        arguments.output,
        {"settings": arguments.settings, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
