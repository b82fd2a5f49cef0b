"""Plug-ins that a test writes."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return a function that writes a plug-in and returns its name in a configuration."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:Mine"

    return write
