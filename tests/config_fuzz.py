"""Seeded mutations of config/demo.yaml, as values and as text. By hand: python tests/config_fuzz.py 6000 1."""

from __future__ import annotations

import copy
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml

from warpline.pipeline.config import ConfigError, load, load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import forecast
from warpline.pipeline.stages import Pipeline

CONFIG = Path(__file__).resolve().parent.parent / "config"
NESTED: list = []
for _ in range(40):
    NESTED = [NESTED]
HOSTILE = [
    None, True, False, 0, 1, -1, 2, 3.5, 1e-9, 1e300, -1e300, 5e-324, 10**9, 10**18, 10**30, 10**5000,
    float("nan"), float("inf"), "", " ", "a", "auto", "target", "1e-3", "12", "nan", "../up", "x" * 80,
    "x" * 20_000, "\x00", "</script>", "é", "my.py:Mine", "os:system", ":", "a:", [], {}, [[]], [{}], {"": 1},
    [1, 1], [1, 1.0], ["a", "a"], [None], [True], {"choice": []}, {"choice": [1.0, 2.0]},
    {"uniform": [5, 1]}, {"uniform": [0, 1e9]}, {"truncated_exponential": [1, 2, 3]}, {1: 2}, {None: 1},
    {"a": {"b": 1}}, NESTED, list(range(2000)), (1, 2), b"bytes",
]  # fmt: skip


def places(value, path=()):
    """Yield the path of every value below."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def mutated_values(raw: dict, rng: random.Random) -> dict:
    """Return a configuration with one to three changes at random places."""
    raw = copy.deepcopy(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        every = list(places(raw))
        *path, last = rng.choice(every)
        parent = raw
        for key in path:
            parent = parent[key]
        value = parent[last]
        # Some of the changes are wild; the others leave much that can be planned.
        kind = rng.choice((0, 4, 5, 6, 7, 7, 8, 8, 8, 8))
        if kind <= 3:
            parent[last] = copy.deepcopy(rng.choice(HOSTILE))
        elif kind == 4:
            del parent[last]
        elif kind == 5:
            parent[last] = rng.choice(([value], {"x": value}, [value, value], str(value)))
        elif kind == 6 and isinstance(parent, dict):
            parent[f"{last}{rng.choice('x-. 1')}"] = parent.pop(last)
        elif isinstance(value, list) and value:
            rng.choice((value.reverse, lambda v=value: v.append(v[0]), value.clear, value.pop))()
        elif isinstance(value, int | float):
            parent[last] = value * rng.choice(
                (-1, 0, 0.001, 0.5, 2, 3, 10, 1000, 10**6, 10**9, 10**15)
            )
        else:
            other = raw
            for key in rng.choice(every):
                if not isinstance(other, dict | list) or (
                    isinstance(other, dict) and key not in other
                ):
                    break
                if isinstance(other, list) and not (isinstance(key, int) and key < len(other)):
                    break
                other = other[key]
            parent[last] = copy.deepcopy(other)
    return raw


def mutated_text(text: str, rng: random.Random) -> bytes:
    """Return YAML with a few characters or lines changed."""
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2, 3))):
        k = rng.randrange(len(lines))
        kind = rng.randrange(8)
        if kind == 0:
            lines.insert(rng.randrange(len(lines)), lines[k])
        elif kind == 1 and len(lines) > 2:
            del lines[k]
        elif kind == 2:
            lines[k] = rng.choice(("  ", "\t", " ", "- ")) + lines[k]
        elif kind == 3:
            lines[k] = lines[k].lstrip()
        else:
            at = rng.randrange(len(lines[k]) + 1)
            piece = rng.choice(
                (*"{}[]:,&*!|>%@`'\"#-? \t0~", "\x00", "é", "\ud7ff", "<<: *a", "&a ", "1e9")
            )
            lines[k] = lines[k][:at] + piece + lines[k][at + rng.randrange(2) :]
    data = "".join(lines).encode("utf-8", "surrogatepass")
    kind = rng.randrange(12)
    if kind == 0:
        return data.decode("utf-8").encode("utf-16")
    if kind == 1:
        at = rng.randrange(len(data))
        return data[:at] + bytes([rng.randrange(128, 256)]) + data[at:]
    return data


def outcomes(count: int, seed: int) -> Counter:
    """Load and plan mutations; returns how many were planned, refused, or ended in another error."""
    rng = random.Random(seed)
    demo = (CONFIG / "demo.yaml").read_text()
    default = yaml.safe_load((CONFIG / "config.yaml").read_text())
    merged = copy.deepcopy(default)
    _update(merged, yaml.safe_load(demo))
    seen: Counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mutated.yaml"
        for k in range(count):
            start = time.process_time()
            values = mutated_values(merged, rng) if k % 3 else None
            if values is None:
                file.write_bytes(mutated_text(demo, rng))
            try:
                config = (
                    load(values)
                    if values is not None
                    else load_files([CONFIG / "config.yaml", file])
                )
                plan = Plan(config)
                forecast(plan)
                for stage in Pipeline(plan).stages:
                    for job in itertools.islice(stage.jobs() if stage.outputs else (), 2):
                        json.loads(stage.settings(job))
                seen["planned"] += 1
            except ConfigError as error:
                seen["refused"] += 1
                assert len(str(error)) < 30_000, f"mutation {k}: {len(str(error))} characters"
            except Exception as error:
                seen["other"] += 1
                seen[f"{k}: {type(error).__name__}: {str(error)[:150]}"] += 1
            seen["slowest, ms"] = max(seen["slowest, ms"], int(1e3 * (time.process_time() - start)))
    return seen


def _update(below: dict, above: dict) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _update(below[key], value)
        else:
            below[key] = value


if __name__ == "__main__":
    for what, times in outcomes(int(sys.argv[1]), int(sys.argv[2])).items():
        print(f"{times:>6} {what}")
