"""Read the recording of one system from its file, and store it with its conditions and times."""

from warpline.comparison.dataset_systems import dataset_of_session
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.datasets.sessions import read_session


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--file", required=True, help="npz, mat, netCDF or NWB")
    parser.add_argument("--trials", help="CSV table with a row per trial")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    read = {**settings["read"], "trials": arguments.trials}
    session = read_session(arguments.file, read, settings["name"])
    print(f"{settings['name']}: {session.summary()}")
    result_files.write_dataset(
        dataset_of_session(session, settings["name"], settings["group"]),
        arguments.output,
        {"settings": settings, "code": arguments.code, "file": arguments.file},
    )


if __name__ == "__main__":
    run(main)
