"""What was read of modules is kept by their content, and never changes a digest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from warpline.pipeline import live_code, reachable_modules, reading_cache


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "code.json"


@pytest.fixture
def new_process(fresh, file, monkeypatch):
    """Return a function: the digest in a process of its own, and the files that it parsed."""

    def call(source):
        store = reading_cache._Store(file)
        parsed = []
        parse = reachable_modules.parse_anew

        def counted(path):
            parsed.append(path.name)
            return parse(path)

        with monkeypatch.context() as patch:
            patch.setattr(reading_cache, "_store", lambda: store)
            for module in (live_code, reachable_modules):
                patch.setattr(module, "parse_anew", counted)
            value = fresh(source, "warpline.models.rnn")
        if store.is_new:
            store.write()
        return value, parsed

    return call


def test_a_second_process_parses_nothing_and_digests_the_same(new_process, source):
    first, parsed = new_process(source)
    assert {"training.py", "rnn.py", "script.py"} <= {*parsed}
    assert new_process(source) == (first, [])


def test_an_edit_parses_the_edited_module_alone(new_process, source):
    before, _ = new_process(source)
    module = source / "src/warpline/store.py"
    text = module.read_text()
    module.write_text(text.replace("return 1", "return 2"))
    after, parsed = new_process(source)
    assert after != before and {*parsed} == {"store.py"}
    module.write_text(text)
    assert new_process(source) == (before, [])


def test_the_same_content_counts_as_what_it_is(new_process, source):
    # A module and a package of one text import from different places.
    text = "from .store import read\n"
    first, _ = new_process(source)
    (source / "src/warpline/models/__init__.py").write_text(text)
    package, _ = new_process(source)
    (source / "src/warpline/models/rnn.py").write_text(text)
    both, _ = new_process(source)
    assert len({first, package, both}) == 3


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '"text"', "null"])
def test_a_damaged_file_is_read_as_empty(new_process, source, file, damage):
    before, _ = new_process(source)
    file.write_text(damage)
    after, parsed = new_process(source)
    assert after == before and parsed
    assert new_process(source) == (before, [])


@pytest.mark.parametrize("entry", [None, 1, True])
def test_an_entry_of_another_form_is_read_anew(new_process, source, file, entry):
    before, _ = new_process(source)
    entries = json.loads(file.read_text())
    file.write_text(json.dumps(dict.fromkeys(entries, entry)))
    assert new_process(source)[0] == before


def test_a_folder_that_cannot_be_written_to_costs_only_time(new_process, source, file):
    file.parent.parent.joinpath("cache").write_text("a file in the way")
    before, parsed = new_process(source)
    assert parsed and new_process(source)[0] == before


def test_what_two_processes_read_is_kept_until_the_file_is_too_long(
    new_process, source, file, monkeypatch
):
    new_process(source)
    entries = json.loads(file.read_text())
    file.write_text(json.dumps({**entries, "of another process": []}))
    module = source / "src/warpline/store.py"
    module.write_text("Y = 3\n")
    new_process(source)
    kept = json.loads(file.read_text())
    assert {*entries, "of another process"} < {*kept}
    monkeypatch.setattr(reading_cache, "LARGEST", 1)
    module.write_text("Y = 4\n")
    new_process(source)
    assert "of another process" not in json.loads(file.read_text())
    assert new_process(source)[1] == []


def test_a_file_is_read_again_when_it_changed_or_may_change_unseen(tmp_path, monkeypatch):
    store, read = reading_cache._Store(tmp_path / "cache.json"), []
    monkeypatch.setattr(reading_cache, "_store", lambda: store)
    monkeypatch.setattr(reading_cache.atexit, "register", lambda _: None)

    @reading_cache.kept_by_stamps
    def content(path):
        read.append(path)
        return Path(path).read_text()

    path = tmp_path / "recording"
    path.write_text("first")
    # It has just been written: another text of the same size may follow within the clock's step.
    assert [content(str(path)) for _ in range(2)] == ["first"] * 2 and len(read) == 2
    monkeypatch.setattr(reading_cache, "SETTLED", 0)
    assert [content(str(path)) for _ in range(3)] == ["first"] * 3 and len(read) == 3
    # An older file of the same size in its place, with its own time.
    older = tmp_path / "older"
    older.write_text("older")
    os.utime(older, ns=(0, path.stat().st_mtime_ns))
    older.replace(path)
    assert content(str(path)) == "older"
