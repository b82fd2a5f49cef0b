"""Compare recordings with each other, and with trained networks, by one measure."""

from pathlib import Path

from warpline.comparison.dataset_pairs import compare_systems
from warpline.comparison.dataset_systems import (
    left_out_conditions,
    system_of_dataset,
    systems_of_networks,
)
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--datasets", nargs="+", required=True, help="recordings, as stored")
    parser.add_argument("--trajectories", nargs="*", default=[], help="of trained networks")
    parser.add_argument("--trials", help="the evaluation trials that they ran on")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    systems = [system_of_dataset(result_files.read_dataset(path)) for path in arguments.datasets]
    if arguments.trajectories:
        trials = result_files.read_dataset(arguments.trials)
        for path in arguments.trajectories:
            trajectories = result_files.read_dataset(path)
            systems += systems_of_networks(trajectories, trials, settings["conditions"])
    if not settings["single_trials"]:
        named = [(system.trials_of, system.recording) for system in systems]
        if line := left_out_conditions(named, "systems"):
            print(line)
    table, measure = compare_systems(systems, settings, settings["seed"])
    result_files.write_table(
        table,
        arguments.output,
        {"settings": settings | {"measure": measure}, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
