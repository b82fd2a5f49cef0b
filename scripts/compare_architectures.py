"""Compare trained networks of different architectures by one measure (same curriculum, same seed)."""

from pathlib import Path

from warpline.comparison.pairs import between_architectures, compare, systems_of
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--trajectories", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    finals = {}
    for path in arguments.trajectories:
        dataset = result_files.read_dataset(path).isel(checkpoint=[-1])
        key = (dataset.attrs["architecture"], dataset.attrs["curriculum"])
        for seed, systems in systems_of(dataset).items():
            finals[(*key, seed)] = systems[-1]
    tables = compare(
        {"architectures": between_architectures(finals, arguments.seeds)},
        settings["measure"],
        settings["seed"],
    )
    frame = tables["architectures"]
    frame.insert(0, "measure", settings["measure"]["name"])
    result_files.write_table(
        frame,
        arguments.output,
        {"settings": settings, "code": arguments.code, "seeds": arguments.seeds},
    )


if __name__ == "__main__":
    run(main)
