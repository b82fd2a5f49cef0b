"""A small run for the explorer, written once."""

from __future__ import annotations

import pytest
from explorer_run import write_run

from warpline.explorer.page_file import Sources


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Sources:
    return write_run(tmp_path_factory.mktemp("explorer"))
