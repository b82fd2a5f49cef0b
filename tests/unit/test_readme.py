"""The examples of README.md work as they stand, and the pages of docs/ name what exists."""

import re
from pathlib import Path

import pytest
import yaml

from warpline.pipeline.config import load, load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture
def blocks(project):
    text = (project / "README.md").read_text()
    return {
        kind: re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "python")
    }


def test_the_curriculum_of_one_s_own(project, blocks, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(next(block for block in blocks["yaml"] if "pretrain_anti_only" in block))
    plan = Plan(load_files([project / "config" / "config.yaml", mine]))
    assert [network.curriculum for network in plan.networks] == ["master", "pretrain_anti_only"]
    assert plan.pretraining("PDM", "pretrain_anti_only") == "Anti"


def test_the_task_set_of_one_s_own(raw_config, blocks, tmp_path, monkeypatch):
    from warpline.tasks.trials import generate_trials

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_tasks.py").write_text(
        next(block for block in blocks["python"] if "MatchSet" in block)
    )
    entry = yaml.safe_load(next(block for block in blocks["yaml"] if "MatchSet" in block))
    raw_config["tasksets"] |= entry["tasksets"]
    raw_config["run"] |= entry["run"]
    job = {"taskset": "Match", "task": "Anti", "split": "evaluation"}
    part = Pipeline(Plan(load(raw_config))).trials.parameters(job)
    data = generate_trials(part["taskset"], "Anti", "evaluation", 2, part["seed"])
    window = data.sel(period="sample")
    assert set((window["stop"] - window["start"]).values) == {20}
    assert set(data["target"].values[data["decision"].values]) == {1, 2}


PAGES = ["README.md", "config/README.md", *(f"docs/{path.name}" for path in DOCS.glob("*.md"))]


def prose(text):
    """Return a page without its code blocks."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def test_the_readme_is_short(project):
    assert len(prose((project / "README.md").read_text()).split()) <= 700


@pytest.mark.parametrize("page", PAGES)
def test_paths_and_links_exist(project, page):
    text = (project / page).read_text()
    for path in re.findall(r"(?:config|src|scripts|docs|envs|profiles|benchmarks)/[\w./]+\w", text):
        assert (project / path).exists(), path
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", prose(text)):
        assert (project / page).parent.joinpath(link).exists(), link


def test_the_index_lists_every_page(project):
    index = (project / "docs" / "README.md").read_text()
    for path in DOCS.glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, path.name


def test_make_targets_exist(project):
    targets = re.findall(r"^make (\w[\w-]*)", (project / "README.md").read_text(), re.MULTILINE)
    makefile = (project / "Makefile").read_text()
    assert targets and all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_drawn_graph_has_the_rules(project, raw_config):
    rules = {stage.rule for stage in Pipeline(Plan(load(raw_config))).stages}
    page = (project / "docs" / "workflow.md").read_text()
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    for name in (
        "generate_trials",
        "pretrain",
        "train",
        "compute_trajectories",
        "compare_networks",
    ):
        assert name in drawn and name in rules


def test_the_notebook_section_runs_as_it_stands(project, capsys):
    text = (project / "docs" / "your_data.md").read_text()
    section = text.partition("## Compare systems in a notebook")[2].partition("\n## ")[0]
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(compile(block, "your_data.md", "exec"), names)
    assert "3 converged" in capsys.readouterr().out
    sessions = names["warpline"].compare(names["sessions"], measure="dsa", n_delays=1, rank=2)
    alike, *others = sessions.table["dissimilarity"]
    assert alike < 0.1 < min(others)
    noise = names["noise"].dissimilarity
    assert noise[0, 1] < 0.5 * noise[0, 2]
    summary = names["result"].summary.set_index(["group_a", "group_b"])
    assert summary.loc[("decoy", "monkey"), "separation"] == 1
