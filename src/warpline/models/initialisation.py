"""Activation functions and weight initialisations, by their standard names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ACTIVATIONS", "INITIALISATIONS", "input_matrix", "normal_matrix", "recurrent_matrix"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
}

INITIALISATIONS = ("kaiming", "xavier", "orthogonal", "identity", "gaussian", "uniform")


def recurrent_matrix(
    name: str, units: int, activation: str, gain: float, generator: torch.Generator
) -> Tensor:
    """Return an initial recurrent weight matrix.

    Parameters
    ----------
    name : str
        With N units and g the gain: ``kaiming``, independent normal with variance (g c)^2/N, where c is
        the activation's gain of He et al. 2015 (sqrt 2 for relu, 5/3 for tanh); ``xavier``, uniform
        with variance g^2/N (Glorot and Bengio 2010); ``orthogonal``, g times a random orthogonal
        matrix (Saxe et al. 2014); ``identity``, g times the identity (Le et al. 2015); ``gaussian``,
        independent normal with variance g^2/N (Sompolinsky et al. 1988); ``uniform``, independent uniform
        in +-g/sqrt(N), the default of torch.nn.
    units : int
        N.
    activation : str
        Only ``kaiming`` uses it. Softplus counts as relu.
    gain : float
        g.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor, shape (units, units)

    Raises
    ------
    ValueError
        For any other name.
    """
    weight = torch.empty(units, units)
    if name == "kaiming":
        nonlinearity = "relu" if activation == "softplus" else activation
        c = nn.init.calculate_gain(nonlinearity)  # type: ignore[arg-type]
        return weight.normal_(0, gain * c / math.sqrt(units), generator=generator)
    if name == "xavier":
        return nn.init.xavier_uniform_(weight, gain, generator=generator)
    if name == "orthogonal":
        return nn.init.orthogonal_(weight, gain, generator=generator)
    if name == "identity":
        return gain * torch.eye(units)
    if name == "gaussian":
        return weight.normal_(0, gain / math.sqrt(units), generator=generator)
    if name == "uniform":
        return gain * input_matrix(units, units, generator)
    raise ValueError(f"expected an initialisation among {', '.join(INITIALISATIONS)}; got '{name}'")


def input_matrix(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Return an initial feedforward matrix, shape (rows, columns), uniform in +-1/sqrt(columns)."""
    bound = 1 / math.sqrt(columns)
    return torch.empty(rows, columns).uniform_(-bound, bound, generator=generator)


def normal_matrix(rows: int, groups: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return an initial feedforward matrix whose entries are independent and normal.

    Parameters
    ----------
    rows : int
    groups : sequence of int
        Sizes of the groups of columns, in their order. The entries of a group of n columns have the
        standard deviation 1/sqrt(n): each group then has the same strength, whatever its size.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor, shape (rows, sum of groups)
    """
    blocks = [
        torch.empty(rows, size).normal_(0, 1 / math.sqrt(size), generator=generator)
        for size in groups
    ]
    return torch.cat(blocks, dim=1)
