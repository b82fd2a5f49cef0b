"""docs/experiments.md to the letter: an experiment of the user's, and one of the package."""

from __future__ import annotations

import re

import pytest
import yaml

from warpline.core import result_files
from warpline.core.figure_files import FIGURE_SUFFIXES

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture
def page(project):
    """The code blocks of the page, by their first line's comment."""
    text = (project / "docs" / "experiments.md").read_text()
    blocks = re.findall(r"```(?:python|yaml)\n# ([\w.]+).*?\n(.*?)```", text, re.DOTALL)
    return dict(blocks)


def few(checkout, name, experiment):
    """Run one analysis on small networks of the tiny configuration."""
    checkout.configure(run__warping=[name], **{f"warping__{name}": experiment})


def test_an_experiment_of_one_s_own(fresh, page):
    for name in ("my_experiment.py", "draw_spread.py"):
        (fresh.root / name).write_text(page[name])
    entry = yaml.safe_load(page["mine.yaml"])["warping"]["spread"]
    few(fresh, "spread", entry | {"timing": {"delay": 200}})
    fresh.snakemake("warping")
    folder = fresh.root / "results/tiny/warping/spread"
    summary = result_files.read_table(folder / "summary.csv")
    assert summary["quantity"].tolist() == ["spread"] and summary["n"].tolist() == [2]
    assert summary["mean"].item() > 0
    for suffix in FIGURE_SUFFIXES:
        assert (folder / "figures" / f"draw_spread.{suffix}").stat().st_size > 2000
    assert fresh.planned("warping") == {}

    # Its settings and its code count, and nothing else of its file.
    few(fresh, "spread", entry | {"timing": {"delay": 200}, "settings": {"points": 9}})
    assert fresh.planned("warping")["analyse_warping"] == 2
    few(fresh, "spread", entry | {"timing": {"delay": 200}})
    with fresh.edited("my_experiment.py", "states.std(axis=0)", "states.var(axis=0)"):
        assert fresh.planned("warping")["analyse_warping"] == 2
    with fresh.edited(
        "my_experiment.py", "class Spread", "class Other:\n    pass\n\n\nclass Spread"
    ):
        assert fresh.planned("warping") == {}
    with fresh.edited("draw_spread.py", '"unit 1"', '"first unit"'):
        assert set(fresh.planned("warping")) == {"draw_warping_spread_draw_spread", "warping"}


def test_an_experiment_of_the_package_is_a_module_and_a_class(fresh, page):
    """The recipe of CONTRIBUTING.md and docs/experiments.md."""
    root = fresh.root
    body = page["my_experiment.py"].partition("    @staticmethod\n")[2]
    function = re.sub(r"^    ", "", body, flags=re.MULTILINE)
    (root / "src/warpline/analyses/spread.py").write_text(
        f"import numpy as np\nimport pandas as pd\nimport xarray as xr\n\n\n{function}"
    )
    fresh.edit(
        "src/warpline/pipeline/config/analyses.py",
        "class UserExperiment(Experiment):",
        "class Spread(Experiment):\n"
        '    """How far states lie apart."""\n\n'
        '    experiment: Literal["spread"]\n'
        '    """Name of the experiment."""\n'
        "    points: Points = 7\n"
        '    """Number of inputs along each coordinate."""\n\n'
        '    figures: ClassVar[Mapping[str, str]] = {"spread": "spread of states"}\n\n\n'
        "class UserExperiment(Experiment):",
    )
    (root / "scripts/figures/warping_spread.py").write_text(page["draw_spread.py"])
    (root / "workflow/report/warping_spread.rst").write_text("Spread of states.\n")
    timing = {"delay": 200}
    entry = {
        "experiment": "spread",
        "taskset": "PDM",
        "architecture": "leaky_rnn",
        "timing": timing,
    }
    few(fresh, "spread", entry)
    fresh.snakemake("warping")
    folder = root / "results/tiny/warping/spread"
    assert (folder / "figures" / "spread.svg").stat().st_size > 2000
    assert result_files.read_table(folder / "summary.csv")["n"].tolist() == [2]


def test_a_forecast_says_which_experiment_states_no_cost(fresh, page, project):
    import subprocess
    import sys

    text = page["my_experiment.py"]
    (fresh.root / "my_experiment.py").write_text(re.sub(r"    cost = .*\n", "", text))
    (fresh.root / "draw_spread.py").write_text(page["draw_spread.py"])
    (fresh.root / "mine.yaml").write_text(page["mine.yaml"])
    command = [sys.executable, "-m", "warpline", "plan", "mine.yaml"]
    done = subprocess.run(command, cwd=fresh.root, capture_output=True, text=True, check=True)
    assert "warping.spread: its experiment states no cost" in done.stdout
