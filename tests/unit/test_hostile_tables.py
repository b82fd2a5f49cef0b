"""Statistics, rules of claims and tables that no run makes: the right answer, or one message."""

import copy

import numpy as np
import pandas as pd
import pytest
import yaml

from warpline.claims.claim_table import claim_table
from warpline.claims.sources import Sources
from warpline.comparison import hypothesis_tests, jackknife, statistics
from warpline.core import result_files
from warpline.core.result_files import DamagedFileError
from warpline.explorer.page_file import Sources as ExplorerSources
from warpline.explorer.page_file import page_within
from warpline.pipeline.config import ConfigError
from warpline.pipeline.config.claim_rules import read_rules

NAN, INF = np.nan, np.inf
SEEDS = [1, 2, 3, 4]
MATRIX = np.random.default_rng(0).random((4, 4))

REFUSED = {
    **{
        f"confidence {confidence}": lambda c=confidence: jackknife.mean_interval(np.arange(5.0), c)
        for confidence in (0, 1, 2, -0.5, NAN, INF)
    },
    "confidence of a jackknife": lambda: jackknife.jackknife_interval(MATRIX, SEEDS, SEEDS, 1.5),
    "confidence of a test": lambda: hypothesis_tests.difference_test(MATRIX, MATRIX, 7.0),
    "a seed twice": lambda: jackknife.jackknife_interval(MATRIX, [1, 1, 2, 3], SEEDS, 0.95),
    "a seed too few": lambda: jackknife.jackknife_interval(MATRIX[:, :3], SEEDS, SEEDS, 0.95),
    "other seeds": lambda: hypothesis_tests.difference_test(MATRIX, MATRIX[:3, :3], 0.95),
    "not square": lambda: hypothesis_tests.difference_test(MATRIX[:3], MATRIX[:3], 0.95),
    "p above 1": lambda: hypothesis_tests.holm(np.array([2.0, 0.5])),
    "p below 0": lambda: hypothesis_tests.holm(np.array([NAN, -1.0])),
    "a rule of no claim": lambda: claim_table(Sources(), {"rules": {"Z9": {}}}),
    **{
        f"a page of {size} MB": lambda s=size: page_within(ExplorerSources(), {"megabytes": s})
        for size in (-1, NAN, INF)
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_what_was_expected(case):
    with pytest.raises(ValueError, match="expected"):
        REFUSED[case]()


@pytest.mark.parametrize(
    ("values", "interval"),
    [([], NAN), ([1.0], NAN), ([1.0, 2.0], NAN), ([2.0] * 5, 2.0), ([1.0, 2.0, NAN], NAN)],
)
def test_few_and_equal_values_have_the_interval_that_they_can(values, interval):
    with np.errstate(all="ignore"):
        low, high = jackknife.mean_interval(np.array(values), 0.95)
    np.testing.assert_allclose([low, high], interval)


def test_pairs_that_all_failed_give_a_summary_without_rows_that_can_be_read(tmp_path):
    names = {"measure": "cka", "architecture_a": "rnn", "curriculum_a": "a", "curriculum_b": "b"}
    pairs = pd.DataFrame(
        [{**names, "seed_a": i, "seed_b": j, "seeds": "cross", "dissimilarity": NAN}
         for i in SEEDS for j in SEEDS if i < j]
    )  # fmt: skip
    summary = statistics.summary_table(pairs, {"confidence": 0.95})
    assert len(summary) == 0 and {"mean", "low", "separation_high"} <= {*summary}
    for frame in (summary, pd.DataFrame()):
        result_files.write_table(frame, tmp_path / "summary.csv", {"settings": {}})
        assert list(result_files.read_table(tmp_path / "summary.csv")) == list(frame)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("null_value", NAN), ("null_value", INF), ("smallest_effect", NAN), ("smallest_effect", INF),
        ("smallest_effect", 0.0), ("smallest_effect", -1.0), ("min_n", 0), ("min_n", 10**9), ("min_n", "x"),
        ("share", 0), ("share", 2), ("share", NAN), ("sentence", ""), ("sentence", "a\x07b"), ("other", 1),
    ],
)  # fmt: skip
def test_rules_of_claims_are_numbers_in_order(key, value, tmp_path, project):
    document = yaml.safe_load((project / "config" / "claims.yaml").read_text())
    changed = copy.deepcopy(document)
    changed["rules"]["A1"][key] = value
    for faulty in (changed, {**document, "rules": {}}, {**document, "confidence": NAN}):
        (tmp_path / "claims.yaml").write_text(yaml.safe_dump(faulty))
        with pytest.raises(ConfigError):
            read_rules(tmp_path / "claims.yaml")


EDITED = {
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "spaces": lambda text: text.replace(",", ", "),
    "a byte order mark": lambda text: f"\ufeff{text}",
    "an index": lambda text: ",seed,value\n0,1,0.5\n1,2,1.25\n",
    "a cell too many": lambda text: "seed,value\n1,0.5,9\n2,1.25,9\n",
    "no header": lambda text: text.partition("\n")[2],
    "a row more": lambda text: f"{text}3,1\n",
    "nothing": lambda text: "\n",
}


@pytest.mark.parametrize("case", EDITED)
def test_a_table_that_another_program_wrote_is_refused_without_its_sidecar(case, tmp_path):
    path = tmp_path / "table.csv"
    result_files.write_table(pd.DataFrame({"seed": [1, 2], "value": [0.5, 1.25]}), path, {})
    result_files.sidecar_path(path).unlink()
    assert list(result_files.read_table(path)) == ["seed", "value"]
    first, _, rows = path.read_text().partition("\n")
    path.write_text(f"{first}\n{EDITED[case](rows)}", encoding="utf-8")
    with pytest.raises(DamagedFileError):
        result_files.read_table(path)
