"""Write docs/gallery.md, its pages and pictures from the figures of a run, with the captions of its report.

python scripts/write_gallery.py --run results/demo --config config/demo.yaml
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
from docutils.core import publish_parts
from PIL import Image

from warpline.pipeline.config import load_files
from warpline.pipeline.config.analyses import Experiment
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.figures import Figure

PROJECT = Path(__file__).resolve().parent.parent
WIDTH, COLOURS = 1400, 256
"""Largest width of a picture in pixels, and the number of its colours."""
INTRODUCTION = """# Gallery

The figures of `config/{name}.yaml` (n = {n} seeds), in the order of the report. `make demo` makes them, and
`results/report.html` shows them with the code and the settings behind each. The captions are its captions.
Terms are explained in the [glossary](glossary.md), quantities in [measures](measures.md), [DSA](dsa.md)
and [geometry](geometry.md).

Start with the dissimilarities after learning: do networks of different curricula differ more than networks of
one curriculum? Then follow them over learning: which measure changes when the network learns? A picture leads
to its figure, with its caption.
"""


def drawn_figures(pipeline: Pipeline) -> Iterator[tuple[Figure, dict[str, str], str]]:
    """Yield each figure that a configuration draws, its wildcards, and its path without a suffix."""
    results = pipeline.plan.results
    for part, figures in pipeline.figures_by_part.items():
        patterns = [
            re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(results.at(figure.output)))
            for figure in figures
        ]
        for path in pipeline.drawings[part].paths():
            for figure, pattern in zip(figures, patterns, strict=True):
                if match := re.fullmatch(pattern, path):
                    yield figure, match.groupdict(), path


def caption(figure: Figure, wildcards: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """Return the caption of a figure as HTML, as Snakemake's report renders it."""
    text = (PROJECT / "workflow" / "report" / figure.caption).read_text(encoding="utf-8")
    job = SimpleNamespace(wildcards=SimpleNamespace(**wildcards), config=config)
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    rendered = environment.from_string(text).render(snakemake=job)
    body = publish_parts(rendered, writer_name="html", settings_overrides={"report_level": 5})[
        "body"
    ]
    # Markdown ends a block of HTML at an empty line.
    return re.sub(r"\n\s*\n", "\n", str(body)).strip()


@dataclass(frozen=True)
class Shown:
    """A figure of the gallery.

    Attributes
    ----------
    title : str
    where : mapping of str to str
        Analysis, task set and architecture, as far as it has them.
    picture : str
        File name.
    size : tuple of int
        Width and height in pixels.
    caption : str
        HTML.
    """

    title: str
    where: Mapping[str, str]
    picture: str
    size: tuple[int, int]
    caption: str

    @property
    def described(self) -> str:
        """What the picture is, for those who do not see it."""
        return f"{self.title} ({', '.join(f'{kind} {name}' for kind, name in self.where.items())})"

    def section(self) -> str:
        """Return the figure with its caption, as Markdown."""
        width, height = self.size
        where = ", ".join(f"{kind} `{name}`" for kind, name in self.where.items())
        return (
            f"## {self.title}\n\n*{where}*\n\n"
            f'<img src="../images/gallery/{self.picture}" width="{width}" height="{height}"'
            f' alt="{self.described}">\n\n'
            f'<div class="caption">\n{self.caption}\n</div>\n'
        )


