"""What the attractor bench costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from warpline.pipeline.costs.sizes import START_MB, START_SECONDS, Cost, Names, Sizes

__all__ = ["bench", "bench_figures", "bench_jobs"]


def bench(seconds: float, disk: float) -> Callable[[Sizes, Names], Cost]:
    """Return a cost in proportion to the bench's trials and steps (measured at 200 x 200)."""

    def cost(sizes: Sizes, names: Names) -> Cost:
        settings = sizes.config.attractors
        share = settings.n_trials * settings.n_steps / 200**2
        return Cost(START_SECONDS + seconds * share, START_MB + 500 * share, disk * share)

    return cost


def bench_jobs(*names: str) -> Callable[[Sizes], Iterator[dict[str, str]]]:
    """Return what yields the jobs of the bench, a product of named lists."""

    def jobs(sizes: Sizes) -> Iterator[dict[str, str]]:
        files, wanted = sizes.bench, sizes.config.run.attractors
        values = {
            "kind": ["families", "motifs"],
            "experiment": ["families", "motifs", "composition", "noise"],
            "scored": files.scored,
            "measure": list(files.measures),
            "interval": [str(interval) for interval in files.intervals],
        }
        combinations: list[dict[str, str]] = [{}] if wanted else []
        for name in names:
            combinations = [{**c, name: value} for c in combinations for value in values[name]]
        yield from combinations

    return jobs


def bench_figures(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the figures of the bench."""
    yield from ({"figure": name} for name in sizes.bench.figures if sizes.config.run.attractors)
