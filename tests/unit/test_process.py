"""What a job sets for its process."""

import ctypes
import platform
from types import SimpleNamespace

import pytest

from warpline.core import process


@pytest.mark.parametrize(
    ("taken", "set_values"),
    [
        (lambda size: True, [(-3, 2**30), (-1, -1)]),
        (lambda size: size <= 32 * 2**20, [(-3, 2**30), (-3, 2**25), (-1, -1)]),
        (lambda size: False, [(-3, 2**30), (-3, 2**25)]),
    ],
    ids=["new glibc", "old glibc", "neither"],
)
def test_the_largest_size_that_the_c_library_takes_is_kept(monkeypatch, taken, set_values):
    calls = []

    def mallopt(parameter, value):
        calls.append((parameter, value))
        return int(taken(value))

    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    process.keep_freed_memory()
    assert calls == set_values


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the switch")
def test_the_c_library_has_the_switch():
    mallopt = ctypes.CDLL(None).mallopt
    assert mallopt(process.M_MMAP_THRESHOLD, process.LARGEST_KEPT[1]) == 1
    assert mallopt(process.M_TRIM_THRESHOLD, -1) == 1


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_elsewhere_nothing_happens(monkeypatch, error):
    def without(name):
        raise error

    monkeypatch.setattr(process.ctypes, "CDLL", without)
    process.keep_freed_memory()
