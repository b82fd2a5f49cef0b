"""Files of recordings in every format: states of six trials, and spikes of five."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

TRIALS, TIMES, UNITS = 6, 20, 4
CHOICE = np.array([0, 1, 0, 1, 0, 1])


def write_npz(path, states, **further):
    np.savez(path, rates=states, choice=CHOICE, **further)
    return {"axes": ["trial", "time", "unit"], "dt": 10.0}


def write_mat5(path, states, **further):
    savemat(path, {"data": {"rates": states, "name": "x"}, "choice": CHOICE, **further})
    return {"variable": "data.rates", "axes": ["trial", "time", "unit"], "dt": 10.0}


def write_mat73(path, states, **further):
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        # MATLAB writes its arrays by columns: the axes are the other way round.
        group = file.create_group("data")
        group.create_dataset("rates", data=states.T)
        file.create_dataset("choice", data=CHOICE[None].T.astype(float))
        for name, value in further.items():
            kind = {"bool": "logical"}.get(str(value.dtype), "double")
            file.create_dataset(
                name, data=np.asarray(value, float if kind == "double" else np.uint8).T
            )
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    return {"variable": "data.rates", "axes": ["trial", "time", "unit"], "dt": 10.0}


def write_nc(path, states, **further):
    further = {k: (("trial", "time")[: np.ndim(v)], v) for k, v in further.items()}
    xr.Dataset(
        {
            "rates": (("neuron", "trial", "time"), states.transpose(2, 0, 1)),
            "choice": ("trial", CHOICE),
            **further,
        },
        coords={"time": ("time", 0.01 * np.arange(TIMES), {"units": "s"})},
    ).to_netcdf(path)
    return {"variable": "rates", "dims": {"neuron": "unit"}}


WRITERS = {"a.npz": write_npz, "a.mat": write_mat5, "b.mat": write_mat73, "a.nc": write_nc}
ZEROS = 3.0 + 2.0 * np.arange(5)


BINS = {"bin": 100, "window": [0, 1000]}
NAMES = {"times": "times", "units": "units"}


def write_listed(path, times, unit, trial):
    np.savez(path, times=times, units=unit + 7, trials=trial)
    return {"spikes": {**NAMES, "trials": "trials"}, "time_unit": "s"}


def write_one_piece(path, times, unit, trial):
    np.savez(path, times=times + ZEROS[trial], units=unit, go=ZEROS)
    return {"spikes": NAMES, "time_unit": "s", "align": "go"}


def write_cells(path, times, unit, trial):
    cells = np.empty((3, 5), dtype=object)
    for k in range(15):
        row, column = divmod(k, 5)
        cells[row, column] = 1000 * np.sort(times[(unit == row) & (trial == column)])
    savemat(path, {"times": cells})
    return {"spikes": {"times": "times"}, "axes": ["unit", "trial"], "time_unit": "ms"}


def write_nwb(path, times, unit, trial):
    pynwb = pytest.importorskip("pynwb")

    file = pynwb.NWBFile("s", "id", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    for k in range(3):
        file.add_unit(spike_times=np.sort((times + ZEROS[trial])[unit == k]))
    file.add_trial_column("choice", "side")
    for k, zero in enumerate(ZEROS):
        file.add_trial(start_time=zero, stop_time=zero + 1, choice="left" if k % 2 else "right")
    data = np.arange(300.0)[:, None] * [1.0, 2.0]
    file.add_acquisition(
        pynwb.TimeSeries(name="lfp", data=data, unit="V", rate=20.0, starting_time=0.0)
    )
    with pynwb.NWBHDF5IO(str(path), "w") as handle:
        handle.write(file)
    return {"spikes": {"times": "spike_times", "units": "spike_units"}, "align": "start_time"}


SPIKES = {
    "listed.npz": write_listed,
    "piece.npz": write_one_piece,
    "cells.mat": write_cells,
    "file.nwb": write_nwb,
}
