"""Captions of the report: three sentences (what, how to read it, n), and the rest folded."""

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import numpy as np
import pytest
from docutils.core import publish_parts

from warpline.attractors.systems import motif_sequences, n_shared_in_position, n_shared_motifs
from warpline.core.table_names import STATISTICS_TABLES
from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "report"
CAPTIONS = sorted(path.stem for path in FOLDER.glob("*.rst") if path.stem != "workflow")
MOST_WORDS = 40
"""Of a sentence (CONTRIBUTING.md)."""


def rendered(caption, config, n_seeds):
    """Return a caption as the report shows it, as HTML."""
    config = {**config, "run": {**config["run"], "seeds": list(range(n_seeds)), "datasets": ["a"]}}
    wildcards = {"taskset": "PDM", "architecture": "leaky_rnn", "table": "runs"}
    snakemake = SimpleNamespace(
        config=config,
        wildcards=SimpleNamespace(**wildcards),
        params=SimpleNamespace(script="x.py"),
    )
    text = (FOLDER / f"{caption}.rst").read_text()
    # As Snakemake renders it, which takes the end of a line behind a block; and an unknown name is an error.
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(text)
    html = publish_parts(template.render(snakemake=snakemake), writer_name="html")["body"]
    assert "system-message" not in html and "{{" not in html and "snakemake." not in html
    return html


def sentences(html):
    text = " ".join(re.sub("<[^>]*>", "", html).replace("&lt;", "<").split())
    return re.split(r"(?<=[.?!])\s+", text)


@pytest.mark.parametrize("measures", [["cka"], ["cka", "procrustes", "dsa", "dsa_input"]], ids=len)
@pytest.mark.parametrize("n_seeds", [1, 2, 10])
@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_is_three_sentences_and_the_last_states_n(caption, n_seeds, measures, raw_config):
    raw_config["run"]["measures"] = measures
    html = rendered(caption, raw_config, n_seeds)
    shown, _, folded = html.partition("<details>")
    first = sentences(shown)
    assert len(first) == 3, first
    assert re.match(r"n (= \d+ |on |in |above )", first[2]), first[2]
    assert re.search(r"\d", first[2]), first[2]
    # What is folded ends with its element, and nothing stands behind it.
    assert not folded or folded.strip().endswith("</details>")
    assert "raw:: html" not in html
    # A block ends its line: the next sentence starts behind a space.
    assert not re.search(r"[a-z)][.?!][A-Z]", " ".join(sentences(folded)))
    # "(a) ..." as a paragraph of one line would be the item of a list, and another letter in the report.
    assert "<ol" not in html
    too_long = [one for one in first if len(one.split()) > MOST_WORDS]
    assert not too_long


@pytest.mark.parametrize(
    ("caption", "of_two"),
    [
        ("after_learning", ["Filled marks", "filled marks", "S: separation"]),
        ("over_learning", ["Dashed", "dashed", "Right: separation", "compares measures"]),
    ],
)
def test_with_one_seed_a_caption_explains_no_floor(caption, of_two, raw_config):
    for n_seeds in (1, 2):
        words = " ".join(sentences(rendered(caption, raw_config, n_seeds)))
        assert [one in words for one in of_two] == [n_seeds > 1] * len(of_two), words


