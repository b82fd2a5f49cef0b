"""The public names of the package, its arrows of imports, and the packages that it loads."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import warpline.geometry

ROOT = Path(warpline.geometry.__file__).parent
FLOORS = ("derivatives", "riemannian", "measurements")


def imports_of(path):
    """Return the modules of the package that a module imports, at any depth, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    prefix = "warpline.geometry."
    return {
        node.module.removeprefix(prefix)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix)
    }


@pytest.fixture(scope="module")
def graph():
    return {
        f"{floor}.{path.stem}": imports_of(path)
        for floor in FLOORS
        for path in (ROOT / floor).glob("*.py")
        if path.stem != "__init__"
    }


def test_modules_import_in_no_circle(graph):
    assert set(graph) == set(TopologicalSorter(graph).static_order())


def test_each_floor_builds_on_those_below(graph):
    for module, imported in graph.items():
        floor = FLOORS.index(module.split(".")[0])
        above = {name for name in imported if FLOORS.index(name.split(".")[0]) > floor}
        assert not above, f"{module} imports {above}"


def test_every_public_name_exists():
    for name in warpline.geometry.__all__:
        assert getattr(warpline.geometry, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'betty_numbers'"):
        warpline.geometry.betty_numbers  # noqa: B018


def test_names_that_load_later_are_those_of_their_modules():
    from warpline.geometry import betti_numbers, find_fixed_points

    assert set(warpline.geometry._MODULE_OF) <= set(warpline.geometry.__all__)
    assert betti_numbers.__module__ == "warpline.geometry.measurements.topology"
    assert find_fixed_points.__module__ == "warpline.geometry.measurements.fixed_points"


@pytest.mark.parametrize(
    ("former", "name"),
    [("Family", "InputManifold"), ("Moment", "TimeStep"), ("state_slice", "state_map")],
)
def test_former_names_work_and_name_the_new_one(former, name):
    with pytest.warns(DeprecationWarning, match=rf"geometry\.{former} is now {name}"):
        assert getattr(warpline.geometry, former) is getattr(warpline.geometry, name)
    assert former not in warpline.geometry.__all__


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import warpline.geometry", ("pandas", "scipy", "ripser", "persim")),
        (
            "from warpline.geometry import find_fixed_points, betti_numbers",
            ("ripser", "persim"),
        ),
    ],
)
def test_import_leaves_heavy_packages_alone(statement, heavy):
    code = f"import sys; {statement}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
