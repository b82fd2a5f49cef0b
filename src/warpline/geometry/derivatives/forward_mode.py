"""One thread at a time differentiates: torch's levels of forward mode are shared by all threads."""

from __future__ import annotations

import threading

__all__ = ["FORWARD_MODE"]

#: Held while torch.func differentiates forward. A thread that already holds it goes on.
FORWARD_MODE = threading.RLock()
