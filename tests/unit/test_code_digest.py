import ast
import shutil

import pytest

from warpline.core.plugins import PluginLocation, available, find_plugin
from warpline.pipeline import live_code, reachable_modules
from warpline.pipeline.code_digest import digest
from warpline.pipeline.reachable_modules import closure

TRAINING = '''
import logging
from warpline import store
from warpline.console import bar

log = logging.getLogger(__name__)


class Result:
    """A result."""

    def read(self):
        return store.read()

    def keys(self):
        return []


def go():
    from .lazy import X

    log.warning("going %d", X)
    if X > 3:
        raise ValueError(f"too large: {X}")
    return Result().read() + X
'''


@pytest.fixture
def source(tmp_path):
    """A small package with the shape of ours, that a test may edit."""
    root = tmp_path / "src" / "warpline"
    (root / "models").mkdir(parents=True)
    (root / "console").mkdir()
    files = {
        "__init__.py": "",
        "store.py": '"""Doc."""\n\ndef read():\n    """Read."""\n    return 1\n',
        "lazy.py": "X = 1\n",
        "training.py": TRAINING,
        "plotting.py": "Y = 1\n",
        "models/__init__.py": "",
        "models/rnn.py": "from warpline.store import read\n",
        "models/gru.py": "Z = 1\n",
        "console/__init__.py": "",
        "console/bar.py": "SECONDS = 10\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    (tmp_path / "script.py").write_text("from warpline.training import go\n")
    return tmp_path


@pytest.fixture
def fresh():
    """Digest as a new process would: nothing remembered."""

    def call(source, *modules, files=()):
        for cached in (
            reachable_modules.parse,
            reachable_modules._imported,
            reachable_modules._dependencies,
            live_code._facts,
            live_code._unit,
        ):
            cached.cache_clear()
        plugins = [PluginLocation(module=name) for name in modules]
        plugins += [PluginLocation(file=path, attribute=name) for path, name in files]
        return digest(source / "script.py", plugins, source=source / "src")

    return call


def test_closure_follows_imports_at_any_depth(source):
    found = closure(source / "script.py", ["warpline.models.rnn"], source / "src")
    assert set(found) == {
        "warpline.training",
        "warpline.store",
        "warpline.lazy",
        "warpline.models",
        "warpline.models.rnn",
    }


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("store.py", "def read():\n    return 2\n", True),
        ("lazy.py", "X = 2\n", True),
        ("models/rnn.py", "from warpline.store import read\nQ = 1\n", True),
        ("plotting.py", "Y = 2\n", False),
        ("models/gru.py", "Z = 2\n", False),
        ("store.py", '"""Other."""\n# why\ndef read():\n    """New."""\n\n    return (1)\n', False),
    ],
)
def test_digest_changes_with_the_code_that_is_reached_and_no_other(
    source, fresh, file, text, changes
):
    before = fresh(source, "warpline.models.rnn")
    (source / "src" / "warpline" / file).write_text(text)
    assert (fresh(source, "warpline.models.rnn") != before) is changes


def test_a_new_module_touches_nothing(source, fresh):
    before = fresh(source, "warpline.models.rnn")
    (source / "src" / "warpline" / "models" / "new.py").write_text("N = 1\n")
    assert fresh(source, "warpline.models.rnn") == before


