"""The report, opened in a real browser."""

from __future__ import annotations

import re

import pytest
import yaml
from spoiled import TAG, spoil

from warpline.core import result_files
from warpline.pipeline.config import load_files

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.browser]

LARGE_IMAGES = """Array.from(document.images)
    .filter(i => i.complete && i.naturalWidth > 200).map(i => i.src)"""


def open_every_result(page) -> tuple[set[str], set[str]]:
    """Open all results of the report that is shown; return the images of figures, and the pages of tables."""
    page.get_by_text("Warpline trains recurrent networks").wait_for()
    categories = re.findall(r"^\d\. .+$", page.inner_text("body"), re.MULTILINE)
    shown: set[str] = set()
    pages: set[str] = set()
    for category in categories:
        page.get_by_text(category, exact=True).click()
        rows = page.locator("tbody tr")
        rows.first.wait_for()
        for k in range(rows.count()):
            rows.nth(k).locator("a, button").first.click()
            before = len(shown) + len(pages)
            for _ in range(100):
                # The logo is an image, too, but a small one.
                shown |= set(page.evaluate(LARGE_IMAGES))
                for frame in page.frames[1:]:
                    if frame.locator("table").count():
                        pages.add(frame.url)
                if len(shown) + len(pages) > before:
                    break
                page.wait_for_timeout(100)
        page.locator("a, button").filter(has_text="Results").first.click()
        page.get_by_text(category, exact=True).wait_for()
    return shown, pages


def test_every_figure_is_shown_and_nothing_is_wrong(checkout, page):
    report = checkout.root / "results" / "report.html"
    checkout.snakemake("--report", str(report))
    wrong = []
    page.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"not loaded: {request.url[:100]}"))
    page.goto(report.as_uri())

    shown, pages = open_every_result(page)
    figures = list((checkout.root / "results" / "tiny" / "figures").rglob("*.svg"))
    assert len(shown) == len(figures) == 10
    # The tables, and the claims.
    assert len(pages) == 2
    assert wrong == []


def test_the_explorer_shows_what_the_run_made(finished, page):
    results = finished.root / "results" / "tiny"
    wrong = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((results / "explorer.html").as_uri())
    page.select_option("#curriculum", "master")
    page.select_option("#pairs-measure", "procrustes")

    # A dissimilarity, a state and the status of each run are those of the files.
    after = result_files.read_table(results / "compare/after/procrustes/PDM/leaky_rnn/seed~1.csv")
    (row,) = after[
        after["curriculum_a"].eq("untrained") & after["curriculum_b"].eq("master")
    ].to_dict("records")
    cell = page.locator("#pairs-matrix td[aria-label^='master 1 and untrained 1:']")
    assert cell.inner_text() == f"{row['dissimilarity']:.2f}"
    page.locator("#states-details summary").click()
    states = result_files.read_dataset(results / "condition_states/PDM/leaky_rnn/master/seed~1.nc")
    end = (
        states["condition_states"].isel(seed=0, checkpoint=-1, condition=0, time=-1, axis=0).item()
    )
    shown = page.locator("#states-details tbody td").first.inner_text()
    assert float(shown) == pytest.approx(end, rel=0.02, abs=1e-3)
    runs = result_files.read_table(results / "tables/PDM/runs.csv")
    assert page.locator("#tables-table tbody tr").count() == len(runs) == 10
    assert wrong == []


MINE = """
import inspect
from warpline.models.leaky_rnn import Network


class Net(Network):
    def __init__(self, *arguments, **parameters):
        known = inspect.signature(Network).parameters
        super().__init__(
            *arguments, **{name: value for name, value in parameters.items() if name in known}
        )
"""


def test_no_text_of_the_configuration_runs(checkout, page, monkeypatch):
    """A script element in every string and key that takes one, in the report and in figures."""
    (checkout.root / "mine.py").write_text(MINE)
    monkeypatch.chdir(checkout.root)
    path = checkout.root / checkout.config
    config = yaml.safe_load(path.read_text())
    free = {"note": "text", "nested": {"list": ["text", {"deep": "text"}]}}
    config["architectures"]["leaky_rnn"] |= {"model": "mine.py:Net", "parameters": free}
    # The networks of the run before stand under the same name.
    config["jobs"] = {**config.get("jobs", {}), "replace": True}

    def accepted(raw):
        path.write_text(yaml.safe_dump(raw))
        load_files(["config/config.yaml", path])

    spoiled, _, n_taken = spoil(config, accepted)
    path.write_text(yaml.safe_dump(spoiled))
    assert n_taken >= 7

    # The figures are drawn again: their settings hold the tags.
    figure = "results/tiny/figures/PDM/leaky_rnn/learning_curves"
    checkout.snakemake(f"{figure}.svg", "--force", "--rerun-triggers", "mtime")
    report = checkout.root / "results" / "report.html"
    checkout.snakemake("--report", str(report), "--rerun-triggers", "mtime")
    page.goto(report.as_uri())
    assert len(open_every_result(page)[0]) == 10
    assert page.evaluate("window.ran") is None
    assert page.evaluate("JSON.stringify(results)").count("window.ran = true") >= n_taken
    for svg in (checkout.root / "results").rglob("*.svg"):
        page.goto(svg.as_uri())
        assert page.evaluate("window.ran") is None

    # The control: the same report with the tags as they are.
    report.write_text(report.read_text().replace("\\\\u003c", "<"))
    page.goto(report.as_uri())
    page.wait_for_function("window.ran === true", timeout=10_000)
    assert TAG in report.read_text()


def test_captions_state_the_real_configuration(checkout):
    report = checkout.root / "results" / "report.zip"
    checkout.snakemake("--report", str(report))
    import zipfile

    with zipfile.ZipFile(report) as archive:
        text = "".join(
            archive.read(n).decode(errors="ignore")
            for n in archive.namelist()
            if n.endswith((".html", ".js"))
        )
    # Lines may be broken anywhere, as text or as JSON.
    text = " ".join(text.replace("\\n", " ").split())
    assert "seeds 1, 2 (2 networks" in text
    assert "system-message" not in text and "System Message" not in text
    assert "pretrained on Anti, then trained on the target task by its input weights alone" in text
    assert "too few for intervals" in text and "snakemake.config" not in text
