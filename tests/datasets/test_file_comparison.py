"""``warpline compare``: the table that it prints, and its errors."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import xarray as xr

import warpline
from warpline.core import result_files
from warpline.pipeline.command_line import main


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["warpline", "compare", *arguments])
        try:
            status = main()
        except SystemExit as stopped:
            status = stopped.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def files(tmp_path, rng):
    """Three recordings (neuron, trial, time) of the same trials; b is a rotation of a."""
    a = rng.normal(size=(8, 30, 5)).cumsum(1)
    b = a @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    c = rng.normal(size=(8, 30, 6)).cumsum(1)
    states = {"a": a, "b": b, "c": c}
    for name, value in states.items():
        array = xr.DataArray(
            value.transpose(2, 0, 1), dims=("neuron", "trial", "time"), name="rates"
        )
        array.to_netcdf(tmp_path / f"{name}.nc")
    return states


@pytest.mark.slow
def test_all_pairs_by_all_measures(command, files):
    settings = '{"n_delays": 2, "rank": 5}'
    status, out, _ = command(
        "a.nc", "b.nc", "c.nc", "--measure", "dsa", "--measure", "procrustes", "--dims", "neuron=unit",
        "--settings", settings, "--output", "table.csv",
    )  # fmt: skip
    assert status == 0 and "a: 8 trials of 30 times, 5 units" in out
    table = result_files.read_table("table.csv")
    assert len(table) == 6 and set(table["measure"]) == {"dsa", "procrustes"}
    values = table.set_index(["measure", "system_a", "system_b"])["dissimilarity"]
    for (measure, one, other), value in values.items():
        own = {"n_delays": 2, "rank": 5} if measure == "dsa" else {}
        expected = warpline.compare(files[one], files[other], measure=measure, **own)
        assert value == pytest.approx(expected["dissimilarity"], abs=1e-8)
        unit = {"dsa": "radians", "procrustes": "angle / 90°"}[measure]
        assert re.search(rf"{measure} +{one} +{other} +{value:.4f} +{unit} +converged", out)
    assert values["procrustes", "a", "b"] < 1e-6 < values["procrustes", "a", "c"]


def test_centred_recordings_have_no_baselines(command, files, tmp_path):
    raised = files["c"] + [3.0, 1, 0, 8, -4, 2]
    np.savez(tmp_path / "a.npz", rates=files["a"])
    np.savez(tmp_path / "raised.npz", rates=raised)
    options = (
        "--measure",
        "dsa",
        "--settings",
        '{"n_delays": 2, "rank": 5}',
        "--axes",
        "trial,time,unit",
    )
    values = []
    for centre in ((), ("--centre",)):
        status, _, _ = command("a.npz", "raised.npz", *options, *centre, "--output", "table.csv")
        table = result_files.read_table("table.csv")
        assert status == 0
        assert result_files.read_table_metadata("table.csv")["settings"]["centre"] == bool(centre)
        values.append(float(table["dissimilarity"].iloc[0]))
    own = {"n_delays": 2, "rank": 5}
    raw = warpline.compare(files["a"], raised, "dsa", **own)["dissimilarity"]
    centred = warpline.compare(files["a"], files["c"], "dsa", **own, centre=True)["dissimilarity"]
    assert values == pytest.approx([raw, centred], abs=1e-6)
    assert abs(raw - centred) > 1e-4


def test_a_measure_that_cannot_pair_trials_has_rows_without_values(command, files, tmp_path):
    np.savez("a.npz", x=files["a"])
    np.savez("short.npz", x=files["c"][:6])
    options = ["a.npz", "short.npz", "--axes", "trial,time,unit"]
    both = ["--measure", "cka", "--measure", "dsa", "--settings", '{"n_delays": 2, "rank": 5}']
    status, out, error = command(*options, *both, "--output", "t.csv")
    rows = result_files.read_table("t.csv").set_index("measure")
    assert status == 0 and "warning: nothing is compared by cka" in error
    assert np.isnan(rows.loc["cka", "dissimilarity"]) and rows.loc["dsa", "dissimilarity"] > 0
    # The reason stands once, below the table.
    assert out.count("cka, failed: expected the same trials in all systems") == 1
    assert rows.loc["cka", "status"].startswith("failed: expected the same trials")
    status, _, error = command(*options, "--measure", "cka", "--measure", "procrustes")
    assert status == 1 and "procrustes: expected the same trials" in error


def test_files_of_two_layouts_are_read_by_one_command(command, files, tmp_path):
    """Dimensions of other names, and a file without any."""
    a, b = files["a"], files["b"]
    xr.Dataset({"rates": (("neuron", "trial", "time"), a.transpose(2, 0, 1))}).to_netcdf("n.nc")
    xr.Dataset(
        {"rates": (("trial", "bin", "cell"), b), "other": (("bin", "cell"), b[0])}
    ).to_netcdf("m.nc")
    np.savez("p.npz", x=a)
    dims = [
        option for old in ("neuron=unit", "cell=unit", "bin=time") for option in ("--dims", old)
    ]
    one = ["--read", 'm={"variable": "rates"}', "--read", 'p={"axes": ["trial", "time", "unit"]}']
    status, out, error = command(
        "n.nc", "m.nc", "p.npz", *dims, *one, "--measure", "procrustes", "--output", "t.csv"
    )
    assert status == 0, error
    values = result_files.read_table("t.csv").set_index(["system_a", "system_b"])["dissimilarity"]
    assert values["n", "m"] < 1e-6 and values["n", "p"] < 1e-6
    # Keys of one file win over those of all.
    both = ["--read", '{"variable": "other"}', "--read", 'n={"variable": "rates"}', *one]
    status, out, error = command("n.nc", "m.nc", *dims, *both[:-2])
    assert status == 0 and "n: 8 trials" in out and "m: 8 trials" in out


CASES = {
    "one file": (["a.nc"], "expected two files or more"),
    "no such file": (["d.nc", "a.nc"], "expected a file at d.nc"),
    "not renamed": (["a.nc", "b.nc"], "neuron: 5, trial: 8, time: 30"),
    "no such measure": (["a.nc", "b.nc", "--dims", "neuron=unit", "--measure", "ckaa"], "'ckaa'"),
    "missing setting": (["a.nc", "b.nc", "--dims", "neuron=unit", "--measure", "dsa"], "n_delays"),
    "unknown setting": (["a.nc", "b.nc", "--settings", '{"rnk": 3}'], "rnk"),
    "unknown key": (["a.nc", "b.nc", "--read", '{"windw": 3}'], "did you mean 'window'"),
    "no such name": (["a.nc", "b.nc", "--read", 'c={"dt": 3}'], "with one of a, b, got c"),
    "a file twice": (["a.nc", "a.nc"], "each file once, got a.nc more often"),
    "a file by two paths": (["a.nc", "./a.nc"], "each file once, got a.nc more often"),
    "a key twice": (["a.nc", "b.nc", "--read", '{"dt": 3, "dt": 5}'], "each key once, got 'dt'"),
    "another file": (["a.nc", "b.nc", "--read", 'a={"file": "c.nc"}'], "how a file is read"),
    "two variables": (
        ["a.nc", "b.nc", "--variable", "x", "--read", '{"variable": "y"}'], "variable once, got x by",
    ),
    "no mapping": (["a.nc", "b.nc", "--read", '{"dims": 3}'], "dims"),
    "no dimension of any": (["a.nc", "b.nc", "--dims", "cell=unit"], "'cell' in dims"),
    "no JSON": (["a.nc", "b.nc", "--settings", "n_delays=3"], "expected a JSON object"),
    "a recording as output": (
        ["a.nc", "b.nc", "--dims", "neuron=unit", "--output", "a.nc"], "a file that ends in .csv",
    ),
    "a folder as output": (
        ["a.nc", "b.nc", "--dims", "neuron=unit", "--output", "."], "a file that ends in .csv",
    ),
    "output below a file": (
        ["a.nc", "b.nc", "--dims", "neuron=unit", "--output", "a.nc/t.csv"], "--output that can be written",
    ),
    "a name too long": (
        ["a.nc", "b.nc", "--dims", "neuron=unit", "--output", "x" * 300 + ".csv"], "--output that can be",
    ),
    "no pair": (["a.nc", "b.nc", "--dims", "neuron"], "such as neuron=unit, got 'neuron'"),
}  # fmt: skip


def test_a_table_of_the_user_s_own_is_not_overwritten(command, files, tmp_path):
    own = tmp_path / "trials.csv"
    own.write_text("trial,side\n0,left\n")
    arguments = ["a.nc", "b.nc", "--dims", "neuron=unit", "--output"]
    status, _, error = command(*arguments, "trials.csv")
    assert status and "expected --output as a new file" in error
    assert own.read_text() == "trial,side\n0,left\n"
    # One that the command wrote is written anew.
    assert [command(*arguments, "t.csv")[0] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("case", CASES)
def test_errors_are_one_message(command, files, tmp_path, case):
    arguments, message = CASES[case]
    before = {path: (tmp_path / path).read_bytes() for path in ("a.nc", "b.nc", "c.nc")}
    if case == "unknown setting":
        arguments = [*arguments, "--dims", "neuron=unit"]
    status, _, error = command(*arguments)
    assert status and message in error and "Traceback" not in error
    assert {path: (tmp_path / path).read_bytes() for path in before} == before
    assert {path.name for path in tmp_path.iterdir()} == set(before)


def test_a_name_may_hold_the_sign_that_ends_it(command, files, tmp_path):
    (tmp_path / "x=y.nc").write_bytes((tmp_path / "b.nc").read_bytes())
    read = ["--read", 'x=y={"variable": "rats"}']
    status, _, error = command("a.nc", "x=y.nc", "--dims", "neuron=unit", *read)
    assert status == 1 and "'rats'" in error and "x=y.nc" in error


def test_files_with_one_stem_keep_their_paths(command, files, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.nc").write_bytes((tmp_path / "a.nc").read_bytes())
    status, out, _ = command("a.nc", "d/a.nc", "--dims", "neuron=unit")
    assert status == 0 and "d/a.nc" in out


def test_other_time_steps_are_no_match(command, files):
    for name, step in {"a": 10.0, "b": 20.0}.items():
        times = ("time", step * np.arange(30), {"units": "ms"})
        dims = ("trial", "time", "unit")
        array = xr.DataArray(files[name], dims=dims, coords={"time": times}, name="states")
        array.to_netcdf(f"{name}-times.nc")
    status, _, err = command("a-times.nc", "b-times.nc")
    assert status == 1 and "one time step for all systems, got a-times 10 ms, b-times 20 ms" in err
    options = ["--read", '{"bin": 20, "window": [0, 300]}']
    status, out, _ = command("a-times.nc", "b-times.nc", *options)
    assert status == 0 and "of 15 times" in out
