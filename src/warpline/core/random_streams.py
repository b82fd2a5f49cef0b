"""Random streams derived from one root seed.

Every stream is named. Two names give independent streams; the same name always gives the same one,
whatever else the configuration holds, so that adding a seed, a task or a model moves no other number.
"""

from __future__ import annotations

import hashlib
import json
import secrets

import numpy as np

__all__ = ["SEED_BOUND", "generator", "integer_seed", "root_of", "stream"]

SEED_BOUND = 2**31
"""Seeds of networks are below it."""


def root_of(seed: int | None) -> int:
    """Return a root seed, or where there is none a number that no second call returns.

    Without a seed no run can be repeated, as with the code of Guilhot et al. (2024).
    """
    return secrets.randbits(63) if seed is None else seed


def stream(root: int, *name: str | int) -> np.random.SeedSequence:
    """Return the seed sequence that belongs to a name.

    Parameters
    ----------
    root : int
        The root seed of the configuration, non-negative.
    *name : str or int
        What the stream is for, from general to particular, e.g. ``"weights", "leaky_rnn", 3``.

    Returns
    -------
    numpy.random.SeedSequence
        Its spawn key is the SHA-256 of the name, so that streams of different names are independent.
    """
    if root < 0:
        raise ValueError(f"expected a non-negative root seed, got {root}")
    digest = hashlib.sha256(json.dumps(name).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.SeedSequence(entropy=root, spawn_key=tuple(int(word) for word in words))


def generator(root: int, *name: str | int) -> np.random.Generator:
    """Return a NumPy generator on the named stream (see `stream`)."""
    return np.random.Generator(np.random.PCG64(stream(root, *name)))


def integer_seed(root: int, *name: str | int, bits: int = 32) -> int:
    """Return an integer drawn from the named stream, for libraries that take a plain seed."""
    words = stream(root, *name).generate_state(2, np.uint32)
    value = int(words[0]) | (int(words[1]) << 32)
    return value & ((1 << bits) - 1)
