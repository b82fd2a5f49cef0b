"""The explorer in a real browser: every control, by pointer and by keyboard, and no text that runs."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from explorer_run import FRACTIONS, SETTINGS, pair, write_history
from spoiled import TAG

from warpline.core import result_files
from warpline.explorer import page_file
from warpline.explorer.page_file import page_within

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTROLS = "select, input, button, summary, canvas, [role=grid] td, svg[tabindex]"


@pytest.fixture(scope="module")
def text(sources) -> str:
    return page_within(sources, SETTINGS)


@pytest.fixture
def opened(page, tmp_path):
    """Return a function that opens a page; what goes wrong in it fails the test at its end."""
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)

    def show(text: str):
        path = tmp_path / "explorer.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield show
    assert [url for url in wrong if not url.startswith("data:")] == []


def choose_all(page, select: str) -> int:
    """Choose every entry of a list; return how many it has."""
    values = page.locator(f"{select} option").evaluate_all("all => all.map(one => one.value)")
    for value in values:
        page.select_option(select, value)
    return len(values)


def use_visible_controls(page) -> None:
    """Use every control that is shown: lists, sliders, boxes, buttons, what opens, what turns."""
    for name in page.locator("main select:visible").evaluate_all("all => all.map(one => one.id)"):
        if name:
            choose_all(page, f"#{name}")
    for select in page.locator("main select:not([id]):visible").all():
        for value in select.locator("option").evaluate_all("all => all.map(one => one.value)"):
            select.select_option(value)
    for summary in page.locator("summary:visible").all():
        summary.click()
    for slider in page.locator("input[type=range]:visible").all():
        for key in ("Home", "ArrowRight", "End"):
            slider.press(key)
    for box in page.locator("input[type=checkbox]:visible").all():
        box.click()
        box.click()
    for canvas in page.locator("canvas:visible").all():
        for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "-", "0"):
            canvas.press(key)
        place = canvas.bounding_box()
        canvas.hover()
        page.mouse.down()
        page.mouse.move(place["x"] + 20, place["y"] + 20)
        page.mouse.up()
        page.mouse.wheel(0, 50)
    for plane in page.locator("svg[tabindex]:visible").all():
        for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"):
            plane.press(key)
    for button in page.locator("section .turning button:visible").all():
        button.click()


def test_every_control_can_be_used_and_nothing_goes_wrong(opened, text):
    page = opened(text)
    assert page.locator("#left-out").inner_text() == ""
    for taskset in ("Line", "PDM"):
        page.select_option("#taskset", taskset)
        for level in ("architecture", "curriculum", "seed"):
            choose_all(page, f"#{level}")
        page.select_option("#curriculum", "master")
        page.select_option("#seed", "1")
        if taskset == "PDM":
            page.locator("[role=grid] td[data-at]").first.click()
        use_visible_controls(page)
        # Heads of a table sort it, and its buttons choose a network.
        page.select_option("#tables-choice", "0")
        for k in range(page.locator("#tables-table thead button").count()):
            page.locator("#tables-table thead button").nth(k).click()
        page.locator("#tables-table tbody button").first.click()
    page.locator("#play").click()
    page.locator("#play[aria-pressed=false]").wait_for()
    # All of it has a name that a screen reader can say.
    nameless = page.evaluate(
        f"""Array.from(document.querySelectorAll({json.dumps(CONTROLS)})).filter(one =>
            !one.labels?.length && !one.getAttribute('aria-label') && !one.textContent.trim()
            && !one.classList.contains('empty')).map(one => one.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


def test_nothing_is_wider_than_a_phone(opened, text):
    page = opened(text)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#network-lists:not([open]) summary").click()
    for taskset in ("Line", "PDM"):
        page.select_option("#taskset", taskset)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for kind in page.locator("#pairs-kind option").all():
            page.select_option("#pairs-kind", kind.get_attribute("value"))
            assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390)])
