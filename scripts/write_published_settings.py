"""Write docs/published_settings.md from its template and the tables of a run at the settings of paper B.

python scripts/write_published_settings.py --run results/published_warping    # take new tables, then write
python scripts/write_published_settings.py                                    # write from those in docs/data
"""

from pathlib import Path

from warpline.core import result_files
from warpline.figures.published_page import PUBLISHED_TABLES, render_published
from warpline.figures.template_page import write_page

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "published_warping"
COLUMNS = ["analysis", "quantity", "condition", "moment", "seed", "value"]


def write_networks(run: Path, folder: Path) -> None:
    networks = result_files.read_tables(sorted(run.glob("warping/*/seed~*.csv")))
    result_files.write_table(networks[COLUMNS], folder / "networks.csv", {})


if __name__ == "__main__":
    write_page(
        __doc__.splitlines()[0],
        DOCS / "published_settings.md",
        DATA,
        PUBLISHED_TABLES,
        render_published,
        write_networks,
    )
