"""docs/files.md lists the columns of the tables of a run."""

import re

import pytest

from warpline.core import result_files

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# Heading of the page, and a table below results/<name>.
TABLES = {
    "### `runs.csv`": "tables/PDM/runs.csv",
    "### `summary.csv`": "tables/PDM/summary.csv",
    "### `controls.csv`": "tables/PDM/controls.csv",
    "### `learning.csv`": "tables/PDM/learning.csv",
    "## Comparisons": "compare/over/cka/PDM/leaky_rnn/seed~1.csv",
    "## Claims": "claims.csv",
    "## History of a training": "training/PDM/leaky_rnn/master/seed~1/history.csv",
}
# Columns of measures that the run lacks.
OF_OTHERS = {"seeds", "lower_bound", "gradient_norm", "n_starts", "chance_of_better", "rank_used"}
OF_OTHERS |= {"n_delays", "delay_interval", "rank"}
# Columns of other comparisons: of a network with itself, within a run, and at settings around.
OF_OTHERS |= {"control", "checkpoint_a", "checkpoint_b", "pairs", "own"}


@pytest.mark.parametrize("heading", TABLES)
def test_the_columns_of_a_table(project, finished, heading):
    page = (project / "docs" / "files.md").read_text()
    section = page.partition(f"{heading}\n")[2].partition("\n#")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    listed = {name for cell in first_cells for name in re.findall(r"`(.*?)`", cell)}
    for name in [name for name in listed if name.endswith("*")]:
        listed = listed - {name} | {name[:-1] + side for side in "ab"}
    written = set(
        result_files.read_table(finished.root / "results" / "tiny" / TABLES[heading]).columns
    )
    assert written <= listed
    assert listed - written <= OF_OTHERS
