"""What no single section can see: names that must exist, and numbers that must fit together.

A module per section; this one runs their checks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from warpline.pipeline.config.checks.catalogue_section import name_faults, registration_faults
from warpline.pipeline.config.checks.measure_section import (
    delays_faults,
    protocol_faults,
    tolerances_faults,
)
from warpline.pipeline.config.checks.output_section import explorer_faults, fractions_faults
from warpline.pipeline.config.checks.recording_section import recordings_faults
from warpline.pipeline.config.checks.size_limits import size_faults
from warpline.pipeline.config.checks.taskset_section import (
    curricula_faults,
    levels_faults,
    parameters_faults,
    tasks_faults,
)
from warpline.pipeline.config.checks.timing_section import timing_faults, whole_steps_faults
from warpline.pipeline.config.checks.training_section import (
    training_faults,
    unstated_faults,
    weights_pattern_faults,
)
from warpline.pipeline.config.checks.warping_section import warping_faults
from warpline.pipeline.config.schema import Config

__all__ = ["faults"]

MAX_FAULTS = 100


def faults(config: Config) -> list[str]:
    """Return a message per fault; none where the configuration holds together."""
    # What is too large is not walked through by the other checks.
    if too_many := list(size_faults(config)):
        return too_many
    found = itertools.chain.from_iterable(check(config) for check in CHECKS)
    return list(itertools.islice(found, MAX_FAULTS))


CHECKS: tuple[Callable[[Config], Iterator[str]], ...] = (
    name_faults,
    registration_faults,
    tasks_faults,
    curricula_faults,
    timing_faults,
    levels_faults,
    whole_steps_faults,
    parameters_faults,
    tolerances_faults,
    delays_faults,
    training_faults,
    unstated_faults,
    weights_pattern_faults,
    fractions_faults,
    warping_faults,
    recordings_faults,
    explorer_faults,
    protocol_faults,
)
