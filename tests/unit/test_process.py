"""What a job sets for its process."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from warpline.core.process import keep_freed_memory

def update():
    arrays = [torch.zeros(2_000_000) + 1 for _ in range(4)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory()
for _ in range(8):
    update()
before = faults()
for _ in range(8):
    update()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the switch")
def test_arrays_are_made_in_memory_that_was_freed():
    """Updates of 40 MB: by default the operating system maps thousands of pages anew."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True)
    assert int(done.stdout) < 100


def test_elsewhere_nothing_happens(monkeypatch):
    from warpline.core import process

    def without(name):
        raise OSError

    monkeypatch.setattr(process.ctypes, "CDLL", without)
    process.keep_freed_memory()
