"""The tutorial prints, and concludes, what the tables of its run give."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib
import pytest

import warpline
from warpline.core import result_files

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tutorial.md").read_text()
# The tables of that run: results/anti_first/tables/PDM.
DATA = DOCS / "data" / "tutorial"


def table(name):
    return result_files.read_table(DATA / f"{name}.csv")


def row(name, query):
    rows = table(name).query(query)
    assert len(rows) == 1, query
    return rows.iloc[0]


def lines_of(text):
    return [line.rstrip() for line in text.strip("\n").split("\n") if line.strip()]


def test_printed_tables_are_those_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warpline, "load_table", lambda run, taskset, name: table(name))
    matplotlib.use("agg")
    names = {}
    printed = []
    for kind, source in re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "text":
            assert lines_of(printed[-1]) == lines_of(source)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(source, names)
        printed.append(output.getvalue())
    assert sum(map(bool, printed)) == 3 and (tmp_path / "anti_first.png").exists()


def interval(values, digits, name="mean"):
    low, high = (
        (values["low"], values["high"])
        if name in ("mean", "difference")
        else (values[f"{name}_low"], values[f"{name}_high"])
    )
    return f"{values[name]:.{digits}f}", f"[{low:.{digits}f}, {high:.{digits}f}]"


AT_START = "measure == 'dsa' and checkpoint == 0"
PAIR = "measure == 'dsa' and seeds == 'cross' and curriculum_a == 'anti_first' and curriculum_b == 'master'"


@pytest.mark.parametrize(
    "sentence, name, query, digits, column",
    [
        ("by {} rad, 95 % interval {}", "learning", f"{AT_START} and against == 'reference'", 2, "mean"),
        ("differ by {} {} from each other", "learning", f"{AT_START} and against == 'floor' and curriculum_a == 'master'", 2, "mean"),
        ("{} rad {} by DSA", "tests", "measure == 'dsa'", 3, "difference"),
        ("{} {} by CKA", "tests", "measure == 'cka'", 2, "difference"),
        ("S is {} {}", "summary", PAIR, 2, "separation"),
    ],
)  # fmt: skip
def test_the_conclusion_states_numbers_of_the_tables(sentence, name, query, digits, column):
    conclusion = " ".join(PAGE.partition("## Conclusion")[2].split())
    assert sentence.format(*interval(row(name, query), digits, column)) in conclusion


def test_the_size_is_held_against_the_floor():
    by_dsa = row("tests", "measure == 'dsa'")
    conclusion = " ".join(PAGE.partition("## Conclusion")[2].split())
    assert f"a difference (p = {by_dsa['p']:.3f})" in conclusion
    assert f"{100 * by_dsa['difference'] / by_dsa['mean_b']:.0f} % of the floor" in conclusion
    by_cka = row("tests", "measure == 'cka'")
    assert f"its own floor of {by_cka['mean_b']:.2f} on each side" in conclusion
    assert abs(by_cka["low"]) == pytest.approx(by_cka["mean_b"] / 4, rel=0.2)


def test_two_measures_are_corrected_for_each_other():
    tests = table("tests")
    # One pair of curricula by measure: Holm's correction within it changes nothing.
    assert tests["measure"].is_unique and (tests["p"] == tests["p_adjusted"]).all()
    conclusion = " ".join(PAGE.partition("## Conclusion")[2].split())
    smallest = len(tests) * tests["p"].min()
    assert f"times two, p is {smallest:.3f}, and neither" in conclusion
    assert smallest > 0.05


def test_the_settings_that_agree_are_counted():
    counted = row("dsa_sensitivity_shares", "conclusion == 'after'")
    agree, of = int(counted["n_holds"]), int(counted["n_settings"])
    assert f"sign in {agree} of {of} settings, and the other in {of - agree}" in " ".join(
        PAGE.split()
    )
