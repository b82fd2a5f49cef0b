"""Choose one setting of DSA for the networks of a task set, by prediction of held-out trials."""

from pathlib import Path

from warpline.comparison.dsa_choice import choose
from warpline.comparison.network_systems import systems_of
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.core.table_names import CHOICE_TABLES


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--trajectories", nargs="+", required=True)
    parser.add_argument(
        "--seeds", nargs="+", type=int, required=True, help="whose networks are used"
    )
    for table in CHOICE_TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True)
    arguments = parser.parse_args()
    settings, seeds = arguments.settings, arguments.seeds

    # Trained networks: the last checkpoint of each.
    finals = []
    for path in arguments.trajectories:
        dataset = result_files.read_dataset(path).isel(checkpoint=[-1]).sel(seed=seeds)
        finals += [systems[-1] for systems in systems_of(dataset).values()]
    tables = choose(finals, settings["measure"], settings["candidates"], settings["seed"])
    provenance = {"settings": settings, "code": arguments.code, "seeds": seeds}
    for name, frame in tables.items():
        result_files.write_table(frame, getattr(arguments, name), provenance)


if __name__ == "__main__":
    run(main)
