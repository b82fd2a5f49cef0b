"""No text of a configuration reaches the report, a figure or a command line as more than text."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
from spoiled import TAG, spoil

from warpline.figures import figure_script, plotting
from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import settings_json

STYLE = {"font_size": 8, "dpi": 60, "colormap": "viridis", "palette": "okabe-ito"}


@pytest.fixture
def own(raw_config, tmp_path, monkeypatch):
    """Return a configuration that has all parts, some of which take free text."""
    (tmp_path / "mine.py").write_text(
        "from warpline.models.leaky_rnn import Network\n"
        "class Net(Network): pass\n"
        "class Measure:\n"
        "    def represent(states, *, settings): return states\n"
        "    def compare_pairs(a, b, *, settings): return a\n"
        "class Experiment:\n"
        "    def analyse(network, settings): return None, None\n"
    )
    monkeypatch.chdir(tmp_path)
    free = {"note": "text", "nested": {"list": ["text", {"deep": "text"}]}}
    raw_config["architectures"]["own"] = {
        **raw_config["architectures"]["leaky_rnn"],
        "model": "mine.py:Net",
        "parameters": free,
    }
    raw_config["measures"]["own"] = {"measure": "mine.py:Measure", "settings": free}
    raw_config["warping"]["own"] = {
        "experiment": "mine.py:Experiment",
        "taskset": "Context",
        "architecture": "own",
        "settings": free,
    }
    raw_config["run"]["warping"] = ["own", "static", "context_learning"]
    raw_config["run"]["measures"] = ["cka", "dsa", "own"]
    raw_config["run"]["grid"] = [
        {
            "tasksets": ["PDM"],
            "architectures": ["leaky_rnn", "own"],
            "curricula": ["untrained", "master"],
            "comparisons": ["learning", "architectures"],
        }
    ]
    return raw_config


@pytest.mark.slow
def test_no_tag_of_a_configuration_stands_on_a_command_line(own):
    # With every default written out.
    spoiled, n_tried, n_taken = spoil(load(own).model_dump(mode="json"))
    # Free text: parameters and settings of one's own, conditions, periods. All else is refused.
    assert n_tried > 500 and n_taken > 20
    assert TAG in json.dumps(spoiled)
    pipeline = Pipeline(Plan(load(spoiled)))
    texts = []
    for stage in pipeline.stages:
        if not stage.rule.startswith("draw"):
            texts += [stage.settings(job) for job in stage.jobs()]
    for figures in pipeline.figures_by_part.values():
        for figure in figures:
            names = {"taskset": "PDM", "architecture": "own"}
            texts += [figure.settings_json(names), figure.command, *figure.labels.values()]
    told = [text for text in texts if json.dumps(TAG)[1:-1].replace("<", "\\u003c") in text]
    assert len(told) > 5
    assert not [text for text in texts if "<" in text]


def test_settings_are_what_they_were():
    settings = {TAG: [TAG, {"a<b": "<!--"}], "n": 1.5}
    text = settings_json(settings)
    assert json.loads(text) == settings and "<" not in text


def test_a_figure_holds_no_element_of_its_text(tmp_path):
    """Labels are text of the SVG, and the provenance is text of its metadata."""
    import matplotlib.pyplot as plt

    def draw(text, path):
        plotting.apply_style(STYLE)
        figure, axes = plt.subplots()
        axes.plot([0, 1], [0, 1], label=text)
        axes.set(title=text, xlabel=text, ylabel=text)
        axes.set_xticks([0, 1], [text, f"--> {text}"])
        axes.annotate(text, (0, 0))
        axes.legend()
        figure_script.save(figure, [path.with_suffix(".svg")], {"text": text})
        plt.close(figure)
        return {element.tag for element in ElementTree.parse(path.with_suffix(".svg")).iter()}

    harmless = draw("text", tmp_path / "a")
    assert draw(TAG, tmp_path / "b") <= harmless
    assert not {tag.rpartition("}")[2] for tag in harmless} & {"script", "image", "foreignObject"}
