"""Adam without torch's compiler, whose import takes longer than the training of a small network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["Adam"]


def _uncompiled(name: str) -> Callable[..., Any]:
    """Return a method of Adam as it is below the wrapper that keeps the compiler out of it.

    That wrapper imports the compiler, ``torch._dynamo``, in order to tell it so: 1.2 s of processor time (two
    cores, Intel Xeon). Nothing here is compiled. If torch drops a wrapper, the method is the one of torch.
    """
    method: Callable[..., Any] = getattr(torch.optim.Adam, name)
    return getattr(method, "__wrapped__", method)


class Adam(torch.optim.Adam):
    """`torch.optim.Adam` (Kingma and Ba 2015), the same bit by bit, for updates that are not compiled."""

    add_param_group = _uncompiled("add_param_group")
    zero_grad = _uncompiled("zero_grad")
    state_dict = _uncompiled("state_dict")
    load_state_dict = _uncompiled("load_state_dict")
    step = torch.no_grad()(_uncompiled("step"))
