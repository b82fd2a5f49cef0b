"""What the scripts of the package reach, and what they must not."""

import ast

import pytest

from warpline.core.plugins import available, find_plugin
from warpline.pipeline import code_wording, live_code, reachable_modules
from warpline.pipeline.code_digest import digest
from warpline.pipeline.reachable_modules import closure


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


@pytest.mark.slow
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
        # These raise nothing: how a result prints, limits of counts (their words are values), steps of an
        # embedding, and what measures call of the device.
        others = {found for found in reached if not live_code.counts_messages(found, False)}
        parts = ("short_repr", "count_limits", "embedding_steps", "device")
        silent = {f"warpline.core.{part}" for part in parts}
        assert others <= {"warpline.core", *silent}, name


@pytest.mark.slow
def test_a_caught_message_becomes_a_result_in_few_places_alone(project):
    """Where the text of an exception is used for more than another message, its wording counts."""
    # Four put the wording of measures into a status; the others look at the wording of other packages.
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
                or (isinstance(node, ast.Expr) and code_wording.is_log_call(node))
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
        "comparison/pair_tables.py",
        "comparison/hidden_states.py",
        "comparison/measured_pairs.py",
        "comparison/several_measures.py",
        "attractors/experiments.py",
        "similarity/condition_repeats.py",
        "datasets/file_formats.py",
        "geometry/derivatives/dynamics.py",
        "core/result_files.py",
        "models/selective_scan.py",
        "geometry/derivatives/smoothness.py",
    }


@pytest.mark.slow
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