@pytest.mark.parametrize(
    ("run", "shown", "hidden"),
    [
        (
            {"grid": [], "datasets": ["a", "b"], "measures": ["cka", "dsa"]},
            ["two systems", "By dsa, single trials", "by all other measures, averages"],
            ["networks", "(2)", "trial by trial"],
        ),
        (
            {"grid": [], "datasets": ["a", "b"], "measures": ["cka"]},
            ["Averages by condition are compared."],
            ["ingle trials", "trial by trial"],
        ),
        ({"measures": ["dsa"], "seeds": [1]}, ["(1 network per", "(8)?"], ["(7)", "(1 networks"]),
        ({"measures": ["cka"], "warping": []}, ["(3)?", "(8)?"], ["(4)", "(7)"]),
        ({"measures": ["dsa_input"], "warping": ["static"]}, ["(4)?", "of InputDSA (7)?"], []),
    ],
    ids=["recordings", "their averages", "one seed", "without geometry and DSA", "with both"],
)
def test_the_introduction_of_the_report_names_what_is_there(raw_config, run, shown, hidden):
    raw_config["run"] |= run
    raw_config["dataset_comparison"] = {"single_trials": ["dsa"]}
    text = (FOLDER / "workflow.rst").read_text()
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filled = environment.from_string(text).render(snakemake=SimpleNamespace(config=raw_config))
    html = publish_parts(filled, writer_name="html")["body"]
    assert "system-message" not in html
    words = " ".join(sentences(html))
    assert all(one in words for one in shown), words
    assert not any(one in words for one in hidden), words
    # The first two sentences are paragraphs of their own.
    assert html.count("</p>") >= 3


def introduction(config):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    text = (FOLDER / "workflow.rst").read_text()
    return environment.from_string(text).render(snakemake=SimpleNamespace(config=config))


def test_a_run_of_attractors_alone_speaks_of_no_networks(raw_config):
    raw_config["run"] |= {"grid": [], "warping": [], "measures": [], "attractors": True}
    raw_config["attractors"] = {"measures": {"own": {"measure": "dsa"}, "cka": {"measure": "cka"}}}
    text = introduction(raw_config)
    assert "It compares, by measure:" in text and text.count("\n- *") == 2 and "- *DSA*" in text
    del raw_config["attractors"]
    assert "It compares" not in introduction(raw_config)
    shown = sentences(rendered("claims", raw_config, 5).partition("<details>")[0])
    assert shown[-1] == "n = 9 systems in families, and 5 motifs."


def test_the_introduction_says_once_what_a_measure_is(raw_config):
    raw_config["measures"]["mine"] = {"measure": "dsa", "n_delays": 4, "rank": 6}
    raw_config["run"]["measures"] = ["dsa", "mine"]
    assert introduction(raw_config).count("- *DSA*") == 1


def test_the_introduction_says_which_pretraining_takes_turns(raw_config):
    raw_config["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["one", "two"]}
    ]
    raw_config["curricula"] |= {
        "one": {"pretrain": ["Anti"]},
        "two": {"pretrain": ["Anti", "Basic"]},
    }
    text = introduction(raw_config)
    assert "pretrained on Anti, then" in text
    assert "pretrained on Anti, Basic (interleaved), then" in text


def test_without_settings_around_the_own_ones_the_introduction_asks_nothing_of_them(raw_config):
    raw_config["run"]["measures"] = ["dsa"]
    assert "(7)?" in introduction(raw_config)
    raw_config["dsa_sensitivity"] = {"seeds": 1}
    assert "(7)?" not in introduction(raw_config)


def test_the_introduction_names_the_measures_of_task_sets(raw_config):
    raw_config["run"] |= {"measures": ["cka"]}
    raw_config["tasksets"]["PDM"]["measures"] = ["cka", "dsa_input"]
    text = (FOLDER / "workflow.rst").read_text()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    filled = environment.from_string(text).render(snakemake=SimpleNamespace(config=raw_config))
    assert filled.count("*CKA*") == filled.count("- *InputDSA*") == 1
    assert "other parameters of InputDSA (7)?" in filled
    # Measures of the run that no task set is compared by are none of its measures, but of its recordings.
    raw_config["tasksets"]["PDM"]["measures"] = ["dsa_input"]
    raw_config["run"]["warping"] = []
    for datasets, n_cka in (([], 0), (["a", "b"], 1)):
        raw_config["run"]["datasets"] = datasets
        filled = environment.from_string(text).render(snakemake=SimpleNamespace(config=raw_config))
        assert filled.count("*CKA*") == n_cka and filled.count("- *InputDSA*") == 1


