"""Names that `run` takes from the catalogues, and names of plug-ins."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.config.checks.shared_lookups import unknown_names
from warpline.pipeline.config.messages import plugin_fault
from warpline.pipeline.config.schema import Config

__all__ = ["name_faults", "registration_faults"]


def name_faults(config: Config) -> Iterator[str]:
    """Refuse names that no catalogue has."""
    for kind in ("tasksets", "architectures", "curricula"):
        catalogue = getattr(config, kind)
        for k, block in enumerate(config.run.grid):
            yield from unknown_names(f"run.grid.{k}.{kind}", getattr(block, kind), catalogue)
    yield from unknown_names("run.measures", config.run.measures, config.measures)
    for name, taskset in config.tasksets.items():
        yield from unknown_names(f"tasksets.{name}.measures", taskset.measures, config.measures)
    yield from unknown_names("run.warping", config.run.warping, config.warping)
    for name in config.run.warping:
        entry = config.warping.get(name)
        for key in ("taskset", "architecture", "curriculum") if entry is not None else ():
            catalogue = config.curricula if key == "curriculum" else getattr(config, f"{key}s")
            yield from unknown_names(f"warping.{name}.{key}", [getattr(entry, key)], catalogue)
    yield from unknown_names(
        "comparison.over.references", config.comparison.over.references, config.curricula
    )


def registration_faults(config: Config) -> Iterator[str]:
    """Refuse plug-ins that cannot be found, and settings of measures that have none."""
    asked = [("tasks", f"tasksets.{n}.env", t.env) for n, t in config.tasksets.items()]
    asked += [
        ("models", f"architectures.{n}.model", a.model) for n, a in config.architectures.items()
    ]
    asked += [
        ("similarity", f"measures.{n}.measure", m.measure) for n, m in config.measures.items()
    ]
    asked += [
        ("analyses", f"warping.{n}.experiment", entry.experiment)
        for n, entry in config.warping.items()
    ]
    for folder, place, name in asked:
        if (fault := plugin_fault(folder, name)) is not None:
            yield f"{place}: {fault}"
    for name, measure in config.measures.items():
        extra = getattr(measure, "settings", {})
        if extra and ":" not in measure.measure:
            yield f"measures.{name}.settings: {measure.measure} has no settings, got {', '.join(extra)}"
        if getattr(measure, "needs_inputs", False) and ":" not in measure.measure:
            yield (
                f"measures.{name}.needs_inputs: expected it for a measure of your own, got "
                f"{measure.measure}: drop it (dsa_input takes inputs without it)"
            )
