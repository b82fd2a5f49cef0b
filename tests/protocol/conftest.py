"""Stages of a configuration with a protocol."""

import pytest

from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline


@pytest.fixture
def pipeline(raw_config):
    """Return a function: a protocol as in a file, to the pipeline of the default configuration."""

    def make(protocol, **changes):
        return Pipeline(Plan(load({**raw_config, "protocol": protocol, **changes})))

    return make
