"""The pages that show something of one's own work as they stand: their files pass the check of a run."""

import re
import runpy

import pytest

from warpline.pipeline.before_work import faults_before_work
from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

# What each page's configurations lead to: curricula, task sets, architectures, measures of a run.
PAGES = {
    "own_curriculum": {"curricula": {"pretrain_anti_only", "inputs_alone", "two_tasks"}},
    "own_task": {"tasksets": {"Match", "Line"}},
    "own_model": {"architectures": {"vanilla"}},
    "own_measure": {"measures": {"spectrum"}},
    "experiments": {"architectures": {"leaky_rnn"}},
}


def files_of(text):
    """Return the code blocks of a page that name a file in their first line, by that name."""
    blocks = re.findall(r"```(?:python|yaml)\n(# ([\w.]+\.(?:py|yaml)).*?)```", text, re.DOTALL)
    return {name: content for content, name in blocks}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_files_of_a_page_pass_the_check(project, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = files_of((project / "docs" / f"{page}.md").read_text())
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    selected = {}
    for name in files:
        if name.endswith(".yaml"):
            plan = Plan(load_files([project / "config" / "config.yaml", tmp_path / name]))
            assert faults_before_work(Pipeline(plan)) == []
            for kind, found in {
                "curricula": {network.curriculum for network in plan.networks},
                "tasksets": {network.taskset for network in plan.networks},
                "architectures": {network.architecture for network in plan.networks},
                "measures": set(plan.all_measures),
            }.items():
                selected.setdefault(kind, set()).update(found)
    for kind, names in PAGES[page].items():
        assert names <= selected[kind]


def test_the_measure_of_one_s_own_in_a_notebook(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (project / "docs" / "own_measure.md").read_text()
    for name, content in files_of(text).items():
        (tmp_path / name).write_text(content)
    block = re.search(r"```python\n(import numpy.*?)```", text, re.DOTALL)[1]
    (tmp_path / "notebook.py").write_text(block)
    runpy.run_path("notebook.py")
    # Two of eight variances are 16 and 4 times the others: (16 + 4) / 26 of the second system, 2 / 8 of the first.
    printed = float(re.search(r"'dissimilarity': ([\d.]+)", capsys.readouterr().out)[1])
    assert printed == pytest.approx(20 / 26 - 2 / 8, abs=0.03)


def test_the_first_comparison(project, tmp_path, capsys):
    text = (project / "docs" / "start.md").read_text()
    (tmp_path / "notebook.py").write_text(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1])
    runpy.run_path(str(tmp_path / "notebook.py"))
    assert float(capsys.readouterr().out) < 1e-7
