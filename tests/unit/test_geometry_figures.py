"""Figures of the geometry analyses: which units are drawn, and what has no place in a panel."""

import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.core import result_files

STYLE = {"palette": "okabe-ito", "colormap": "viridis", "font_size": 9.0, "dpi": 80}


@pytest.fixture
def functions(project):
    """Return a function that gives the functions of a figure's script."""
    return lambda name: runpy.run_path(str(project / "scripts" / "figures" / f"{name}.py"))


def decision_arrays(spreads):
    """Return one network of the analysis of a decision; units differ between inputs by so much."""
    rng = np.random.default_rng(0)
    kappa, time = np.linspace(-1, 1, 15), 10.0 * np.arange(5)
    activity = kappa[:, None, None] * np.linspace(0, 1, 5)[:, None] * np.array(spreads)
    return xr.Dataset(
        {
            "metric": (("kappa", "time", "tangent", "tangent_b"), rng.random((15, 5, 2, 2))),
            "position": (("kappa", "time", "axis"), rng.normal(size=(15, 5, 3))),
            "output": (("kappa", "time"), rng.normal(size=(15, 5))),
            "activity": (("kappa", "time", "neuron"), activity),
            "unit": ("neuron", 10 + np.arange(len(spreads))),
            "variance": ("axis", [0.5, 0.3, 0.2]),
            "fixed_position": (("fixed", "axis"), rng.normal(size=(2, 3))),
            "fixed_kappa": ("fixed", [0.0, 1.0]),
            "fixed_stable": ("fixed", [1.0, 0.0]),
            "fixed_rate": ("fixed", [-1.0, -1.0]),
            "status": ((), "converged"),
        },
        coords={"kappa": kappa, "time": time, "fixed": [0, 1]},
    ).expand_dims(seed=[1])


@pytest.mark.parametrize(
    ("spreads", "shown"), [((1, 2, 6, 3, 5, 4), {2: 6, 4: 5, 5: 4}), ((1, 2), {0: 1, 1: 2})]
)
def test_the_units_that_differ_most_are_drawn(functions, tmp_path, spreads, shown):
    result_files.write_dataset(decision_arrays(spreads), tmp_path / "a.nc", {})
    summary = pd.DataFrame(
        [
            {
                "quantity": "time component, end / peak",
                "condition": "",
                "moment": "",
                "mean": 0.5,
                "low": np.nan,
                "high": np.nan,
            }
        ]
    )
    result_files.write_table(summary, tmp_path / "s.csv", {})
    arguments = SimpleNamespace(arrays=[tmp_path / "a.nc"], summary=[tmp_path / "s.csv"])
    figure = functions("warping_decision")["make"](arguments, {"style": STYLE})
    (panel,) = (axes for axes in figure.axes if axes.get_ylabel() == "activity")
    ends = {round(abs(line.get_ydata()[-1]), 9) for line in panel.lines if len(line.get_ydata())}
    # The line of the largest input ends at the spread of its unit.
    assert {value for value in ends if value in spreads} >= set(shown.values())
    assert max(ends) == max(spreads) and not ends & (set(spreads) - set(shown.values()))
    entries = panel.get_legend_handles_labels()[1]
    assert entries == [f"unit {11 + position}" for position in shown]


def test_a_network_without_a_switch_has_no_mark(functions):
    """Its w is undefined, and the tables leave it out."""
    import matplotlib.pyplot as plt

    arrays = xr.Dataset(
        {
            "verdict": ("seed", ["mixed", "no switch", "warping", "mixed"]),
            "w": ("seed", [0.5, -40.0, 0.9, 0.6]),
            "defect": ("seed", [1.0, 9.0, 2.0, np.inf]),
        }
    )
    rows = [
        {"quantity": f"two items: {name}", "condition": "", "moment": "", "mean": 1, "low": np.nan}
        for name in ("w", "δ")
    ]
    panel = plt.figure().subplots()
    functions("warping_memory_metric")["draw_verdicts"](panel, arrays, pd.DataFrame(rows))
    labels = panel.get_legend_handles_labels()[1]
    assert labels == ["warping: 1", "mixed: 2 (1 not drawn)", "no switch: 1 (1 not drawn)"]
    drawn = {float(x) for line in panel.lines for x in line.get_xdata()}
    assert {0.5, 0.9} <= drawn and not {-40.0, 0.6} & drawn
    assert panel.get_xlim() == pytest.approx((-0.05, 1.05)) and panel.get_ylim()[1] == 2.5
