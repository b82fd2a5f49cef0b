"""Figures of the validation systems: bars of a weighted sample, and the unit of each measure."""

import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from warpline.core import result_files

CELL = {"n_delays": 3, "delay_interval": 1, "rank": 3}
FITS = {
    f"{name}_{sharing}": 0.5
    for name in ("r2", "slope", "intercept")
    for sharing in ("ordered", "unordered")
}


@pytest.fixture
def draw(project, tmp_path):
    """Return a function that draws pairs of one setting of DSA, which is the best."""

    def drawn(pairs, wasserstein):
        tables = {"rows": pairs, "scores": pd.DataFrame([{**CELL, **FITS, "place": 1}])}
        for name, table in tables.items():
            result_files.write_table(table, tmp_path / f"{name}.csv", {})
        settings = {
            "style": {"palette": "okabe-ito"},
            "best": 1,
            "swept_by_wasserstein": wasserstein,
        }
        make = runpy.run_path(str(project / "scripts/figures/attractor_best.py"))["make"]
        arguments = SimpleNamespace(**{name: [tmp_path / f"{name}.csv"] for name in tables})
        return make(arguments, settings).axes

    return drawn


@pytest.mark.parametrize(
    ("wasserstein", "label"), [(False, "DSA (radians)"), (True, "dsa (Wasserstein)")]
)
def test_bars_are_quartiles_of_all_pairs_and_not_of_those_drawn(draw, wasserstein, label):
    # Of 100 pairs with small values 10 were drawn, and all of 10 with large ones.
    values = np.concatenate([np.linspace(0.1, 0.19, 10), np.linspace(0.8, 0.89, 10)])
    pairs = pd.DataFrame({"dissimilarity": values, "weight": [10.0] * 10 + [1.0] * 10})
    pairs = pairs.assign(**CELL, ordered=0, unordered=1)
    first, _ = draw(pairs, wasserstein)
    (bars,) = first.collections
    _, ends = np.transpose(bars.get_segments()[0])
    everyone = np.repeat(values, pairs["weight"].astype(int))
    assert ends == pytest.approx(np.quantile(everyone, [0.25, 0.75]), abs=0.01)
    assert first.get_ylabel() == label
