"""Hooks of MkDocs (mkdocs.yml): pages made from code and from files outside docs, links, graphs."""

import posixpath
import re
from pathlib import Path
from typing import Any

from api_pages import api_pages
from citation_page import citation_page
from command_pages import command_line_page
from configuration_pages import configuration_overview, configuration_pages, page_of_model
from docstrings import with_optional_types
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from rule_graph import drawn_graph

PROJECT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "configuration.md": "config/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site whose source lies outside docs."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#:]+)(#[\w-]+)?\)")
FILE_NAME = re.compile(r"`?[\w./]+\.md`?")
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
PICTURE = re.compile(r'(<a [^>]*>)?(<img [^>]*?src="([^"]+)"[^>]*>)')
UNDESCRIBED = re.compile(r'\s*–\s*(?=<div class="doc-md-description">\s*</div>)')
"""The dash after a parameter whose name and type say all."""
CELL = re.compile(r"<td([^>]*)>(.*?)</td>", re.DOTALL)
PROSE = 30
"""Number of characters from which the cell of a table is read as text: on a phone it keeps some width."""
DOTTED = re.compile(r"<code>(\w+(?:\.\w+){2,})</code>")
MERMAID = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from the index of the documentation: its headings and the pages below them."""
    index = (PROJECT / "docs" / "README.md").read_text(encoding="utf-8")
    groups: dict[str, list[Any]] = {}
    for section in index.split("\n## ")[1:]:
        heading, _, rows = section.partition("\n")
        links = re.findall(r"^\| \[.*?\]\((.*?)\)", rows, re.MULTILINE)
        groups[heading] = [_page_of(posixpath.normpath(f"docs/{link}")) for link in links]
    groups["Start"].insert(0, "README.md")
    for page, title, below in (
        ("gallery.md", "Figures of the demo", _gallery_pages()),
        ("configuration.md", "Configuration", list(configuration_pages())),
    ):
        group = next(pages for pages in groups.values() if page in pages)
        group[group.index(page)] = {title: [{"Overview": page}, *below]}
    groups["Reference"] += ["command_line.md", {"Python interface": list(api_pages())}]
    groups["About"].append("citation.md")
    config.nav = [{heading: pages} for heading, pages in groups.items()]
    return config


def _gallery_pages() -> list[str]:
    """Return the pages of the gallery, in its order."""
    text = (PROJECT / "docs" / "gallery.md").read_text(encoding="utf-8")
    return re.findall(r"^## \[.*\]\((.*?)\)", text, re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that have no source in docs."""
    pages = {name: (PROJECT / path).read_text(encoding="utf-8") for name, path in ELSEWHERE.items()}
    pages["configuration.md"] = configuration_overview(pages["configuration.md"])
    pages |= configuration_pages() | api_pages()
    pages["command_line.md"] = command_line_page()
    pages["citation.md"] = citation_page((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at pages of the site, and draw the graph of rules."""
    source = ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    if page.file.src_uri.startswith("gallery"):
        # Figures have small print: they get the width of the table of contents.
        page.meta["hide"] = ["toc"]
    markdown = MERMAID.sub(lambda block: drawn_graph(block[1]), markdown)
    # Code stays as it is: [x](y) in it is no link.
    pieces = CODE.split(markdown)
    pieces[::2] = [
        LINK.sub(lambda link: _linked(link, source, page.file.src_uri, files), text)
        for text in pieces[::2]
    ]
    return "".join(pieces)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let a click on a figure show it at its full size, unless it is a link; shorten the interface.

    For narrow windows, cells that hold text are marked (site.css), and dotted names break after a dot.
    """
    html = UNDESCRIBED.sub("", with_optional_types(html))
    html = CELL.sub(_marked_as_prose, html)
    html = DOTTED.sub(lambda name: f"<code>{name[1].replace('.', '.<wbr>')}</code>", html)
    return PICTURE.sub(
        lambda seen: seen[0] if seen[1] else f'<a href="{seen[3]}">{seen[2]}</a>', html
    )


def _marked_as_prose(cell: re.Match[str]) -> str:
    """Return a cell of a table, with a class if it holds text."""
    attributes, content = cell.groups()
    is_prose = len(re.sub("<[^>]+>", "", content)) >= PROSE and "class=" not in attributes
    return f'<td class="prose"{attributes}>{content}</td>' if is_prose else cell[0]


def _linked(link: re.Match[str], source: str, page: str, files: Files) -> str:
    """Return a link between files of the repository as one between pages.

    A file that is no page of the site is named by its path: the site must not need the repository.
    """
    image, text, target, anchor = link[1], link[2], link[3], link[4] or ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    name = _page_of(path)
    if name == "configuration.md":
        name = page_of_model().get(anchor.removeprefix("#"), name)
    if files.get_file_from_path(name):
        relative = posixpath.relpath(name, posixpath.dirname(page) or ".")
        # In the site a page is known by its title, not by the name of its file.
        shown = _title(path) if FILE_NAME.fullmatch(text) else text
        return f"{image}[{shown}]({relative}{anchor})"
    if (PROJECT / path).exists():
        name = text.strip("`")
        return f"`{path}`" if f"/{path}".endswith(f"/{name}") else f"{text} (`{path}`)"
    return link[0]


def _page_of(path: str) -> str:
    """Return the name of the page that a file of the repository becomes."""
    from_elsewhere = {source: name for name, source in ELSEWHERE.items()}
    return from_elsewhere.get(path, path.removeprefix("docs/"))


def _title(path: str) -> str:
    """Return the first heading of a Markdown file of the repository."""
    lines = (PROJECT / path).read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("# ") for line in lines if line.startswith("# "))
