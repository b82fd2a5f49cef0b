"""Nothing that is read can run code, and no name from a configuration reaches a shell as more than a name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from warpline.core import plugins
from warpline.pipeline.config import ConfigError, load

NAMES = [
    "../up",
    "a/../../b",
    "two words",
    "it's",
    'say"so',
    "$(touch pwned)",
    "`id`",
    "a;b",
    "a|b",
    "a&b",
    "a\nb",
    "*",
    "",
    "-rf",
    "a" * 200,
]


FOLDERS = ("src", "scripts", "benchmarks", "examples", "tests")


def faults_of(tree: ast.AST) -> list[str]:
    """Return what of a module could run code that it reads."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
            found += [f"imports {name}" for name in names if name.split(".")[0] in unsafe]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if called in (
            "eval",
            "exec",
            "compile",
            "os.system",
            "os.popen",
            "yaml.load",
            "yaml.unsafe_load",
        ):
            found.append(f"calls {called}")
        if called.endswith("read_pickle"):
            found.append(f"calls {called}")
        if called == "torch.load" and keywords.get("weights_only") != "True":
            found.append("torch.load without weights_only")
        if keywords.get("shell") == "True":
            found.append("shell=True")
        if keywords.get("allow_pickle") == "True":
            found.append("allow_pickle=True")
    return found


@pytest.mark.slow
def test_no_module_can_run_what_it_reads(project):
    files = [path for folder in FOLDERS for path in (project / folder).rglob("*.py")]
    assert len(files) > 50
    found = {
        str(path.relative_to(project)): faults
        for path in files
        # The notebooks and the tutorial of the documentation are code, and run as such.
        if path.name not in ("write_notebooks.py", "test_pages.py", "test_tutorial_page.py")
        and (faults := faults_of(ast.parse(path.read_text())))
    }
    assert found == {}


def test_no_rule_can_either(project):
    """Rules are not Python alone: a search for the words."""
    pattern = re.compile(r"\b(pickle|eval|exec)\b\(?|shell=True|torch\.load")
    for path in (project / "workflow").rglob("*"):
        if path.suffix in (".smk", "") and path.is_file():
            lines = [line for line in path.read_text().splitlines() if pattern.search(line)]
            assert lines == [], path


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "import torch\ntorch.load('x')",
        "subprocess.run('ls', shell=True)",
        "np.load('x', allow_pickle=True)",
        "yaml.load(f)",
    ],
)
def test_the_search_finds_what_it_is_for(code):
    assert faults_of(ast.parse(code))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["name", "tasksets", "architectures", "curricula", "measures"])
def test_names_are_names(raw_config, place, name):
    if place == "name":
        raw_config["name"] = name
    else:
        raw_config[place][name] = next(iter(raw_config[place].values()))
    with pytest.raises(ConfigError, match=re.escape(place)):
        load(raw_config)


@pytest.mark.parametrize("name", NAMES)
def test_task_names_are_names(raw_config, name):
    raw_config["tasksets"]["PDM"]["tasks"] = {**raw_config["tasksets"]["PDM"]["tasks"], name: {}}
    with pytest.raises(ConfigError, match="tasks"):
        load(raw_config)


@pytest.mark.parametrize(
    "name",
    [
        "../mine.py:Net",
        "a/../../mine.py:Net",
        "my file.py:Net",
        "mine.py:Net()",
        "$(id).py:Net",
        "mine.py:Net; id",
        "'mine.py':Net",
        "mine.py:__import__('os')",
        "os:system('id')",
    ],
)
@pytest.mark.parametrize("folder", ["models", "tasks", "similarity"])
def test_entries_of_one_s_own_are_paths_and_names(folder, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(plugins.UnknownNameError, match="expected"):
        plugins.find_plugin(folder, name)


def test_an_entry_of_one_s_own_is_found_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('it ran')\nclass Net: pass\n")
    found = plugins.find_plugin("models", "mine.py:Net")
    assert found.file == Path("mine.py") and found.attribute == "Net"
