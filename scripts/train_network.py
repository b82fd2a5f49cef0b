"""Train the networks of one or several seeds on one or several interleaved tasks (rules pretrain, train)."""

from pathlib import Path

from warpline.console import script
from warpline.core.device import choose_device
from warpline.core.process import run
from warpline.training.job import prepare_member, read_job, train_members, write_member


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--train", nargs="+", required=True, help="training trials, a file per task"
    )
    parser.add_argument("--validation", nargs="+", required=True, help="in the same order")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="a network per seed")
    parser.add_argument(
        "--initial", nargs="+", help="checkpoints whose last weights to start from, a file per seed"
    )
    parser.add_argument(
        "--resume", nargs="+", type=Path, help="states of unfinished runs, a file per seed"
    )
    parser.add_argument(
        "--resume-every", type=int, help="updates between two saves, which change no result"
    )
    parser.add_argument(
        "--checkpoints", nargs="+", type=Path, required=True, help="a file per seed"
    )
    parser.add_argument("--history", nargs="+", type=Path, required=True, help="a file per seed")
    parser.add_argument(
        "--gpu", action="store_true", help="take a GPU outside a SLURM job, too, where there is one"
    )
    arguments = parser.parse_args()
    seeds = arguments.seeds
    none = [None] * len(seeds)
    initials, resumes = arguments.initial or none, arguments.resume or none

    settings = arguments.settings
    if arguments.resume_every is not None:
        settings["training"]["resume_every"] = arguments.resume_every
    job = read_job(
        settings,
        seeds,
        arguments.train,
        arguments.validation,
        choose_device(wanted=arguments.gpu),
        arguments.code,
    )
    networks = [
        prepare_member(job, seed, initial, resume)
        for seed, initial, resume in zip(seeds, initials, resumes, strict=True)
    ]
    runs = train_members(job, networks, [path.parent for path in arguments.checkpoints])
    for network, trained, checkpoints, history in zip(
        networks, runs, arguments.checkpoints, arguments.history, strict=True
    ):
        write_member(job, network, trained, checkpoints, history)
    # Not before all files are written: a job that is killed in between can still resume.
    for path in filter(None, resumes):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
