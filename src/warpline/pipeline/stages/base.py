"""A stage of the pipeline: one kind of job, with its files, settings, cost and list of jobs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from os.path import commonprefix
from typing import Any, ClassVar

from warpline.core import result_files
from warpline.core.plugins import find_plugin
from warpline.pipeline.code_digest import digest
from warpline.pipeline.config.base import DSA, Measure
from warpline.pipeline.config.schema import Config
from warpline.pipeline.expansion import Plan
from warpline.pipeline.project_files import SCRIPTS
from warpline.pipeline.reading_cache import kept_by_stamps
from warpline.pipeline.stages.sizes import Sizes

__all__ = [
    "Cost",
    "Settings",
    "Stage",
    "Wildcards",
    "alternatives",
    "code_of",
    "file_checksum",
    "measure_settings",
    "settings_json",
]

Wildcards = Mapping[str, str]
"""What sets one job of a stage apart from the others, by name."""
Settings = dict[str, Any]
"""What a job is told of the configuration: the keys that it uses and no others. JSON."""


def settings_json(settings: Settings) -> str:
    """Return a job's settings as they stand on its command line.

    Snakemake's report shows the parameters of jobs in a script element, which any ``</script>`` would end:
    text of the configuration would run in the browser. JSON has another way to write the character.
    """
    return json.dumps(settings, sort_keys=True).replace("<", "\\u003c")


STEPS_OF_REFERENCE = ("iterations", "lr")
"""Settings of DSA that the solver ``reference`` alone has."""


@dataclass(frozen=True)
class Cost:
    """What one job takes.

    Attributes
    ----------
    seconds : float
        Expected, on one thread.
    memory : float
        Largest resident set, in MB.
    disk : float
        What it leaves in the results folder, in MB.
    longest : float
        Seconds if the run goes to its last possible update; what ``runtime`` asks for.
    passing : float
        MB of files that are deleted once no job needs them; they are not in `disk`.
    """

    seconds: float
    memory: float
    disk: float
    longest: float = 0.0
    passing: float = 0.0


@cache
def code_of(script: str, plugins: tuple[tuple[str, str], ...] = ()) -> str:
    """Return the digest of a script and of the modules that it loads by name, (package, name)."""
    return digest(SCRIPTS / script, [find_plugin(package, name) for package, name in plugins])


@kept_by_stamps
def file_checksum(path: str) -> str:
    """Return the SHA-256 of a file of the user's.

    As a setting of the jobs that read it: Snakemake alone looks at time stamps, and a file that takes the
    place of another one may be the older of the two.
    """
    return result_files.checksum(path)


def alternatives(names: Iterable[str]) -> str:
    """Return a wildcard constraint that matches these names and no others, as short as their grid.

    Snakemake reads through the constraints in the pattern of each output of each job, and tries them on each
    input: with one alternative per name, that was most of the time of a plan of 84 architectures.
    """
    return _factored(frozenset(names)) or "(?!)"


def _factored(names: frozenset[str]) -> str:
    """Return a regular expression of some names, in which what they begin and end with stands once."""
    beginning = commonprefix(list(names))  # noqa: RUF071, letter by letter is meant
    if beginning or len(names) < 2:
        rests = frozenset(name[len(beginning) :] for name in names)
        return re.escape(beginning) + (_factored(rests) if len(rests) > 1 else "")

    # By first letter; what goes on alike after different beginnings is written once.
    by_letter: dict[str, list[str]] = {}
    for name in sorted(filter(None, names)):
        by_letter.setdefault(name[0], []).append(name)
    beginnings: dict[frozenset[str], list[str]] = {}
    for group in by_letter.values():
        first = commonprefix(group)  # noqa: RUF071
        rests = frozenset(name[len(first) :] for name in group)
        beginnings.setdefault(rests, []).append(re.escape(first))
    branches = []
    for rests, starts in beginnings.items():
        start = f"(?:{'|'.join(starts)})" if len(starts) > 1 else starts[0]
        branches.append(start + (_factored(rests) if len(rests) > 1 else ""))
    if len(branches) == 1 and "" not in names:
        return branches[0]
    return f"(?:{'|'.join(branches)})" + ("?" if "" in names else "")


def reduction_settings(config: Config) -> Settings:
    """Return the published reduction, and no such key otherwise: tables of before it count as they are."""
    reduction = config.protocol.evaluation.reduction
    return {"reduction": reduction} if reduction == "published" else {}


def measure_settings(name: str, entry: Measure, **of_protocol: Any) -> Settings:
    """Return a measure's settings, those of a user's measure beside its name; a protocol's count more."""
    # What the jobs read off the measure itself is none of its settings.
    settings = {**entry.model_dump(exclude={"needs_inputs"}), **of_protocol}
    if isinstance(entry, DSA) and settings["solver"] != "reference":
        # Steps that no other solver takes compare nothing anew.
        settings = {key: value for key, value in settings.items() if key not in STEPS_OF_REFERENCE}
    return {"name": name, **settings.pop("settings", {}), **settings}


