"""Results that outlive their Snakemake, and what tells that a result is damaged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline import finished, store


@pytest.fixture
def made(tmp_path):
    """Return the results of a finished run, and the folder of its resume state."""
    outputs = [tmp_path / "run/checkpoints.safetensors", tmp_path / "run/history.csv"]
    store.write_tensors({"w": np.arange(6.0)}, outputs[0], {"code": "a"})
    store.write_table(pd.DataFrame({"x": [1, 2]}), outputs[1], {"code": "a"})
    finished.keep(outputs, tmp_path / "resume/run", "key")
    return outputs, tmp_path / "resume/run"


def test_a_finished_run_is_put_back(made):
    outputs, folder = made
    before = [path.read_bytes() for path in outputs]
    assert outputs[0].stat().st_nlink == 2  # no space of its own
    for path in outputs:
        path.unlink()
        store.sidecar(path).unlink()
    assert finished.restore(outputs, folder, "key")
    assert [path.read_bytes() for path in outputs] == before
    assert all(store.damage(path) is None and store.sidecar(path).is_file() for path in outputs)


def test_of_another_key_or_damaged_it_is_not(made):
    outputs, folder = made
    assert not finished.restore(outputs, folder, "other key")
    with outputs[0].open("r+b") as handle:  # in place: both names are of the same bytes
        handle.seek(-3, 2)
        handle.write(b"\xff")
    assert not finished.restore(outputs, folder, "key")


def test_half_of_it_is_not_enough(made):
    outputs, folder = made
    next(folder.glob("*.csv")).unlink()
    assert not finished.restore(outputs, folder, "key")


def test_without_hard_links_a_run_ends_all_the_same(made, monkeypatch):
    outputs, folder = made
    finished.forget(folder)

    def refuse(*_):
        raise OSError("not supported")

    monkeypatch.setattr(finished.os, "link", refuse)
    finished.keep(outputs, folder, "key")
    assert not finished.restore(outputs, folder, "key")


def test_forgetting_leaves_unfinished_runs_alone(made):
    _, folder = made
    other = folder.parent / "other" / "state.safetensors"
    store.write_tensors({"w": np.ones(2)}, other, {}, sidecar=False)
    finished.forget(folder.parent)
    assert other.is_file() and not folder.exists()


@pytest.mark.parametrize("kind", ["csv", "nc", "safetensors"])
@pytest.mark.parametrize("fault", ["cut", "flipped", "empty"])
@pytest.mark.parametrize("beside", [True, False])
def test_damage_is_found(tmp_path, kind, fault, beside):
    path = tmp_path / f"x.{kind}"
    if kind == "csv":
        frame = pd.DataFrame({"a": np.arange(2000), "b": "text"})
        store.write_table(frame, path, {"code": "a"})
    elif kind == "nc":
        values = np.random.default_rng(0).normal(size=(50, 40))
        store.write_dataset(xr.Dataset({"x": (("a", "b"), values)}), path, {"code": "a"})
    else:
        store.write_tensors({"w": np.arange(2000.0)}, path, {"code": "a"})
    assert store.damage(path) is None
    if not beside:
        store.sidecar(path).unlink()
        assert store.damage(path) is None
    content = bytearray(path.read_bytes())
    if fault == "cut":
        lines = bytes(content).splitlines(keepends=True)
        # A table is cut between two lines: only their number tells.
        content = b"".join(lines[:-700]) if kind == "csv" else content[: len(content) * 2 // 3]
    elif fault == "flipped":
        content[len(content) * 3 // 4] ^= 1
    else:
        content = b""
    path.write_bytes(bytes(content))
    found = store.damage(path)
    if fault == "flipped" and not beside and kind != "nc":
        # Nothing but the checksum beside it could tell; netCDF has its own.
        return
    assert found is not None
