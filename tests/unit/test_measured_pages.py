"""Numbers of documentation pages that a benchmark measures are those of its data file."""

import importlib.util
import json
import re

import pytest

#: Page, benchmark, data file; the benchmark's `page_lines` says what the page holds.
MEASURED = [
    ("dsa.md", "dsa.py", "dsa/speed.json"),
    ("dsa.md", "dsa_search.py", "dsa/search.json"),
    ("dsa_input.md", "dsa_input.py", "dsa_input/speed.json"),
    ("dsa_input.md", "dsa_input_cases.py", "dsa_input/cases.json"),
    ("dsa_input.md", "dsa_input_search.py", "dsa_input/search.json"),
    ("dsa_input.md", "dsa_input_drives.py", "dsa_input/drives.json"),
]


@pytest.mark.parametrize(("page", "benchmark", "data"), MEASURED)
def test_a_page_holds_what_its_benchmark_measured(project, monkeypatch, page, benchmark, data):
    path = project / "benchmarks" / benchmark
    # Benchmarks import what they share from their folder.
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = json.loads((project / "docs" / "data" / data).read_text())
    text = re.sub(r"\s+", " ", (project / "docs" / page).read_text())
    lines = module.page_lines(result)
    assert len(lines) >= 5
    assert [line for line in lines if line not in text] == []