def test_a_copy_elsewhere_has_the_same_digest(source, fresh, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "copy"
    shutil.copytree(source, other)
    assert fresh(source) == fresh(other)


# What is added to, or replaced in, training.py of the small package; and whether that counts.
CASES = {
    "the wording of an error": ("too large", "too big", False),
    "the wording of a log message": ("going %d", "now %d", False),
    "the kind of an error": ("raise ValueError", "raise TypeError", True),
    "what a condition compares": ("X > 3", "X > 4", True),
    "a function that nothing calls": ("def go", "def other():\n    return 1\n\n\ndef go", False),
    "a function that is called": (
        "def go():",
        "def other():\n    return 1\n\n\ndef go(a=0):\n    other()",
        True,
    ),
    "a function that a string names": (
        "def go():",
        "def other():\n    return 1\n\n\nNAME = 'other'\n\n\ndef go():",
        True,
    ),
    "a class that nothing names": (
        "class Result",
        "class Other:\n    A = 1\n\n\nclass Result",
        False,
    ),
    "a class whose body calls something": (
        "class Result",
        "class Other:\n    A = print()\n\n\nclass Result",
        True,
    ),
    "a class with a metaclass": (
        "class Result",
        "class Other(metaclass=type):\n    A = 1\n\n\nclass Result",
        True,
    ),
    "a method that nothing calls": (
        "    def read(self)",
        "    def other(self):\n        return 1\n\n    def read(self)",
        False,
    ),
    "a method that python calls": (
        "    def read(self)",
        "    def __len__(self):\n        return 1\n\n    def read(self)",
        True,
    ),
    "a method that a library may call": ("return []", "return [1]", True),
    "a method of a class with a base from outside": (
        "class Result:",
        "class Result(logging.Filter):\n    def other(self):\n        return 1\n",
        True,
    ),
    "a decorated function": (
        "def go",
        "@register\ndef other():\n    return 1\n\n\ndef go",
        True,
    ),
    "a default that calls something": (
        "def go",
        "def other(a=print()):\n    return 1\n\n\ndef go",
        True,
    ),
    "an import for type checkers": (
        "log =",
        "if TYPE_CHECKING:\n    from warpline.plotting import Y\n\nlog =",
        False,
    ),
    "what is exported": ("log =", "__all__ = ['go', 'read']\nlog =", False),
    "a constant": ("log =", "A = 1\nlog =", True),
    "what an error computes": ("{X}", "{X + 1}", True),
    "an argument that a log call takes out": ('going %d", X', "going %d\", X.pop('a')", True),
    "a method of log that is no level": ("log.warning(", "log.append(", True),
    "code for all but type checkers": (
        "log =",
        "if not TYPE_CHECKING:\n    A = 1\n\nlog =",
        True,
    ),
    "a class item": (
        "class Result",
        "T = {}\n\n\nclass Other:\n    T['a'] = 1\n\n\nclass Result",
        True,
    ),
    "a base that is called": (
        "class Result",
        "class Other(make()):\n    pass\n\n\nclass Result",
        True,
    ),
    "a decorator's argument that is called": (
        "class Result",
        "@dataclass(frozen=make())\nclass Other:\n    A: int = 1\n\n\nclass Result",
        True,
    ),
    "a dataclass that nothing names": (
        "class Result",
        "@dataclass\nclass Other:\n    A: list = field(default_factory=list)\n\n\nclass Result",
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_counts_in_a_module(source, fresh, case):
    old, new, counts = CASES[case]
    before = fresh(source)
    path = source / "src/warpline/training.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert (fresh(source) != before) is counts


# Two texts of a module that mean two things: their digests differ.
PAIRS = {
    "an order of definitions": (
        "def scale(x):\n    return x\n\n\nscale = abs\nscale\n",
        "scale = abs\n\n\ndef scale(x):\n    return x\n\n\nscale\n",
    ),
    "a method in another class": (
        "class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    x = 1\n\nA().f, B\n",
        "class A:\n    x = 1\n\n\nclass B:\n    def f(self):\n        return 1\n\nA().f, B\n",
    ),
    "a class named like its base": (
        "from torch import nn\n\n\nclass Linear(nn.Linear):\n    def reset(self):\n        return 1\n\nLinear\n",
        "from torch import nn\n\n\nclass Linear(nn.Linear):\n    def reset(self):\n        return 2\n\nLinear\n",
    ),
    "a class that a registry finds": (
        "class Base:\n    pass\n\n\nclass Ramp(Base):\n    gain = 1\n\nBase.__subclasses__()\n",
        "class Base:\n    pass\n\n\nclass Ramp(Base):\n    gain = 2\n\nBase.__subclasses__()\n",
    ),
    "a class that is called Error and is none": (
        "class SquaredError:\n    reduction = 'mean'\n\nSquaredError\n",
        "class SquaredError:\n    reduction = 'sum'\n\nSquaredError\n",
    ),
    "a property that only a pattern reads": (
        "class P:\n    @property\n    def kind(self):\n        return 1\n\nmatch P():\n    case P(kind=1):\n        pass\n",
        "class P:\n    @property\n    def kind(self):\n        return 2\n\nmatch P():\n    case P(kind=1):\n        pass\n",
    ),
    "a key of an error's class": ("raise E['a'](1)\n", "raise E['b'](1)\n"),
    "what a module exports, where that is used": (
        "__all__ = ['a']\nfor name in __all__:\n    print(name)\n",
        "__all__ = ['b']\nfor name in __all__:\n    print(name)\n",
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_texts_that_mean_two_things_have_two_digests(source, fresh, case):
    digests = []
    for text in PAIRS[case]:
        (source / "src/warpline/lazy.py").write_text(f"X = 1\n{text}")
        digests.append(fresh(source))
    assert digests[0] != digests[1]


def test_the_message_of_an_exception_class_does_not_count(source, fresh):
    text = "X = 1\n\n\nclass E(OSError):\n    def __init__(self, a):\n        super().__init__(f'{a} is bad')\n\nE\n"
    (source / "src/warpline/lazy.py").write_text(text)
    before = fresh(source)
    (source / "src/warpline/lazy.py").write_text(text.replace("is bad", "is worse"))
    assert fresh(source) == before
    (source / "src/warpline/lazy.py").write_text(text.replace("{a}", "{-a}"))
    assert fresh(source) != before


def test_a_name_that_a_package_loads_on_first_use_counts(source, fresh):
    """As warpline.geometry does: its imports stand in a block for type checkers."""
    folder = source / "src/warpline/geometry"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "if TYPE_CHECKING:\n    from warpline.geometry.paths import path\n"
        "    from warpline.geometry.other import other\n\n\n"
        "def __getattr__(name):\n    return getattr(import_module(name), name)\n"
    )
    for name in ("path", "other"):
        file = "paths" if name == "path" else name
        (folder / f"{file}.py").write_text(f"def {name}():\n    return 1\n")
    training = source / "src/warpline/training.py"
    for use in (
        "from warpline.geometry import path\npath\n",
        "from warpline import geometry\ngeometry.path\n",
    ):
        training.write_text(TRAINING + use)
        (folder / "paths.py").write_text("def path():\n    return 1\n")
        before = fresh(source)
        (folder / "other.py").write_text(f"def other():\n    return {len(use)}\n")
        assert fresh(source) == before
        (folder / "paths.py").write_text("def path():\n    return 2\n")
        assert fresh(source) != before


def test_the_help_of_a_script_s_option_does_not_count(source, fresh):
    script = source / "script.py"
    text = "from warpline.training import go\nparser.add_argument('--a', type=int, help='one')\nraise X('one')\n"
    script.write_text(text)
    before = fresh(source)
    script.write_text(text.replace("'one'", "'another'"))
    assert fresh(source) == before
    script.write_text(text.replace("int", "float"))
    assert fresh(source) != before


def test_a_method_of_a_class_that_becomes_a_mixin_counts(source, fresh):
    """A library may call what a mixin puts before the methods of the library's class."""
    path = source / "src/warpline/training.py"
    path.write_text(TRAINING + "\n\nclass Both(Result, logging.Filter):\n    A = print\n\nBoth\n")
    before = fresh(source)
    new = "    def other(self):\n        return 1\n\n    def read(self)"
    path.write_text(path.read_text().replace("    def read(self)", new, 1))
    assert fresh(source) != before


def test_what_is_inert_does_not_count(source, fresh):
    before = fresh(source)
    (source / "src/warpline/console/bar.py").write_text("SECONDS = 5\n")
    assert fresh(source) == before


def test_errors_of_measures_count_because_they_become_a_status(source, fresh):
    folder = source / "src/warpline/similarity"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "cka.py").write_text("def represent(x):\n    raise ValueError('one')\n\nrepresent\n")
    before = fresh(source, "warpline.similarity.cka")
    (folder / "cka.py").write_text("def represent(x):\n    raise ValueError('two')\n\nrepresent\n")
    assert fresh(source, "warpline.similarity.cka") != before


# --- files of the user's ----------------------------------------------------------------------------------

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


# --- the house --------------------------------------------------------------------------------------------


def test_real_scripts_reach_what_they_run(project):
    train = closure(project / "scripts" / "train_network.py", ["warpline.models.leaky_rnn"])
    assert {
        "warpline.training.loop",
        "warpline.models.leaky_rnn",
        "warpline.training.batches",
    } <= set(train)
    assert not any(name.startswith(("warpline.similarity", "warpline.geometry")) for name in train)
    cka = closure(project / "scripts" / "compare_networks.py", ["warpline.similarity.cka"])
    assert "warpline.similarity.cka" in cka
    assert not any("procrustes" in name or "dsa" in name or "training" in name for name in cka)


def test_no_script_of_a_job_reaches_the_pipeline(project):
    # Scripts that make pages of documentation are no jobs.
    pages = {"write_schema.py", "write_rulegraph.py", "write_gallery.py", "write_notebooks.py"}
    for script in (project / "scripts").rglob("*.py"):
        if script.name not in pages and script.parent.name != "site":
            names = closure(script)
            assert not any(name.startswith("warpline.pipeline") for name in names), script


def test_what_is_inert_returns_nothing_that_could_reach_a_result(project):
    """None, parsed arguments, a context manager, the path and the text of a sidecar, a list of arguments."""
    by_name = {"sidecar_text", "list_file"}
    allowed = {"None", "argparse.ArgumentParser", "tqdm[Any]", "Path", "bool"}
    for path in (project / "src/warpline/console").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                returned = ast.unparse(node.returns)
                inert = returned in allowed or returned.startswith("Iterator[")
                assert inert or node.name in by_name, f"{path.name}: {node.name}"


def test_the_package_itself_only_forwards_names(project):
    """It is in no digest, so it must do nothing: imports, names, and what loads them."""
    tree = ast.parse((project / "src/warpline/__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert node.name in ("__getattr__", "__dir__")
        elif isinstance(node, ast.Assign):
            assert ast.unparse(node.targets[0]) in ("__version__", "__all__")
        else:
            assert isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Expr)


def test_measures_call_nothing_whose_errors_are_not_quoted(project):
    """A ValueError that a measure raises becomes a status: its wording counts in all that it calls."""
    for name in available("similarity"):
        module = f"warpline.similarity.{name}"
        path = reachable_modules._file_of(module, reachable_modules.SOURCE)
        reached = reachable_modules._package_modules([module], reachable_modules.SOURCE)
        assert path in reached.values()
        # How a result prints raises nothing.
        others = {found for found in reached if not found.startswith("warpline.similarity")}
        assert others <= {"warpline.core", "warpline.core.short_repr"}, name


def test_a_caught_message_becomes_a_result_in_few_places_alone(project):
    """Where the text of an exception is used for more than another message, its wording counts."""
    # Three put the wording of measures into a status; the others look at the wording of other packages.
    quoting = set()
    for path in (project / "src/warpline").rglob("*.py"):
        if "pipeline" in path.parts or "console" in path.parts:
            continue
        for handler in ast.walk(ast.parse(path.read_text())):
            if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
                continue
            talked = {
                id(part)
                for node in ast.walk(handler)
                if isinstance(node, ast.Raise)
                or (isinstance(node, ast.Expr) and live_code._is_log_call(node))
                for part in ast.walk(node)
            }
            for part in ast.walk(handler):
                if (
                    isinstance(part, ast.Name)
                    and part.id == handler.name
                    and id(part) not in talked
                ):
                    quoting.add(path.relative_to(project / "src/warpline").as_posix())
    assert quoting <= {
        "comparison/pairs.py",
        "comparison/measured_pairs.py",
        "attractors/experiments.py",
        "datasets/file_formats.py",
        "geometry/derivatives/dynamics.py",
        "core/result_files.py",
        "models/selective_scan.py",
        "geometry/derivatives/smoothness.py",
    }


def test_every_plugin_has_a_digest(project):
    from warpline.core.plugins import ENTRY_POINTS

    scripts = {
        "models": "train_network.py",
        "tasks": "generate_trials.py",
        "similarity": "compare_networks.py",
        "analyses": "analyse_warping.py",
    }
    assert set(scripts) == set(ENTRY_POINTS)
    for package, script in scripts.items():
        names = available(package)
        assert len(names) >= 4
        digests = {
            digest(project / "scripts" / script, [find_plugin(package, name)]) for name in names
        }
        assert len(digests) == len(names)