@pytest.mark.parametrize(
    "caption", ["after_learning", "over_learning", "hyperparameters", "dsa_sensitivity"]
)
def test_captions_go_by_the_measures_of_the_task_set_whatever_their_names(raw_config, caption):
    def text(n_seeds=3):
        return " ".join(sentences(rendered(caption, raw_config, n_seeds)))

    raw_config["run"]["measures"] = ["cka"]
    raw_config["measures"]["mine"] = {"measure": "dsa", "n_delays": 4, "rank": 6}
    raw_config["tasksets"]["PDM"]["measures"] = ["cka", "mine"]
    starts = {
        "dsa_sensitivity": "Conclusions from DSA at",
        "hyperparameters": "Beside DSA, if models differ: other delays",
    }
    start = starts.get(caption, "Beside DSA: other delays")
    assert start in text() and "InputDSA" not in text()
    if caption == "after_learning":
        assert "DSA: 4 delays of 1 step, rank 6." in text()
    raw_config["tasksets"]["PDM"]["measures"] = ["dsa_input"]
    assert start.replace("DSA", "InputDSA") in text() and " DSA" not in text()
    if caption != "dsa_sensitivity":
        # With one seed nothing is tried at other settings.
        assert "other delays" not in text(1)


def test_captions_describe_no_mark_that_their_figure_lacks(raw_config):
    def text(caption, n_seeds=3):
        return " ".join(sentences(rendered(caption, raw_config, n_seeds)))

    assert "beside the floor" in text("hyperparameters") and "S: sep" in text("hyperparameters")
    assert "beside the floor" not in text("hyperparameters", 1)
    assert "S: sep" not in text("hyperparameters", 1) and "Floor" not in text("hyperparameters", 1)
    assert "other noise" in text("after_learning")
    # Neither without noise nor without drives is there a control of the noise.
    raw_config["comparison"]["controls"] = {"drives": []}
    assert "noise ×" not in text("after_learning") and "other noise." not in text("after_learning")
    del raw_config["comparison"]["controls"]
    raw_config["tasksets"]["PDM"]["input_noise"] = 0
    assert "noise ×" not in text("after_learning") and "other noise." not in text("after_learning")


def test_a_number_of_one_is_no_plural(raw_config):
    raw_config["run"]["measures"] = ["dsa"]
    raw_config["measures"]["dsa"] |= {"n_delays": 1, "rank": 3}
    after = " ".join(sentences(rendered("after_learning", raw_config, 3)))
    assert "DSA: 1 delay of 1 step, rank 3." in after


def test_captions_say_what_the_published_protocol_compares(raw_config):
    def says(caption, sentence):
        return sentence in " ".join(sentences(rendered(caption, raw_config, 3)))

    along, shared = "Delays run along trials, and their steps are trials.", "no floor for the right"
    raw_config["run"]["measures"] = ["dsa"]
    assert not says("after_learning", along) and not says("over_learning", shared)
    raw_config["protocol"] = {
        "dsa": {"delay_axis": "trial"},
        "evaluation": {"reduction": "published"},
    }
    assert says("after_learning", along) and says("over_learning", shared)


def test_every_figure_has_a_caption_and_every_caption_a_figure(raw_config):
    raw_config["run"]["warping"] = list(raw_config["warping"])
    pipeline = Pipeline(Plan(load(raw_config)))
    used = {
        Path(figure.caption).stem
        for figures in pipeline.figures_by_part.values()
        for figure in figures
    }
    # No configuration here has recordings, an audit or figures of the user's, and pages are no figures.
    others = {"user_figure", "datasets", "audit", "audit_claims", "tables", "claims"}
    assert used == {*CAPTIONS} - others


def test_the_number_of_networks_is_that_of_the_configuration(raw_config):
    for n_seeds, text in ((1, "n = 1 network,"), (10, "n = 10 networks,")):
        assert text in " ".join(sentences(rendered("warping_static", raw_config, n_seeds)))


