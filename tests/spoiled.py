"""A configuration with a script element in every string and key that takes one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from warpline.pipeline.config import ConfigError, load

TAG = "</script><script>window.ran = true</script><img src=x onerror='window.ran = true'>"


def _places(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, bool]]:
    """Yield the path of every key (True) and of every string (False)."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield (*path, key), True
            yield from _places(entry, (*path, key))
    elif isinstance(value, list):
        for k, entry in enumerate(value):
            yield from _places(entry, (*path, k))
    elif isinstance(value, str):
        yield path, False


def _put(raw: dict, path: tuple, is_key: bool) -> None:
    place: Any = raw
    for step in path[:-1]:
        place = place[step]
    if is_key:
        place[f"{path[-1]}{TAG}"] = place.pop(path[-1])
    else:
        place[path[-1]] = TAG


def spoil(raw: dict, accepted: Callable[[dict], object] = load) -> tuple[dict, int, int]:
    """Put the tag into every place of a configuration that is accepted with it.

    Returns
    -------
    spoiled : dict
        With the tag in all places that take it.
    n_tried, n_taken : int
    """
    spoiled = copy.deepcopy(raw)
    n_taken = 0
    # From the end: a key that changes leaves the paths before it as they are.
    places = list(_places(raw))
    for path, is_key in reversed(places):
        tried = copy.deepcopy(spoiled)
        _put(tried, path, is_key)
        try:
            accepted(tried)
        except ConfigError:
            continue
        spoiled = tried
        n_taken += 1
    return spoiled, len(places), n_taken
