"""Write docs/audit_results.md from its template and the tables of an audit.

python scripts/write_audit_results.py --run results/audit    # take new tables, then write the page
python scripts/write_audit_results.py                        # write the page from the tables in docs/data
"""

import argparse
import shutil
from pathlib import Path

from warpline.figures.audit_page import AUDIT_TABLES, render_audit

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "audit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="results whose tables replace those in docs/data")
    arguments = parser.parse_args()
    if arguments.run:
        DATA.mkdir(parents=True, exist_ok=True)
        for name, file in AUDIT_TABLES.items():
            shutil.copyfile(arguments.run / file, DATA / f"{name}.csv")
    (DOCS / "audit_results.md").write_text(render_audit(DOCS / "audit_results.md.jinja", DATA))


if __name__ == "__main__":
    main()
