"""docs/attractors.md says what the tables of its run hold."""

import re
from pathlib import Path

import pandas as pd
import pytest

from warpline.core import result_files

DOCS = Path(__file__).resolve().parents[2] / "docs"
MEASURES = ("dsa", "cka", "procrustes")


def with_interval(row, score):
    return f"{row[score]:.2f} [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"


@pytest.fixture(scope="module")
def page():
    return re.sub(r"\s+", " ", (DOCS / "attractors.md").read_text())


def test_the_separation_of_families(page):
    table = pd.read_csv(DOCS / "data" / "attractor_families.csv").set_index("measure")
    cells = [with_interval(table.loc[name], "auc") for name in ("cka", "procrustes", "dsa")]
    assert f"| AUC | {' | '.join(cells)} |" in page


@pytest.mark.parametrize("level", [0.1, 0.025])
def test_the_relative_floors(page, level):
    table = pd.read_csv(DOCS / "data" / "attractor_noise.csv").set_index(["measure", "level"])
    cells = [with_interval(table.loc[(name, level)], "floor_relative") for name in MEASURES]
    assert f"| relative floor, e = {level:g} | {' | '.join(cells)} |" in page


OTHER_SETTINGS = ("dsa_17_delays", "dsa_25_delays", "dsa_rank_10", "dsa_rank_30")


def test_what_the_text_concludes(page):
    table = pd.read_csv(DOCS / "data" / "attractor_noise.csv").set_index(["measure", "level"])

    def settings_in_which(level, sign):
        """Name the settings of DSA whose floor is above (1) or below (-1) that of both other measures."""
        floors = table["floor_relative"]
        return {
            name
            for name in ("dsa", *OTHER_SETTINGS)
            if all(
                sign * (floors[(name, level)] - floors[(rival, level)]) > 0
                for rival in ("cka", "procrustes")
            )
        }

    everywhere = {"dsa", *OTHER_SETTINGS}
    assert "Under strong noise the relative floor of DSA is lower than those of CKA and" in page
    assert "at four others (17 and 25 delays, ranks 10 and 30)" in page
    assert settings_in_which(0.1, -1) == everywhere
    assert "it is higher at two of the five settings, and lower at three." in page
    higher = settings_in_which(0.025, 1)
    assert len(higher) == 2
    assert settings_in_which(0.025, -1) == everywhere - higher
    low, high = table["floor_relative_low"], table["floor_relative_high"]
    apart = {
        (name, level)
        for name in everywhere
        for rival in ("cka", "procrustes")
        for level in (0.1, 0.025)
        if low[(name, level)] > high[(rival, level)] or high[(name, level)] < low[(rival, level)]
    }
    assert (
        "With 17 and 25 delays the intervals lie apart; at the other settings they overlap." in page
    )
    assert apart == {(name, 0.1) for name in ("dsa_17_delays", "dsa_25_delays")}
    for name in ("dsa", "cka"):
        assert with_interval(table.loc[(name, 0.1)], "r2_each") in page


def test_other_draws_of_initial_points(page):
    draws = result_files.read_table(DOCS / "data" / "attractor_draws.csv")
    aucs = draws.pivot(index="seed", columns=["paired", "measure"], values="auc")
    for paired, words in ((True, "for all systems"), (False, "(`paired: false`)")):
        columns = [aucs[(paired, name)] for name in ("cka", "procrustes", "dsa")]
        cells = [f"{values.min():.2f} to {values.max():.2f}" for values in columns]
        assert f"{words} | {' | '.join(cells)} |" in page
    lower = {name: int((aucs[(False, name)] < aucs[(True, name)]).sum()) for name in MEASURES}
    assert "both have a lower AUC at every draw" in page
    assert lower["cka"] == lower["procrustes"] == len(aucs)
    stated = f"has a lower one at {lower['dsa']} of {len(aucs)}"
    assert stated in page and 0 < lower["dsa"] < len(aucs)


def test_the_composition(page):
    table = pd.read_csv(DOCS / "data" / "attractor_composition.csv")
    table = table.set_index(["sharing", "measure"])
    for score, text in (("r2", "R²"), ("gap_relative", "relative gap")):
        for sharing, words in (
            ("ordered", "in the same position"),
            ("unordered", "in any position"),
        ):
            values = [table.loc[(sharing, name), score] for name in ("cka", "procrustes", "dsa")]
            cells = [f"{x:.2f}" if score == "r2" else f"{100 * x:.0f} %" for x in values]
            assert f"| {text}, motifs shared {words} | {' | '.join(cells)} |" in page
    gaps = table["gap_relative"]
    assert "By the gap, DSA follows which motifs a sequence contains more than when" in page
    assert gaps[("unordered", "dsa")] > 3 * gaps[("ordered", "dsa")]
    assert all(
        gaps[("unordered", name)] < gaps[("ordered", name)] for name in ("cka", "procrustes")
    )
    assert "any position explain little of the variance between pairs by any measure" in page
    assert (table.loc["unordered", "r2"] < 0.2).all()


def test_the_claims(page):
    table = pd.read_csv(DOCS / "data" / "attractor_claims.csv").set_index("claim")
    for claim, row in table.iterrows():
        interval = f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        agree = f"{row['share_of_settings'] * row['n_settings']:.0f} of {row['n_settings']:.0f}"
        cells = f"{interval} | {row['n']} {row['unit']} | {agree} | {row['verdict']}"
        (line,) = re.findall(rf"\| {claim}, [^|]*\| ([^|]*\| [^|]*\| [^|]*\| [a-z]*)", page)
        assert line == cells
