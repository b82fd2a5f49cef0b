"""Networks of an earlier configuration in the results folder: of other settings, or asked for no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from warpline.console import provenance
from warpline.core.utf8_paths import shell_word
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import Wildcards
from warpline.pipeline.stages.training import TrainingStage

__all__ = ["left_over_networks", "replaced_networks"]


def replaced_networks(pipeline: Pipeline) -> list[str]:
    """Return a message where a run would train networks anew in the place of others; none otherwise.

    Two configurations of one name share a folder. Where they differ in what networks learn, each run would
    replace the networks of the other. New seeds, curricula and architectures replace nothing, and what is
    computed from networks (trajectories, comparisons, figures) is not looked at: it takes less to make again.

    The settings of an earlier network are those of its sidecar; of each network specification the first seed
    that lies there is read. A network without a readable sidecar is left to ``warpline verify``.
    """
    plan = pipeline.plan
    if plan.config.jobs.replace:
        return []
    replaced = list(_replaced(pipeline))
    if not replaced:
        return []
    place, differences = replaced[0]
    listed = "; ".join(differences[:3]) + ("; ..." if len(differences) > 3 else "")
    return [
        f"name: expected a name of its own for a configuration that trains other networks, but "
        f"{plan.results.root} holds networks of other settings, {len(replaced):,} of those that are asked "
        f"for. First {place}: {listed}. Use another `name`. Or, to train these networks anew in their place, "
        "set jobs.replace: true (once: --config jobs='{replace: true}')"
    ]


def _replaced(pipeline: Pipeline) -> Iterator[tuple[str, list[str]]]:
    """Yield the file of each network specification of other settings, and the differences."""
    # A file of weights must not take the place of what was trained.
    for job in pipeline.given.jobs():
        path = pipeline.given.path(**job)
        settings = _recorded_settings(Path(path))
        if settings is not None and "source" not in settings:
            yield path, ["it was trained here and is now given by a file of weights"]
    recorded: dict[str, Any] = {}
    for stage in (pipeline.pretraining, pipeline.training):
        if not (pipeline.plan.results.root / stage.section).is_dir():
            continue
        # Jobs of other blocks of seeds train the same networks.
        specifications = {
            tuple((key, value) for key, value in job.items() if key != "n_seeds"): None
            for job in stage.jobs()
        }
        for wildcards in map(dict, specifications):
            network = _first_network(stage, wildcards)
            if network is None:
                continue
            now = json.loads(stage.settings(wildcards))
            differences = _differences(network, now, "") + _other_checkpoints(network, now)
            # What a network learned from counts as its settings: the trials.
            files = stage.inputs({**wildcards, "seed": str(pipeline.plan.seeds[0])})
            for file in (*files.get("train", ()), *files.get("validation", ())):
                if file not in recorded:
                    recorded[file] = _recorded_settings(Path(file))
                taskset, task, split = Path(file).with_suffix("").parts[-3:]
                trials = pipeline.trials.split_settings(taskset, task, split)
                # Through JSON, as they are recorded.
                asked = json.loads(json.dumps(trials))
                if recorded[file] is not None:
                    differences += _differences(recorded[file], asked, f"trials {taskset}/{task}: ")
            if differences:
                name = stage.path("checkpoints", **{**wildcards, "seed": "*"})
                yield name, list(dict.fromkeys(differences))


def _first_network(stage: TrainingStage, wildcards: Wildcards) -> dict[str, Any] | None:
    """Return the recorded settings of the first seed that was trained, None where none was."""
    for seed in stage.plan.seeds:
        path = Path(stage.path("checkpoints", **{**wildcards, "seed": str(seed)}))
        if path.is_file():
            return _recorded_settings(path)
    return None


def _recorded_settings(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(provenance.sidecar_path(path).read_text(encoding="utf-8"))
        settings = record["provenance"]["settings"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return dict(settings) if isinstance(settings, dict) else None


def _other_checkpoints(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the difference where only one of two networks keeps all its checkpoints: it has no such key."""
    kept = [_kept_checkpoints(settings) for settings in (earlier, now)]
    if kept.count("all") != 1:
        return []
    return [f"checkpoints.keep was {json.dumps(kept[0])} and is {json.dumps(kept[1])}"]


def _kept_checkpoints(settings: Mapping[str, Any]) -> Any:
    try:
        return settings["training"]["checkpoints"]["keep"]
    # No such key, or a sidecar that was edited.
    except (KeyError, TypeError):
        return "all"


def _differences(earlier: Mapping[str, Any], now: Mapping[str, Any], place: str) -> list[str]:
    """Return what differs, with its place.

    A key that only one of them has comes with another version of Warpline, and is no other configuration:
    except where the user names the keys.
    """
    found = []
    named_by_user = place.endswith(("parameters.", "timing."))
    for key in dict.fromkeys([*earlier, *now]):
        if not named_by_user and not (key in earlier and key in now):
            continue
        before, after = earlier.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _differences(before, after, f"{place}{key}.")
        elif before != after:
            found.append(f"{place}{key} was {json.dumps(before)} and is {json.dumps(after)}")
    return found


def left_over_networks(pipeline: Pipeline) -> list[str]:
    """Return a message on networks of an earlier configuration that this one does not ask for, or none.

    No table and no figure takes them in: every job names its files. They are kept, as a later configuration
    may ask for them again.
    """
    root = pipeline.plan.results.root
    planned: set[tuple[str, ...]] = set()
    for stage in (pipeline.pretraining, pipeline.training, pipeline.given):
        for job in stage.jobs():
            of_job = [job["seed"]] if "seed" in job else [str(seed) for seed in pipeline.plan.seeds]
            paths = (Path(stage.path("checkpoints", **{**job, "seed": seed})) for seed in of_job)
            planned.update(path.parent.relative_to(root).parts for path in paths)
    networks = sorted(
        folder
        for section in (pipeline.pretraining.section, pipeline.training.section)
        for path in root.glob(f"{section}/*/*/*/seed~*/checkpoints.safetensors")
        # A copy by hand, such as "seed~1 (old)", is no network.
        if (folder := path.parent.relative_to(root).parts) not in planned
        and folder[-1].removeprefix("seed~").isdecimal()
    )
    if not networks:
        return []
    # A folder without any planned network goes as a whole; a seed that is asked for no more goes everywhere.
    kept_folders = {folder[:depth] for folder in planned for depth in range(1, len(folder))}
    seeds = {f"seed~{seed}" for seed in pipeline.plan.seeds}
    doomed: dict[str, None] = {}
    for folder in networks:
        depth = next(depth for depth in range(1, 6) if folder[:depth] not in kept_folders)
        if depth < len(folder):
            doomed[shell_word(root.joinpath(*folder[:depth]))] = None
        elif folder[-1] in seeds:
            doomed[shell_word(root.joinpath(*folder))] = None
        else:
            doomed[f"{shell_word(root / folder[0])}/*/*/*/{folder[-1]}"] = None
    count, example = len(networks), "/".join(networks[0])
    return [
        f"{count:,} network{'s' if count > 1 else ''} of an earlier configuration in {root}, in no table and "
        f"no figure of this one, such as {example}. To remove: rm -r {' '.join(doomed)}"
    ]
