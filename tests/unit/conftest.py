"""Groups of systems, compared once."""

import pytest
from turning_systems import GROUPS

import warpline


@pytest.fixture(scope="session")
def groups():
    return warpline.compare_groups(GROUPS, ["procrustes", "dsa"], n_delays=1, rank=2)
