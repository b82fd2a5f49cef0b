"""Files of the user's count with what they import."""

import shutil

import pytest

from warpline.pipeline import reachable_modules

MINE = "from helper import scale\nimport numpy\n\n\nclass Mine:\n    def run(self):\n        return scale()\n"


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    (folder / "helper.py").write_text(
        "from package.deep import A\n\n\ndef scale():\n    return A\n"
    )
    (folder / "package").mkdir()
    (folder / "package/__init__.py").write_text("B = 1\n")
    (folder / "package/deep.py").write_text("from . import B\nA = 1\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("mine.py", MINE + "\n\nclass Other:\n    pass\n", False),
        ("mine.py", MINE.replace("return scale()", "return 2 * scale()"), True),
        ("mine.py", MINE.replace("import numpy", "import numpy as np"), True),
        ("helper.py", "from package.deep import A\n\n\ndef scale():\n    return -A\n", True),
        ("package/deep.py", "from . import B\nA = 2\n", True),
        ("package/__init__.py", "B = 2\n", True),
        ("stranger.py", "C = 1\n", False),
    ],
)
def test_a_user_s_file_counts_with_what_it_imports(source, fresh, mine, file, text, counts):
    before = fresh(source, files=[(mine / "mine.py", "Mine")])
    assert before != fresh(source)
    (mine / file).write_text(text)
    assert (fresh(source, files=[(mine / "mine.py", "Mine")]) != before) is counts


def test_two_classes_of_one_file_do_not_count_for_each_other(source, fresh, mine):
    two = MINE + "\n\nclass Other:\n    def run(self):\n        return 1\n"
    (mine / "mine.py").write_text(two)
    before = [fresh(source, files=[(mine / "mine.py", name)]) for name in ("Mine", "Other")]
    (mine / "mine.py").write_text(two.replace("return 1", "return 2"))
    after = [fresh(source, files=[(mine / "mine.py", name)]) for name in ("Mine", "Other")]
    assert after[0] == before[0] and after[1] != before[1]


@pytest.mark.parametrize("line", ["import_module('helper2')", "__import__('helper2')"])
def test_a_module_that_is_imported_by_its_name_counts(source, fresh, mine, line):
    (mine / "mine.py").write_text(f"{MINE}\nhelper = {line}\n")
    (mine / "helper2.py").write_text("A = 1\n")
    before = fresh(source, files=[(mine / "mine.py", "Mine")])
    (mine / "helper2.py").write_text("A = 2\n")
    assert fresh(source, files=[(mine / "mine.py", "Mine")]) != before


def test_helpers_of_one_name_beside_two_files_both_count(source, fresh, mine, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(mine, other)
    files = [(mine / "mine.py", "Mine"), (other / "mine.py", "Mine")]
    seen = {fresh(source, files=files)}
    for folder in (mine, other):
        (folder / "helper.py").write_text("def scale():\n    return 3\n")
        seen.add(fresh(source, files=files))
        (folder / "mine.py").write_text(MINE.replace("return scale()", "return 2 * scale()"))
        seen.add(fresh(source, files=files))
    assert len(seen) == 5


def test_a_plug_in_of_an_installed_package_counts_with_its_relatives(
    source, fresh, tmp_path, monkeypatch
):
    lab = tmp_path / "installed" / "lab"
    lab.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(lab.parent))
    texts = {
        "__init__.py": "A = 1\n",
        "mine.py": "from . import helper\n\n\nclass Mine:\n    x = helper.A\n\nMine\n",
        "helper.py": "A = 1\n",
    }
    for name, text in texts.items():
        (lab / name).write_text(text)
    seen = {fresh(source, "lab.mine")}
    for name, text in texts.items():
        (lab / name).write_text(text.replace("A = 1", "A = 2").replace("x =", "x = -"))
        seen.add(fresh(source, "lab.mine"))
    assert len(seen) == 4


def test_every_method_of_a_user_s_class_counts(source, fresh, mine):
    """Its name may be called by a library, or by a factory that the configuration names."""
    text = "class _Mine:\n    def predict(self):\n        return 1\n\n\nMine = _Mine\n"
    (mine / "mine.py").write_text(text)
    before = fresh(source, files=[(mine / "mine.py", "Mine")])
    (mine / "mine.py").write_text(text.replace("return 1", "return 2"))
    assert fresh(source, files=[(mine / "mine.py", "Mine")]) != before


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfA = 1\n",
        b"# -*- coding: latin-1 -*-\nA = '\xe9'\n",
        b"A = (\n",
        b"A = 1\n\x00\n",
        ("A = " + " + ".join(["1"] * 3000) + "\n").encode(),
        b"if a == 0:\n    pass\n"
        + b"".join(b"elif a == %d:\n    pass\n" % k for k in range(1, 400)),
    ],
    ids=["byte order mark", "latin-1", "no Python", "null byte", "long sum", "long chain"],
)
def test_no_helper_stops_the_digest(source, fresh, mine, content):
    (mine / "helper.py").write_bytes(content)
    before = fresh(source, files=[(mine / "mine.py", "Mine")])
    (mine / "helper.py").write_bytes(content + b"\nB = 2\n")
    assert fresh(source, files=[(mine / "mine.py", "Mine")]) != before


def test_an_installed_module_counts_and_a_dependency_does_not(
    source, fresh, mine, tmp_path, monkeypatch
):
    installed = tmp_path / "installed"
    installed.mkdir()
    monkeypatch.syspath_prepend(str(installed))
    (installed / "lab_tools.py").write_text("GAIN = 1\n")
    (mine / "helper.py").write_text(
        "import lab_tools\n\n\ndef scale():\n    return lab_tools.GAIN\n"
    )
    before = fresh(source, files=[(mine / "mine.py", "Mine")])
    (installed / "lab_tools.py").write_text("GAIN = 2\n")
    assert fresh(source, files=[(mine / "mine.py", "Mine")]) != before
    assert "numpy" in reachable_modules._dependencies(reachable_modules.SOURCE)


def test_a_wheel_counts_by_its_checksums(monkeypatch):
    """Of an installed wheel the list of checksums stands for its code, whatever its size."""
    folders, checksum = reachable_modules._installed("hypothesis")
    assert folders == [] and len(checksum) == 64
