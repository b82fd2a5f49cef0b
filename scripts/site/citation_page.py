"""The page of the site that says how to cite Warpline, from CITATION.cff."""

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
    lines += ["each result holds.", "", "## Papers", ""]
    for paper in record["references"]:
        names = [author["family-names"] for author in paper["authors"]]
        named = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        lines.append(f"- {named} ({paper['year']}). *{paper['title']}*. {paper['notes']}.")
    return "\n".join(lines) + "\n"