def test_the_head_leaves_a_phone_to_the_panels(opened, text, width, height):
    page = opened(text)
    lists = page.locator("#network-lists select")
    assert lists.first.is_visible() and not page.locator("#network-lists summary").is_visible()
    page.set_viewport_size({"width": width, "height": height})
    # The page hears of its new size a moment later.
    lists.first.wait_for(state="hidden")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    head = page.locator("header").bounding_box()
    assert head["y"] + head["height"] < 100
    # Slider and button stay in sight, and so does the name of the network.
    for control in ("#network-lists summary", "#moment", "#play"):
        assert page.locator(control).bounding_box()["y"] >= 0

    # By keyboard: the fold opens, its lists are next, and a choice is named where it is folded again.
    fold = page.locator("#network-lists summary")
    fold.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "taskset"
    page.select_option("#taskset", "Line")
    assert fold.inner_text() == "Network: Line, ei, master, seed 1"
    fold.press("Enter")
    assert not lists.first.is_visible()
    # With room again, the lists are open, also where a phone had folded them.
    page.set_viewport_size({"width": 1300, "height": 900})
    lists.first.wait_for(state="visible")


CUT = """() => [...document.querySelectorAll("svg text")].filter(text => {
    const inner = text.getBoundingClientRect(), outer = text.closest("svg").getBoundingClientRect();
    return inner.right > outer.right + 0.5 || inner.left < outer.left - 0.5;
}).map(text => text.textContent)"""


def test_no_number_is_cut_and_no_list_is_empty(opened, text):
    contents = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text)[1])
    # A number of five digits stands at the right end of the axis of updates.
    for network in contents["networks"]:
        for rows in network["history"]["tasks"].values():
            rows["step"] = [25_000 * k / len(rows["step"]) for k in range(1, len(rows["step"]) + 1)]
    page = opened(page_file._text(contents))
    for taskset in ("Line", "PDM"):
        page.select_option("#taskset", taskset)
        assert page.evaluate(CUT) == []
        assert page.locator("select:visible:not(:has(option))").count() == 0
    assert page.locator("#pairs-measure").is_visible()


def test_the_slider_moves_all_panels(opened, text):
    page = opened(text)
    page.select_option("#pairs-kind", "over")
    page.locator("#states-details summary").click()
    seen = []
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.locator("#moment").press(key)
        seen.append(
            [
                page.locator("#moment-text").inner_text(),
                page.locator("#states-details table").inner_text(),
                page.locator("#curves-about").inner_text(),
                page.locator("#curves-charts svg .cursor").first.get_attribute("d"),
                page.locator("#pairs-matrix table").inner_text(),
            ]
        )
    for before, after in itertools.pairwise(seen):
        assert all(a != b for a, b in zip(before, after, strict=True))
    assert seen[1][0] == "fraction 0.5, update 10, accuracy 0.5"
    assert "0.10" in seen[0][4] and "0.20" in seen[2][4]


def test_a_cell_says_what_it_holds_and_shows_both_sides(opened, text):
    page = opened(text)
    page.select_option("#pairs-measure", "dsa")
    cell = page.locator("#pairs-matrix td[data-at='0 0']")
    cell.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    readout = page.locator("#pairs-readout").inner_text()
    assert "rnn, master, seed 1" in readout and "rnn, untrained, seed 1" in readout
    assert "after learning: 0.2, uncertain" in readout
    assert "lies between 0.16, which no alignment can go below, and 0.2" in readout
    page.keyboard.press("Enter")
    assert page.locator("#pair-view canvas").count() == 2
    titles = page.locator("#pair-view h3").all_inner_texts()
    assert titles == ["rnn, untrained, seed 1, fraction 1", "rnn, master, seed 1, fraction 1"]
    # By another measure the same pair stays open, with its interval over networks.
    page.select_option("#pairs-measure", "cka")
    assert page.locator("#pair-view canvas").count() == 2
    page.locator("#pairs-matrix td[data-at='2 0']").hover()
    readout = page.locator("#pairs-readout").inner_text()
    assert "no interval of its own" in readout
    assert "same seed): 0.2, interval over networks 0.1 to 0.3, 2 pairs" in readout
    failed = page.locator("#pairs-matrix td", has_text="×").first
    failed.hover()
    assert "no value, failed: too few trials" in page.locator("#pairs-readout").inner_text()


