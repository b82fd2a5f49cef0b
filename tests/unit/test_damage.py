"""Damaged and hostile files: no reader computes on them, and none allocates what a header claims."""

import json
import struct
import subprocess
import sys

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.console.provenance import sidecar_path
from warpline.core import result_files, tensor_files
from warpline.core.result_files import DamagedFileError
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.models.given_weights import WeightsError, read_weights

PROVENANCE = {"settings": {"seed": 1, "note": "1e-05 é"}, "status": "converged", "code": "c"}
STEPS = (0, 3, 20)


def write_nc(path):
    values = np.random.default_rng(0).normal(size=(30, 50))
    dataset = xr.Dataset(
        {"x": (("a", "b"), values), "label": ("a", [f"t{k}" for k in range(30)])},
        coords={"b": np.arange(50.0)},
    )
    result_files.write_dataset(dataset, path, PROVENANCE)


def write_csv(path):
    frame = pd.DataFrame({"name": [f"n{k}" for k in range(60)], "value": np.arange(60) / 7})
    result_files.write_table(frame, path, PROVENANCE)


def write_safetensors(path):
    weights = np.random.default_rng(0).normal(size=(len(STEPS), 12, 12)).astype("f4")
    named = {
        step: {"weight_in": value, "bias": value[0]}
        for step, value in zip(STEPS, weights, strict=True)
    }
    summary = [{"step": step, "loss": None, "accuracy": 0.5} for step in STEPS]
    write_checkpoints(path, named, summary, PROVENANCE)


def read_checkpoints(path):
    """Read all that a job reads of a checkpoint file."""
    checkpoints = CheckpointFile(path)
    return [checkpoints.weights(step) for step in checkpoints.steps]


KINDS = {
    "nc": (write_nc, [result_files.read_dataset]),
    "csv": (write_csv, [result_files.read_table, result_files.read_table_metadata]),
    "safetensors": (write_safetensors, [read_checkpoints, tensor_files.read_tensors]),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "sidecar"),
    [("nc", True), ("csv", True), ("safetensors", True), ("safetensors", False)],
)
def test_every_flipped_bit_is_seen(kind, sidecar, tmp_path):
    """200 bits, drawn from the whole file. Weights need no sidecar; netCDF and tables do."""
    write, readers = KINDS[kind]
    path = tmp_path / f"x.{kind}"
    write(path)
    if not sidecar:
        sidecar_path(path).unlink()
    whole = path.read_bytes()
    for reader in readers:
        reader(path)
    for bit in np.random.default_rng(1).choice(8 * len(whole), 200, replace=False):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        for reader in readers:
            with pytest.raises(DamagedFileError, match=r"is damaged .*verify RESULTS --delete"):
                reader(path)


@pytest.mark.slow
def test_every_bit_of_a_whole_file_of_weights_is_checked(tmp_path):
    """The names of the checksums, too, without which they could not be found."""
    path = tmp_path / "x.safetensors"
    tensors = {"a": np.arange(6.0, dtype="f4"), "b": np.zeros((), "i8")}
    tensor_files.write_tensors(tensors, path, {"code": "c", "x": 1e-5}, sidecar=False)
    whole = path.read_bytes()
    unseen = []
    for bit in range(8 * len(whole)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        try:
            tensor_files.read_tensors(path)
            unseen.append(bit)
        except DamagedFileError:
            pass
    assert unseen == []


def test_only_the_step_that_is_read_is_hashed(tmp_path):
    """A flip in the weights of one step leaves the others readable: each is checked on its own."""
    path = tmp_path / "x.safetensors"
    write_safetensors(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)
    checkpoints = CheckpointFile(path)
    refused = []
    for step in STEPS:
        try:
            checkpoints.weights(step)
        except DamagedFileError as error:
            refused.append((step, error.why))
    assert refused == [(20, "the SHA-256 of its tensor 00000020/weight_in is another")]


def test_a_checkpoint_file_of_ours_that_is_given_as_weights_is_checked(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path)
    sidecar_path(path).unlink()
    assert set(read_weights(path)) == {"weight_in", "bias"}
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        WeightsError, match="the SHA-256 of its tensor 00000020/weight_in is another"
    ):
        read_weights(path)


SIDECARS = {
    "not JSON": b"{",
    "a list": b"[1, 2]",
    "a number": b"3",
    "empty": b"",
    "not UTF-8": b"\xff\xfe{}",
    "no SHA-256": b'{"bytes": 1}',
    "no size": b'{"sha256": "0"}',
    "nested": b"[" * 100_000,
    "a folder": None,
}


