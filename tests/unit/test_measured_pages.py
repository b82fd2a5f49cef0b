"""Numbers of documentation pages that a benchmark measures are those of its data file."""

import csv
import importlib.util
import json
import re
import sys

import numpy as np
import pytest

from warpline.claims.evidence import Evidence, part_of_networks
from warpline.comparison.hypothesis_tests import holm
from warpline.core import result_files
from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import forecast

#: Page, benchmark, data file; the benchmark's `page_lines` says what the page holds.
MEASURED = [
    ("dsa.md", "dsa.py", "dsa/speed.json"),
    ("alignment_search.md", "dsa_search.py", "dsa/search.json"),
    ("alignment_search.md", "dsa_search_apart.py", "dsa/search_apart.json"),
    ("alignment_search.md", "dsa_search_kinds.py", "dsa/search_kinds.json"),
    ("alignment_search.md", "dsa_search_chance.py", "dsa/search_chance.json"),
    ("dsa_input.md", "dsa_input.py", "dsa_input/speed.json"),
    ("dsa_input.md", "dsa_input_cases.py", "dsa_input/cases.json"),
    ("alignment_search.md", "dsa_input_search.py", "dsa_input/search.json"),
    ("dsa_input.md", "dsa_input_drives.py", "dsa_input/drives.json"),
    ("your_data.md", "recordings.py", "recordings.json"),
    ("your_data.md", "unlike_recordings.py", "unlike_recordings.json"),
]


def load_benchmark(project, monkeypatch, name):
    path = project / "benchmarks" / name
    # Benchmarks import what they share from their folder.
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    # Data classes look their module up.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_benchmarks_is_made_from_its_table(project, monkeypatch):
    module = load_benchmark(project, monkeypatch, "write_page.py")
    rows = module.read_rows()
    assert module.PAGE.read_text() == module.render(rows)
    measured = list(dict.fromkeys(row["benchmark"] for row in rows))
    assert measured == [name for name in module.LINES if name in measured] and len(measured) >= 12


#: Tables of a few lines.
TABLES = [
    ("geometry.md", "geodesics.py", "geometry/geodesics.json"),
    ("workflow.md", "geometry.py", "geometry/metric.json"),
    ("measures.md", "shape_search.py", "shape_search.json"),
    ("published_settings.md", "claim_moments.py", "geometry/moments.json"),
]


@pytest.mark.parametrize(("page", "benchmark", "data"), TABLES)
def test_a_page_holds_the_table_of_its_benchmark(project, monkeypatch, page, benchmark, data):
    module = load_benchmark(project, monkeypatch, benchmark)
    result = json.loads((project / "docs" / "data" / data).read_text())
    lines = module.page_lines(result)
    assert len(lines) >= 4 and "\n".join(lines) in (project / "docs" / page).read_text()


