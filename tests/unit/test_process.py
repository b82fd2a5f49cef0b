"""What a job sets for its process."""

import ctypes
import platform
from types import SimpleNamespace

import pytest

from warpline.core import process


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the switch")
def test_the_c_library_takes_the_settings_that_keep_freed_memory(monkeypatch):
    """By its answers: 1 for a value that it takes, and the threshold is the largest that it takes."""
    mallopt = ctypes.CDLL(None).mallopt
    answers = {}

    def watched(parameter, value):
        answers[parameter, value] = mallopt(parameter, value)

    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=watched))
    process.keep_freed_memory()
    assert answers == {(-3, process.LARGEST_KEPT): 1, (-1, -1): 1}
    assert mallopt(-3, process.LARGEST_KEPT + 1) == 0


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_elsewhere_nothing_happens(monkeypatch, error):
    def without(name):
        raise error

    monkeypatch.setattr(process.ctypes, "CDLL", without)
    process.keep_freed_memory()
