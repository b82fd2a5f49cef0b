"""The figure of checkpoints of one run: each panel says of how many networks its cells are means."""

import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd

from warpline.core import result_files


def test_a_measure_without_a_network_has_its_own_n(project, tmp_path):
    rows = [
        {
            "measure": measure,
            "curriculum_a": curriculum,
            "seed_a": seed,
            "checkpoint_a": a,
            "checkpoint_b": b,
            "dissimilarity": np.nan
            if (measure, curriculum, seed) == ("dsa", "master", 3)
            or (measure, curriculum, seed, a) == ("dsa", "frozen", 3, 0.0)
            else 0.1 * (b - a),
        }
        for measure in ("cka", "dsa")
        for curriculum in ("master", "frozen")
        for seed in (1, 2, 3)
        for a, b in ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    ]
    path = tmp_path / "within.csv"
    result_files.write_table(pd.DataFrame(rows), path, {})
    make = runpy.run_path(str(project / "scripts/figures/within_learning.py"))["make"]
    settings = {"measures": ["cka", "dsa"], "curricula": ["master", "frozen"]}
    figure = make(SimpleNamespace(within=[path]), settings)
    titles = [panel.get_title() for panel in figure.axes[:4]]
    # The third network of frozen has a value at its last checkpoint alone.
    assert titles == ["master\nn = 3", "frozen\nn = 3", "n = 2", "n = 2 to 3"]
