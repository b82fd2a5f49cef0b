"""Figure files: their kinds, and the provenance that each holds in its metadata.

It is the description of an SVG, a text chunk of a PNG and the keywords of a PDF: JSON in ASCII, without a
date, so that the same figure has the same bytes.
"""

from __future__ import annotations

import json
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from warpline.core.result_files import KEY, DamagedFileError, canonical

__all__ = [
    "FIGURE_SUFFIXES",
    "figure_metadata",
    "parse_svg",
    "png_chunks",
    "read_figure_provenance",
    "without_provenance",
]

FIGURE_SUFFIXES = ("svg", "png", "pdf")
"""Endings of the files of every figure."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
# A string of a PDF in brackets; brackets within it and backslashes have a backslash before them.
PDF_KEYWORDS = re.compile(rb"/Keywords \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
SVG_DESCRIPTION = re.compile(rb"<dc:description>.*?</dc:description>", re.DOTALL)


def figure_metadata(suffix: str, provenance: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what ``savefig`` of matplotlib takes as metadata, without dates and versions.

    Parameters
    ----------
    suffix : str
        ``svg``, ``png`` or ``pdf``.
    provenance : mapping
        What the figure depends on.
    """
    text = canonical(provenance)
    return {
        "svg": {"Date": None, "Creator": None, "Description": text},
        "png": {"Software": None, KEY: text},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Keywords": text},
    }[suffix]


def png_chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of each chunk of a PNG, whose CRC-32 is checked (RFC 2083).

    Raises
    ------
    DamagedFileError
        When the file is not a PNG, or a chunk is not whole.
    """
    content = path.read_bytes()
    place = len(PNG_SIGNATURE)
    if content[:place] != PNG_SIGNATURE:
        raise DamagedFileError(path, "not a PNG")
    while place < len(content):
        try:
            (length,) = struct.unpack_from(">I", content, place)
            (crc,) = struct.unpack_from(">I", content, place + 8 + length)
        except struct.error:
            raise DamagedFileError(path, "its last chunk is cut short") from None
        if zlib.crc32(content[place + 4 : place + 8 + length]) != crc:
            raise DamagedFileError(path, f"its chunk at byte {place} has another CRC")
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        place += 12 + length


def parse_svg(path: Path) -> ElementTree.Element:
    """Return the root of an SVG.

    Raises
    ------
    DamagedFileError
        When the file is not well-formed XML, or not an SVG.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DamagedFileError(path, f"not well-formed: {error}") from error
    if root.tag.rpartition("}")[2] != "svg":
        raise DamagedFileError(path, f"expected an svg element, got {root.tag}")
    return root


def _svg_text(path: Path) -> str | None:
    element = parse_svg(path).find(f".//{DESCRIPTION}")
    return None if element is None else element.text


def _png_text(path: Path) -> str | None:
    for kind, content in png_chunks(path):
        key, _, text = content.partition(b"\0")
        if kind == b"tEXt" and key == KEY.encode():
            return text.decode("latin-1")
    return None


def _pdf_text(path: Path) -> str | None:
    match = PDF_KEYWORDS.search(path.read_bytes())
    if match is None:
        return None
    letters = {b"n": b"\n", b"r": b"\r"}
    text = re.sub(rb"\\(.)", lambda pair: letters.get(pair[1], pair[1]), match[1], flags=re.DOTALL)
    return text.decode("latin-1")


READERS = {".svg": _svg_text, ".png": _png_text, ".pdf": _pdf_text}


def read_figure_provenance(path: str | Path) -> dict[str, Any]:
    """Return the provenance that a figure holds: settings, code digest, and checksums of its inputs.

    Parameters
    ----------
    path : str or pathlib.Path
        An SVG, PNG or PDF.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is not of its format, or holds no provenance of Warpline's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a figure at {path}, found none")
    text = READERS[path.suffix](path)
    try:
        return dict(json.loads(text or ""))
    except (ValueError, TypeError, RecursionError):
        raise DamagedFileError(path, "its metadata hold no provenance of Warpline's") from None


def without_provenance(svg: bytes) -> bytes:
    """Return the bytes of an SVG without its description: what is drawn."""
    return SVG_DESCRIPTION.sub(b"", svg)
