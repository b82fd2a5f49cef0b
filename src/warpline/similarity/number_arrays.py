"""Arrays of real and finite numbers from a container of any kind, with the precision that they came in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import DimensionError, NonFiniteDataError

__all__ = ["check_finite", "check_shape", "real_numbers"]


def real_numbers(value: Any, name: str) -> tuple[NDArray[Any], float, NDArray[np.bool_] | None]:
    """Return a container's values as real numbers, the spacing of their type, and what is hidden."""
    precision: float | None = None
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch
        import torch

        value = value.detach().cpu()
        if value.layout is not torch.strided or value.is_nested or value.is_quantized:
            raise DimensionError(
                f"a dense tensor for {name}",
                f"a {'nested' if value.is_nested else 'quantised' if value.is_quantized else 'sparse'} one",
                "Give tensor.to_dense(), tensor.dequantize(), or a list of (time, unit) tensors.",
            )
        if value.dtype.is_floating_point:
            precision = float(torch.finfo(value.dtype).eps)
            # NumPy has no bfloat16; float32 holds each of its values.
            value = value.double() if value.dtype.itemsize < 4 else value
        value = value.resolve_conj().resolve_neg().numpy()
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):  # a table of pandas
        raise DimensionError(
            f"an array (trial, time, unit) for {name}",
            f"a {type(value).__name__}, whose index would be lost",
            "Give frame.to_numpy(), or an xarray DataArray with its labels.",
        )
    hidden: NDArray[np.bool_] | None = None
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(value).any():
            hidden = np.ma.getmaskarray(value)
        value = np.ma.getdata(value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DimensionError(
            f"an array (trial, time, unit) for {name}",
            f"a {type(value).__name__}: {error}",
            "Give an array, or a list of (time, unit) arrays.",
        ) from error
    if array.dtype.kind not in "fiub":
        remedy = "Convert the values to numbers."
        if array.dtype.kind == "c":
            remedy = "Give real and imaginary parts as units."
        elif array.dtype == object and array.size and np.ndim(array.flat[0]) == 2:
            remedy = "Of cells that hold a trial each, give list(cells.ravel())."
        raise DimensionError(f"real numbers in {name}", f"values of type {array.dtype}", remedy)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        # What is beyond double precision is infinite there, and refused as such.
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    if precision is None:
        precision = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    return array, precision, hidden


def check_shape(array: NDArray[Any], n_dims: int, name: str) -> None:
    """Refuse an array with an empty axis, or with other axes than (trial,) time, unit."""
    wanted = "(trial, time, unit)" if n_dims == 3 else "(time, unit)"
    if array.ndim != n_dims or array.size == 0:
        remedy = "Add the missing axes, of length 1 where there is one trial or one unit."
        if array.ndim > n_dims:
            remedy = "Select one system, or join trials along one axis."
        if array.ndim == n_dims:
            remedy = "An axis is empty: check the selection."
        raise DimensionError(f"a non-empty array {wanted} for {name}", f"{array.shape}", remedy)


def check_finite(array: NDArray[Any], name: str, trial: int | None = None) -> None:
    """Refuse NaN and infinity, and say where the first one is."""
    finite = np.isfinite(array)
    if finite.all():
        return
    index = [int(i) for i in np.argwhere(~finite)[0]]
    if trial is not None:
        index = [trial, *index]
    raise NonFiniteDataError(
        f"finite {name}",
        f"{int((~finite).sum())} values that are NaN or infinite, the first at trial {index[0]}, time "
        f"{index[1]}, unit {index[2]}",
        "Drop these trials or units. If trials end early, say which times were recorded: valid=.",
    )
