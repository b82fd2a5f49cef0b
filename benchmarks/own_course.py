"""A5b of a run of ten seeds, by the rule of today: the value in docs/claims.md.

The runs of docs/results.md were judged by a former rule. This one is that of the leaky RNN alone:

    snakemake claims --cores 2 --configfile config/demo.yaml benchmarks/own_course.yaml
    python benchmarks/own_course.py --claims results/own_course/claims.csv --output docs/data/own_course.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warpline.core import result_files

COLUMNS = ["value", "low", "high", "n", "p_adjusted", "verdict"]


def sentence(result: Mapping[str, Any]) -> str:
    """Return what docs/claims.md says of the run."""
    return (
        f"In another run of ten seeds, of the leaky RNN alone, A5b is {result['value']:.2f} "
        f"[{result['low']:.3f}, {result['high']:.3f}] by the rule of today (n = {result['n']}): "
        f"{result['verdict']}, p = {result['p_adjusted']:.2f} after Holm's correction."
    )


def main() -> None:
    """Take the row of the claim, print the sentence and write the numbers as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    claims = result_files.read_table(arguments.claims)
    (row,) = claims.loc[claims["claim"] == "A5b", COLUMNS].to_dict("records")
    arguments.output.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    print(sentence(row))


if __name__ == "__main__":
    main()
