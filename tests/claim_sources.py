"""Made-up tables of networks whose claims are known."""

from __future__ import annotations

import itertools
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from warpline.claims.claim_table import claim_table
from warpline.claims.registry import CLAIMS
from warpline.claims.sources import AnalysedNetworks, ComparedNetworks, Sources

LEVELS = {"untrained": 0, "master_frozen": 1, "pretrain_anti": 2, "pretrain_all": 3}

N_SEEDS = 10


def pairs(distances, measure="dsa", seeds=range(1, N_SEEDS + 1), **columns):
    """Return rows of ``after``: each curriculum at a distance to master, with some noise."""
    noise = np.random.default_rng(3)
    rows = []
    for (name, distance), a, b in itertools.product(distances.items(), seeds, seeds):
        row = {"curriculum_a": name, "seed_a": a, "curriculum_b": "master", "seed_b": b}
        if (a + b) % 2:
            # A pair can stand in either order.
            row = dict(zip(row, ["master", b, name, a], strict=True))
        rows.append(row | {"dissimilarity": distance + 0.01 * noise.standard_normal()} | columns)
    return pd.DataFrame(rows).assign(measure=measure, architecture_a="net", architecture_b="net")


def networks(model="leaky_rnn", **tables):
    empty = dict.fromkeys(("after", "over", "within", "around"), pd.DataFrame())
    return ComparedNetworks("PDM", "net", model, **(empty | tables))


def sources(**fields):
    return Sources(kinds={"dsa": "dsa", "cka": "cka"}, levels={"PDM": LEVELS}, **fields)


ORDERED = {"untrained": 0.9, "master_frozen": 0.7, "pretrain_anti": 0.5, "pretrain_all": 0.3}


def numbers(values):
    """Return rows of numbers from (quantity, condition, moment) to a value for each of the networks."""
    return pd.DataFrame(
        [
            dict(zip(("quantity", "condition", "moment"), key, strict=True))
            | {"seed": seed, "value": value, "status": "converged"}
            for key, of_networks in values.items()
            for seed, value in enumerate(of_networks, start=1)
        ]
    )


def analysis(experiment, values, arrays=None):
    return Sources(
        analysed=[AnalysedNetworks("one", experiment, "Set", "net", numbers(values), arrays)]
    )


SPEED = "speed near the boundaries / mean speed"


def settings_of(rules, protocol="right"):
    """Return the settings of a run that holds nothing but the rules."""
    grid = {"tasksets": ["PDM"], "architectures": ["net"], "curricula": ["master"]}
    runs = {
        claim.run: {"command": "snakemake claims", "sections": {"run": {"grid": [grid]}}}
        for claim in CLAIMS.values()
    }
    runs["attractors"] = {"command": "snakemake claims --configfile a.yaml", "sections": {}}
    return rules.model_dump() | {
        "protocol": protocol,
        "name": "one",
        "deciding": runs,
        "measures": [["dsa", "dsa"], ["cka", "cka"]],
        "families": {"a": [1.0, 2.0], "b": [5.0, 9.0]},
    }


def claims(rules, source):
    return claim_table(source, settings_of(rules))


class Cells(HTMLParser):
    """Number of rows of the first table, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)