def slug(text: str) -> str:
    """Return a title as it stands in an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def page_of(
    figure: Figure, labels: Mapping[str, str], analyses: Mapping[str, Experiment]
) -> tuple[str, str]:
    """Return file name (without suffix) and title of the page of a figure.

    They are its heading in the report and, where it has one, its analysis: by name, and in words.
    """
    heading = figure.category.partition(". ")[2]
    if (name := labels.get("analysis")) is None:
        return slug(heading).replace("-", "_"), heading
    analysis = analyses[name]
    words = analysis.title or name.replace("_", " ")
    title = f"{heading}: {words} ({analysis.taskset})"
    return slug(f"{heading} {name}").replace("-", "_"), title


def thumbnails(page: str, figures: Sequence[Shown]) -> str:
    """Return the pictures of a page, each as a link to its section, in a grid."""
    links = [
        f"[![{figure.described}](images/gallery/{figure.picture})<br>{figure.title}]"
        f"(gallery/{page}.md#{slug(figure.title)})\n"
        for figure in figures
    ]
    return '<div class="thumbnails" markdown>\n\n' + "\n".join(links) + "\n</div>\n"


def told_apart(figures: Sequence[Shown]) -> list[Shown]:
    """Return figures with those of one title side by side, each with what it alone has in its title."""
    by_title: dict[str, list[Shown]] = {}
    for figure in figures:
        by_title.setdefault(figure.title, []).append(figure)
    apart = []
    for title, alike in by_title.items():
        shared = set.intersection(*(set(figure.where.items()) for figure in alike))
        for figure in alike:
            names = [name for kind, name in figure.where.items() if (kind, name) not in shared]
            words = ", ".join(names).replace("_", " ")
            apart.append(replace(figure, title=f"{title}: {words}") if words else figure)
    return apart


def write_picture(source: Path, target: Path) -> tuple[int, int]:
    """Write a PNG with fewer pixels and colours; return its size in pixels."""
    picture = Image.open(source).convert("RGB")
    if picture.width > WIDTH:
        size = (WIDTH, round(picture.height * WIDTH / picture.width))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # The octree keeps rare colours, such as the ends of a colour bar, and makes the background grey.
    picture = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette, background = picture.getpalette() or [], picture.getpixel((0, 0))
    palette[3 * background : 3 * background + 3] = [255, 255, 255]
    picture.putpalette(palette)
    picture.save(target, optimize=True)
    return picture.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("results/demo"))
    parser.add_argument("--config", type=Path, default=PROJECT / "config" / "demo.yaml")
    parser.add_argument(
        "--docs", type=Path, default=PROJECT / "docs", help="where the page is written"
    )
    arguments = parser.parse_args()
    plan = Plan(load_files([PROJECT / "config" / "config.yaml", arguments.config]))
    config = plan.config.model_dump(mode="json")
    n_seeds = len(plan.config.run.seeds)
    pages: dict[tuple[str, str, str], list[Shown]] = {}
    pictures = arguments.docs / "images" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    for figure, wildcards, path in drawn_figures(Pipeline(plan)):
        source = arguments.run / Path(f"{path}.png").relative_to(plan.results.root)
        if not source.is_file():
            raise SystemExit(
                f"expected {source}, found none: finish the run of {arguments.config} first"
            )
        name = "_".join(Path(path).relative_to(plan.results.root).parts).removeprefix("figures_")
        labels = {key: text.format(**wildcards) for key, text in figure.labels.items()}
        title = labels.pop("figure").capitalize()
        key = (figure.category, *page_of(figure, labels, plan.config.warping))
        if (analysis := plan.config.warping.get(labels.get("analysis", ""))) is not None:
            labels |= {"task set": analysis.taskset, "architecture": analysis.architecture}
        pages.setdefault(key, []).append(
            Shown(
                title,
                labels,
                f"{name}.png",
                write_picture(source, pictures / f"{name}.png"),
                caption(figure, wildcards, config),
            )
        )
    folder = arguments.docs / "gallery"
    folder.mkdir(exist_ok=True)
    index = [INTRODUCTION.format(name=arguments.config.stem, n=n_seeds)]
    # Analyses stand in the order of the configuration.
    for (_, page, title), figures in sorted(pages.items(), key=lambda item: item[0][0]):
        figures = told_apart(figures)
        index += [f"## [{title}](gallery/{page}.md)\n", thumbnails(page, figures)]
        back = "[All figures](../gallery.md)\n"
        sections = [figure.section() for figure in figures]
        (folder / f"{page}.md").write_text(
            "\n".join([f"# {title}\n", back, *sections]), encoding="utf-8"
        )
    (arguments.docs / "gallery.md").write_text("\n".join(index), encoding="utf-8")

    # What an earlier run had, and this one has not.
    shown = {figure.picture for figures in pages.values() for figure in figures}
    names = {f"{page}.md" for _, page, _ in pages}
    for stray in [
        *(file for file in pictures.glob("*.png") if file.name not in shown),
        *(file for file in folder.glob("*.md") if file.name not in names),
    ]:
        stray.unlink()


if __name__ == "__main__":
    main()
