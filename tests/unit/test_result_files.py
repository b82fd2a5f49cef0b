import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.core import result_files, tensor_files
from warpline.pipeline.config.base import NO_TEXT

PROVENANCE = {"settings": {"b": 1, "a": [1, 2]}, "code": "abc"}


@pytest.fixture
def dataset(rng):
    return xr.Dataset(
        {
            "inputs": (("trial", "time"), rng.normal(size=(40, 50)).astype("f4")),
            "valid": (("trial", "time"), rng.random((40, 50)) > 0.5),
            "name": (("trial",), [f"t{i}" for i in range(40)]),
        },
        attrs={"dt": 50},
    )


@pytest.fixture
def frame():
    return pd.DataFrame({"a": ["x", "y"], "value": [1 / 3, np.nan], "n": [1, 2]})


@pytest.fixture
def tensors(rng):
    return {f"{step:03d}/w": rng.normal(size=(3, 4)).astype("f4") for step in (0, 10, 2)}


def test_dataset_comes_back(tmp_path, dataset):
    path = tmp_path / "deep" / "x.nc"
    result_files.write_dataset(dataset, path, PROVENANCE)
    back = result_files.read_dataset(path)
    for name in dataset:
        assert (back[name].values == dataset[name].values).all()
        assert back[name].dtype.kind == dataset[name].dtype.kind
    assert result_files.provenance_of(back) == PROVENANCE


HELD = """
import sys, xarray as xr
from warpline.core import result_files
held = xr.open_dataset(sys.argv[1])
first = {name: variable.values for name, variable in held.variables.items()}
for _ in range(20):
    again = result_files.read_dataset(sys.argv[1])
assert again.equals(held) and (again["name"].values == first["name"]).all()
"""


def test_a_file_that_is_open_elsewhere_is_read(tmp_path, dataset):
    # In a process of its own: netCDF4 ended it where a file with text was opened beside xarray's handle.
    path = tmp_path / "x.nc"
    result_files.write_dataset(dataset, path, PROVENANCE)
    subprocess.run([sys.executable, "-c", HELD, str(path)], check=True)


def test_table_comes_back_and_plain_pandas_reads_it(tmp_path, frame):
    path = tmp_path / "x.csv"
    result_files.write_table(frame, path, PROVENANCE)
    pd.testing.assert_frame_equal(result_files.read_table(path), frame, rtol=1e-9)
    pd.testing.assert_frame_equal(pd.read_csv(path, comment="#"), frame, rtol=1e-9)
    assert result_files.read_table_metadata(path) == PROVENANCE


def test_tensors_come_back_whole_and_by_prefix(tmp_path, tensors):
    path = tmp_path / "x.safetensors"
    tensor_files.write_tensors(tensors, path, PROVENANCE)
    back, provenance = tensor_files.read_tensors(path)
    assert provenance == PROVENANCE and set(back) == set(tensors)
    part, _ = tensor_files.read_tensors(path, "010/")
    assert list(part) == ["w"] and np.array_equal(part["w"], tensors["010/w"])
    assert tensor_files.read_tensor_metadata(path) == PROVENANCE


def test_same_content_same_bytes(tmp_path, dataset, frame, tensors):
    for k in range(2):
        result_files.write_dataset(dataset, tmp_path / f"{k}.nc", PROVENANCE)
        result_files.write_table(frame, tmp_path / f"{k}.csv", PROVENANCE)
        tensor_files.write_tensors(tensors, tmp_path / f"{k}.safetensors", PROVENANCE)
    for suffix in ("nc", "csv", "safetensors"):
        assert (tmp_path / f"0.{suffix}").read_bytes() == (tmp_path / f"1.{suffix}").read_bytes()


def test_sidecar_holds_what_cannot_change_the_result(tmp_path, frame):
    result_files.write_table(frame, tmp_path / "x.csv", PROVENANCE)
    record = json.loads((tmp_path / "x.csv.provenance.json").read_text())
    assert {"git", "packages", "host", "written", "python"} <= set(record)
    assert "written" not in (tmp_path / "x.csv").read_text()


@pytest.mark.parametrize("suffix", ["nc", "csv", "safetensors"])
def test_truncated_file_is_named(tmp_path, dataset, frame, tensors, suffix):
    path = tmp_path / f"x.{suffix}"
    write, content, read = {
        "nc": (result_files.write_dataset, dataset, result_files.read_dataset),
        "csv": (result_files.write_table, frame, result_files.read_table),
        "safetensors": (tensor_files.write_tensors, tensors, tensor_files.read_tensors),
    }[suffix]
    write(content, path, PROVENANCE)
    whole = path.read_bytes()
    for keep in (0, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(
            result_files.DamagedFileError, match=rf"x\.{suffix} is damaged .*run again"
        ):
            read(path)


WORDS = ["NA", "na", "none", "None", "nan", "NULL", "true", "True", "yes", "inf", "Infinity", "NAc"]


@pytest.mark.parametrize("word", WORDS)
def test_a_name_comes_back_as_text_where_it_is_not_refused(word, tmp_path):
    path = tmp_path / "a.csv"
    result_files.write_table(pd.DataFrame({"name": [word, word]}), path, PROVENANCE)
    is_text = result_files.read_table(path)["name"].tolist() == [word, word]
    assert is_text == (NO_TEXT.fullmatch(word) is None)


@pytest.mark.parametrize(
    "read", [result_files.read_dataset, result_files.read_table, tensor_files.read_tensors]
)
def test_missing_file_is_named(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere")


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), result_files.atomic_path(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
