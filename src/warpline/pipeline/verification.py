"""Verification of a results folder: damaged results, sidecars left alone, stray part files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from warpline.console.provenance import SIDECAR, sidecar_path
from warpline.core import atomic_writes, figure_files, result_files, tensor_files
from warpline.core.result_files import DamagedFileError
from warpline.core.utf8_paths import shell_word

__all__ = [
    "Verification",
    "delete_findings",
    "integrity_error",
    "is_of_kernel",
    "remake_commands",
    "verify",
]

PDF_END = re.compile(rb"startxref\n(\d{1,12})\n%%EOF\n?\Z")
PDF_TABLE = re.compile(rb"xref\n0 \d+ *\n((?:\d{10} \d{5} [fn] ?\r?\n)+)trailer\n")
KERNEL_FOLDERS = ("/proc/", "/sys/")
STATE = "state.safetensors"
"""Name of the state of an unfinished training, which no rule makes."""


# --- one file -------------------------------------------------------------------------------------


def _check_png(path: Path) -> None:
    """Raise a DamagedFileError where the chunks of a PNG are not whole."""
    kinds = [kind for kind, _ in figure_files.png_chunks(path)]
    if kinds[:1] != [b"IHDR"] or kinds[-1] != b"IEND" or b"IDAT" not in kinds:
        raise DamagedFileError(
            path, f"expected chunks from IHDR to IEND, got {kinds[:1]} to {kinds[-1:]}"
        )


def _check_pdf(path: Path) -> None:
    """Raise a DamagedFileError where the objects of a PDF are not where its table says (ISO 32000, 7.5.4)."""
    content = path.read_bytes()
    end = PDF_END.search(content[-64:])
    if not content.startswith(b"%PDF-") or end is None:
        raise DamagedFileError(path, "not a PDF, or its end is cut off")
    table = PDF_TABLE.match(content, int(end[1]))
    if table is None:
        raise DamagedFileError(path, "its table of objects is not where its end says")
    for number, row in enumerate(table[1].splitlines()):
        offset, _, kind = row.split()
        if kind == b"n" and not content.startswith(b"%d 0 obj" % number, int(offset)):
            raise DamagedFileError(path, f"its object {number} is not where its table says")


def _check_html(path: Path) -> None:
    """Raise a DamagedFileError where a page does not go from its first tag to its last."""
    content = path.read_bytes()
    if not content.startswith(b"<!DOCTYPE html>") or not content.rstrip().endswith(b"</html>"):
        raise DamagedFileError(path, "expected a page from <!DOCTYPE html> to </html>")


def _check_tsv(path: Path) -> None:
    """Raise a DamagedFileError where the rows of a table of run times have another number of columns."""
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError:
        raise DamagedFileError(path, "not UTF-8") from None
    widths = {line.count("\t") for line in text.splitlines()}
    if not text.endswith("\n") or len(widths) != 1 or widths == {0} or "\0" in text:
        raise DamagedFileError(path, "its rows are cut short, or differ in their number of columns")


STRUCTURE: dict[str, Callable[[Path], object]] = {
    ".nc": result_files.read_dataset,
    ".csv": result_files.read_table,
    ".safetensors": tensor_files.read_tensors,
    ".svg": figure_files.parse_svg,
    ".png": _check_png,
    ".pdf": _check_pdf,
    ".html": _check_html,
    ".tsv": _check_tsv,
}
"""What checks a result without a sidecar, by the ending of its name; each raises `DamagedFileError`."""


def integrity_error(path: str | Path) -> str | None:
    """Say what is wrong with a result, None where nothing is.

    By size and SHA-256 where there is a sidecar beside it, otherwise by its structure.

    Parameters
    ----------
    path : str or pathlib.Path
        Named like a result; it may be anything, such as a folder or a pipe.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            # A pipe would be waited for.
            return f"expected a file, got a {'folder' if stat.S_ISDIR(mode) else 'pipe or device'}"
        if not result_files.check_sidecar(path):
            STRUCTURE[path.suffix](path)
    except DamagedFileError as error:
        return error.why
    except OSError as error:
        if path.is_symlink():
            return "expected a file, got a link to nothing that can be read"
        # A run that goes on can have moved it.
        return f"it cannot be read: {error.strerror}" if os.path.lexists(path) else None
    return None


# --- a folder -------------------------------------------------------------------------------------


@dataclass
class Verification:
    """What was found below a folder.

    Attributes
    ----------
    by_checksum, by_structure : int
        Results that were checked by SHA-256, and by structure because they have no sidecar.
    errors : dict of pathlib.Path to str
        What is wrong with a result, by its path; also of folders that cannot be read.
    strays : list of pathlib.Path
        Part files of processes that no longer run.
    open_parts : list of pathlib.Path
        Part files that a process writes, or that another machine's process may write.
    """

    by_checksum: int = 0
    by_structure: int = 0
    errors: dict[Path, str] = field(default_factory=dict)
    strays: list[Path] = field(default_factory=list)
    open_parts: list[Path] = field(default_factory=list)


