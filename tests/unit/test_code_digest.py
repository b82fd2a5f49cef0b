import shutil

import pytest

from warpline.pipeline.code_digest import SOURCE, closure, digest


@pytest.fixture
def source(tmp_path):
    """A small package with the shape of ours, that a test may edit."""
    root = tmp_path / "src" / "warpline"
    (root / "models").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "store.py": '"""Doc."""\n\ndef read():\n    """Read."""\n    return 1\n',
        "lazy.py": "X = 1\n",
        "training.py": "from warpline import store\n\ndef go():\n    from .lazy import X\n    return X\n",
        "plotting.py": "Y = 1\n",
        "models/__init__.py": "",
        "models/rnn.py": "from warpline.store import read\n",
        "models/gru.py": "Z = 1\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    (tmp_path / "script.py").write_text("from warpline.training import go\n")
    return tmp_path


@pytest.fixture
def fresh(monkeypatch):
    """Digest as a new process would: nothing remembered."""
    from warpline.pipeline import code_digest as module

    def call(source, *modules):
        module._parse.cache_clear()
        module._fingerprint.cache_clear()
        return digest(source / "script.py", modules, source=source / "src")

    return call


def test_closure_follows_imports_at_any_depth(source):
    found = closure(source / "script.py", ["warpline.models.rnn"], source / "src")
    assert set(found) == {
        "warpline.training",
        "warpline.store",
        "warpline.lazy",
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


def test_real_scripts_reach_what_they_run(project):
    train = closure(project / "scripts" / "train_network.py", ["warpline.models.leaky_rnn"])
    assert {
        "warpline.training.loop",
        "warpline.training.job",
        "warpline.models.checkpoints",
        "warpline.models.leaky_rnn",
        "warpline.training.batches",
    } <= set(train)
    assert not any(
        name.startswith(("warpline.similarity", "warpline.pipeline.config")) for name in train
    )
    cka = closure(project / "scripts" / "compare_networks.py", ["warpline.similarity.cka"])
    assert "warpline.similarity.cka" in cka
    assert not any("procrustes" in name or "dsa" in name or "training" in name for name in cka)


def test_no_compute_script_imports_the_configuration(project):
    for script in (project / "scripts").rglob("*.py"):
        if script.name != "write_schema.py":
            names = closure(script)
            assert not any(name.startswith("warpline.pipeline.config") for name in names), script


def test_user_file_counts(tmp_path, project):
    mine = tmp_path / "mine.py"
    mine.write_text("A = 1\n")
    script = project / "scripts" / "generate_trials.py"
    with_it = digest(script, files=[mine])
    assert with_it != digest(script)
    assert SOURCE.name == "src"
