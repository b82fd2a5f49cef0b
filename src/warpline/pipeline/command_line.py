"""The command line: write, check, plan and run a configuration; compare recordings; look at results."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from warpline.console import provenance
from warpline.core import result_files, tensor_files
from warpline.core.figure_files import FIGURE_SUFFIXES, read_figure_provenance
from warpline.core.utf8_paths import shell_word
from warpline.pipeline import file_comparison, verification

if TYPE_CHECKING:
    from warpline.pipeline.expansion import Plan


def _load(paths: list[str]) -> Plan | None:
    """Return the plan of some configuration files; print why and return None where they are wrong."""
    from warpline.pipeline.config import ConfigError, load_files
    from warpline.pipeline.expansion import Plan
    from warpline.pipeline.project_files import configuration_file

    try:
        paths = [str(configuration_file(path)) for path in paths]
        default = _default_configuration()
        # Links that lead in a circle have no end, which `Path.resolve` takes for an error of its own.
        if os.path.realpath(default) not in map(os.path.realpath, paths):
            # As in Snakemake, configuration files are layered on top of the default.
            paths = [str(default), *paths]
        return Plan(load_files(paths))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None


def _default_configuration() -> Path:
    """Return the default configuration of the workflow in this folder, otherwise of the package's."""
    from warpline.pipeline.project_files import PROJECT

    default = Path("config", "config.yaml")
    here = default.is_file() and Path("workflow", "Snakefile").is_file()
    return default if here else PROJECT / default


def _init(folder: str) -> int:
    from warpline.pipeline.study_folder import write_study

    for path in write_study(Path(folder)):
        print(path)
    print(f"Next: cd {shell_word(Path(folder))}; see README.md")
    return 0


def _check(paths: list[str]) -> int:
    from warpline.pipeline.before_work import faults_before_work
    from warpline.pipeline.chance_check import chance_faults
    from warpline.pipeline.config import ConfigError
    from warpline.pipeline.earlier_networks import left_over_networks
    from warpline.pipeline.stages import Pipeline

    plan = _load(paths)
    if plan is None:
        return 1
    # A task set that does not keep its interface has no chance level.
    pipeline = Pipeline(plan)
    faults = faults_before_work(pipeline, say=print) or chance_faults(plan)
    if faults:
        print(ConfigError(faults), file=sys.stderr)
        return 1
    runs = len(plan.networks) * len(plan.seeds)
    n_recordings = len(plan.config.run.datasets)
    recordings = f", {n_recordings} recordings" if n_recordings else ""
    print(f"{plan.config.name}: {runs} networks{recordings}, results in {plan.results.root}")
    for name in plan.absent_references:
        print(
            f"comparison.over.references: no network of {name} is compared (comparisons: [learning]), so "
            "that there is no distance to it, no test, and no figure of either"
        )
    for message in left_over_networks(pipeline):
        print(message)
    return 0


def render_forecast(plan: Plan) -> str:
    """Return jobs, time, memory and disk of a configuration as text for a terminal."""
    from snakemake_logger_plugin_warpline.time_left import duration_text
    from warpline.pipeline.config.analyses import GENERIC_COST
    from warpline.pipeline.forecast import forecast
    from warpline.pipeline.protocol_stages import AUDIT_HEADING
    from warpline.pipeline.stages import Pipeline

    frame = forecast(plan)
    lines = [
        f"{'stage':<13} {'rule':<32} {'jobs':>6} {'time':>7} {'at most':>7} {'on':>4}"
        f" {'a job':>15} {'memory':>8} {'disk':>9}"
    ]
    for row in frame.to_dict("records"):
        shortest, longest = (duration_text(row[name]) for name in ("shortest", "longest"))
        job = longest if shortest == longest else f"{shortest} - {longest}"
        time, most = (duration_text(3600 * row[name]) for name in ("hours", "longest_hours"))
        lines.append(
            f"{row['stage']:<13} {row['rule']:<32} {row['jobs']:>6,} {time:>7} {most:>7}"
            f" {row['device']:>4} {job:>15} {row['asked_memory'] / 1000:>5,.1f} GB"
            f" {row['disk']:>6,.2f} GB"
        )

    # Totals by target, and by device: GPU hours are budgeted apart.
    networks = len(plan.networks) * len(plan.seeds)
    of_audit = frame["stage"] == AUDIT_HEADING
    for rules, title in (
        (frame[~of_audit], f"{plan.config.name}: {networks:,} networks,"),
        (frame[of_audit], "Target audit, further:"),
    ):
        if not len(rules):
            continue
        lines.append("")
        lines.append(
            f"{title} {rules['jobs'].sum():,} jobs, {rules['disk'].sum():,.2f} GB in {plan.results.root}"
        )
        if (passing := rules["passing"].sum()) > 0:
            lines.append(
                f"Hidden states: at most {passing:,.1f} GB more while jobs need them"
                " (jobs.keep_trajectories: false)"
            )
        for device in ("gpu", "cpu"):
            of_device = rules[rules["device"] == device]
            if not len(of_device):
                continue
            time, most = (
                duration_text(3600 * of_device[name].sum()) for name in ("hours", "longest_hours")
            )
            lines.append(
                f"{device.upper()} time of one thread: {time}, at most {most} if every run goes to its"
                " last update"
            )
    for name in Pipeline(plan).warping.without_cost():
        seconds, megabytes = GENERIC_COST
        lines.append(
            f"warping.{name}: its experiment states no cost; {seconds:g} s and {megabytes:g} MB a network"
            " are assumed."
        )
    if (frame["device"] == "gpu").any():
        lines.append("GPU time is that of one CPU thread: no GPU was measured.")
    return "\n".join(lines)