@pytest.mark.parametrize(
    ("page", "benchmark", "data", "sentence"),
    [
        ("measures.md", "shape_search.py", "shape_search.json", "sentence"),
        ("measures.md", "shape_search.py", "shape_search.json", "totals"),
        ("measures.md", "shape_search.py", "shape_search.json", "of_networks"),
        ("measures.md", "shape_search.py", "shape_search.json", "of_few_times"),
        ("measures.md", "shape_search.py", "shape_search.json", "of_noises"),
        ("alignment_search.md", "dsa_search.py", "dsa/search_models.json", "other_models"),
        (
            "alignment_search.md",
            "dsa_search.py",
            "dsa/search_models.json",
            "silent_of_other_models",
        ),
        ("alignment_search.md", "dsa_search.py", "dsa/search_short.json", "other_models"),
        (
            "alignment_search.md",
            "dsa_search.py",
            "dsa/search_short.json",
            "silent_of_short_windows",
        ),
        *(
            ("alignment_search.md", "dsa_search.py", f"dsa/{name}_interval.json", lines)
            for name in ("search", "search_models")
            for lines in ("other_models", "silent_of_other_models")
        ),
        ("dsa.md", "dsa_search.py", "dsa/search.json", "summary_of_demo"),
        ("dsa.md", "dsa_search.py", "dsa/search.json", "price_lines"),
        ("dsa.md", "dsa_search.py", "dsa/search_models.json", "summary_of_models"),
        ("dsa.md", "dsa_search_kinds.py", "dsa/search_kinds.json", "summary_lines"),
        ("dsa.md", "dsa_search.py", "dsa/search.json", "sentence_of_all"),
        ("dsa.md", "dsa_search.py", "dsa/search_models.json", "sentence_of_all"),
        ("dsa.md", "dsa_search_kinds.py", "dsa/search_kinds.json", "sentence_of_all"),
        (
            "dsa_input.md",
            "dsa_input_search.py",
            "dsa_input/search.json",
            "sentence_of_large_controls",
        ),
        *(
            (page, "dsa_input_search.py", "dsa_input/search.json", "sentence_of_all")
            for page in ("alignment_search.md", "dsa_input.md")
        ),
        ("your_data.md", "unlike_recordings.py", "unlike_recordings.json", "sentence"),
        ("statistics.md", "unlike_recordings.py", "unlike_recordings.json", "sentence"),
        ("your_data.md", "unlike_recordings.py", "unlike_recordings.json", "sentence_of_pools"),
        ("your_data.md", "unlike_recordings.py", "unlike_recordings.json", "sentence_of_ranks"),
        (
            "your_data.md",
            "unlike_recordings.py",
            "unlike_recordings.json",
            "sentence_of_eigenvalues",
        ),
        ("geometry.md", "geodesics.py", "geometry/geodesics.json", "sentence"),
        ("claims.md", "rank_of_metric.py", "geometry/rank.json", "sentence"),
        ("claims.md", "own_course.py", "own_course.json", "sentence"),
        ("claims.md", "context_grid.py", "geometry/context_grid.json", "sentence"),
        ("workflow.md", "geometry.py", "geometry/metric.json", "sentence"),
    ],
)
def test_a_page_holds_the_sentence_of_its_benchmark(
    project, monkeypatch, page, benchmark, data, sentence
):
    module = load_benchmark(project, monkeypatch, benchmark)
    result = json.loads((project / "docs" / "data" / data).read_text())
    text = " ".join((project / "docs" / page).read_text().split())
    assert getattr(module, sentence)(result) in text


#: Runs of ten networks, and what the names of their files end with.
TEN_NETWORKS = {"argvalues": [("ten_seeds", ""), ("ten_seeds_new", "_new")]}


@pytest.mark.parametrize(("run", "end"), **TEN_NETWORKS)
def test_b4_depends_on_how_inputs_are_weighted(project, monkeypatch, run, end):
    module = load_benchmark(project, monkeypatch, "rank_of_metric.py")
    data = project / "docs" / "data"
    result = json.loads((data / "geometry" / f"rank{end}.json").read_text())
    claims = result_files.read_table(data / run / "claims.csv")
    (b4,) = claims[claims["claim"] == "B4"].to_dict("records")
    late = [
        [row["alike"] for row in result["networks"] if (row["moment"], row["context"]) == place]
        for place in (("late", 1), ("late", 2))
    ]
    # The value of the rule is that of inputs that count alike, in the context in which it is less.
    effects = [1.5 - sum(ranks) / len(ranks) for ranks in late]
    assert min(effects) == pytest.approx(b4["value"], abs=1e-3)
    assert b4["verdict"] == "fails" and not module.holds(result["networks"], "alike")
    assert module.holds(result["networks"], "by size")


@pytest.mark.parametrize(("run", "end"), **TEN_NETWORKS)
def test_b6_and_b7b_depend_on_the_moment(project, monkeypatch, run, end):
    module = load_benchmark(project, monkeypatch, "claim_moments.py")
    docs = project / "docs"
    moments = docs / "data" / "geometry" / f"moments{end}.json"
    networks = json.loads(moments.read_text())["networks"]
    claims = result_files.read_table(docs / "data" / run / "claims.csv")
    for claim, statistic in (("B6", "alignment"), ("B7b", "correlation")):
        (judged,) = claims[claims["claim"] == claim].to_dict("records")
        of_contexts = {
            moment: [module.values_of(networks, statistic, moment, k) for k in (1, 2)]
            for moment in ("halfway", "end")
        }
        # The value of the rule is that of the end, in the context in which it is less.
        assert min(values.mean() for values in of_contexts["end"]) == pytest.approx(
            judged["value"], abs=1e-3
        )
        assert judged["verdict"] == "fails" and judged["n"] == len(
            {row["seed"] for row in networks}
        )
        # Halfway: p of the rule, among those of its family at the end.
        halfway = Evidence([part_of_networks("", values) for values in of_contexts["halfway"]])
        assert halfway.value > judged["smallest_effect"]
        family = claims[claims["claim"].str.startswith("B") & (claims["claim"] != claim)]["p"]
        p_values = [2 * halfway.p_above(judged["null_value"]), *family]
        assert holm(np.array(p_values))[0] < 0.05
    page = " ".join((docs / "published_settings.md").read_text().split())
    assert "B6 and B7b: both effects are there halfway." in page
    results = " ".join((docs / "results.md").read_text().split())
    assert "They would hold halfway through the stimulus" in results
    claims_page = " ".join((docs / "claims.md").read_text().split())
    assert "both fail there, and would hold halfway through the stimulus" in claims_page


