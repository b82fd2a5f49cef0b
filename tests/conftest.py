"""What all tests share."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent

# The same examples each time: a change is judged by what it changes. New ones:
# pytest --hypothesis-profile explore
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def one_thread():
    """Fix torch to one thread, as every job of the pipeline; leave arithmetic as it was found."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    yield
    # What a job sets for itself: hypothesis cannot draw numbers where the smallest ones are flushed.
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def cuda():
    """The CUDA device of tests marked ``gpu``, which skip where there is none."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return torch.device("cuda")


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def page():
    """A page of headless Chromium, for tests marked ``browser``, which skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=QUIET)
        yield opened.new_page(viewport={"width": 1400, "height": 900})
        opened.close()


@pytest.fixture(scope="session")
def _default_config():
    return yaml.safe_load((PROJECT / "config" / "config.yaml").read_text())


@pytest.fixture
def raw_config(_default_config):
    """The default configuration as a dict that a test may change."""
    return copy.deepcopy(_default_config)


@pytest.fixture
def task_settings():
    """A task set's slice, as the job that generates trials gets it."""

    def make(env="perceptual_decision", task="Basic", **changes):
        variations = {
            "Basic": {"anti": False, "delay": False},
            "Anti": {"anti": True, "delay": False},
            "DelayResponse": {"anti": False, "delay": True},
            "AntiDelayResponse": {"anti": True, "delay": True},
        }
        settings = {
            "name": "Set",
            "env": env,
            "rules": list(variations),
            "variation": variations[task],
            "dt": 100,
            "timing": {
                "fixation": 200,
                "stimulus": 1000,
                "delay": {"choice": [300, 600]},
                "decision": 300,
            },
            "input_noise": 1.0,
            "parameters": {"cohs": [0, 12.8, 51.2]} if env == "perceptual_decision" else {},
        }
        return settings | changes

    return make