def test_captions_of_the_published_protocol_say_what_it_does(raw_config):
    training = {"target": "fixed", "interleave": False}
    raw_config["protocol"] = {
        "training": training,
        "evaluation": {"paired": False, "window": "shifted"},
    }
    curves, after = (
        " ".join(sentences(rendered(name, raw_config, 10)))
        for name in ("learning_curves", "after_learning")
    )
    assert "curve reaches the criterion" in curves and "0.99 on all trials" in curves
    assert "deal observer" not in curves and "in pretraining, for each task)" in curves
    assert "trials of its own draw, in the steps 500 ms before the window" in after
    assert "same trials, including noise" not in after and "trial by trial" not in after
    raw_config["protocol"] = {}
    curves, after = (
        " ".join(sentences(rendered(name, raw_config, 10)))
        for name in ("learning_curves", "after_learning")
    )
    assert "for several evaluations" in curves and "Ideal observer (solid)" in curves
    assert "in pretraining); cross" in curves
    assert "same trials, including noise, in the window of the target" in after


@pytest.mark.parametrize(("per_job", "text"), [(1, "first 1 seed, so"), (5, "first 2 seeds, so")])
def test_the_choice_of_dsa_reads_no_seed_beyond_the_first_block(raw_config, per_job, text):
    raw_config["jobs"] = {"seeds_per_job": per_job}
    raw_config["measures"]["dsa"] |= {"rank": "auto"}
    assert text in " ".join(sentences(rendered("dsa_choice", raw_config, 10)))
    choice = Pipeline(Plan(load(raw_config))).choice
    assert len(choice.chosen_seeds({}).split()) == int(text.split()[1])


def test_no_more_trials_are_drawn_than_there_are(raw_config):
    for n, text in ((12, "12 of 12 trials"), (200, "25 of 200 trials")):
        raw_config["attractors"] = {"n_trials": n}
        for caption in ("attractor_motifs", "attractor_systems"):
            assert text in " ".join(sentences(rendered(caption, raw_config, 10)))


def test_a_confidence_level_is_not_rounded(raw_config):
    raw_config["statistics"] = {"confidence": 0.995}
    for caption in ("after_learning", "audit", "datasets"):
        assert "99.5 % interval" in " ".join(sentences(rendered(caption, raw_config, 10)))


def test_each_kind_of_measure_falls_evenly_in_its_own_panel_of_compositions():
    pairs = list(itertools.combinations(motif_sequences("abcde"), 2))
    counts = {
        "below": np.array([n_shared_motifs(*pair) for pair in pairs]),
        "above": np.array([n_shared_in_position(*pair) for pair in pairs]),
    }
    caption = " ".join((FOLDER / "attractor_composition.rst").read_text().split())
    assert "*which* motifs a system contains falls evenly below" in caption
    assert "*when* they occur falls evenly above" in caption
    for panel, shared in counts.items():
        for own, n_shared in counts.items():
            means = [-n_shared[shared == k].mean() for k in np.unique(shared)]
            # In the panel of the other kind it falls, too: sequences that share one share the other.
            assert means[-1] < means[0]
            assert np.allclose(np.diff(means), -1) == (own == panel)


@pytest.mark.parametrize(
    ("caption", "explained"),
    [
        ("tables", [f"### `{name}.csv`" for name in STATISTICS_TABLES]),
        ("workflow", ["Geodesics", "Fixed points", "Betti numbers", "excess kurtosis"]),
    ],
)
def test_the_pages_that_the_report_names_explain_what_it_shows(caption, explained):
    text = (FOLDER / f"{caption}.rst").read_text()
    pages = [FOLDER.parents[1] / name for name in re.findall(r"docs/\w+\.md", text)]
    words = " ".join(page.read_text() for page in pages)
    assert [one for one in explained if one not in words] == []