def test_the_mean_within_an_architecture_is_not_said_of_two(opened, sources, tmp_path):
    rnn, gru = ("rnn", "master", 1), ("gru", "master", 1)
    # A network and itself, by which two architectures of one curriculum and seed were judged.
    means = {"measure": "cka", "architecture": "rnn", "seeds": "same", "n_pairs": 2, "mean": 0.0}
    means |= {"curriculum_a": "master", "curriculum_b": "master", "low": np.nan, "high": np.nan}
    tables = {
        "compare/architectures/cka/PDM/seed~1.csv": pair("cka", rnn, gru, 0.6, pairs="between"),
        "tables/PDM/summary.csv": means,
    }
    for name, row in tables.items():
        (tmp_path / name).parent.mkdir(parents=True)
        provenance = {"settings": {}, "code": "0"}
        result_files.write_table(pd.DataFrame([row]), tmp_path / name, provenance)
    between, summary = (str(tmp_path / name) for name in tables)
    changed = dataclasses.replace(
        sources,
        history=[*sources.history, write_history(tmp_path, ("PDM", "gru", "master"), 1, 20)],
        pairs={**sources.pairs, "architectures": [between]},
        summary=[summary],
    )
    page = opened(page_within(changed, SETTINGS))
    page.select_option("#pairs-measure", "cka")
    page.locator("#pairs-matrix td[data-at='0 0']").hover()
    assert "Mean of these curricula" in page.locator("#pairs-readout").inner_text()
    page.select_option("#pairs-kind", "architectures")
    page.locator("#pairs-matrix td[data-at='0 1']").hover()
    readout = page.locator("#pairs-readout").inner_text()
    assert "gru, master, seed 1, after learning: 0.6" in readout
    assert "Mean of these curricula" not in readout


def test_turning_a_scene_changes_what_is_drawn(opened, text):
    page = opened(text)
    image = "document.querySelector('#states-scene canvas').toDataURL()"
    first = page.evaluate(image)
    page.locator("#states-scene canvas").press("ArrowLeft")
    turned = page.evaluate(image)
    page.locator("#states-scene canvas").press("0")
    assert turned != first == page.evaluate(image)
    page.locator("#states-conditions input").first.uncheck()
    assert page.evaluate(image) != first


def test_the_metric_is_read_point_by_point(opened, text):
    page = opened(text)
    page.select_option("#taskset", "Line")
    plane = page.locator("#metric-drawing svg")
    assert plane.locator("ellipse").count() == 20
    # G is diag(1 + input², 4); each direction is divided by its mean over the view, 1.5 and 4.
    for k, short_over_long, turned in ((0, (3 / 4) ** 0.5, 0), (8, (2 / 3) ** 0.5, 90)):
        ellipse = plane.locator("ellipse").nth(k)
        rx, ry = (float(ellipse.get_attribute(name)) for name in ("rx", "ry"))
        assert ry / rx == pytest.approx(short_over_long, rel=1e-4)
        angle = float(re.match(r"rotate\((\S+) ", ellipse.get_attribute("transform"))[1])
        assert abs(angle) == pytest.approx(turned, abs=1e-3)
    plane.focus()
    assert "input -1, time 0, G: evidence 2, time 4" in page.locator("#metric-readout").inner_text()
    for _ in range(2):
        plane.press("ArrowRight")
    assert "input 0, time 0, G: evidence 1" in page.locator("#metric-readout").inner_text()
    # The other seed diverged, and another network has no analysis: the panel says so.
    page.select_option("#seed", "2")
    assert "diverged" in page.locator("#metric-drawing").inner_text()
    page.select_option("#taskset", "PDM")
    assert "No analysis of metric warping reads this network" in page.inner_text("#metric-drawing")
    page.locator("#metric-drawing button").first.click()
    assert page.locator("#taskset").input_value() == "Line"


