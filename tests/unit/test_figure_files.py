"""Every kind of result says where it comes from; a figure says it in its own metadata, and its text is text."""

import json
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.console.provenance import sidecar_path
from warpline.core import result_files, tensor_files
from warpline.core.figure_files import (
    FIGURE_SUFFIXES,
    read_figure_provenance,
    without_provenance,
)
from warpline.core.result_files import DamagedFileError
from warpline.figures import figure_script, plotting
from warpline.pipeline import command_line

STYLE = {"font_size": 8, "dpi": 60, "colormap": "viridis", "palette": "okabe-ito"}
# What ends a string of a PDF, an element of an SVG or a text chunk of a PNG early.
ODD = [
    "a) b( \\ c\\)",
    "line\nfeed\r",
    "</dc:description><script>",
    "κ ²\0",
    "%%EOF",
    "/Keywords (x)",
]
PROVENANCE = {"settings": {"seed": 7, "odd": ODD}, "code": "abc", "inputs": {}}


def write_figure(path, provenance=PROVENANCE):
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], label="dissimilarity of networks")
    axes.set(title="a title (n = 2)", xlabel="$G$ at κ")
    axes.legend()
    figure_script.save(figure, [path], provenance)
    plt.close(figure)


WRITERS = {
    "nc": lambda path: result_files.write_dataset(
        xr.Dataset({"x": ("a", [1.0])}), path, PROVENANCE
    ),
    "csv": lambda path: result_files.write_table(pd.DataFrame({"a": [1]}), path, PROVENANCE),
    "safetensors": lambda path: tensor_files.write_tensors({"w": np.ones(2)}, path, PROVENANCE),
    **dict.fromkeys(FIGURE_SUFFIXES, write_figure),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_the_command_prints_what_a_file_holds(kind, tmp_path, monkeypatch, capsys):
    path = tmp_path / f"x.{kind}"
    WRITERS[kind](path)
    monkeypatch.setattr(sys, "argv", ["warpline", "provenance", str(path)])
    assert command_line.main() == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["in the file"] == PROVENANCE
    assert printed["beside it"]["sha256"] == result_files.checksum(path)


@pytest.mark.parametrize("suffix", FIGURE_SUFFIXES)
def test_a_figure_without_provenance_says_so(suffix, tmp_path):
    import matplotlib.pyplot as plt

    path = tmp_path / f"x.{suffix}"
    figure = plt.figure()
    figure.savefig(path)
    plt.close(figure)
    with pytest.raises(DamagedFileError, match="no provenance"):
        read_figure_provenance(path)
    with pytest.raises(FileNotFoundError):
        read_figure_provenance(tmp_path / f"y.{suffix}")


def test_the_text_of_an_svg_is_text(tmp_path):
    write_figure(tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    texts = {
        "".join(element.itertext()).strip() for element in root.iter() if "text" in element.tag
    }
    assert {"a title (n = 2)", "dissimilarity of networks", "0.2"} <= texts
    assert any("κ" in text for text in texts)


def test_provenance_alone_does_not_change_what_is_drawn(tmp_path):
    write_figure(tmp_path / "a.svg")
    write_figure(tmp_path / "b.svg", {"code": "another"})
    a, b = ((tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert a != b and without_provenance(a) == without_provenance(b)
    assert without_provenance(a) != a


@pytest.mark.slow
def test_a_drawn_figure_states_code_and_inputs(tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    tables = []
    for k in range(figure_script.LISTED_INPUTS + 1):
        tables.append(tmp_path / f"{k}.csv")
        result_files.write_table(pd.DataFrame({"a": [k]}), tables[-1], {})

    def draw(paths):
        settings = {"style": STYLE, "seed": 1}
        command = ["x", "--settings", json.dumps(settings), "--code", "digest", "--rows"]
        command += [str(path) for path in paths]
        files = {suffix: tmp_path / f"x.{suffix}" for suffix in FIGURE_SUFFIXES}
        for suffix, path in files.items():
            command += [f"--{suffix}", str(path)]
        monkeypatch.setattr(sys, "argv", command)
        figure_script.draw(
            "A figure.", ["rows", "further"], lambda arguments, settings: plt.figure()
        )
        records = [read_figure_provenance(path) for path in files.values()]
        assert records[0] == records[1] == records[2]
        assert json.loads(sidecar_path(files["pdf"]).read_text())["provenance"] == records[0]
        assert records[0]["settings"] == settings and records[0]["code"] == "digest"
        return records[0]["inputs"]

    listed = draw(tables[:2])
    assert listed == {"rows": {str(path): result_files.checksum(path) for path in tables[:2]}}
    # Of many files one checksum, which every one of them changes.
    many = draw(tables)
    assert many["rows"]["files"] == len(tables)
    result_files.write_table(pd.DataFrame({"a": [-1]}), tables[3], {})
    assert draw(tables)["rows"]["sha256"] != many["rows"]["sha256"]
