"""The files of the project beside the package: workflow, scripts, default configuration, profiles.

In a checkout they lie beside ``src``. A wheel holds them as data, in the folder ``project`` of the package.
"""

from __future__ import annotations

import difflib
from pathlib import Path

__all__ = [
    "CLAIM_RULES",
    "PROJECT",
    "PUBLISHED_MEANS",
    "SCRIPTS",
    "SNAKEFILE",
    "configuration_file",
    "shipped_configurations",
]

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


def _project_folder(package: Path) -> Path:
    """Return the folder that holds ``workflow`` and ``scripts`` for a package."""
    inside, checkout = package / "project", package.parent.parent
    return inside if inside.is_dir() else checkout


PROJECT = _project_folder(PACKAGE_FOLDER)
SCRIPTS = PROJECT / "scripts"
SNAKEFILE = PROJECT / "workflow" / "Snakefile"
"""What a workflow of one's own takes as a Snakemake module."""
CLAIM_RULES = PROJECT / "config" / "claims.yaml"
"""Rules by which claims are judged, which are no configuration of a run."""
PUBLISHED_MEANS = PROJECT / "config" / "published_rnn_pdm.csv"
"""Mean dissimilarities of Guilhot et al. (2024)."""


def shipped_configurations() -> dict[str, Path]:
    """Return the configurations that come with Warpline, by file name (``demo``, ``paper``, ...)."""
    files = sorted((PROJECT / "config").glob("*.yaml"))
    # The rules of the claims lie there, too.
    return {
        path.stem: path
        for path in files
        if any(line.startswith("name:") for line in path.read_text(encoding="utf-8").split("\n"))
    }


def configuration_file(name: str) -> Path:
    """Return the configuration file that a user means.

    Parameters
    ----------
    name : str
        A file; or the name of one in ``config`` of the working folder, otherwise of one that comes with
        Warpline.

    Raises
    ------
    FileNotFoundError
        When there is none; the message says where it was looked for.
    """
    given, near = Path(name), Path("config") / f"{name}.yaml"
    for candidate in (given, near):
        if candidate.is_file():
            return candidate
    shipped = shipped_configurations()
    if name in shipped:
        return shipped[name]
    # A path names one place only.
    if given.suffix in {".yaml", ".yml"} or len(given.parts) > 1:
        raise FileNotFoundError(f"expected a configuration file at {name}, found none")
    own = [path.stem for path in sorted(near.parent.glob("*.yaml"))]
    close = difflib.get_close_matches(name[:100], [*own, *shipped], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise FileNotFoundError(
        f"expected a configuration file, a name in {near.parent.resolve()}, or one of {', '.join(shipped)}; "
        f"got {name!r}{hint}"
    )