@pytest.mark.parametrize("content", SIDECARS.values(), ids=SIDECARS)
@pytest.mark.parametrize("kind", ["nc", "csv"])
def test_an_odd_sidecar_is_refused(kind, content, tmp_path):
    write, readers = KINDS[kind]
    path = tmp_path / f"x.{kind}"
    write(path)
    sidecar_path(path).unlink()
    if content is None:
        sidecar_path(path).mkdir()
    else:
        sidecar_path(path).write_bytes(content)
    for reader in readers:
        with pytest.raises(DamagedFileError, match=r"x\.\w+\.provenance\.json (states no|is not)"):
            reader(path)


def test_weights_of_an_older_version_are_read_with_their_sidecar_alone(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "x.safetensors"
    with result_files.result_path(path, {}) as part:
        save_file({"w": np.arange(4.0)}, part, metadata={"warpline": '{"code":"c"}'})
    tensors, provenance = tensor_files.read_tensors(path)
    assert tensors["w"].tolist() == [0, 1, 2, 3] and provenance == {"code": "c"}
    sidecar_path(path).unlink()
    with pytest.raises(DamagedFileError, match="no checksums and has no sidecar"):
        tensor_files.read_tensors(path)


def safetensors_of(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def claimed(shape, offsets, dtype="F32", **further):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
    return {"__metadata__": {"warpline": "{}"}, "w": entry, **further}


HOSTILE_TENSORS = {
    "a header of terabytes": safetensors_of({}, length=2**42),
    "a header of 2**64 bytes": safetensors_of({}, length=2**64 - 1),
    "a tensor of terabytes": safetensors_of(claimed([2**40], [0, 2**42])),
    "a shape beyond its bytes": safetensors_of(claimed([2**40], [0, 8]), b"\0" * 8),
    "a product that overflows": safetensors_of(claimed([2**40, 2**40], [0, 8]), b"\0" * 8),
    "a negative size": safetensors_of(claimed([-2], [0, 8]), b"\0" * 8),
    "offsets in the wrong order": safetensors_of(claimed([2], [8, 0]), b""),
    "offsets that overlap": safetensors_of(
        claimed([2], [0, 8], v={"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}), b"\0" * 12
    ),
    "a gap between tensors": safetensors_of(
        claimed([1], [0, 4], v={"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}), b"\0" * 12
    ),
    "offsets that are text": safetensors_of(claimed([2], ["a", "b"]), b"\0" * 8),
    "infinite offsets": safetensors_of(
        b'{"__metadata__":{"warpline":"{}"},"w":{"data_offsets":[0,1e999]}}'
    ),
    "no offsets": safetensors_of({"__metadata__": {"warpline": "{}"}, "w": {}}),
    "a type that does not exist": safetensors_of(claimed([2], [0, 8], "F99"), b"\0" * 8),
    "a list for a header": safetensors_of([1]),
    "a number for a header": safetensors_of(b"3"),
    "a nested header": safetensors_of(b"[" * 100_000),
    "no metadata": safetensors_of(
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4
    ),
    "metadata that are a list": safetensors_of({"__metadata__": {"warpline": "[1]"}}),
    "checksums that are a list": safetensors_of(
        {"__metadata__": {"warpline": '{"header_sha256": "0", "tensor_sha256": []}'}}
    ),
    "truncated": safetensors_of(claimed([2], [0, 8]), b"\0" * 7),
    "bytes at its end": safetensors_of(claimed([2], [0, 8]), b"\0" * 9),
    "not UTF-8": safetensors_of(b"{\xff}"),
    "eight bytes": b"\0" * 8,
    "empty": b"",
}


@pytest.mark.parametrize("content", HOSTILE_TENSORS.values(), ids=HOSTILE_TENSORS)
@pytest.mark.parametrize("sidecar", [True, False])
def test_hostile_tensors_are_refused(content, sidecar, tmp_path):
    """With a sidecar that fits, too: whoever writes a file can write its sidecar."""
    path = tmp_path / "x.safetensors"
    with result_files.result_path(path, {}) as part:
        part.write_bytes(content)
    if not sidecar:
        sidecar_path(path).unlink()
    for reader in (tensor_files.read_tensors, CheckpointFile):
        with pytest.raises(DamagedFileError):
            reader(path)


def claim(path, *, shape, chunks=None, zlib=False, name="x"):
    with netCDF4.Dataset(path, "w") as dataset:
        for k, size in enumerate(shape):
            dataset.createDimension(f"{name}{k}" if len(shape) > 1 else name, size)
        dimensions = tuple(dataset.dimensions)
        dataset.createVariable(name, "f8", dimensions, chunksizes=chunks, zlib=zlib)


def odd_attributes(path, **attributes):
    with netCDF4.Dataset(path, "w") as dataset:
        dataset.createDimension("x", 3)
        dataset.createVariable("v", "f8", ("x",))[:] = 1
        for name, value in attributes.items():
            setattr(dataset["v"], name, value)


HOSTILE_ARRAYS = {
    "terabytes without a chunk": lambda path: claim(path, shape=(2**20, 2**20), chunks=(1, 2**10)),
    "terabytes compressed": lambda path: claim(path, shape=(2**40,), chunks=(2**10,), zlib=True),
    # xarray loads such a coordinate when it opens a file.
    "a coordinate of terabytes": lambda path: claim(path, shape=(2**40,), chunks=(2**10,)),
    "more bytes than 64 bits count": lambda path: claim(path, shape=(2**31, 2**31), chunks=(1, 1)),
    "a calendar that does not exist": lambda path: odd_attributes(
        path, units="days since 1", calendar="x"
    ),
    "a scale that is text": lambda path: odd_attributes(path, scale_factor="x"),
    "text": lambda path: path.write_text("x" * 1000),
    "an HDF5 signature alone": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"),
    "a netCDF-3 signature alone": lambda path: path.write_bytes(b"CDF\x01" + b"\xff" * 40),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("write", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS)
def test_hostile_arrays_are_refused(write, tmp_path):
    """Their sidecars fit."""
    path = tmp_path / "x.nc"
    with result_files.result_path(path, {}) as part:
        write(part)
    with pytest.raises(DamagedFileError):
        result_files.read_dataset(path)


@pytest.mark.slow
def test_arrays_of_unknown_state_are_read_in_a_process_of_their_own(tmp_path, monkeypatch):
    """On some damaged bytes HDF5 goes on for ever: what it would take here is a limit of no time."""
    path = tmp_path / "x.nc"
    write_nc(path)
    sidecar_path(path).unlink()
    assert result_files.read_dataset(path)["x"].shape == (30, 50)
    HOSTILE_ARRAYS["a coordinate of terabytes"](tmp_path / "y.nc")
    with pytest.raises(
        DamagedFileError, match="ValueError: it claims 8796093022208 bytes of arrays"
    ):
        result_files.read_dataset(tmp_path / "y.nc")
    monkeypatch.setattr(result_files, "PATIENCE", 0.0)
    with pytest.raises(DamagedFileError, match="reading it does not end"):
        result_files.read_dataset(path)


@pytest.mark.slow
def test_nothing_is_allocated_that_a_header_claims(tmp_path):
    """All hostile files, in a process that may hold little more than its libraries."""
    for k, content in enumerate(HOSTILE_TENSORS.values()):
        (tmp_path / f"{k}.safetensors").write_bytes(content)
    for k, write in enumerate(HOSTILE_ARRAYS.values()):
        with result_files.result_path(tmp_path / f"{k}.nc", {}) as part:
            write(part)
    code = f"""
import pathlib, resource, sys
import netCDF4, safetensors, xarray
from warpline.core import result_files, tensor_files
result_files.write_dataset(xarray.Dataset({{"x": 1}}), {str(tmp_path / "warm.nc")!r}, {{}})
result_files.read_dataset({str(tmp_path / "warm.nc")!r})
held = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**26, held + 2**26))
refused = 0
paths = pathlib.Path({str(tmp_path)!r}).glob("[0-9]*")
for path in sorted(path for path in paths if path.suffix in (".nc", ".safetensors")):
    read = result_files.read_dataset if path.suffix == ".nc" else tensor_files.read_tensors
    try:
        read(path)
    except result_files.DamagedFileError:
        refused += 1
print(refused)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(HOSTILE_TENSORS) + len(HOSTILE_ARRAYS)


def first_line(record, rest=b"a\n1\n"):
    return b"# " + json.dumps(record).encode() + b"\n" + rest


ODD_TABLES = {
    "not UTF-8": first_line({"rows": 1}, b"a\n\xff\xfe\n"),
    "too few rows": first_line({"rows": 2}),
    "a row of more columns": first_line({"rows": 2}, b"a,b\n1,2\n1,2,3\n"),
    "a name too few, of rows that count": first_line({"rows": 2}, b"a,b\n0,1,2\n1,3,4\n"),
    "no header": first_line({"rows": 0}, b"\n"),
    "a first line that is no object": b"# [1]\na\n1\n",
    "a nested first line": b"# {" + b'"a":{' * 100_000 + b"\na\n1\n",
    "no first line": b"a\n1\n",
    "binary": bytes(range(256)) + b"\n",
    "no end": first_line({"rows": 1}, b"a\n1"),
    "empty": b"",
}


@pytest.mark.parametrize("content", ODD_TABLES.values(), ids=ODD_TABLES)
def test_odd_tables_are_refused(content, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError):
        result_files.read_table(path)


def test_a_job_that_is_killed_before_its_sidecar_leaves_no_older_one(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    write_csv(path)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    original = result_files.atomic_path
    monkeypatch.setattr(
        result_files, "atomic_path", lambda p: killed() if p == sidecar_path(path) else original(p)
    )
    with pytest.raises(Killed):
        result_files.write_table(pd.DataFrame({"a": [1]}), path, {})
    assert not sidecar_path(path).exists()
    assert result_files.read_table(path)["a"].tolist() == [1]
