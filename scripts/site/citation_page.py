"""The page of the site that says how to cite Warpline, from CITATION.cff."""

import re
from typing import Any

import yaml

__all__ = ["citation_page"]


def citation_page(text: str) -> str:
    """Return the page from the text of a CITATION.cff."""
    record = yaml.safe_load(text)
    authors = " and ".join(author["name"] for author in record["authors"])
    bibtex = "\n".join(
        [
            "@software{warpline,",
            f"  title = {{{record['title']}}},",
            f"  author = {{{{{authors}}}}},",
            f"  version = {{{record['version']}}},",
            f"  license = {{{record['license']}}}",
            "}",
        ]
    )
    lines = ["# Citation", "", record["message"], "", "## Software", "", "```bibtex", bibtex, "```"]
    lines += [
        "",
        "State the version (`warpline --version`) and the commit, which the provenance of",
    ]
    lines += ["each result holds.", "", "## Papers and code", ""]
    lines += [f"- {_reference(reference)}" for reference in record["references"]]
    return "\n".join(lines) + "\n"


def _reference(reference: dict[str, Any]) -> str:
    """Return a reference as a line; all of it but authors and title may be missing."""
    authors = [author.get("family-names") or author["name"] for author in reference["authors"]]
    named = f"{', '.join(authors[:-1])} and {authors[-1]}" if len(authors) > 1 else authors[0]
    year = f" ({reference['year']})" if "year" in reference else ""
    notes = f" {reference['notes'].rstrip('.')}." if "notes" in reference else ""
    linked = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", notes)
    return f"{named}{year}. *{reference['title']}*.{linked}"
