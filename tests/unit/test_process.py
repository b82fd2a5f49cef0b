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


def raises(first, then=None):
    if then is None:
        raise first
    try:
        raise first
    except BaseException as error:
        raise then from error


@pytest.mark.parametrize(
    ("errors", "status", "says"),
    [
        ((KeyboardInterrupt(),), 130, "interrupted"),
        # Compiled code that finds Ctrl-C while it loads reports an error of its own.
        (
            (KeyboardInterrupt(), SystemError("returned a result with an exception set")),
            130,
            "interrupted",
        ),
        ((ValueError("no such task"),), 1, "no such task"),
        ((OSError("no file"), ValueError("no such task")), 1, "no such task"),
    ],
    ids=["Ctrl-C", "Ctrl-C in compiled code", "an error", "an error of an error"],
)
def test_the_end_of_a_job_says_whether_it_was_interrupted(
    monkeypatch, caplog, errors, status, says
):
    for variable in process.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(SystemExit) as stopped:
        process.run(lambda: raises(*errors))
    assert stopped.value.code == status
    assert says in caplog.text and (status == 130) == ("Traceback" not in caplog.text)
