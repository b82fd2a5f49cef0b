"""The explorer: one HTML file that shows what the other stages made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from warpline.pipeline.config.base import scored_by_wasserstein
from warpline.pipeline.expansion import NetworkSpec, Plan
from warpline.pipeline.paths import join_seeds
from warpline.pipeline.stages.analyses import AnalyseWarping
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, code_of
from warpline.pipeline.stages.claims import JudgeClaims
from warpline.pipeline.stages.comparisons import CompareArchitectures, CompareNetworks
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.training import Train
from warpline.pipeline.stages.trajectories import ComputeTrajectories

__all__ = ["WriteExplorer"]

ASSETS = Path(__file__).resolve().parents[2] / "explorer" / "assets"
PAGE_MB = 0.08
"""Of the page without a network."""
HISTORY_MB = 0.002
"""Of a network without states: its history, and how it ended."""
PAIR_MB = 55e-6
"""Of a pair in the page."""
ANALYSIS_MB = 0.03
"""Of an analysis of a network: the metric on a plane of 21 points a side, or states."""
STATE_BYTES = 2 * 4 / 3
"""Of a number of a network's states: 16 bits, in base64."""


class WriteExplorer(Stage):
    """The explorer of a run (HTML)."""

    rule = "write_explorer"
    heading = "explorer"
    folders = ("explorer.html",)
    script = "write_explorer.py"
    outputs = {"page": "explorer.html"}

    def __init__(
        self,
        plan: Plan,
        training: Train,
        trajectories: ComputeTrajectories,
        comparisons: CompareNetworks,
        architectures: CompareArchitectures,
        statistics: ComputeStatistics,
        warping: AnalyseWarping,
        claims: JudgeClaims,
    ) -> None:
        super().__init__(plan)
        self.training = training
        self.trajectories = trajectories
        self.comparisons = comparisons
        self.architectures = architectures
        self.statistics = statistics
        self.warping = warping
        self.claims = claims

    @property
    def job_name(self) -> str:
        """There is one job."""
        return "explorer"

    # --- what is shown --------------------------------------------------------------------------

    @cached_property
    def _shown(self) -> dict[tuple[NetworkSpec, int], None]:
        """The networks that fit into the page as far as can be foreseen: all of the first seed, then more."""
        settings, plan = self.config.explorer, self.plan
        seeds = [seed for seed in plan.seeds if not settings.seeds or seed in settings.seeds]
        wanted = [
            (network, seed)
            for seed in seeds
            for network in plan.networks
            if not settings.architectures or network.architecture in settings.architectures
        ]
        shown: dict[tuple[NetworkSpec, int], None] = {}
        megabytes = PAGE_MB
        for network, seed in wanted:
            megabytes += self._megabytes(network)
            if megabytes > settings.megabytes:
                break
            shown[network, seed] = None
        return shown

    def _megabytes(self, network: NetworkSpec) -> float:
        """Return about what a network takes in the page."""
        states, pairs = 0.0, 0
        if network in self._with_states:
            trials = self.config.tasksets[network.taskset].trials
            conditions = self.sizes.evaluation_trials(network.taskset) / trials.evaluation_repeats
            points = conditions * self.sizes.window(network.taskset) * 3
            states = points * len(self.config.trajectories.fractions) * STATE_BYTES / 1e6
            within = len(self.config.comparison.within.fractions)
            over = len(self.config.comparison.over.fractions)
            others = len(self.plan.curricula(network.taskset, network.architecture, "learning"))
            pairs = len(self.plan.measures(network.taskset)) * (
                within * (within + 1) // 2 + 3 * over + 2 * others
            )
        analyses = sum(
            vars(network) == {key: getattr(entry, key) for key in vars(network)}
            for entry in self.warping.analyses.values()
        )
        return HISTORY_MB + states + PAIR_MB * pairs + ANALYSIS_MB * analyses

    @cached_property
    def _with_states(self) -> dict[NetworkSpec, set[str]]:
        """The blocks of seeds whose states are stored, by network."""
        blocks: dict[NetworkSpec, set[str]] = {}
        for job in self.trajectories.jobs():
            names = {key: value for key, value in job.items() if key != "seeds"}
            blocks.setdefault(NetworkSpec(**names), set()).add(job["seeds"])
        return blocks

    def _blocks(self) -> list[str]:
        """Return the blocks of seeds that hold a network that is shown."""
        seeds = {seed for _, seed in self._shown}
        return [join_seeds(block) for block in self.plan.blocks if seeds & {*block}]

    # --- the job --------------------------------------------------------------------------------

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the small files of what is shown: no weights, and no states of single trials."""
        networks = dict.fromkeys(network for network, _ in self._shown)
        blocks = self._blocks()
        tasksets = dict.fromkeys(network.taskset for network in networks)
        pairs = {
            kind: [
                self.comparisons.path(kind, **job)
                for job in self.comparisons.jobs()
                if job["seeds"] in blocks
                and any(
                    (one.taskset, one.architecture) == (job["taskset"], job["architecture"])
                    for one in networks
                )
            ]
            for kind in ("after", "over", "within")
        }
        statistics = [job for job in self.statistics.jobs() if job["taskset"] in tasksets]
        return {
            "history": [
                self.training.path("history", **vars(network), seed=seed)
                for network, seed in self._shown
            ],
            "states": [
                self.trajectories.path("condition_states", **vars(network), seeds=block)
                for network in networks
                for block in blocks
                if block in self._with_states.get(network, ())
            ],
            **pairs,
            "architectures": [
                self.architectures.path(**job)
                for job in self.architectures.jobs()
                if job["seeds"] in blocks and job["taskset"] in tasksets
            ],
            "summary": [self.statistics.path("summary", **job) for job in statistics],
            "tests": [self.statistics.path("tests", **job) for job in statistics],
            "arrays": [
                self.warping.path("arrays", analysis=name, seeds=block)
                for name, entry in self.warping.analyses.items()
                for block in blocks
                if NetworkSpec(entry.taskset, entry.architecture, entry.curriculum) in networks
            ],
            "claims": self.claims.files("claims"),
        }

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return what the page says of the run, and its limits."""
        plan, config = self.plan, self.config
        tasksets = dict.fromkeys(network.taskset for network, _ in self._shown)
        return {
            "name": config.name,
            "megabytes": config.explorer.megabytes,
            "n_networks": len(plan.networks) * len(plan.seeds),
            "fractions": config.trajectories.fractions,
            "windows": {name: config.tasksets[name].window for name in tasksets},
            "measures": plan.all_measures,
            "wasserstein": scored_by_wasserstein(config.measures),
            "palette": config.figures.palette,
            "analyses": {
                name: {
                    key: getattr(entry, key)
                    for key in ("experiment", "taskset", "architecture", "curriculum")
                }
                for name, entry in self.warping.analyses.items()
            },
        }

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code and of what the page is made of: markup, style and scripts."""
        total = hashlib.sha256(code_of(self.script).encode())
        for path in sorted(ASSETS.iterdir()):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
        return total.hexdigest()[:16]

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the one job, where networks are run."""
        if self.plan.networks:
            yield {}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the networks that are shown."""
        megabytes = PAGE_MB + sum(self._megabytes(network) for network, _ in self._shown)
        return Cost(
            seconds=START_SECONDS + 3 + 0.05 * len(self._shown) + 2 * megabytes,
            memory=START_MB + 30 * megabytes,
            disk=megabytes + SIDECAR_MB,
        )
