"""The rules of the claims."""

from __future__ import annotations

import pytest

from warpline.pipeline.config.claim_rules import read_rules


@pytest.fixture(scope="module")
def rules(project):
    return read_rules(project / "config" / "claims.yaml")
