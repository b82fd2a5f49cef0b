r"""Operators of one size: zeros stand for the directions that a system does not carry.

Two operators of a and b nonzero rows and columns are compared at n = a + b, or at the rank asked for if that
is lower. More zeros change no angle. The angle depends on an orthogonal C through the block
:math:`C_{1..a, 1..b}` alone, and the blocks of orthogonal matrices of size a + b are already all matrices of
spectral norm at most one. Fewer zeros do change it: 1 and -1 are 180 degrees apart at size 1, where C can
only be 1 or -1, and 90 degrees at size 2, where C can turn one away from the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import SettingsError

FloatArray = NDArray[np.float64]

#: Rank whose zeros take 1 GB for each system.
_LARGEST_RANK = 11_585


def check_rank(rank: int, n_columns: int) -> None:
    """Refuse a rank whose zeros alone would fill the memory.

    Parameters
    ----------
    rank : int
    n_columns : int
        Delays times units, beyond which no rank goes.

    Raises
    ------
    SettingsError
    """
    if rank > max(n_columns, _LARGEST_RANK):
        raise SettingsError(
            f"a rank of at most delays x units, {n_columns}, beyond which all is zero",
            f"{rank}",
            "Set rank.",
        )


def carried_size(*matrices: FloatArray) -> int:
    """Return the number of leading rows (and columns, of the first matrix) outside which all is zero.

    Parameters
    ----------
    *matrices : ndarray, shape (n, n), then shape (n, any)
        The operator of a system, and what C turns with it.
    """
    nonzero = matrices[0].any(axis=0)
    for matrix in matrices:
        nonzero = nonzero | matrix.any(axis=1)
    return int(np.flatnonzero(nonzero)[-1]) + 1 if nonzero.any() else 0


def pairs_by_size(
    carried: Mapping[int, int], pairs: Sequence[tuple[int, int]], ranks: Mapping[int, int]
) -> dict[int, list[int]]:
    """Group pairs by the size at which they are compared.

    Parameters
    ----------
    carried : mapping of int to int
        `carried_size` of each system.
    pairs : sequence of (int, int)
        Keys of ``carried``.
    ranks : mapping of int to int
        Rank asked for of each system. No pair is larger than the higher rank of its two: a third system must
        not change what they are compared at.

    Returns
    -------
    dict of int to list of int
        Positions in ``pairs`` by size, at least 1; sizes ascend.
    """
    positions: dict[int, list[int]] = {}
    for position, (i, j) in enumerate(pairs):
        size = min(max(ranks[i], ranks[j]), carried[i] + carried[j])
        positions.setdefault(max(1, size), []).append(position)
    return dict(sorted(positions.items()))


def resized(matrix: FloatArray, n_rows: int, n_columns: int) -> FloatArray:
    """Return a matrix with zeros added or cut off below and to the right.

    Parameters
    ----------
    matrix : ndarray, shape (row, column)
        Zero beyond ``n_rows`` and ``n_columns``, where it is larger.
    n_rows, n_columns : int

    Returns
    -------
    ndarray, shape (n_rows, n_columns)
    """
    full = np.zeros((n_rows, n_columns))
    kept = matrix[:n_rows, :n_columns]
    full[: kept.shape[0], : kept.shape[1]] = kept
    return full


def extended(rotation: FloatArray, rank: int) -> FloatArray:
    """Return an orthogonal matrix that leaves the further directions, up to a rank, where they are.

    Parameters
    ----------
    rotation : ndarray, shape (n, n)
    rank : int
        At least n.

    Returns
    -------
    ndarray, shape (rank, rank)
    """
    full = np.eye(rank)
    full[: len(rotation), : len(rotation)] = rotation
    return full
