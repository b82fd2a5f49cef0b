"""How often does the test tell groups apart whose recordings differ in all but dynamics? docs/your_data.md.

Each call of compare_groups has two groups of five recordings of two leaky integrators, as in
docs/notebooks/compare_recordings.md, all with one leak. Each recording has neurons, trials and noise of its
own. The groups differ in the noise of a neuron, in the number of neurons, time steps or trials, or in which
time steps they have. Counted are calls of which a test is significant at 5 % (Holm). The setting of DSA is
fixed, or chosen by choose_dsa on a recording of each of three groups with unlike leaks.

    python benchmarks/unlike_recordings.py --output docs/data/unlike_recordings.json
    python benchmarks/unlike_recordings.py --few --output docs/data/unlike_recordings.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from dsa_search_kinds import leaky_integrators  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import warpline  # noqa: E402

FloatArray = NDArray[np.float64]
SYSTEMS = 5
#: What the recordings of both groups have, by the words of the page.
UNLIKE: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "nothing": ({}, {}),
    "noise of 0.3, not 0.2": ({}, {"noise": 0.3}),
    "noise of 0.5, not 0.2": ({}, {"noise": 0.5}),
    "10 neurons, not 30": ({}, {"n_neurons": 10}),
    "25 time steps, not 50": ({}, {"n_times": 25}),
    "the last 25 time steps, not the first": ({"n_times": 25}, {"first": 25}),
    "12 trials, not 60": ({}, {"n_trials": 12}),
}
FIXED: Mapping[str, Mapping[str, int]] = {
    "fixed": {"n_delays": 3, "rank": 4},
    "low_rank": {"n_delays": 1, "rank": 2},
}
"""Settings of DSA; the second has the rank of the system."""


def recording(
    seed: tuple[int, ...], leak: float = 0.2, first: int = 0, **recorded: Any
) -> FloatArray:
    """Return `leaky_integrators` from a first time step, shape (trial, time, unit)."""
    return leaky_integrators(np.random.default_rng(seed), leak, **recorded)[:, first:]


def chosen_setting(draw: int) -> dict[str, int]:
    """Return the delays and rank that choose_dsa takes for three kinds of recordings."""
    systems = [recording((draw, 2, k), leak=leak) for k, leak in enumerate((0.2, 1.0, 2.0))]
    choice = warpline.choose_dsa(systems, n_delays=[1, 2, 3, 5], ranks=[2, 4, 6, 8])
    return {"n_delays": choice.n_delays, "rank": choice.rank}


def is_significant(
    draw: int, unlike: Sequence[Mapping[str, Any]], setting: Mapping[str, int]
) -> bool:
    """Return whether some test of a call tells two groups of one dynamics apart."""
    groups = {
        name: [recording((draw, number, k), **recorded) for k in range(SYSTEMS)]
        for number, (name, recorded) in enumerate(zip("ab", unlike, strict=True))
    }
    return bool(warpline.compare_groups(groups, {"dsa": setting}).tests["significant"].any())


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines that docs/your_data.md holds."""
    return [
        f"| {row['unlike']} | "
        + " | ".join(f"{row[name]} of {row['calls']}" for name in ("chosen", *FIXED))
        + " |"
        for row in result["rows"]
    ]


def sentence(result: Mapping[str, Any]) -> str:
    """Return what docs/your_data.md says of groups that differ in nothing, and have few neurons."""
    few = result["few_neurons"]
    return (
        f"Where all recordings have {few['n_neurons']} neurons, and the groups differ in nothing, "
        f"{few['significant']} of {few['calls']} calls are significant at 3 delays and rank 4"
    )


def main() -> None:
    """Count, print and write as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--few", action="store_true", help="few neurons in both; the table stays")
    arguments = parser.parse_args()
    if arguments.few:
        result = json.loads(arguments.output.read_text())
        few = {"n_neurons": 10}
        calls = [is_significant(k, (few, few), FIXED["fixed"]) for k in range(4 * arguments.calls)]
        result["few_neurons"] = {**few, "calls": len(calls), "significant": sum(calls)}
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(sentence(result))
        return
    draws = range(arguments.calls)
    settings = [chosen_setting(draw) for draw in draws]
    rows = []
    for words, unlike in UNLIKE.items():
        row: dict[str, Any] = {"unlike": words, "calls": arguments.calls}
        row["chosen"] = sum(is_significant(draw, unlike, settings[draw]) for draw in draws)
        for name, setting in FIXED.items():
            row[name] = sum(is_significant(draw, unlike, setting) for draw in draws)
        rows.append(row)
        print(rows[-1], flush=True)
    ranks = [setting["rank"] for setting in settings]
    result = {"ranks_chosen": {str(r): ranks.count(r) for r in sorted({*ranks})}, "rows": rows}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
