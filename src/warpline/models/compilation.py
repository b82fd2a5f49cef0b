"""Numba's compiler, with the options of the models' kernels; imported where a kernel is first used."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Numba loads numpy.ma, which asks for the smallest number: jobs flush it to zero.
    warnings.filterwarnings("ignore", "The value of the smallest subnormal")
    import numpy.ma  # noqa: F401
    from numba import njit

__all__ = ["compiled", "inlined"]

#: Fused products are allowed; the order of sums, NaN and infinity stay. The compiled code is kept on disk.
compiled = njit(fastmath={"contract", "nsz"}, cache=True, nogil=True, error_model="numpy")
inlined = njit(fastmath={"contract", "nsz"}, inline="always")