def test_the_moments_end_with_that_of_the_tables(project, monkeypatch):
    module = load_benchmark(project, monkeypatch, "claim_moments.py")
    data = project / "docs" / "data"
    networks = json.loads((data / "geometry" / "moments.json").read_text())["networks"]
    late = result_files.read_table(data / "ten_seeds" / "context.csv").query("moment == 'late'")
    quantities = {
        "ratio": "metric, relevant / irrelevant",
        "crowding": "crowding of lines, relevant",
        "relevant": "cosine with eigenvectors, relevant",
        "irrelevant": "cosine with eigenvectors, irrelevant",
        "kurtosis": "excess kurtosis, relevant",
    }
    for statistic, quantity in quantities.items():
        for context in (1, 2):
            (mean,) = late.loc[
                late["quantity"].eq(quantity) & late["condition"].eq(f"context {context}"), "mean"
            ]
            at_end, _, _ = module.interval(networks, statistic, "end", context)
            assert at_end == pytest.approx(mean, abs=1e-3)
    page = " ".join((project / "docs" / "published_settings.md").read_text().split())
    assert "At the median input the relevant metric is the larger one halfway." in page
    assert all(module.interval(networks, "median", "halfway", context)[1] > 1 for context in (1, 2))


def test_known_inputs_take_strong_drives_below_the_floor(project, monkeypatch):
    module = load_benchmark(project, monkeypatch, "dsa_input_drives.py")
    data = project / "docs" / "data" / "dsa_input" / "drives.json"
    rows = [
        row for row in json.loads(data.read_text())["drives"] if row["networks"] in module.LABELS
    ]
    assert {row["n"] for row in rows} == {10}

    def ratios(measure, *drives):
        return [r for r in rows if r["measure"] == measure and r["drive"] in drives]

    page = " ".join((project / "docs" / "dsa_input.md").read_text().split())
    assert (
        "all six intervals lie below 1. At rank 5 five of them do. With two delays 3 of six do, and with `whitened` coordinates 2."
        in page
    )
    strong = ("strong_noise", "autocorrelated_noise")
    below = {
        setting: [row["high"] < 1 for row in ratios(f"`dsa_input`, rank {setting}", *strong)]
        for setting in ("5", "10", "10, 2 delays", "10, `whitened`")
    }
    assert [(sum(found), len(found)) for found in below.values()] == [
        (5, 6),
        (6, 6),
        (3, 6),
        (2, 6),
    ]
    assert "By `weak_noise` one interval of three lies below 1 at rank 10" in page
    assert sum(row["high"] < 1 for row in ratios("`dsa_input`, rank 10", "weak_noise")) == 1
    assert all(row["high"] < 1 for row in ratios("`dsa_input`, rank 5", "weak_noise"))

    separations = {
        (row["measure"], row["curriculum"]): row
        for row in json.loads(data.read_text())["separation"]
    }
    cells = ((10, "state"), (5, "state"), (5, "control"))
    untrained, pretrained = (
        [separations[f"`dsa_input`, rank {rank} {score}", curriculum] for rank, score in cells]
        for curriculum in ("untrained", "pretrain_anti_delay_frozen")
    )
    assert (
        "There the order by the states is the reverse, and the intervals of S by the control hold 0.5"
        in page
    )
    assert untrained[0]["S"] > pretrained[0]["S"] and untrained[1]["S"] < pretrained[1]["S"]
    assert all(row["low"] < 0.5 < row["high"] for row in (untrained[2], pretrained[2]))


def test_the_early_moments_of_two_settings_are_stated_from_the_stimulus_on(project):
    stated = []
    for file, analysis in (("published_warping", "published_context"), ("demo", "context")):
        config = load_files([project / "config" / f"{name}.yaml" for name in ("config", file)])
        entry = config.warping[analysis]
        taskset = config.tasksets[entry.taskset]
        steps = sum(taskset.timing.values()) / taskset.dt
        time = round(entry.moments[0] * steps) * taskset.dt - taskset.timing["fixation"]
        stated.append(time / config.architectures[entry.architecture].tau)
    page = " ".join((project / "docs" / "published_settings.md").read_text().split())
    assert (
        f"Early is after {stated[0]:g} time constants of stimulus in theirs, and {stated[1]:g}"
        in page
    )