def test_few_of_many_places_lie_at_equal_distances_where_they_can(page, text):
    # The functions of the page are closed to what is outside it.
    spread = re.search(r"^function spread.*?^}", text, re.DOTALL | re.MULTILINE)[0]
    chosen = {n: page.evaluate(f"({spread})({n}, 5)") for n in (1, 2, 4, 6, 11, 41)}
    assert chosen[11] == [0, 5, 10] and chosen[41] == [0, 10, 20, 30, 40]
    # Where only the ends would be left, distances differ.
    assert chosen[6] == [0, 1, 3, 4, 5]
    assert [chosen[n] for n in (1, 2, 4)] == [[0], [0, 1], [0, 1, 2, 3]]


def test_ellipses_of_a_plane_are_equal_where_points_are_left_out(page, text):
    spread, ellipses = (
        re.search(rf"^function {name}.*?^}}", text, re.DOTALL | re.MULTILINE)[0]
        for name in ("spread", "sheetEllipses")
    )
    places = [[0, 1, 2, 3], [0, 20, 60, 80, 120]]
    points = [number for a in places[0] for b in places[1] for number in (a, b, 0)]
    drawn = page.evaluate(
        "([places, points]) => {"
        f"{spread}\n{ellipses}\nconst themeColour = () => 0;"
        "const sheet = { shape: [4, 5, 3], values: points };"
        "return sheetEllipses(sheet, places, () => '', 1).map(({ points }) => [...points]);"
        "}",
        [places, points],
    )
    assert len(drawn) == 20
    axes = np.array(drawn).reshape(20, 25, 3)
    extents = np.ptp(axes, axis=1)
    np.testing.assert_allclose(extents, np.tile(extents[0], (20, 1)), rtol=1e-3)
    assert (extents[0, :2] > 0).all()


PROTECTED = frozenset(
    [
        "float32",
        "int16",
        "field",
        "surface",
        "lines",
        "converged",
        "diverged",
        "uncertain",
        "own_final",
        "reference",
        "floor",
        "same",
        "cross",
        "checkpoint",
    ]
)
KEYS_OF_DATA = frozenset({"conditions", "windows", "measures", "tasks"})


def spoiled(value, key=""):
    """Return contents with the tag in every string and every key that a run can set."""
    if isinstance(value, dict):
        free = key in KEYS_OF_DATA
        return {(k + TAG if free else k): spoiled(entry, k) for k, entry in value.items()}
    if isinstance(value, list):
        return [spoiled(entry, key) for entry in value]
    if isinstance(value, str) and key not in ("data", "palette") and value not in PROTECTED:
        return value + TAG
    return value


def test_no_text_of_a_run_runs_in_the_page(opened, text, page):
    contents = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text)[1])
    spoilt = page_file._text(spoiled(contents))
    assert spoilt.count("window.ran = true") > 200
    page = opened(spoilt)
    for taskset in page.locator("#taskset option").evaluate_all("all => all.map(o => o.value)"):
        page.select_option("#taskset", taskset)
        use_visible_controls(page)
    assert TAG in page.locator("body").inner_text()
    assert page.evaluate("window.ran") is None
    assert page.locator("img").count() == 0


def test_unescaped_text_would_run_but_for_the_policy(page, tmp_path, text):
    """The control: without the escape, and without the digest that the browser asks of a script, it runs."""
    contents = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text)[1])
    bare = page_file._text(contents | {"name": f"small{TAG}"}).replace("\\u003c", "<")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', bare)[0]
    path = tmp_path / "bare.html"
    path.write_text(bare, encoding="utf-8")
    page.goto(path.as_uri())
    assert page.evaluate("window.ran") is None
    path.write_text(bare.replace(policy, ""), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function("window.ran === true", timeout=10_000)


def test_the_page_starts_at_a_network_that_has_learned(opened, text):
    page = opened(text)
    assert page.locator("#curriculum").input_value() == "master"
    assert float(page.locator("#moment").input_value()) == len(FRACTIONS) - 1
