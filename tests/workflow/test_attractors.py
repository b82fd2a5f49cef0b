"""The attractor test bench by real Snakemake: what it makes, and what a change makes again."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SMALL = {
    "n_trials": 12,
    "n_steps": 40,
    "measures": {
        "cka": {"measure": "cka"},
        "dsa": {"measure": "dsa", "n_delays": 4, "delay_interval": 2, "rank": 4, "max_starts": 2},
    },
    "motifs": {"sequence": 2},
    "hyperparameters": {
        "n_delays": [3, 5],
        "delay_intervals": [1, 2],
        "ranks": [3],
        "max_pairs": 20,
        "best": 2,
    },
}
FIGURES = (
    "systems",
    "motifs",
    "elementary",
    "families",
    "composition",
    "noise",
    "hyperparameters",
    "best",
)


def test_the_bench_is_made_and_a_change_makes_only_what_depends_on_it(fresh):
    fresh.configure(attractors=SMALL | {"bootstrap": 100})
    fresh.snakemake("attractors")
    made = fresh.root / "results" / "tiny" / "attractors"
    for figure in FIGURES:
        for suffix in ("svg", "png"):
            assert (made / "figures" / f"attractor_{figure}.{suffix}").stat().st_size > 5000
    for experiment in ("families", "composition", "noise", "hyperparameters"):
        assert (made / "scores" / f"{experiment}.csv").read_text().count("\n") > 2
    assert fresh.planned("attractors") == {}

    fresh.configure(attractors__noise={"levels": [0.1, 0.0]})
    noise = {"compare_attractors": 2, "score_attractors": 1, "draw_attractor_noise": 1}
    assert fresh.planned("attractors") == {**noise, "attractors": 1}
    fresh.configure(attractors__noise={})

    fresh.configure(attractors__hyperparameters__delay_intervals=[1, 2, 3])
    planned = fresh.planned("attractors")
    assert planned["sweep_hyperparameters"] == 1
    assert "compare_attractors" not in planned
    fresh.configure(attractors__hyperparameters=SMALL["hyperparameters"])

    fresh.configure(attractors__families={"low": [0.3, 0.6], "high": [20.0, 25.0]})
    planned = fresh.planned("attractors")
    assert (planned["simulate_attractors"], planned["compare_attractors"]) == (1, 2)
    assert "sweep_hyperparameters" not in planned