@pytest.mark.parametrize(("page", "benchmark", "data"), MEASURED)
def test_a_page_holds_what_its_benchmark_measured(project, monkeypatch, page, benchmark, data):
    module = load_benchmark(project, monkeypatch, benchmark)
    result = json.loads((project / "docs" / "data" / data).read_text())
    text = re.sub(r"\s+", " ", (project / "docs" / page).read_text())
    lines = module.page_lines(result)
    assert len(lines) >= 5
    assert [line for line in lines if line not in text] == []


def test_the_page_of_your_data_holds_the_table_of_its_example(project):
    text = (project / "docs" / "your_data.md").read_text()
    with (project / "docs" / "data" / "recordings_example.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    named = {"rnn": "of the RNN", "gru": "of the GRU", "decoy": "of the untrained RNN"}
    for k, (recording, words) in enumerate(named.items()):
        cells = []
        for measure in ("cka", "dsa"):
            values = [
                float(row["dissimilarity"])
                for row in rows
                if (row["recording"], row["measure"]) == (recording, measure)
            ]
            # The recorded network is the nearest.
            assert values.index(min(values)) == k and len(values) == 3
            cells += [f"**{x:.3f}**" if i == k else f"{x:.3f}" for i, x in enumerate(values)]
        assert f"| {words} | {' | '.join(cells)} |" in text


def lines_of(project, what, rival, also=""):
    """Return the lines of docs/benchmarks.md about something and a rival, from their table."""
    with (project / "docs" / "data" / "benchmarks.csv").open(newline="") as file:
        return [
            row
            for row in csv.DictReader(file)
            if what in row["what"] and also in row["what"] and rival in row["rival"]
        ]


def ratios(project, what, rival, also=""):
    """Return the ratios of those lines."""
    return [float(row["ratio"]) for row in lines_of(project, what, rival, also)]


def test_the_page_of_the_workflow_states_the_speed_of_training_of_the_benchmarks(project):
    text = " ".join((project / "docs" / "workflow.md").read_text().split())
    full = []
    for model, name in (("leaky_rnn", "leaky RNN"), ("leaky_gru", "leaky GRU")):
        for units in (64, 128, 256):
            what = f"forward and backward, {model}, {units} units, 64 trials x 400 steps"
            (loop,) = lines_of(project, what, "plain loop")
            (torch_nn,) = lines_of(project, what, "torch.nn")
            (careful,) = lines_of(project, what, "careful loop")
            share = loop["check"].split()[0]
            cells = f"{loop['ratio']} | {careful['ratio']} | {torch_nn['ratio']} | {share}"
            assert f"| {name}, {units} units | {cells} |" in text
        full.append(float(loop["ratio"]) / float(share))
    assert f"RNN and GRU would be {full[0]:.1f} and {full[1]:.1f} times as fast as the" in text


def test_the_page_of_the_workflow_states_the_speed_of_ensembles_of_the_benchmarks(project):
    text = (project / "docs" / "workflow.md").read_text()
    named = {"leaky_rnn": "leaky RNN", "leaky_gru": "leaky GRU", "mamba_d16_l1": "`mamba_d16_l1`"}
    for architecture, words in named.items():
        rows = lines_of(project, f"64 networks ({architecture}) as one", "one after another")
        recorded, plain = sorted(rows, key=lambda row: "without" in row["what"])
        assert f"| {words} | {recorded['ratio']} | {plain['ratio']} |" in text


def test_the_page_of_mamba_states_the_ratios_of_the_benchmarks(project):
    text = " ".join((project / "docs" / "mamba.md").read_text().split())
    for rival, words in (("loop", "a plain loop"), ("mambapy", "mambapy by its parallel scan")):
        found = ratios(project, "64 trials x", rival, "Mamba mamba_")
        assert len(found) == 12
        assert f"{min(found):.1f} to {max(found):.1f} times as fast as {words}" in text
    alone = ratios(project, "1 trial x", "mambapy", "Mamba mamba_")
    stated = f"takes {min(alone):.1f} to {max(alone):.1f} times our time"
    assert f"With one trial of these lengths, mambapy's parallel scan {stated}" in text


def test_the_page_of_benchmarks_says_when_plain_code_is_the_faster_one(project):
    text = " ".join((project / "docs" / "benchmarks.md").read_text().split())
    alone = ratios(project, "cka, one pair", "plain") + ratios(project, "procrustes, one", "scipy")
    assert (
        "of a single pair of the size below, plain CKA and SciPy's Procrustes are the faster ones"
        in text
    )
    assert len(alone) == 4 and max(alone) < 1


def test_the_page_of_benchmarks_says_when_scipy_finds_fixed_points_faster(project):
    text = " ".join((project / "docs" / "benchmarks.md").read_text().split())
    many, few = ratios(project, "fixed points and spectra", "scipy")
    assert (
        "Fixed points of the network below take from many starts about as long as by scipy, "
        "and from few starts longer." in text
    )
    assert 0.8 < many < 1.25 and few < 0.8


def test_the_page_of_reliability_states_the_cost_of_checksums_of_the_benchmarks(project):
    text = (project / "docs" / "reliability.md").read_text()
    rows = {
        "demo last checkpoint": "one checkpoint, demo",
        "paper last checkpoint": "one checkpoint, paper",
        "paper all checkpoints": "the 36 checkpoints, paper",
        "demo trajectories": "trajectories, demo",
        "paper trajectories": "trajectories, paper",
        "demo table": "table of 500 rows",
        "paper table": "table of 20,000 rows",
    }
    for what, words in rows.items():
        (line,) = lines_of(project, f"checking, {what},", "without its checksums")
        whole, rest = (float(line[side].split()[0]) for side in ("ours", "theirs"))
        unit, divisor = ("s", 1000) if whole > 500 else ("ms", 1)
        cells = " | ".join(f"{x / divisor:.2g} {unit}" for x in (whole, whole - rest))
        assert f"| {words} | {line['what'].split(', ')[-1]} | {cells} |" in text


def test_the_page_of_geometry_states_the_ratios_of_the_benchmarks(project):
    (alone,) = ratios(project, "44 geodesics", "each alone")
    (together,) = ratios(project, "44 geodesics", "one system")
    text = " ".join((project / "docs" / "geometry.md").read_text().split())
    assert "about a twentieth of scipy's RK45 on each alone" in text and 15 < alone < 25
    assert "about as much as RK45 on all as one system" in text and 0.8 < together < 1.25


@pytest.mark.slow
def test_the_page_of_the_cluster_states_the_forecast_of_the_grid(project, tmp_path):
    files = [project / "config" / name for name in ("config.yaml", "paper.yaml")]
    plan = Plan(load_files(files))
    table = forecast(plan)
    text = " ".join((project / "docs" / "cluster.md").read_text().split())
    hours = table.groupby("stage")["hours"].sum()
    stated = f"{hours['trajectories']:.0f} and {hours['comparisons']:.0f} hours of one CPU thread"
    assert f"{stated} for the whole grid" in text
    n_networks, n_jobs = len(plan.networks) * len(plan.config.run.seeds), table["jobs"].sum()
    assert f"has {n_networks:,} networks, ten in a training job, and {n_jobs:,} jobs" in text
    (dry_run,) = lines_of(project, "plan of config/paper.yaml", "plain workflow")
    assert dry_run["what"] == f"plan of config/paper.yaml, {n_jobs:,} jobs"
    assert f"takes {dry_run['ours']} of processor time and {dry_run['check']}" in text
    assert (
        "six times the time of a plain workflow" in text and 5.5 < 1 / float(dry_run["ratio"]) < 6.5
    )
    assert f"plans {table['disk'].sum():.0f} GB of results" in text
    assert f"hidden states take up to {table['passing'].sum():.0f} GB more" in text

    # With everything kept, and the table of what each rule takes.
    (tmp_path / "all_kept.yaml").write_text(
        "pretraining: {checkpoints: {keep: all}}\n"
        "training: {checkpoints: {keep: all}}\n"
        "jobs: {keep_trajectories: true}\n"
    )
    everything = forecast(Plan(load_files([*files, tmp_path / "all_kept.yaml"])))
    assert f"With everything kept it would be {everything['disk'].sum():.0f} GB" in text
    rows = {
        "train": "checkpoints",
        "pretrain": "checkpoints of pretraining",
        "compute_trajectories": "hidden states",
    }
    for rule, words in {**rows, None: "all else"}.items():
        chosen = [
            one["rule"] == rule if rule else ~one["rule"].isin(list(rows))
            for one in (everything, table)
        ]
        both = [
            one.loc[of_row, "disk"].sum()
            for one, of_row in zip((everything, table), chosen, strict=True)
        ]
        assert f"| {words} | {both[0]:.0f} GB | {both[1]:.0f} GB |" in text
