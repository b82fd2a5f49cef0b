"""The figure of conclusions around the parameters of DSA: the unit of its dissimilarities."""

import runpy
from types import SimpleNamespace

import pandas as pd
import pytest

from warpline.core import result_files


@pytest.mark.parametrize(
    ("wasserstein", "unit"), [([], "radians"), (["dsa"], "Wasserstein")], ids=["angle", "other"]
)
def test_the_axis_has_the_unit_of_the_score(project, tmp_path, wasserstein, unit):
    setting = {"measure": "dsa", "n_delays": 5, "delay_interval": 1, "rank": 10, "own": True}
    of_network = {"architecture": "rnn", "item": "master", "carried": True, "n": 3, "value": 0.1}
    values = [{**setting, **of_network, "conclusion": name} for name in ("after", "over")]
    share = {"measure": "dsa", "conclusion": "after", "architecture": "rnn", "share": 1.0}
    tables = {"values": values, "shares": [{**share, "n_holds": 2, "n_settings": 2}]}
    for name, rows in tables.items():
        result_files.write_table(pd.DataFrame(rows), tmp_path / f"{name}.csv", {})
    settings = {
        "style": {"palette": "okabe-ito"},
        "curricula": ["master"],
        "wasserstein": wasserstein,
        "architecture": "rnn",
        "reference": "master",
    }
    make = runpy.run_path(str(project / "scripts/figures/dsa_sensitivity.py"))["make"]
    arguments = SimpleNamespace(**{name: [tmp_path / f"{name}.csv"] for name in tables})
    labels = [panel.get_ylabel() for panel in make(arguments, settings).axes]
    assert labels[0] == f"dissimilarity to\nmaster ({unit})"
