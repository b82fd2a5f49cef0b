"""What the package says it has, it has; and heavy packages wait until they are used."""

import subprocess
import sys

import pytest

import warpline.geometry


def test_every_public_name_exists():
    for name in warpline.geometry.__all__:
        assert getattr(warpline.geometry, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'betty_numbers'"):
        warpline.geometry.betty_numbers  # noqa: B018


def test_names_that_load_later_are_those_of_their_modules():
    from warpline.geometry import betti_numbers, find_fixed_points

    assert set(warpline.geometry._HOMES) <= set(warpline.geometry.__all__)
    assert betti_numbers.__module__ == "warpline.geometry.measurements.topology"
    assert find_fixed_points.__module__ == "warpline.geometry.measurements.fixed_points"


def test_import_leaves_heavy_packages_alone():
    code = (
        "import sys, warpline.geometry as g; from warpline.geometry import find_fixed_points, betti_numbers;"
        "print([m for m in ('ripser', 'persim') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
