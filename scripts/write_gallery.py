"""Write docs/gallery.md and its pictures from the figures of a run, with the captions of its report.

python scripts/write_gallery.py --run results/demo --config config/demo.yaml
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
from docutils.core import publish_parts
from PIL import Image

from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.figures import Figure

PROJECT = Path(__file__).resolve().parent.parent
WIDTH, COLOURS = 1400, 128
"""Largest width of a picture in pixels, and the number of its colours."""
INTRODUCTION = """# Gallery

The figures of `config/{name}.yaml` (n = {n} seeds), in the order of the report. `make demo` makes them, and
`results/report.html` shows them with the code and the settings behind each. The captions are its captions.
Terms are explained in the [glossary](glossary.md), quantities in [measures](measures.md), [DSA](dsa.md)
and [geometry](geometry.md).

Start with the dissimilarities after learning: do networks of different curricula differ more than networks of
one curriculum? Then follow them over learning: which measure changes when the network learns?
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
    rendered = jinja2.Template(text).render(snakemake=job)
    body = publish_parts(rendered, writer_name="html", settings_overrides={"report_level": 5})[
        "body"
    ]
    # Markdown ends a block of HTML at an empty line.
    return re.sub(r"\n\s*\n", "\n", str(body)).strip()


def write_picture(source: Path, target: Path) -> tuple[int, int]:
    """Write a PNG with fewer pixels and colours; return its size in pixels."""
    picture = Image.open(source).convert("RGB")
    if picture.width > WIDTH:
        size = (WIDTH, round(picture.height * WIDTH / picture.width))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
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
    sections: dict[str, list[str]] = {}
    pictures = arguments.docs / "images" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    written = set()
    for figure, wildcards, path in drawn_figures(Pipeline(plan)):
        source = arguments.run / Path(f"{path}.png").relative_to(plan.results.root)
        if not source.is_file():
            raise SystemExit(
                f"expected {source}, found none: finish the run of {arguments.config} first"
            )
        name = "_".join(Path(path).relative_to(plan.results.root).parts).removeprefix("figures_")
        width, height = write_picture(source, pictures / f"{name}.png")
        written.add(f"{name}.png")
        labels = {key: text.format(**wildcards) for key, text in figure.labels.items()}
        title = labels.pop("figure").capitalize()
        where = ", ".join(f"{key} `{text}`" for key, text in labels.items())
        sections.setdefault(figure.category, []).append(
            f"### {title}\n\n*{where}*\n\n"
            f'<img src="images/gallery/{name}.png" width="{width}" height="{height}"'
            f' alt="{title} ({where.replace("`", "")})">\n\n'
            f'<div class="caption">\n{caption(figure, wildcards, config)}\n</div>\n'
        )
    for stray in {file.name for file in pictures.glob("*.png")} - written:
        (pictures / stray).unlink()
    page = [INTRODUCTION.format(name=arguments.config.stem, n=n_seeds)]
    for category in sorted(sections):
        page += [f"## {category}\n", *sections[category]]
    (arguments.docs / "gallery.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
