"""Read the weights of a network from a file, evaluate it and keep it as a run (rule import_network)."""

from pathlib import Path

from warpline.console import script
from warpline.core.process import run
from warpline.training.given_network import import_network


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--validation", nargs="+", required=True, help="validation trials, a file per task"
    )
    parser.add_argument("--seed", type=int, required=True, help="number of the network")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    arguments = parser.parse_args()
    import_network(
        arguments.settings,
        arguments.seed,
        arguments.validation,
        arguments.checkpoints,
        arguments.history,
        arguments.code,
    )


if __name__ == "__main__":
    run(main)
