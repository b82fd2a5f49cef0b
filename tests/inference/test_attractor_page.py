"""docs/attractors.md says what the tables of its run hold."""

import re
from pathlib import Path

import pandas as pd
import pytest

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


@pytest.mark.parametrize(
    ("score", "text"), [("floor_relative", "relative floor"), ("auc_least", "AUC")]
)
@pytest.mark.parametrize("level", [0.1, 0.025])
def test_scores_without_a_unit(page, score, text, level):
    table = pd.read_csv(DOCS / "data" / "attractor_noise.csv").set_index(["measure", "level"])
    cells = [with_interval(table.loc[(name, level)], score) for name in MEASURES]
    assert f"| {text}, e = {level:g} | {' | '.join(cells)} |" in page


def test_what_the_text_concludes(page):
    table = pd.read_csv(DOCS / "data" / "attractor_noise.csv").set_index(["measure", "level"])
    floor = table["floor_relative"]
    assert "The scores of DSA are better under strong noise and worse under weak noise" in page
    for rival in ("cka", "procrustes"):
        assert floor[("dsa", 0.1)] < floor[(rival, 0.1)]
        assert floor[("dsa", 0.025)] > floor[(rival, 0.025)]
        for level in (0.1, 0.025):
            dsa, other = table.loc[("dsa", level)], table.loc[(rival, level)]
            for score in ("floor_relative", "auc_least"):
                assert dsa[f"{score}_low"] < other[f"{score}_high"]
                assert other[f"{score}_low"] < dsa[f"{score}_high"]
    for name in ("dsa", "cka"):
        assert with_interval(table.loc[(name, 0.1)], "r2_each") in page


def test_unpaired_systems(page):
    table = pd.read_csv(DOCS / "data" / "attractor_unpaired.csv").set_index("measure")["auc"]
    paired = pd.read_csv(DOCS / "data" / "attractor_families.csv").set_index("measure")["auc"]
    stated = f"CKA {table['cka']:.2f}, Procrustes {table['procrustes']:.2f}, DSA {table['dsa']:.2f}"
    assert f"the AUC is lower by all measures: {stated}" in page
    assert (table < paired[table.index]).all() and len(table) == 3


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
