"""The examples of README.md work as they stand, and the pages of docs/ name what exists."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

from warpline.pipeline.config import load, load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture
def blocks(project):
    text = (project / "docs" / "own_task.md").read_text()
    return {
        kind: re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "python")
    }


def test_the_task_set_of_one_s_own(raw_config, blocks, tmp_path, monkeypatch):
    from warpline.tasks.trials import generate_trials

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_tasks.py").write_text(
        next(block for block in blocks["python"] if "MatchSet" in block)
    )
    entry = yaml.safe_load(next(block for block in blocks["yaml"] if "MatchSet" in block))
    raw_config["tasksets"] |= entry["tasksets"]
    raw_config["run"] |= entry["run"]
    trials = Pipeline(Plan(load(raw_config))).trials
    part = trials.split_settings("Match", "Anti", "evaluation")
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


def run_blocks(blocks, folder):
    """Run code blocks of a page one after the other; return what they define."""
    path = folder / "blocks.py"
    path.write_text("\n".join(blocks))
    return runpy.run_path(str(path))


def blocks_of(page, kind="python"):
    """Return the code blocks of a page by the heading that they stand under."""
    sections = page.split("\n## ")[1:]
    return {
        section.partition("\n")[0]: re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
        for section in sections
    }


@pytest.mark.slow
def test_the_page_of_your_networks_runs_as_it_stands(project, raw_config, tmp_path, monkeypatch):
    """But for the comparison with a network of the demo, which tests/workflow runs."""
    import torch
    from safetensors.torch import save_file

    from warpline.models.base import build_model
    from warpline.pipeline.before_work import faults_before_work
    from warpline.pipeline.weights_check import weights_faults

    page = (project / "docs" / "your_networks.md").read_text()
    python, configuration = blocks_of(page), blocks_of(page, "yaml")
    monkeypatch.chdir(tmp_path)
    headings = (
        "An nn.LSTM in a notebook",
        "Metric",
        "Fixed points",
        "Your networks with each other",
    )
    names = run_blocks([block for heading in headings for block in python[heading]], tmp_path)
    assert names["metric"].matrix.shape == (24, 2, 2, 2)
    assert names["points"].states.shape[1] == 2 * 64
    assert names["result"].summary["n_pairs"].tolist() == [3, 9, 3] * 2
    assert names["result"].summary["mean"].min() > 0 and (tmp_path / "groups.png").is_file()

    (tmp_path / "nets").mkdir()
    for seed in range(1, 6):
        torch.save(names["Mine"]().state_dict(), tmp_path / "nets" / f"seed-{seed}.pt")
    (tmp_path / "mine.yaml").write_text(configuration["In the pipeline"][0])
    plan = Plan(load_files([project / "config" / "config.yaml", tmp_path / "mine.yaml"]))
    assert [one.architecture for one in plan.given_networks] == ["my_lstm"]
    assert weights_faults(plan) == []

    (tmp_path / "my.py").write_text(python["A class of your own"][0])
    # Its weights do not come from the generator, which is asked only of networks that are trained.
    network = build_model({"model": "my.py:Mine"}, 7, 3, 20.0, seed=1)
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    entry = {"model": "my.py:Mine", "weights": "net.safetensors"}
    raw_config["architectures"]["mine"] = entry
    block = {"tasksets": ["PDM"], "architectures": ["mine"], "curricula": ["master"]}
    raw_config["run"] |= {"seeds": [1], "grid": [block]}
    assert faults_before_work(Pipeline(Plan(load(raw_config)))) == []
    outputs, states = network(torch.zeros(2, 4, 7))
    assert outputs.shape == (2, 4, 3) and torch.equal(network.readout(states), outputs)


@pytest.mark.slow
def test_the_example_of_an_lstm(project, capsys):
    runpy.run_path(str(project / "examples" / "your_lstm.py"), run_name="__main__")
    printed = capsys.readouterr().out
    metric, points, comparison = printed.split("\n\n")
    lengths = [float(row.split()[2]) for row in metric.splitlines()[1:]]
    # Evidence is summed: late states are further apart, most around the decision.
    assert len(lengths) == 9 and max(lengths[2:7]) > max(lengths[0], lengths[-1]) > 1
    # Slow points stand beside fixed ones, and are none.
    assert points.count("  fixed point: logit") >= 1 and "where 9 starts ended" in points
    assert "converged" in comparison and 0 < float(re.search(r"\d\.\d+", comparison)[0]) < 3.2


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


@pytest.mark.slow
def test_the_notebook_section_runs_as_it_stands(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # the page writes a file
    text = (project / "docs" / "your_data.md").read_text()
    section = text.partition("## Compare systems in a notebook")[2].partition("\n## ")[0]
    names = run_blocks(re.findall(r"```python\n(.*?)```", section, re.DOTALL), tmp_path)
    assert "3 converged" in capsys.readouterr().out
    sessions = names["warpline"].compare(names["sessions"], measure="dsa", n_delays=1, rank=2)
    alike, *others = sessions.table["dissimilarity"]
    assert alike < 0.1 < min(others)
    noise = names["noise"].dissimilarity
    assert noise[0, 1] < 0.5 * noise[0, 2]
    summary = names["result"].summary.set_index(["group_a", "group_b"])
    assert summary.loc[("decoy", "monkey"), "separation"] == 1


@pytest.mark.slow
def test_the_example_of_driven_systems_runs_as_it_stands(project, tmp_path):
    page = (project / "docs" / "dsa_input.md").read_text()
    names = run_blocks(re.findall(r"```python\n(.*?)```", page, re.DOTALL), tmp_path)
    driven, compare = names["driven"], names["warpline"].compare
    alike, other = (compare(driven(1), driven(k), measure="dsa_input", rank=4) for k in (1, 2))
    assert alike["dissimilarity"] < 1e-6 and other["dissimilarity"] > 0.1
