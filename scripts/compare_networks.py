"""Compare the networks of an architecture by one measure: after, over and within learning, controls."""

from pathlib import Path

from warpline.comparison.chosen_parameters import with_choice, with_parameters
from warpline.comparison.drives import window_inputs
from warpline.comparison.network_systems import driven_systems_of, systems_of
from warpline.comparison.pair_tables import compare
from warpline.comparison.pairs import after_learning, controls, over_learning, within_learning
from warpline.comparison.shared_components import with_shared_components
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.core.table_names import COMPARISON_TABLES


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--trajectories", nargs="+", required=True, help="of these and earlier seeds"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=int, required=True, help="the seeds of these tables"
    )
    parser.add_argument("--choice", type=Path, help="the chosen parameters, if any is auto")
    parser.add_argument(
        "--trials", type=Path, help="evaluation trials of the target, for measures that need inputs"
    )
    for table in COMPARISON_TABLES:
        parser.add_argument(f"--{table}", type=Path, help="a table that is not named is not made")
    arguments = parser.parse_args()
    settings = arguments.settings
    measure = with_choice(settings["measure"], arguments.choice)

    inputs = None
    if arguments.trials is not None:
        inputs = window_inputs(result_files.read_dataset(arguments.trials), settings["inputs"])
    runs, driven = {}, {}
    for path in arguments.trajectories:
        dataset = result_files.read_dataset(path)
        for seed, systems in systems_of(dataset, inputs).items():
            runs[dataset.attrs["curriculum"], seed] = systems
        for seed, by_drive in driven_systems_of(dataset, inputs).items():
            driven[dataset.attrs["curriculum"], seed] = by_drive
    # All networks run on the same trials, so that the last file's repeats are those of every file.
    repeat = dataset["repeat"].values
    # In the order of the files, not sorted: it is the order of rows in the tables.
    curricula = list(dict.fromkeys(curriculum for curriculum, _ in runs))
    seeds = arguments.seeds
    earlier = [seed for seed in dict.fromkeys(seed for _, seed in runs) if seed not in seeds]
    over = over_learning(runs, curricula, seeds, earlier, settings["over"])
    if settings["reduction"] == "published":
        over = [with_shared_components(pair) for pair in over]
    pairs = {
        "after": after_learning(runs, curricula, seeds, earlier),
        "over": over,
        "within": within_learning(runs, curricula, seeds, settings["within"]),
        "controls": controls(runs, curricula, seeds, repeat, settings["seed"], driven),
    }
    asked = {name: pairs[name] for name in COMPARISON_TABLES if getattr(arguments, name)}
    tables = compare(asked, measure, settings["seed"])
    provenance = {
        "settings": settings | {"measure": measure},
        "code": arguments.code,
        "seeds": seeds,
    }
    for name, frame in tables.items():
        result_files.write_table(
            with_parameters(frame, measure), getattr(arguments, name), provenance
        )


if __name__ == "__main__":
    run(main)
