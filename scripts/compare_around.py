"""Compare networks at the settings around those of DSA or InputDSA, within an architecture or between two."""

from pathlib import Path

from warpline.comparison.chosen_parameters import with_choice
from warpline.comparison.drives import window_inputs
from warpline.comparison.neighbourhood import (
    architecture_pairs,
    compare_around,
    learning_pairs,
    settings_around,
)
from warpline.comparison.network_systems import systems_of
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--trajectories", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, required=True)
    parser.add_argument("--choice", type=Path, help="the chosen parameters, if any is auto")
    parser.add_argument(
        "--trials", type=Path, help="evaluation trials of the target, for measures that need inputs"
    )
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings, seeds = arguments.settings, arguments.seeds
    measure = with_choice(settings["measure"], arguments.choice)

    inputs = None
    if arguments.trials is not None:
        inputs = window_inputs(result_files.read_dataset(arguments.trials), settings["inputs"])
    runs = {}
    for path in arguments.trajectories:
        dataset = result_files.read_dataset(path)
        for seed, systems in systems_of(dataset, inputs).items():
            if seed in seeds:
                runs[dataset.attrs["architecture"], dataset.attrs["curriculum"], seed] = systems
    sizes = dataset.sizes
    if settings["pairs"] == "architectures":
        finals = {key: systems[-1] for key, systems in runs.items()}
        comparisons = architecture_pairs(finals, seeds)
    else:
        comparisons = learning_pairs(
            {(curriculum, seed): systems for (_, curriculum, seed), systems in runs.items()},
            list(dict.fromkeys(curriculum for _, curriculum, _ in runs)),
            seeds,
            settings["reference"],
            settings["fractions"],
            settings["within"],
            settings.get("reduction", "own"),
        )
    around = settings_around(measure, settings["n_delays"], settings["ranks"], sizes)
    frame = compare_around(comparisons, around, settings["seed"])
    frame.insert(0, "measure", measure["name"])
    provenance = {
        "settings": settings | {"measure": measure},
        "code": arguments.code,
        "seeds": seeds,
    }
    result_files.write_table(frame, arguments.output, provenance)


if __name__ == "__main__":
    run(main)
