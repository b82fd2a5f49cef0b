"""Run the checkpoints of some networks on the evaluation trials (rule compute_trajectories)."""

from warpline.comparison.trajectories import (
    concatenate_seeds,
    means_of_first,
    network_trajectories,
    split_condition_states,
)
from warpline.console import script
from warpline.core import result_files
from warpline.core.device import choose_device
from warpline.core.process import run
from warpline.models.checkpoints import CheckpointFile


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--trials", nargs="+", required=True, help="evaluation trials, target first"
    )
    parser.add_argument("--checkpoints", nargs="+", required=True, help="a file per seed")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="in the same order")
    parser.add_argument("--output", required=True, help="states of single trials")
    parser.add_argument("--condition-states", required=True, help="states averaged by condition")
    parser.add_argument(
        "--mean-states", help="what figures show, where the states of single trials are not kept"
    )
    arguments = parser.parse_args()
    settings, seeds, device = arguments.settings, arguments.seeds, choose_device()

    tasks = [result_files.read_dataset(path) for path in arguments.trials]
    networks = [
        network_trajectories(CheckpointFile(path), tasks, settings, device, seed)
        for path, seed in zip(arguments.checkpoints, seeds, strict=True)
    ]
    states, by_condition = split_condition_states(
        concatenate_seeds(networks, seeds, tasks[0], settings), tasks[0]
    )
    provenance = {
        "settings": settings,
        "code": arguments.code,
        "seeds": seeds,
        "device": device.type,
    }
    result_files.write_dataset(states, arguments.output, provenance)
    result_files.write_dataset(by_condition, arguments.condition_states, provenance)
    if arguments.mean_states:
        result_files.write_dataset(means_of_first(states), arguments.mean_states, provenance)


if __name__ == "__main__":
    run(main)