class Stage:
    """One kind of job. A subclass states everything about it.

    A rule in ``workflow/rules`` takes from here what Snakemake needs; ``warpline plan`` takes cost and jobs.

    Parameters
    ----------
    plan : Plan
    """

    rule: ClassVar[str]
    """Name of the rule; ``*`` stands for the rest of a figure's name."""
    heading: ClassVar[str]
    """Part of the pipeline under which ``warpline plan`` counts the jobs."""
    folders: ClassVar[tuple[str, ...]] = ()
    """Folders of the results that only this part of the pipeline writes to."""
    script: ClassVar[str] = ""
    """File name of the script that a job runs."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """Patterns of what a job makes, below the results folder; the first one names the jobs."""
    gpu: ClassVar[bool] = False
    """Whether jobs use a GPU where there is one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config
        self.sizes = Sizes(plan)
        self._costs: dict[tuple[str, ...], Cost] = {}

    # --- what a subclass states -----------------------------------------------------------------

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the files that a job reads, by the name of the script's option."""
        return {}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return what a job is told of the configuration."""
        raise NotImplementedError

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the modules that a job loads by name, as (package, name): their code counts as its."""
        return []

    def chosen_seeds(self, wildcards: Wildcards) -> str:
        """Return seeds that a job is told and none of its files names; other ones make it anew."""
        return ""

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the wildcards of every job that the configuration asks for."""
        raise NotImplementedError

    def cost(self, wildcards: Wildcards) -> Cost:
        """Return what a job takes."""
        raise NotImplementedError

    # --- what follows ---------------------------------------------------------------------------

    def pattern(self, name: str | None = None) -> str:
        """Return the pattern of an output (by default the first) with the results folder."""
        return self.plan.results.at(self.outputs[name or next(iter(self.outputs))])

    def path(self, name: str | None = None, **wildcards: str | int) -> str:
        """Return one output file."""
        return self.pattern(name).format(**wildcards)

    @property
    def patterns(self) -> dict[str, str]:
        """Patterns of all outputs, by name."""
        return {name: self.pattern(name) for name in self.outputs}

    @property
    def job_name(self) -> str:
        """A pattern that names a job: the parts of its first output that hold a wildcard."""
        first = next(iter(self.outputs.values()))
        return "/".join(part.partition(".")[0] for part in first.split("/") if "{" in part)

    @property
    def log(self) -> str:
        """Pattern of a job's log."""
        return f"logs/{self.config.name}/{self.rule}/{self.job_name}.log"

    @property
    def benchmark(self) -> str:
        """Pattern of the file with what a job took."""
        return self.plan.results.at(f"benchmarks/{self.rule}/{self.job_name}.tsv")

    def settings(self, wildcards: Wildcards) -> str:
        """Return a job's settings as they stand on its command line."""
        return settings_json(self.parameters(wildcards))

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that a job can run."""
        return code_of(self.script, tuple(self.plugins(wildcards)))

    def files(self, name: str | None = None) -> list[str]:
        """Return an output of every job."""
        return [self.path(name, **wildcards) for wildcards in self.jobs()]

    # --- its rules ------------------------------------------------------------------------------

    @property
    def rule_name(self) -> str:
        """Name of the rule that submits the jobs."""
        return self.rule

    def rules(self) -> Sequence[Stage]:
        """Return the stage once for each rule that it has."""
        return [self]

    def jobs_of_rule(self) -> Iterator[dict[str, str]]:
        """Yield the wildcards of every job of one rule."""
        return self.jobs()

    def job_outputs(self, wildcards: Wildcards) -> list[str]:
        """Return all files that a job makes."""
        return [self.path(name, **wildcards) for name in self.outputs]

    # --- resources ------------------------------------------------------------------------------

    def expected_cost(self, wildcards: Wildcards) -> Cost:
        """Return `cost`, worked out once for all seeds of a network: they cost the same."""
        key = tuple(str(value) for name, value in wildcards.items() if name != "seed")
        if key not in self._costs:
            self._costs[key] = self.cost(wildcards)
        return self._costs[key]

    def memory_mb(self, wildcards: Wildcards, attempt: int = 1) -> int:
        """Return the memory to ask for: half as much again as expected, doubled with each attempt."""
        memory = self.expected_cost(wildcards).memory * 1.5 * 2 ** (attempt - 1)
        return min(math.ceil(memory / 100) * 100, self.config.jobs.max_memory or 2**31)

    def runtime(self, wildcards: Wildcards, attempt: int = 1) -> int:
        """Return the minutes to ask for: three times the longest expected, doubled with each attempt."""
        cost = self.expected_cost(wildcards)
        seconds = max(cost.longest, cost.seconds) * self.config.jobs.time_factor
        minutes = math.ceil(3 * seconds / 60 + 5) * 2 ** (attempt - 1)
        return min(minutes, self.config.jobs.max_runtime or 2**31)

    @property
    def resources(self) -> dict[str, Any]:
        """What Snakemake asks a cluster for; a job that was killed asks for more."""
        asked: dict[str, Any] = {
            "mem_mb": lambda wildcards, attempt: self.memory_mb(wildcards, attempt),
            "runtime": lambda wildcards, attempt: self.runtime(wildcards, attempt),
        }
        return {**asked, "gpu": 1} if self.gpu and self.config.jobs.gpu else asked
