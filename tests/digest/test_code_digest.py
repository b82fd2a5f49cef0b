"""A digest changes with the code that is reached, and with no other."""

import shutil

import pytest
from small_package import TRAINING

from warpline.pipeline.reachable_modules import closure


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
