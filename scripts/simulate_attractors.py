"""Simulate the systems of the attractor test bench: Lorenz families, motifs, examples of compositions."""

from pathlib import Path

import numpy as np
import xarray as xr

from warpline import cli, seeding, store
from warpline.attractors import composition, motifs


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    lorenz = motifs.families(settings)
    parts = motifs.motifs(settings)
    level, share = settings["examples"]["level"], settings["examples"]["share"]
    stream = seeding.generator(settings["seed"], "attractors", "example")
    examples = {
        "line>curve>pattern_1": composition.attach(
            [parts["line"], parts["curve"], parts["pattern_1"]]
        ),
        f"curve +{share:g} pattern_1": composition.mix(parts["curve"], parts["pattern_1"], share),
        f"pattern_2 e={level:g}": composition.diffuse(parts["pattern_2"], level, stream),
    }
    kinds = {"family": lorenz, "motif": parts, "example": examples}
    of = motifs.family_names(settings)
    names = [(kind, name) for kind, systems in kinds.items() for name in systems]
    dataset = xr.Dataset(
        {
            "states": (
                ("system", "trial", "time", "unit"),
                np.stack([kinds[kind][name] for kind, name in names]),
            ),
            "kind": ("system", [kind for kind, _ in names]),
            "family": (
                "system",
                [of[name][0] if kind == "family" else "" for kind, name in names],
            ),
        },
        coords={
            "system": [name for _, name in names],
            "time": settings["dt"] * np.arange(settings["n_steps"]),
            "unit": ["x", "y", "z"],
        },
        attrs={"paired": int(settings["paired"])},
    )
    store.write_dataset(dataset, arguments.output, {"settings": settings, "code": arguments.code})


if __name__ == "__main__":
    cli.run(main)
