"""Read and write weights: safetensors files that check themselves.

The header is JSON. Its one entry of metadata holds the provenance of the file, the SHA-256 of each tensor,
and the SHA-256 of the header itself (with zeros in its own place). A reader of some tensors therefore hashes
these and the header alone. A file needs no sidecar to be checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.core.atomic_writes import atomic_path
from warpline.core.result_files import KEY, DamagedFileError, canonical, check_sidecar, result_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_tensor_metadata", "read_tensors", "write_tensors"]

TENSORS = "tensor_sha256"
HEADER = "header_sha256"
UNSET = "0" * 64
# Twice JSON: the quotes of the inner text are escaped in the header.
HEADER_DIGEST = re.compile(rb'\\"header_sha256\\":\\"([0-9a-f]{64})\\"')


def _tensor_digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's values; its name, shape and type stand in the header."""
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


def _header_digest(header: bytes) -> str | None:
    """Return the SHA-256 of a header with zeros in the place of its own; None where it has no such place."""
    match = HEADER_DIGEST.search(header)
    if match is None:
        return None
    zeroed = header[: match.start(1)] + UNSET.encode() + header[match.end(1) :]
    return hashlib.sha256(zeroed).hexdigest()


def write_tensors(
    tensors: Mapping[str, NDArray[Any]],
    path: str | Path,
    provenance: Mapping[str, Any],
    sidecar: bool = True,
) -> None:
    """Write named arrays as safetensors, with provenance and checksums as one JSON entry of the header.

    Parameters
    ----------
    tensors : mapping of str to ndarray
    path : str or pathlib.Path
    provenance : mapping
        What the arrays depend on.
    sidecar : bool
        Whether to write a sidecar beside the file.
    """
    from safetensors.numpy import save

    arrays = {name: np.asarray(value, order="C") for name, value in sorted(tensors.items())}
    record = {
        **provenance,
        TENSORS: {name: _tensor_digest(array) for name, array in arrays.items()},
        HEADER: UNSET,
    }
    # One metadata entry: with several, their order in the file is not reproducible.
    content = bytearray(save(arrays, metadata={KEY: canonical(record)}))
    (length,) = struct.unpack_from("<Q", content)
    header = bytes(content[8 : 8 + length])
    # Once: text of the user's that looks like it has more backslashes.
    (match,) = HEADER_DIGEST.finditer(header)
    content[8 + match.start(1) : 8 + match.end(1)] = str(_header_digest(header)).encode()
    with result_path(path, provenance) if sidecar else atomic_path(path) as part:
        part.write_bytes(content)


def _read_header(path: Path) -> tuple[dict[str, Any], dict[str, str] | None]:
    """Return the provenance and the SHA-256 of each tensor.

    None for a file that holds no checksums, if it is as its sidecar says.
    """
    if not path.is_file():
        raise FileNotFoundError(f"expected a safetensors file at {path}, found none")
    size = path.stat().st_size
    try:
        with path.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > size:
                raise ValueError("header is longer than the file")
            raw = handle.read(length)
        header = json.loads(raw)
        record = dict(json.loads(header.pop("__metadata__")[KEY]))
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        expected = 8 + length + end
    except (
        struct.error,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise DamagedFileError(path, f"unreadable header: {error}") from error
    if size != expected:
        raise DamagedFileError(path, f"expected {expected} bytes, got {size}")

    digest, tensors = record.pop(HEADER, None), record.pop(TENSORS, None)
    if digest is None and tensors is None:
        # Files of older versions.
        if not check_sidecar(path):
            raise DamagedFileError(path, "it holds no checksums and has no sidecar")
        return record, None
    is_as_stated = digest is not None and digest == _header_digest(raw)
    if not is_as_stated or not isinstance(tensors, dict) or tensors.keys() != header.keys():
        raise DamagedFileError(path, "the SHA-256 of its header is not the one that it states")
    return record, tensors


def read_tensor_metadata(path: str | Path) -> dict[str, Any]:
    """Return the provenance of a safetensors file from its header alone, which is checked.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the header is not there or altered, or the file is not as long as the header says.
    """
    return _read_header(Path(path))[0]


def read_tensors(
    path: str | Path, prefix: str = ""
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the arrays whose names start with a prefix, and the provenance; both are checked.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `write_tensors` wrote.
    prefix : str
        Only names that start with it are read; it is cut off.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        As `read_tensor_metadata`, and when a tensor that is read was altered.
    """
    from safetensors import safe_open

    path = Path(path)
    provenance, digests = _read_header(path)
    try:
        with safe_open(path, framework="numpy") as handle:
            names = [name for name in handle.keys() if name.startswith(prefix)]  # noqa: SIM118
            tensors = {name: handle.get_tensor(name) for name in names}
    except PermissionError:
        raise
    # The library maps the file and allocates nothing before it has checked every offset. Its errors are of
    # several kinds.
    except Exception as error:
        raise DamagedFileError(path, f"{type(error).__name__}: {error}") from error
    for name, array in tensors.items():
        if digests is not None and _tensor_digest(array) != digests[name]:
            raise DamagedFileError(path, f"the SHA-256 of its tensor {name} is another")
    return {name[len(prefix) :]: array for name, array in tensors.items()}, provenance
