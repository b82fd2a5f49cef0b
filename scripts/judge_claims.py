"""Judge the claims of the two papers on the tables of a run; what lacks is a row that says so."""

from pathlib import Path

import pandas as pd
import xarray as xr

from warpline.claims.claim_table import claim_table
from warpline.claims.geometry_claims import ARRAYS
from warpline.claims.published_means import published_table
from warpline.claims.sources import AnalysedNetworks, ComparedNetworks, Sources
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.figures.claims_page import claims_page

OPTIONS = ("after", "over", "within", "around", "summary", "numbers", "arrays", "attractors")
COLUMNS = {
    "measure",
    "dissimilarity",
    "against",
    "pairs",
    "own",
    "n_delays",
    "delay_interval",
    "rank",
    *(
        f"{name}_{side}"
        for side in "ab"
        for name in ("architecture", "curriculum", "seed", "checkpoint", "accuracy", "run_status")
    ),
}
"""Columns of pairs that claims read; the others are most of the memory."""


def named(files: list[str]) -> dict[str, list[str]]:
    """Return files by the name before each."""
    by_name: dict[str, list[str]] = {}
    for file in files:
        name, _, path = file.partition("=")
        by_name.setdefault(name, []).append(path)
    return by_name


def pairs_of(files: list[str]) -> pd.DataFrame:
    """Return tables of pairs as one, with the columns that claims read."""
    tables = [result_files.read_table(path) for path in files]
    kept = [table[[name for name in table if name in COLUMNS]] for table in tables if len(table)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()


def compared(arguments, models: dict[str, str]) -> list[ComparedNetworks]:
    """Return the dissimilarities of each task set and architecture."""
    networks = []
    by_option = {name: named(getattr(arguments, name)) for name in OPTIONS[:4]}
    for taskset in by_option["after"]:
        tables = {name: pairs_of(files.get(taskset, [])) for name, files in by_option.items()}
        if not len(tables["after"]):
            continue
        for architecture in tables["after"]["architecture_a"].unique():
            of_architecture = {
                name: table[
                    (table["architecture_a"] == architecture)
                    & (table["architecture_b"] == architecture)
                ]
                if len(table)
                else table
                for name, table in tables.items()
            }
            model = models.get(architecture, "")
            networks.append(ComparedNetworks(taskset, architecture, model, **of_architecture))
    return networks


def analysed(arguments, architectures: dict[str, str]) -> list[AnalysedNetworks]:
    """Return the analyses of metric warping."""
    arrays_of = named(arguments.arrays)
    networks = []
    for name, files in named(arguments.numbers).items():
        settings = result_files.read_table_metadata(files[0])["settings"]
        arrays = None
        if name in arrays_of:
            kept = [*ARRAYS[settings["experiment"]], "status"]
            datasets = [result_files.read_dataset(path) for path in arrays_of[name]]
            arrays = xr.concat(
                [dataset[[key for key in kept if key in dataset]] for dataset in datasets], "seed"
            ).sortby("seed")
        networks.append(
            AnalysedNetworks(
                name=name,
                experiment=settings["experiment"],
                taskset=settings["taskset"]["name"],
                architecture=architectures[name],
                numbers=result_files.read_tables(files),
                arrays=arrays,
            )
        )
    return networks


def main() -> None:
    parser = script.parser(__doc__)
    for option in OPTIONS:
        parser.add_argument(f"--{option}", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--means", type=Path, required=True, help="published means (CSV)")
    for output in ("claims", "published", "page"):
        parser.add_argument(f"--{output}", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    sources = Sources(
        compared=compared(arguments, settings["models"]),
        analysed=analysed(arguments, settings["analyses"]),
        attractors={
            experiment: result_files.read_tables(files)
            for experiment, files in named(arguments.attractors).items()
        },
        kinds=dict(settings["kinds"]),
        attractor_kinds=dict(settings["attractor_kinds"]),
        levels=settings["levels"],
        reference=settings["reference"],
    )
    claims = claim_table(sources, settings)
    means = published_table(
        pd.read_csv(arguments.means, comment="#"),
        {
            taskset: result_files.read_tables(files)
            for taskset, files in named(arguments.summary).items()
        },
        settings["models"],
        dict(settings["kinds"]),
        settings["protocol"],
    )
    provenance = {"settings": settings, "code": arguments.code}
    result_files.write_table(claims, arguments.claims, provenance)
    result_files.write_table(means, arguments.published, provenance)
    with result_files.result_path(arguments.page, provenance) as part:
        part.write_text(claims_page(claims, means, settings), encoding="utf-8")


if __name__ == "__main__":
    run(main)
