"""Write docs/audit_results.md from its template and the tables of an audit.

python scripts/write_audit_results.py --run results/audit    # take new tables, then write the page
python scripts/write_audit_results.py --other RESULTS          # take those of another processor
python scripts/write_audit_results.py                        # write the page from the tables in docs/data
"""

from pathlib import Path

from warpline.figures.audit_page import AUDIT_TABLES, render_audit
from warpline.figures.template_page import write_page

DOCS = Path(__file__).resolve().parent.parent / "docs"

if __name__ == "__main__":
    write_page(
        __doc__.splitlines()[0],
        DOCS / "audit_results.md",
        DOCS / "data" / "audit",
        AUDIT_TABLES,
        render_audit,
        others={"other": DOCS / "data" / "audit_other"},
    )
