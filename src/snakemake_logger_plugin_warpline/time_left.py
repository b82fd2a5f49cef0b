"""The time that a run still takes, from the jobs that have ended and a forecast of the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatch

__all__ = ["TimeLeft", "duration_text"]


class TimeLeft:
    """Estimate of the time left.

    A job takes as long as the jobs of its rule took on average. Where none has ended, it takes what is
    expected, times the ratio of measured to expected time of all jobs that have ended. The work that is
    left is divided by the mean number of jobs that have run at a time.

    Parameters
    ----------
    jobs : mapping of str to int
        Number of jobs by rule.
    expected : mapping of str to float
        Seconds of a job by rule; ``draw_*`` stands for all rules that start so, ``train`` also for
        ``train_1_2`` and ``audit_train``. Rules that it does not hold take the mean of the jobs that
        have ended.

    Attributes
    ----------
    total : int
        Number of all jobs.
    """

    def __init__(self, jobs: Mapping[str, int], expected: Mapping[str, float]) -> None:
        self.total = sum(jobs.values())
        self._waiting = Counter(jobs)
        self._expected = {rule: _expected_seconds(rule, expected) for rule in jobs}
        self._started: dict[int, tuple[str, float]] = {}
        self._seconds: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._first: float | None = None

    @property
    def running(self) -> int:
        """Number of jobs that run."""
        return len(self._started)

    def start(self, job: int, rule: str, now: float) -> None:
        """Note that a job starts."""
        self._first = now if self._first is None else self._first
        if job not in self._started:
            self._waiting[rule] -= 1
        self._started[job] = (rule, now)

    def finish(self, job: int, now: float) -> None:
        """Note that a job has ended well."""
        rule, start = self._started.pop(job, (None, now))
        if rule is not None:
            self._seconds[rule] += now - start  # type: ignore[assignment]
            self._ended[rule] += 1

    def fail(self, job: int) -> None:
        """Note that a job has failed; where it is tried again, it starts again."""
        rule, _ = self._started.pop(job, (None, 0.0))
        if rule is not None:
            self._waiting[rule] += 1

    def _job_seconds(self, rule: str, factor: float) -> float:
        if self._ended[rule]:
            return self._seconds[rule] / self._ended[rule]
        expected = self._expected.get(rule)
        if expected is not None:
            return expected * factor
        return self._seconds.total() / max(self._ended.total(), 1)

    def seconds(self, now: float) -> float | None:
        """Return the seconds left; None before a job has ended."""
        if self._first is None or not self._ended.total():
            return None
        known = [rule for rule in self._ended if self._expected.get(rule) is not None]
        expected = sum(self._ended[rule] * (self._expected[rule] or 0.0) for rule in known)
        measured = sum(self._seconds[rule] for rule in known)
        factor = measured / expected if expected > 0 else 1.0
        left = sum(
            n * self._job_seconds(rule, factor) for rule, n in self._waiting.items() if n > 0
        )
        busy = float(self._seconds.total())
        for rule, start in self._started.values():
            left += max(self._job_seconds(rule, factor) - (now - start), 0.0)
            busy += now - start
        at_a_time = busy / max(now - self._first, 1e-9)
        return left / max(at_a_time, 1.0)


def _expected_seconds(rule: str, expected: Mapping[str, float]) -> float | None:
    """Return what is expected of a rule, by its name or that of the rule that it is made from."""
    name = re.sub(r"(_\d+)+$", "", rule)
    # The audit's jobs are those of the rule that its rule is made from, where nothing is said of them.
    for candidate in (rule, name, name.removeprefix("audit_")):
        if candidate in expected:
            return expected[candidate]
    return next((value for pattern, value in expected.items() if fnmatch(rule, pattern)), None)


def duration_text(seconds: float) -> str:
    """Return a duration for a person: ``40 s``, ``4 min``, ``2.2 h``, ``1,250 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 10 else f"{hours:,.0f} h"
