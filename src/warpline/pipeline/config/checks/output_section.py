"""What is kept of trained networks, and what the explorer shows of them."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.config.checks.shared_lookups import unknown_names, used_names
from warpline.pipeline.config.schema import Config

__all__ = ["explorer_faults", "fractions_faults"]


def fractions_faults(config: Config) -> Iterator[str]:
    """Refuse fractions of training at which nothing is kept, and those that leave out an end of it."""
    kept = config.trajectories.fractions
    if kept[-1] != 1:
        yield f"trajectories.fractions: expected the last to be 1.0 (the trained network), got {kept[-1]}"
        return
    for section in ("over", "within"):
        asked = getattr(config.comparison, section).fractions
        missing = [fraction for fraction in asked if fraction not in kept]
        if missing:
            yield (
                f"comparison.{section}.fractions: {', '.join(map(str, missing))} is not kept; "
                "add it to trajectories.fractions"
            )
        elif (asked[0], asked[-1]) != (0, 1):
            yield (
                f"comparison.{section}.fractions: expected 0.0 first and 1.0 last, because "
                f"half-times and claims are about the whole of training, got {asked}"
            )
    weights = config.training.checkpoints.keep
    if weights != "all":
        # The first and the last checkpoint are kept in any case.
        missing = [fraction for fraction in kept if fraction not in (0, 1, *weights)]
        if missing:
            yield (
                f"trajectories.fractions: no checkpoint is kept at {', '.join(map(str, missing))}; add it to "
                "training.checkpoints.keep (networks that lie there are then trained anew), or leave it out"
            )


def explorer_faults(config: Config) -> Iterator[str]:
    """Refuse to show what is not run."""
    if missing := [seed for seed in config.explorer.seeds if seed not in config.run.seeds]:
        named = ", ".join(map(str, missing))
        yield f"explorer.seeds: expected seeds of run.seeds, got {named}: leave them out"
    used = used_names(config, "architectures")
    yield from unknown_names("explorer.architectures", config.explorer.architectures, used)
