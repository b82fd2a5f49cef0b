"""Settings of a recording are refused before its file is opened, in a notebook as in a configuration."""

import numpy as np
import pytest

from warpline.datasets.file_formats import RecordingFileError
from warpline.datasets.read_settings import DEFAULTS, SPIKE_DEFAULTS, checked_settings
from warpline.datasets.sessions import read_session
from warpline.pipeline.config.datasets import Dataset, Spikes

SPIKES = {"times": "spike_times", "units": "spike_units"}
OF_SPIKES = {"spikes": SPIKES, "bin": 20, "window": [0, 100]}


def with_spikes(**changed):
    return OF_SPIKES | {"spikes": SPIKES | changed}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"windw": [0, 100]}, "settings among variable, .* Did you mean window?"),
        ({"bin": "20"}, "bin in ms: a number above 0; got '20'"),
        ({"dt": 0}, "dt in ms: a number above 0; got 0"),
        ({"dt": -10.0}, "dt in ms: a number above 0"),
        ({"dt": np.nan}, "dt in ms: a number above 0"),
        ({"dt": True}, "dt in ms: a number above 0"),
        ({"time_unit": "h"}, "time_unit: ms or s; got 'h'"),
        ({"time_unit": ["ms"]}, "time_unit: ms or s"),
        ({"window": [0, 50, 100]}, "window: the first and the last time in ms"),
        ({"window": [100, 0]}, "window: the first and the last time in ms"),
        ({"window": ["0", "100"]}, "window: the first and the last time in ms"),
        ({"window": 100}, "window: the first and the last time in ms"),
        ({"axes": "trial"}, "axes: a list of names; got 'trial'"),
        ({"axes": ["trial", "time", "time"]}, "axes: each name once"),
        ({"ignore": [1]}, "ignore: a list of names"),
        ({"dims": ["unit"]}, "dims: a mapping from dimensions"),
        ({"variable": 3}, "variable: a name; got 3"),
        (with_spikes(kernel="gauss"), "spikes.kernel: counts or gaussian; got 'gauss'"),
        (with_spikes(kernl="gaussian", width=20), "spikes among times, .* Did you mean kernel?"),
        (with_spikes(kernel="gaussian"), "spikes.width: the standard deviation of the kernel"),
        (with_spikes(kernel="gaussian", width=-30), "spikes.width in ms: a number above 0"),
        (with_spikes(width=30), "spikes.width: none for the kernel counts; got 30"),
        (with_spikes(times=None), "spikes.times: the name of the variable"),
        ({"spikes": "spike_times"}, "spikes: a mapping with some of times"),
        ({**OF_SPIKES, "bin": None}, "bin: a value for spikes"),
        ({**OF_SPIKES, "window": None}, "window: a value for spikes"),
        ({**OF_SPIKES, "variable": "rates"}, "variable: none beside spikes"),
    ],
)
def test_odd_settings_are_refused_before_the_file_is_read(settings, expected):
    # There is no such file: what is refused first are the settings.
    with pytest.raises(RecordingFileError, match=expected):
        read_session("no_such_file.npz", settings)


def test_what_is_none_is_not_given():
    assert checked_settings(dict.fromkeys(DEFAULTS)) == DEFAULTS


def test_the_keys_are_those_of_a_configuration():
    assert set(DEFAULTS) == set(Dataset.model_fields) - {"file", "group"}
    assert set(SPIKE_DEFAULTS) == set(Spikes.model_fields)
    for name, default in DEFAULTS.items():
        assert Dataset.model_fields[name].default == default
