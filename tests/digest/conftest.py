"""A small package that a test may edit, and its digest."""

import pytest
from small_package import TRAINING

from warpline.core.plugins import PluginLocation
from warpline.pipeline import code_reading, live_code, reachable_modules
from warpline.pipeline.code_digest import digest


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
            code_reading.facts_of,
            live_code._unit,
        ):
            cached.cache_clear()
        plugins = [PluginLocation(module=name) for name in modules]
        plugins += [PluginLocation(file=path, attribute=name) for path, name in files]
        return digest(source / "script.py", plugins, source=source / "src")

    return call
