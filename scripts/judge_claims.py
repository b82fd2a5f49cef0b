"""Judge the claims of the two papers on the tables of a run; what lacks is a row that says so."""

from pathlib import Path

import pandas as pd
import xarray as xr

from warpline.claims.claim_table import claim_table
from warpline.claims.geometry_claims import ARRAYS
from warpline.claims.published_means import published_table
from warpline.claims.sources import AnalysedNetworks, ComparedNetworks, Sources
from warpline.comparison.statistics import summary_table
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.figures.claims_page import claims_page

PUBLISHED = "published"
"""Protocol with all switches of an audit."""
OPTIONS = ("after", "over", "within", "around", "summary", "numbers", "arrays", "attractors")
COLUMNS = {
    "measure",
    "dissimilarity",
    "against",
    "checkpoint",
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


def compared(
    by_option: dict[str, dict[str, list[str]]], models: dict[str, str]
) -> list[ComparedNetworks]:
    """Return the dissimilarities of each task set and architecture from files by option and task set."""
    networks = []
    for taskset in by_option["after"]:
        tables = {name: pairs_of(by_option.get(name, {}).get(taskset, [])) for name in OPTIONS[:4]}
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
    parser.add_argument(
        "--protocols", nargs="*", default=[], metavar="PROTOCOL/TASKSET=FILE", help="after learning"
    )
    parser.add_argument("--means", type=Path, required=True, help="published means (CSV)")
    for output in ("claims", "published", "page"):
        parser.add_argument(f"--{output}", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    same = {
        "kinds": dict(settings["kinds"]),
        "levels": settings["levels"],
        "reference": settings["reference"],
    }
    by_option = {name: named(getattr(arguments, name)) for name in OPTIONS[:4]}
    sources = Sources(
        compared=compared(by_option, settings["models"]),
        analysed=analysed(arguments, settings["analyses"]),
        attractors={
            experiment: result_files.read_tables(files)
            for experiment, files in named(arguments.attractors).items()
        },
        attractor_kinds=dict(settings["attractor_kinds"]),
        swept_setting=settings["swept_setting"],
        **same,
    )
    after_of: dict[str, dict[str, list[str]]] = {}
    for name, files in named(arguments.protocols).items():
        protocol, _, taskset = name.partition("/")
        after_of.setdefault(protocol, {})[taskset] = files
    by_protocol = {
        protocol: Sources(compared=compared({"after": files}, settings["models"]), **same)
        for protocol, files in after_of.items()
    }
    claims = claim_table(sources, settings, by_protocol)
    summaries = {
        settings["protocol"]: {
            taskset: result_files.read_tables(files)
            for taskset, files in named(arguments.summary).items()
        }
    }
    # The means that were published are those of the published protocol.
    if PUBLISHED in after_of:
        summaries[PUBLISHED] = {
            taskset: summary_table(result_files.read_tables(files), settings)
            for taskset, files in after_of[PUBLISHED].items()
        }
    published = pd.read_csv(arguments.means, comment="#")
    means = published_table(published, summaries, settings["models"], dict(settings["kinds"]))
    provenance = {"settings": settings, "code": arguments.code}
    result_files.write_table(claims, arguments.claims, provenance)
    result_files.write_table(means, arguments.published, provenance)
    with result_files.result_path(arguments.page, provenance) as part:
        part.write_text(claims_page(claims, means, settings), encoding="utf-8")


if __name__ == "__main__":
    run(main)