def is_of_kernel(folder: str | Path) -> bool:
    """Return whether the kernel makes the files of a folder as they are read: some are without end."""
    return (os.path.realpath(folder) + "/").startswith(KERNEL_FOLDERS)


def _entries(folder: Path, errors: dict[Path, str]) -> Iterator[Path]:
    """Yield all files and folders below a folder, through links too, each folder once.

    Folders of the kernel are left out, to which a link can lead.
    """

    def report(error: OSError) -> None:
        errors[Path(error.filename)] = f"the folder cannot be read: {error.strerror}"

    visited = set()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=report):
        try:
            status = Path(parent).stat()
        except OSError as error:
            # It was there when the folder above it was read.
            report(error)
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in visited or is_of_kernel(parent):
            # A link to a folder above it would never end.
            folders.clear()
            continue
        visited.add(identity)
        folders.sort()
        yield from (Path(parent, name) for name in sorted([*names, *folders]))


def _is_named_folder(path: Path) -> bool:
    """Return whether a folder only has a configured name that ends like a result: there are results in it."""
    # Of the os module: what cannot be looked at, for its length or its rights, is no folder and no file.
    if not os.path.isdir(path) or os.path.lexists(sidecar_path(path)):  # noqa: PTH112
        return False
    return any(Path(name).suffix in STRUCTURE for _, _, names in os.walk(path) for name in names)


def _is_spent(result: Path) -> bool:
    """Return whether these are hidden states that were deleted once no job needed them.

    Snakemake deletes what ``jobs.keep_trajectories: false`` makes temporary, and leaves its sidecar. Only
    then is there a file of their means.
    """
    parts = result.parts
    return any(
        Path(*parts[:place], "mean_states", *parts[place + 1 :]).is_file()
        for place, name in enumerate(parts)
        if name == "trajectories"
    )


def verify(folder: str | Path) -> Verification:
    """Check every result below a folder; nothing is changed.

    Parameters
    ----------
    folder : str or pathlib.Path
    """
    outcome = Verification()
    # The folder as it was named, not as links resolve it: Snakemake knows results by these paths.
    for path in _entries(Path(os.path.abspath(folder)), outcome.errors):  # noqa: PTH100
        if atomic_writes.is_part(path):
            dead = atomic_writes.writer_lives(path) is False
            (outcome.strays if dead else outcome.open_parts).append(path)
        elif path.name.endswith(SIDECAR):
            result = path.with_name(path.name.removesuffix(SIDECAR))
            alone = result.suffix in STRUCTURE and not os.path.lexists(result)
            if alone and not _is_spent(result):
                outcome.errors[result] = "it is not there, its sidecar alone remains"
        elif path.suffix in STRUCTURE and not _is_named_folder(path):
            if os.path.isfile(sidecar_path(path)):  # noqa: PTH113
                outcome.by_checksum += 1
            else:
                outcome.by_structure += 1
            if error := integrity_error(path):
                outcome.errors[path] = error
    return outcome


def delete_findings(outcome: Verification) -> list[Path]:
    """Delete damaged results with their sidecars, sidecars left alone, and stray parts.

    Returns
    -------
    list of pathlib.Path
        What was left, because it is a folder or cannot be deleted.
    """
    left = []
    for path in outcome.errors:
        try:
            path.unlink(missing_ok=True)
            sidecar_path(path).unlink(missing_ok=True)
        except OSError:
            left.append(path)
    for path in outcome.strays:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            left.append(path)
    return left


def _working_folder(path: Path) -> Path:
    """Return the folder in which Snakemake made a result: that of ``results`` and of the records of runs."""
    parents = [parent.parent for parent in path.parents if parent.name == "results"]
    marked = [
        parent
        for parent in parents
        if any((parent / n).exists() for n in (".snakemake", "Snakefile"))
    ]
    return [*marked, *parents, Path.cwd()][0]


def remake_commands(paths: Iterable[Path]) -> list[str]:
    """Return commands that make results anew, one for each folder in which Snakemake ran.

    They hold from any folder, and for names with spaces. Records of run times and states of unfinished
    trainings are no reason to compute: they are left out.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Absolute.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        if path.suffix in STRUCTURE and path.suffix != ".tsv" and path.name != STATE:
            by_folder.setdefault(_working_folder(path), []).append(path)
    return [
        # By name: Snakemake does not miss a file whose followers are all there.
        f"cd {shell_word(folder)} && snakemake"
        f" {' '.join(shell_word(os.path.relpath(path, folder)) for path in targets)}"
        for folder, targets in by_folder.items()
    ]
