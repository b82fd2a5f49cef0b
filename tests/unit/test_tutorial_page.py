"""The tutorial prints, and concludes, what the tables of its run give."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib
import pytest

import warpline
from warpline.core import result_files
from warpline.pipeline.command_line import main

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


def test_the_printed_plan_is_that_of_its_configuration(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (configuration,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "anti_first.yaml").write_text(configuration)
    monkeypatch.setattr("sys.argv", ["warpline", "plan", "anti_first.yaml"])
    assert main() == 0
    printed = lines_of(capsys.readouterr().out)
    (shown,) = re.findall(r"\$ warpline plan anti_first.yaml\n(.*?)```", PAGE, re.DOTALL)
    # Dots stand for lines that the page leaves out.
    shown = [line for line in lines_of(shown) if line != "..."]
    assert len(shown) == 10 and [line for line in printed if line in shown] == shown


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
        ("By DSA, S is {} {}", "summary", PAIR, 2, "separation"),
        ("by CKA, it is {} {}", "summary", PAIR.replace("dsa", "cka"), 2, "separation"),
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
    assert "Here both intervals end below a third of their floors." in conclusion
    for measure in ("cka", "dsa"):
        of_measure = row("tests", f"measure == '{measure}'")
        assert max(abs(of_measure["low"]), of_measure["high"]) < of_measure["mean_b"] / 3


def test_two_measures_are_corrected_for_each_other():
    tests = table("tests")
    # One pair of curricula by measure: Holm's correction within it changes nothing.
    assert tests["measure"].is_unique and (tests["p"] == tests["p_adjusted"]).all()
    conclusion = " ".join(PAGE.partition("## Conclusion")[2].split())
    smallest = len(tests) * tests["p"].min()
    assert f"times two, p is {smallest:.3f}, and neither" in conclusion
    assert smallest > 0.05


def test_other_settings_with_all_seeds():
    settings = table("settings")
    own = row("summary", PAIR)
    others = settings[(settings["n_delays"] != own["n_delays"]) | (settings["rank"] != own["rank"])]
    of_moment = dict(list(others.groupby("moment")))
    start, end = of_moment["start"], of_moment["end"]
    assert (settings["n"] == 10).all()
    page = " ".join(PAGE.partition("### At other settings of DSA")[2].split())
    assert "at 1 to 4 delays and ranks 10 to 30, where every network carries the rank" in page
    assert set(settings["n_delays"]) == {1, 2, 3, 4}
    assert set(settings["rank"]) == {10, 15, 20, 25, 30}
    assert f"at all {len(start)} other settings the interval of the difference lies above 0" in page
    assert (start["low"] > 0).all()
    smallest, largest = end["difference"].min(), end["difference"].max()
    stated = f"lies between {smallest:.3f} and {largest:.3f} rad at the {len(end)} other settings"
    assert stated in page
    above, wide = (int(where.sum()) for where in (end["low"] > 0, end["high"] > end["floor"] / 2))
    assert (
        f"lies above 0 at {above} of them, and reaches beyond half of the floor at {wide}." in page
    )

    # At its own setting the benchmark gives what the run's own table does.
    (at_own,) = settings[settings["moment"] == "end"].drop(end.index).to_dict("records")
    test = row("tests", "measure == 'dsa'")
    for name in ("difference", "low", "high"):
        assert at_own[name] == pytest.approx(test[name], abs=1e-4)
