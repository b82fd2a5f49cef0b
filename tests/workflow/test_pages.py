"""The notebooks and the tutorial run on the networks of a real run, and the pages hold the code that ran."""

import importlib.util
import re
import subprocess
import sys

import jupytext
import matplotlib
import matplotlib.pyplot
import pytest

from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture
def demo(finished, tmp_path, monkeypatch):
    """Stand in a folder in which the run has the name of the demo."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "demo").symlink_to(finished.root / "results" / "tiny")
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    return tmp_path


@pytest.mark.parametrize("name", ["compare_recordings", "open_a_run"])
def test_a_notebook_runs_and_its_page_is_of_it(project, demo, name):
    location = project / "scripts" / "write_notebooks.py"
    spec = importlib.util.spec_from_file_location("write_notebooks", location)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    notebook = project / "docs" / "notebooks" / f"{name}.py"
    (demo / "pages").mkdir()
    matplotlib.pyplot.figure()  # as another test may leave one
    page, committed = (
        script.page_of(notebook, demo / "pages"),
        notebook.with_suffix(".md").read_text(),
    )
    pictures = re.findall(r"\]\((.*?\.png)\)", page)
    assert pictures == re.findall(r"\]\((.*?\.png)\)", committed)
    assert all((demo / "pages" / picture).stat().st_size > 5000 for picture in pictures)
    assert all((notebook.parent / picture).is_file() for picture in pictures)
    # The page was written from this version of the notebook.
    assert all(cell.source in committed for cell in jupytext.read(notebook).cells)


def test_the_tutorial(project, demo):
    page = (project / "docs" / "tutorial.md").read_text()
    (demo / "anti_first.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    plan = Plan(load_files([project / "config" / "config.yaml", "anti_first.yaml"]))
    assert len(plan.networks) * len(plan.seeds) == 20
    # The same lines on the run that there is, which has other curricula, and no DSA.
    for own, there in (
        ('load_table("anti_first"', 'load_table("demo"'),
        ('"anti_first", "anti_first to', '"pretrain_anti_frozen", "anti_first to'),
        ("'dsa'", "'cka'"),
        ('"dsa"', '"cka"'),
    ):
        assert own in page
        page = page.replace(own, there)
    names = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), names)
    assert [len(line.get_xdata()) for line in names["axis"].lines] == [3, 3]
    assert set(names["rows"]["curriculum_a"]) == {"master"} and len(names["tests"]) > 0
    assert (demo / "anti_first.png").stat().st_size > 5000


def test_the_gallery(project, finished, tmp_path):
    script = project / "scripts" / "write_gallery.py"
    options = {
        "--run": finished.root / "results" / "tiny",
        "--config": project / "tests" / "workflow" / "tiny.yaml",
        "--docs": tmp_path,
    }
    command = [sys.executable, script, *(part for option in options.items() for part in option)]
    subprocess.run(command, check=True)
    index = (tmp_path / "gallery.md").read_text()
    names = re.findall(r"^## \[.*\]\((gallery/\w+\.md)\)$", index, re.MULTILINE)
    page = "".join((tmp_path / name).read_text() for name in names)
    pictures = re.findall(r'<img src="\.\./(.*?)"', page)
    figures = list((finished.root / "results" / "tiny" / "figures").rglob("*.png"))
    assert len(pictures) == len(figures) == page.count('<div class="caption">') > 5
    assert re.findall(r"!\[.*?\]\((.*?)\)", index) == pictures
    assert all((tmp_path / picture).stat().st_size > 5000 for picture in pictures)
    # Captions are those of this run, as text: no template and no message of docutils is left.
    assert "n = 2" in page and "{{" not in page and "system-message" not in page
