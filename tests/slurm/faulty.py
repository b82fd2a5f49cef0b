"""A leaky RNN that takes its time and fills its memory, so that faults can meet it in mid-training."""

import os
import time
from pathlib import Path

import torch

from warpline.models.leaky_rnn import Network


class Faulty(Network):
    """The same numbers as a leaky RNN, whatever it is told.

    ``parameters``: ``seconds`` to wait and ``megabytes`` to keep in each update. Neither is done where
    WARPLINE_TEST_HASTE is set, for the run that the results are compared with. It does not wait while the
    folder in which it runs holds a file ``haste``.
    """

    def __init__(self, n_inputs, n_outputs, dt, settings, generator):
        super().__init__(n_inputs, n_outputs, dt, settings, generator)
        asked = {} if os.environ.get("WARPLINE_TEST_HASTE") else settings["parameters"]
        self.seconds, self.megabytes = asked.get("seconds", 0.0), asked.get("megabytes", 0.0)
        self.kept = []

    def forward(self, inputs, generator=None):
        if torch.is_grad_enabled():
            if not Path("haste").exists():
                time.sleep(self.seconds)
            # Written to, so that it is resident.
            self.kept.append(bytearray(b"x") * int(self.megabytes * 2**20))
        return super().forward(inputs, generator)
