"""Files of Neurodata Without Borders: sorted spikes, the table of trials, and time series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.similarity.input_errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_nwb"]


def read_nwb(path: Path) -> tuple[dict[str, xr.Variable], tuple[str, ...]]:
    """Read an NWB file; needs the package pynwb (``pip install warpline[nwb]``).

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    variables : dict of str to xarray.Variable
        ``spike_times`` and ``spike_units`` (spike), in seconds, and ``unit_ids`` (unit), of the table of
        units. The columns of the table of trials (trial). Each time series by its name, (time, unit) or
        (time,), in the unit that it states, and ``NAME.times`` (time), in seconds; ``MODULE.NAME`` where the
        name is taken.
    unread : tuple of str
        Names of what is of another kind.

    Raises
    ------
    InputError
        When pynwb is missing.
    """
    import xarray as xr

    try:
        import pynwb
    except ImportError:
        raise InputError(
            "the package pynwb, which reads NWB files", "none", "pip install pynwb"
        ) from None
    variables: dict[str, Any] = {}
    unread: list[str] = []
    with pynwb.NWBHDF5IO(str(path), "r") as handle:
        file = handle.read()
        if file.units is not None and "spike_times" in file.units.colnames:
            ids = np.asarray(file.units.id[:])
            trains = [np.asarray(file.units["spike_times"][k]) for k in range(len(ids))]
            seconds = {"units": "s"}
            variables["spike_times"] = xr.Variable("spike", np.concatenate(trains), seconds)
            counts = [len(train) for train in trains]
            variables["spike_units"] = xr.Variable("spike", np.repeat(ids, counts))
            variables["unit_ids"] = xr.Variable("unit", ids)
            unread += [f"units.{name}" for name in file.units.colnames if name != "spike_times"]
        if file.trials is not None:
            for name in file.trials.colnames:
                try:
                    column = np.asarray(file.trials[name][:])
                except ValueError:  # a list of another length in each trial
                    unread.append(f"trials.{name}")
                    continue
                if column.ndim != 1 or column.dtype.kind not in "fiubUO":
                    unread.append(f"trials.{name}")
                    continue
                column = column.astype(str) if column.dtype == object else column
                units = {"units": "s"} if name.endswith("_time") else None
                variables[name] = xr.Variable("trial", column, units)
        modules = {name: module.data_interfaces for name, module in file.processing.items()}
        for where, entries in {"acquisition": file.acquisition, **modules}.items():
            for name, entry in entries.items():
                # A name that is taken is told apart by the name of its module.
                key = f"{where}.{name}" if name in {*variables, *unread} else name
                _add_series(key, entry, variables, unread)
        for kind in ("stimulus", "intervals", "analysis", "scratch"):
            unread += [f"{kind}.{name}" for name in getattr(file, kind) if name != "trials"]
    return variables, tuple(unread)


def _add_series(name: str, entry: Any, variables: dict[str, Any], unread: list[str]) -> None:
    """Add a time series to the variables, or its name to what is not read."""
    import pynwb
    import xarray as xr

    # Containers of series, such as LFP or Fluorescence.
    inner: dict[str, Any] = {}
    for attribute in ("electrical_series", "roi_response_series", "time_series"):
        inner |= dict(getattr(entry, attribute, None) or {})
    if inner:
        for inner_name, inner_entry in inner.items():
            _add_series(f"{name}.{inner_name}", inner_entry, variables, unread)
        return
    if not isinstance(entry, pynwb.TimeSeries) or np.ndim(entry.data) not in (1, 2):
        unread.append(name)
        return
    data = _in_units(entry)
    if entry.timestamps is not None:
        times = np.asarray(entry.timestamps[:])
    else:
        times = float(entry.starting_time) + np.arange(len(data)) / float(entry.rate)
    dims = [f"{name} time", f"{name} unit"][: data.ndim]
    variables[name] = xr.Variable(dims, data)
    variables[f"{name}.times"] = xr.Variable(dims[:1], times, {"units": "s"})


def _in_units(entry: Any) -> Any:
    """Return what a time series holds in its unit: channels may have factors of their own."""
    data = np.asarray(entry.data[:])
    factor, offset = entry.conversion, entry.offset
    of_channels = getattr(entry, "channel_conversion", None)
    if of_channels is not None:
        factor = factor * np.asarray(of_channels[:])
    # Stored numbers that are the values keep their type, which says how they were rounded.
    if np.all(factor == 1) and offset == 0:
        return data
    values = data * np.asarray(factor, dtype=np.float64) + offset
    return values.astype(data.dtype) if data.dtype.kind == "f" else values
