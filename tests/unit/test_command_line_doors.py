"""The command line on paths that no file system has: one message, no traceback."""

from __future__ import annotations

import sys

import pytest

from warpline.pipeline.command_line import main

LONG = "a" * 5000


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", LONG],
        ["check", "circle.yaml"],
        ["plan", "a.yaml", "--check", "nan"],
        ["plan", "a.yaml", "--check", "half"],
        ["verify", LONG],
        ["efficiency", LONG],
        ["provenance", "."],
        ["provenance", ""],
        ["provenance", f"{LONG}.csv"],
        ["compare", f"{LONG}.npz", f"{LONG}.npz"],
        ["compare", "a.npz", "b.npz", "--settings", '{"a":' + "[" * 5000],
    ],
    ids=lambda arguments: " ".join(arguments)[:20],
)
def test_an_impossible_path_is_one_message(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    monkeypatch.setattr(sys, "argv", ["warpline", *arguments])
    try:
        status = main()
    except SystemExit as stopped:
        status = stopped.code
    error = capsys.readouterr().err
    assert status in (1, 2) and "expected" in error
