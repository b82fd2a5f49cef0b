"""What a job costs: seconds, memory and disk, from its size and from rates measured per unit of work.

Rules take ``mem_mb`` and ``runtime`` from here, and ``warpline plan`` its totals. A new rule is one entry of
`RULES`: its stage, its jobs, its cost.
"""

from __future__ import annotations

import math

from warpline.pipeline.costs import analysis, training, warping
from warpline.pipeline.costs.bench import bench, bench_figures, bench_jobs
from warpline.pipeline.costs.sizes import FIGURE, START_SECONDS, Cost, Names, Rule, Sizes
from warpline.pipeline.plan import Plan

__all__ = ["RULES", "Cost", "Costs", "Rule"]


def _figure(sizes: Sizes, names: Names) -> Cost:
    return Cost(FIGURE[0] + START_SECONDS, FIGURE[1], FIGURE[2])


RULES: dict[str, Rule] = {
    "generate_trials": Rule("trials", analysis.all_trials, analysis.generate),
    "pretrain": Rule("training", training.pretrainings, training.pretrain, gpu=True),
    "train": Rule("training", training.trainings, training.train, gpu=True),
    "compute_trajectories": Rule("trajectories", analysis.trajectory_jobs, analysis.trajectories),
    "compare_networks": Rule("comparisons", analysis.learning_jobs, analysis.learning),
    "compare_architectures": Rule(
        "comparisons", analysis.architecture_jobs, analysis.architectures
    ),
    "compute_statistics": Rule("tables", analysis.statistics_jobs, analysis.statistics),
    "draw_*": Rule("figures", analysis.figures, _figure),
    "analyse_warping": Rule("warping", warping.analyses, warping.analyse),
    "summarise_warping": Rule("warping", warping.summaries, warping.small),
    "relate_learning": Rule("warping", warping.relations, warping.small),
    "draw_warping_*": Rule("warping", warping.figures, _figure),
    "simulate_attractors": Rule("attractors", bench_jobs("kind"), bench(3, 10)),
    "compare_attractors": Rule("attractors", bench_jobs("experiment", "measure"), bench(40, 0.4)),
    "sweep_hyperparameters": Rule("attractors", bench_jobs("interval"), bench(60, 0.4)),
    "score_attractors": Rule("attractors", bench_jobs("scored"), bench(10, 0.05)),
    "draw_attractor_*": Rule("attractors", bench_figures, _figure),
}
"""Every rule that submits jobs, by name; ``*`` stands for the rest of a figure's name."""


class Costs:
    """The cost of every job of a configuration.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.sizes = Sizes(plan)
        self.jobs = plan.config.jobs
        self._known: dict[tuple[str, tuple[str, ...]], Cost] = {}

    def of(self, rule: str, names: Names, n_seeds: int = 1) -> Cost:
        """Return what a job of a rule costs.

        Parameters
        ----------
        rule : str
            Its name; figures are all alike.
        names : mapping of str to str
            Its wildcards.
        n_seeds : int
            Seeds that a training job takes.
        """
        if RULES[rule].gpu:
            names = {**names, "n_seeds": names.get("n_seeds", str(n_seeds))}
        # Seeds of one run cost the same.
        key = (rule, tuple(value for name, value in names.items() if name != "seed"))
        if key not in self._known:
            self._known[key] = RULES[rule].cost(self.sizes, names)
        return self._known[key]

    def memory_mb(self, rule: str, names: Names, attempt: int = 1, n_seeds: int = 1) -> int:
        """Return the memory to ask for: half as much again as expected, doubled with each attempt."""
        asked = self.of(rule, names, n_seeds).memory * 1.5 * 2 ** (attempt - 1)
        limit = self.jobs.max_memory
        return min(math.ceil(asked / 100) * 100, limit or 2**31)

    def runtime(self, rule: str, names: Names, attempt: int = 1, n_seeds: int = 1) -> int:
        """Return the minutes to ask for: three times the longest expected, doubled with each attempt."""
        cost = self.of(rule, names, n_seeds)
        seconds = max(cost.longest, cost.seconds) * self.jobs.time_factor
        asked = math.ceil(3 * seconds / 60 + 5) * 2 ** (attempt - 1)
        return min(asked, self.jobs.max_runtime or 2**31)
