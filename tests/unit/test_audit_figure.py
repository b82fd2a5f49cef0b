"""The figure of an audit: each panel in the unit of its measure."""

import runpy
from types import SimpleNamespace

import pytest

from warpline.core import result_files


@pytest.mark.parametrize(
    ("wasserstein", "label"), [([], "DSA (radians)"), (["dsa"], "dsa (Wasserstein)")]
)
def test_distances_of_eigenvalues_are_no_radians(project, tmp_path, wasserstein, label):
    table = result_files.read_table(project / "docs/data/audit/audit.csv")
    two = table[table["protocol"].isin(["right", "published"])]
    path = tmp_path / "audit.csv"
    result_files.write_table(two, path, {})
    settings = {
        "style": {"palette": "okabe-ito"},
        "curricula": list(dict.fromkeys(two["curriculum"].dropna())),
        "measures": ["cka", "procrustes", "dsa"],
        "wasserstein": wasserstein,
        "reference": "master",
    }
    make = runpy.run_path(str(project / "scripts/figures/audit.py"))["make"]
    titles = [panel.get_title() for panel in make(SimpleNamespace(audit=[path]), settings).axes]
    assert f"{label}:\ndissimilarity to master" in titles
