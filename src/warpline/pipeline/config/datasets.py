"""Recordings that are compared: files, what their axes and times are, and who is compared with whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from warpline.datasets.file_formats import RecordingFileError
from warpline.datasets.read_settings import checked_settings
from warpline.pipeline.config.base import EachOnce, Name, Positive, Strict
from warpline.pipeline.config.messages import explain

__all__ = ["Dataset", "DatasetComparison", "Spikes", "read_settings_of"]


class Spikes(Strict):
    """Spike times in a file, which are binned."""

    times: str
    """Name of the variable with the spike times (``spike_times`` in NWB). They are listed one by one, or are
    cells (trial, unit) of a mat file."""
    units: str | None = None
    """Name of the variable with the unit of each spike (``spike_units`` in NWB), if spikes are listed."""
    trials: str | None = None
    """Name of the variable with the trial of each spike, if times count from the zero of each trial.
    Without it, times are those of one clock, and ``align`` names the zeros of the trials."""
    kernel: Literal["counts", "gaussian"] = "counts"
    """Estimate in each bin. ``counts``: number of spikes. ``gaussian``: rate in spikes per second, by a
    Gaussian kernel."""
    width: Positive | None = None
    """Standard deviation of the Gaussian kernel in ms."""


class Dataset(Strict):
    """Recording of one system, such as an animal, in a file."""

    file: str
    """File with the recording: npz, mat (version 5 or 7.3), netCDF or NWB. A path is relative to the folder
    in which Snakemake runs."""
    group: Name | None = None
    """Group that the system belongs to, such as a species or an area; statistics compare groups. By
    default each recording is a group by itself."""
    variable: str | None = None
    """Name of the states in the file; ``struct.field`` for a field of a struct of MATLAB. By default the only
    array that can be the states."""
    axes: list[str] | None = None
    """Names of the axes of the states, in their order, where the file names none (npz, mat): ``trial``,
    ``time``, ``unit``, and any name for an axis of which ``select`` takes one index."""
    dims: dict[str, str] = {}
    """Dimensions of the file to rename to ``trial``, ``time`` or ``unit``, such as ``neuron: unit``."""
    select: dict[str, str | int | float] = {}
    """Label of each further dimension of the states, such as ``session: 3``; where the file lists none, its
    index from 0."""
    valid: str | None = None
    """Name of the mask (trial, time) in the file that is true where a time was recorded. The other times
    must end a trial."""
    ignore: list[str] = []
    """Names of masks in the file that do not count. A mask that is not named stops the run."""
    time: str | None = None
    """Name of the times of the steps in the file; by default ``time``, if it has a unit."""
    time_unit: Literal["ms", "s"] | None = None
    """Unit of the times in the file, where the file states none."""
    dt: Positive | None = None
    """Time step of the states in ms, where the file holds no times."""
    trials: str | None = None
    """CSV file with a row per trial, in the order of the trials. A column ``trial`` holds the numbers that
    spikes name, and the labels of states whose file has none."""
    align: str | None = None
    """Column of the trial table, or variable of the file, with the zero of each trial, for a recording in
    one piece."""
    until: str | None = None
    """Column of the trial table, or variable of the file, with the end of each trial, for spikes. It counts
    as the spikes do: on the clock of the recording, or from the zero of each trial. Bins that are not over
    by then are left out, so that trials differ in length."""
    conditions: list[str] = []
    """Columns of the trial table, or variables of the file, that name the condition of a trial. Trials
    of several systems are matched by condition."""
    spikes: Spikes | None = None
    """Spike times in place of states."""
    bin: Positive | None = None
    """Width of time bins in ms: spikes are counted in them, states averaged. Needed for spikes."""
    window: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """First and last time in ms, counted from the zero of each trial. Needed for spikes; by default whole
    trials."""

    @model_validator(mode="after")
    def _fits(self) -> Dataset:
        try:
            checked_settings(self.read_settings())
        except RecordingFileError as error:
            raise ValueError(str(error)) from None
        return self

    def read_settings(self) -> dict[str, Any]:
        """Return the settings of `warpline.datasets.sessions.read_session`."""
        return self.model_dump(exclude={"file", "group"})


class DatasetComparison(Strict):
    """Comparison of the recordings that ``run.datasets`` names."""

    networks: Name | None = None
    """Task set whose trained networks are compared with the recordings, too; by default none. All its
    networks in ``run.grid`` are, after learning, in the comparison window."""
    single_trials: list[Name] = []
    """Measures that compare single trials and match none with another, such as DSA. All others compare
    averages over the trials of each condition, of the conditions that all systems have."""
    centre: bool = True
    """Whether the mean of each unit over trials and times is subtracted. Otherwise the baseline rates of
    neurons count as part of the dynamics."""
    references: Annotated[list[str], EachOnce] = []
    """Groups with which the others are compared in the tests; by default each in turn. Networks are
    groups named ``architecture/curriculum``, such as ``leaky_rnn/master``."""


def read_settings_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Validate one entry by itself, and return its settings for reading.

    Raises
    ------
    ConfigError
        When a key or a value is wrong.
    """
    try:
        return Dataset.model_validate(dict(entry)).read_settings()
    except ValidationError as error:
        raise explain(error, Dataset, entry) from None
