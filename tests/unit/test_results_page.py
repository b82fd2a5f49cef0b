"""The page of results holds to its tables, and refuses a sentence that they do not carry."""

import re
from pathlib import Path

import pytest

from warpline.figures.results_page import Tables, claim, render

DOCS = Path(__file__).parents[2] / "docs"
DATA = DOCS / "data" / "ten_seeds"
TEMPLATE = DOCS / "results.md.jinja"


def test_the_page_is_what_its_tables_give():
    assert (DOCS / "results.md").read_text() == render(TEMPLATE, DATA)


def test_the_template_states_no_result_of_its_own():
    text = re.sub(r"\{[{%].*?[%}]\}", "", TEMPLATE.read_text(), flags=re.DOTALL)
    numbers = set(re.findall(r"(?<![\w.])\d+\.\d+", text))
    # The value of S by chance.
    assert numbers == {"0.5"}


def test_a_sentence_that_the_tables_do_not_carry_stops_the_page(tmp_path):
    with pytest.raises(ValueError, match="rewrite it"):
        claim("Networks differ.", carried=False)
    template = tmp_path / "page.jinja"
    template.write_text('{{ claim("All is 1.", t.row("summary", measure="none") is none) }}')
    with pytest.raises(LookupError, match="expected one row of summary"):
        render(template, DATA)


def test_cells_have_their_digits_and_intervals():
    tables = Tables(DATA)
    names = {"measure": "cka", "curriculum_a": "master", "curriculum_b": "untrained"}
    row = tables.row("summary", seeds="cross", **names)
    expected = f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    assert tables.interval("summary", seeds="cross", **names) == expected
    assert tables.p_value(**names) == "p < 0.001"
