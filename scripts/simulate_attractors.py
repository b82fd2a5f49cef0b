"""Simulate the systems of the attractor test bench: Lorenz families, or motifs and examples of their use."""

from pathlib import Path

import numpy as np
import xarray as xr

from warpline.attractors import composition, motifs
from warpline.console import script
from warpline.core import random_streams, result_files
from warpline.core.process import run

SHARE, LEVEL = 0.5, 0.1
"""Of the mixture and of the noise that are shown as examples."""


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    if "families" in settings:
        kinds = {"family": motifs.families(settings)}
        of = motifs.family_names(settings)
    else:
        parts = motifs.motifs(settings)
        line, curve, first, second = (parts[name] for name in motifs.MOTIFS[:4])
        stream = random_streams.generator(settings["seed"], "attractors", "example")
        examples = {
            "line>curve>pattern_1": composition.attach([line, curve, first]),
            f"curve +{SHARE:g} pattern_1": composition.mix(curve, first, SHARE),
            f"pattern_2 e={LEVEL:g}": composition.diffuse(second, LEVEL, stream),
        }
        kinds, of = {"motif": parts, "example": examples}, {}
    names = [(kind, name) for kind, systems in kinds.items() for name in systems]
    states = np.stack([kinds[kind][name] for kind, name in names])
    dataset = xr.Dataset(
        {
            "states": (("system", "trial", "time", "unit"), states),
            "kind": ("system", [kind for kind, _ in names]),
            "family": ("system", [of[name][0] if name in of else "" for _, name in names]),
        },
        coords={
            "system": [name for _, name in names],
            "time": settings["dt"] * np.arange(settings["n_steps"]),
            "unit": ["x", "y", "z"],
        },
        attrs={"paired": int(settings["paired"])},
    )
    result_files.write_dataset(
        dataset, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