def _plan(paths: list[str], check: float | None) -> int:
    from warpline.pipeline.forecast import compare_with_run

    plan = _load(paths)
    if plan is None:
        return 1
    if check is None:
        print(render_forecast(plan))
        return 0
    comparison = compare_with_run(plan)
    print(comparison.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    expected, measured = comparison["disk"].sum(), comparison["measured_disk"].sum()
    seconds = comparison.dropna(subset=["measured_seconds"])
    factor = (seconds["measured_seconds"] * seconds["jobs"]).sum() / max(
        (seconds["seconds"] * seconds["jobs"]).sum(), 1e-9
    )
    print(f"disk: {measured:.4f} GB, expected {expected:.4f} GB")
    print(f"time: {factor:.2f} times what was expected (jobs.time_factor)")
    if not abs(expected - measured) <= check * measured:
        print(f"expected the estimate of disk within {check:.0%} of what is there", file=sys.stderr)
        return 1
    return 0


def _status(places: list[str]) -> int:
    from warpline.pipeline.earlier_networks import left_over_networks
    from warpline.pipeline.run_status import run_status
    from warpline.pipeline.stages import Pipeline
    from warpline.pipeline.status_text import configuration_of, render_status

    files = [configuration_of(place) for place in places]
    plan = _load(files)
    if plan is None:
        return 1
    pipeline = Pipeline(plan)
    print(render_status(run_status(pipeline), plan.config.name, plan.results.root, files))
    for message in left_over_networks(pipeline):
        print(message)
    return 0


def _efficiency(folder: str) -> int:
    from warpline.pipeline.forecast import efficiency

    try:
        table = efficiency(Path(folder))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(table.to_string(index=False, float_format="{:.1f}".format, na_rep="-"))
    return 0


PROVENANCE = {
    ".nc": lambda file: result_files.provenance_of(result_files.read_dataset(file)),
    ".csv": result_files.read_table_metadata,
    ".safetensors": tensor_files.read_tensor_metadata,
    **{f".{suffix}": read_figure_provenance for suffix in FIGURE_SUFFIXES},
}


def _verify(folder: str, delete: bool) -> int:
    """Check every result below a folder; returns 1 where one is damaged, or where there is none."""
    if not Path(folder).is_dir():
        print(f"expected a folder of results, got {folder}", file=sys.stderr)
        return 2
    if verification.is_of_kernel(folder):
        print(
            f"expected a folder of results, got {folder}: its files are made by the kernel as they are read",
            file=sys.stderr,
        )
        return 2
    outcome = verification.verify(folder)
    left = verification.delete_findings(outcome) if delete else []

    def fate(path: Path) -> str:
        if not delete:
            return ""
        return "; not deleted, see to it by hand" if path in left else "; deleted"

    for path, error in outcome.errors.items():
        print(f"{path}: {error}{fate(path)}")
    for path in outcome.strays:
        print(f"{path}: left by a process that was killed{fate(path)}")
    for path in outcome.open_parts:
        print(f"{path}: being written, or by a process of another machine")
    checked = outcome.by_checksum + outcome.by_structure
    print(
        f"{checked} results checked ({outcome.by_checksum} by SHA-256, {outcome.by_structure} without a"
        f" sidecar by structure), {len(outcome.errors)} damaged, {len(outcome.strays)} stray parts"
    )
    if checked == 0 and not outcome.errors:
        print(f"expected results below {Path(folder).absolute()}, found none", file=sys.stderr)
        return 1
    if delete:
        for command in verification.remake_commands(outcome.errors):
            print(f"To make them anew, with your options: {command}")
        return 1 if left else 0
    if outcome.errors or outcome.strays:
        print(f"To delete them: warpline verify {shell_word(Path(folder).absolute())} --delete")
    return 1 if outcome.errors else 0


def _provenance(path: str) -> int:
    reader = PROVENANCE.get(Path(path).suffix)
    if reader is None:
        print(f"expected a file ending in {', '.join(PROVENANCE)}; got {path}", file=sys.stderr)
        # The working folder and the root have no name, and nothing beside them.
        sidecar = provenance.sidecar_path(path) if Path(path).name else Path(path)
        if sidecar.is_file():
            print(f"Read what is known of it in {sidecar}", file=sys.stderr)
        return 2
    try:
        record = {"in the file": reader(path)}
        result_files.check_sidecar(path)
    except (OSError, ValueError) as error:
        # What the system says of a path is put into a sentence by `main`.
        if getattr(error, "errno", None) is not None:
            raise
        print(error, file=sys.stderr)
        return 1
    sidecar = provenance.sidecar_path(path)
    if sidecar.is_file():
        sidecar_record = json.loads(sidecar.read_text(encoding="utf-8"))
        sidecar_record.pop("provenance")
        record["beside it"] = sidecar_record
    print(json.dumps(record, indent=1, sort_keys=True))
    return 0


def _share(text: str) -> float:
    """Read a share, a finite number from 0."""
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise argparse.ArgumentTypeError(f"expected a share, a number from 0, got {text!r}")
    return share


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="warpline", description=__doc__)
    parser.add_argument(
        "--version", action="version", version=f"warpline {metadata.version('warpline')}"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser(
        "init", help="write a working folder: configuration, Snakefile, profiles"
    )
    init.add_argument("folder", help="its name becomes that of the configuration")
    run = commands.add_parser(
        "run",
        help="run a configuration by Snakemake",
        usage="warpline run NAME [TARGET ...] [OPTION ...]",
    )
    run.add_argument(
        "name", help="a file, a name in config/, or one that comes with Warpline: demo"
    )
    run.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="targets and options of Snakemake: comparisons --cores 2 -n",
    )
    check = commands.add_parser("check", help="validate configuration files, the later on top")
    layers = "configuration files, the later on top of the earlier, all on top of the default"
    check.add_argument("files", nargs="+", help=layers)
    plan = commands.add_parser("plan", help="print jobs, time, memory and disk of a configuration")
    plan.add_argument("files", nargs="+", help=layers)
    plan.add_argument(
        "--check",
        type=_share,
        nargs="?",
        const=0.3,
        metavar="SHARE",
        help="hold the estimates against results/NAME; fail where disk is off by more (default 0.3)",
    )
    status = commands.add_parser(
        "status", help="print what of a run is done, running, failed, stale or missing"
    )
    status.add_argument("places", nargs="+", help="results/NAME, or its configuration files")
    verify = commands.add_parser("verify", help="check every result by checksum or structure")
    verify.add_argument("folder", help="results/NAME, or a folder below it")
    verify.add_argument(
        "--delete", action="store_true", help="delete damaged results and stray parts"
    )
    used = commands.add_parser("efficiency", help="print what jobs used of what they asked for")
    used.add_argument("folder", help="results/NAME")
    provenance = commands.add_parser("provenance", help="print where a result comes from")
    provenance.add_argument("file", help="a result: .csv, .nc, .safetensors, .svg, .png or .pdf")
    compare = commands.add_parser("compare", help="compare recordings in files by some measures")
    file_comparison.add_options(compare)
    # Names of files need not be text.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = parser.parse_args()
    try:
        return _run(arguments)
    except OSError as error:
        if error.errno is None:
            # Warpline's own, a whole sentence.
            print(error, file=sys.stderr)
            return 1
        # A name too long for the file system, a folder that is gone, or one that may not be read.
        shown = str(error) if len(str(error)) <= 300 else f"{str(error)[:300]}..."
        print(f"expected files and folders that can be used, got {shown}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "init":
        return _init(arguments.folder)
    if arguments.command == "run":
        from warpline.pipeline.launch import launch

        try:
            launch(arguments.name, arguments.arguments)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    if arguments.command == "compare":
        return file_comparison.compare_files(arguments)
    if arguments.command == "check":
        return _check(arguments.files)
    if arguments.command == "plan":
        return _plan(arguments.files, arguments.check)
    if arguments.command == "status":
        return _status(arguments.places)
    if arguments.command == "efficiency":
        return _efficiency(arguments.folder)
    if arguments.command == "verify":
        return _verify(arguments.folder, arguments.delete)
    return _provenance(arguments.file)
