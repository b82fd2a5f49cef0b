"""The documentation site: built strictly, then opened in a real browser from the file system."""

import re
import shutil
import subprocess
import sys

import pytest

from warpline.pipeline.config.readme_tables import models_by_section

pytestmark = [pytest.mark.slow, pytest.mark.browser]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def site(project, tmp_path_factory):
    """Return the folder of the site, built as ``make site`` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """Return an empty page, with a list of what goes wrong on it as its attribute ``wrong``."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.wrong = []

    def note(kind):
        return lambda event: page.wrong.append(f"{kind}: {getattr(event, 'url', event)}"[:200])

    page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
    page.on("pageerror", note("error"))
    # What is left unfinished because the next page opens is no fault.
    page.on(
        "requestfailed",
        lambda sent: "ABORTED" not in str(sent.failure) and note("not loaded")(sent),
    )
    page.on("request", lambda sent: sent.url.startswith("http") and note("network")(sent))
    yield page
    page.close()


# Broken images, equations without their picture, errors of equations, and width beyond the window.
STATE = """() => ({
    images: [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).length,
    unrendered: [...document.querySelectorAll(".arithmatex")].filter(e => !e.querySelector(".katex")).length,
    faults: document.querySelectorAll(".katex-error").length,
    wide: document.documentElement.scrollWidth > innerWidth,
    equations: document.querySelectorAll(".katex").length,
    pictures: document.images.length,
})"""
# Least numbers of equations and of pictures on some pages.
LEAST = {
    "geometry.html": (60, 0),
    "dsa.html": (10, 2),
    "measures.html": (10, 0),
    "api/similarity.html": (5, 0),
    "gallery.html": (0, 20),
    "gallery/geometry_context.html": (0, 5),
    "tutorial.html": (0, 1),
}


def test_every_page_opens_from_the_file_system(site, page):
    names = sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))
    names.remove("404.html")  # served from the root of a host
    assert set(LEAST) <= set(names) and {"start.html", "api/notebook.html"} <= set(names)
    for name in names:
        page.goto((site / name).as_uri())
        state = page.evaluate(STATE)
        equations, pictures = LEAST.get(name, (0, 0))
        assert state.pop("equations") >= equations and state.pop("pictures") >= pictures, name
        assert state == {"images": 0, "unrendered": 0, "faults": 0, "wide": False}, name
        assert page.wrong == [], name


# Cells of text that are on the screen, and not below each other as those of keys are.
NARROW = """() => [...document.querySelectorAll("td.prose")].filter(
    cell => getComputedStyle(cell).display === "table-cell" && cell.getBoundingClientRect().width < 100
).map(cell => cell.textContent)"""


def test_a_phone_shows_every_page_at_its_width_and_no_text_a_word_per_line(site, page):
    page.set_viewport_size({"width": 390, "height": 844})
    n_cells = 0
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path.name
        assert page.evaluate(NARROW) == [], path.name
        n_cells += page.locator("td.prose").count()
    assert n_cells > 200
    # The longest names of modules break after a dot.
    page.goto((site / "api" / "geometry_measurements.html").as_uri())
    assert page.locator("h2 code wbr").count() > 10


def test_the_search_finds_a_page_without_a_server(site, page):
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").click()
    page.keyboard.type("participation ratio")
    found = page.locator("a.md-search-result__link")
    found.first.wait_for(timeout=10_000)
    assert any("geometry" in link.get_attribute("href") for link in found.all())
    assert page.wrong == []


def test_every_section_of_the_configuration_has_a_page(site):
    overview = (site / "configuration.html").read_text()
    for key, models in models_by_section().items():
        page = (site / "configuration" / f"{key}.html").read_text()
        for model in models:
            # Where the section stood before, a link leads to it.
            name = model.__name__.lower()
            assert f' id="{name}">' in page
            assert f'<a id="{name}"></a><a href="configuration/{key}.html#{name}">' in overview
            assert all(f"<code>{field}</code>" in page for field in model.model_fields)


def test_parameters_that_share_an_entry_have_their_own_defaults(site):
    page = (site / "api" / "comparison.html").read_text()
    items = re.findall(r'<li class="doc-section-item field-body">(.*?)</li>', page, re.DOTALL)
    texts = {" ".join(re.sub("<[^>]+>", "", item).split()) for item in items}
    # Of "confidence, family_error : float"; neither has a description, so that no dash follows.
    assert {"confidence (float, default: 0.95)", "family_error (float, default: 0.05)"} <= texts


def test_a_default_of_none_reads_optional(site):
    text = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    items = re.findall(
        r'<li class="doc-section-item field-body">(.*?)(?:–|<div|</li>)', text, re.DOTALL
    )
    texts = {" ".join(re.sub("<[^>]+>", "", item).split()) for item in items}
    assert {"task (str, optional)", "readout (callable, optional)"} <= texts
    assert not any("default: None" in text or "((" in text for text in texts)


def test_what_an_example_prints_is_as_it_stands(site):
    assert "&lt;Recording" in (site / "api" / "similarity.html").read_text()
    twice = [path.name for path in site.rglob("*.html") if "&amp;lt;" in path.read_text()]
    assert twice == []


def test_no_page_names_a_host_that_a_browser_would_ask(site):
    for path in site.rglob("*.html"):
        if path.name != "404.html":
            asked = re.findall(
                r'<(?:script|link|img)[^>]*(?:src|href)="?(https?:[^">\s]*)', path.read_text()
            )
            assert asked == [], path.name


def test_public_names_stand_in_the_interface(site):
    import warpline
    from warpline import geometry

    text = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    for module in (warpline, geometry):
        for name in module.__all__:
            assert re.search(rf'id="warpline\.[\w.]*\.{name}"', text), name
