"""The audit in real Snakemake runs: what protocols share is computed once."""

from collections import Counter

import pandas as pd
import pytest

from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import forecast
from warpline.pipeline.run_status import run_status
from warpline.pipeline.stages import Pipeline

pytestmark = pytest.mark.workflow


@pytest.fixture
def audit_jobs(checkout, monkeypatch):
    """Return a function that counts the audit's jobs that are not done, by rule; the forecast is of the same."""
    monkeypatch.chdir(checkout.root)

    def count():
        plan = Plan(load_files(["config/config.yaml", checkout.config]))
        jobs = [job for job in run_status(Pipeline(plan)).jobs if job.heading == "audit"]
        expected = forecast(plan)
        assert expected.loc[expected["stage"] == "audit", "jobs"].sum() == len(jobs)
        return Counter(job.rule for job in jobs if job.state != "done")

    return count


def test_a_protocol_computes_only_what_its_switch_changes(checkout, audit_jobs):
    checkout.configure(run__measures=["cka"], audit__switches=["evaluation.paired"])
    planned = checkout.planned("audit")
    # Three curricula in two seeds; the networks of the finished run serve both protocols.
    assert planned == {
        "audit_compute_trajectories": 6,
        "audit_compare_networks": 2,
        "tabulate_protocol": 2,
        "gather_audit": 1,
        "draw_audit": 1,
        "audit": 1,
    }
    assert audit_jobs() + Counter(audit=1) == planned
    checkout.configure(audit__switches=["training.loss"])
    planned = checkout.planned("audit")
    # All curricula but none of the trials; one pretraining.
    assert (planned["audit_pretrain"], planned["audit_train"]) == (2, 6)
    assert "audit_generate_trials" not in planned and "train" not in planned
    assert audit_jobs() + Counter(audit=1) == planned


@pytest.mark.slow
def test_an_audit_ends_in_tables_and_figures(checkout, audit_jobs):
    checkout.configure(
        run__measures=["cka"], audit__switches=["evaluation.paired"], audit__claims=True
    )
    before = checkout.outputs()
    checkout.snakemake("audit")
    results = checkout.root / "results" / "tiny"
    table = pd.read_csv(results / "tables" / "audit.csv", comment="#")
    assert list(dict.fromkeys(table["protocol"])) == ["right", "published"]
    assert set(table["curriculum"].dropna()) == {"untrained", "master", "pretrain_anti_frozen"}
    chosen = table[table["statistic"] == "dissimilarity"].set_index("protocol")["value"]
    # Other trials set every pair further apart.
    assert chosen["published"].mean() > chosen["right"].mean()
    assert (results / "figures" / "audit.png").stat().st_size > 10_000
    claims = pd.read_csv(results / "claims.csv", comment="#")
    order = claims[claims["claim"] == "A4b"].set_index("protocol")
    assert list(order.index) == ["right", "published"] and list(order["n"]) == [2, 2]
    assert order["value"].between(0, 1).all()
    assert (results / "figures" / "audit_claims.png").stat().st_size > 10_000
    # What stood is as it was but for the claims and the tables of fewer measures, and nothing is left to do.
    after = checkout.outputs()
    judged = ("claims", "published_means", "tables")
    assert all(
        after[path] == content for path, content in before.items() if not path.startswith(judged)
    )
    assert checkout.planned("audit", "claims") == {} == audit_jobs()
