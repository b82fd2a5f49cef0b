"""Logger plugin of Snakemake, ``--logger warpline``: Snakemake's own messages, jobs done, and the time left.

It imports nothing of Warpline, because a workflow that is read out of git brings its own package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from logging import Formatter, LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from snakemake_logger_plugin_warpline.time_left import TimeLeft, duration_text

__all__ = ["LogHandler", "expect"]

_expected: list[Callable[[], Mapping[str, float]]] = []
_results: list[str] = []


def expect(seconds: Callable[[], Mapping[str, float]], results: str = "") -> None:
    """Let a workflow say how long a job of each rule takes, in seconds, and where its results lie.

    The first is asked for when jobs start, the second is written when all are done.
    """
    _expected[:] = [seconds]
    _results[:] = [results] if results else []


class LogHandler(LogHandlerBase):
    """Writes what Snakemake writes; a line of progress says how many jobs run and when they are done."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        # Imported late: that module looks for the plugins.
        from snakemake.logging import ColorizingTextHandler

        stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self._writer = ColorizingTextHandler(self.common_settings.nocolor, stream)
        self._time_left: TimeLeft | None = None
        self._bar: tqdm[Any] | None = None
        self._all_done = False

    def setFormatter(self, fmt: Formatter | None) -> None:
        """Take the formatter that Snakemake gives, for the messages that are its own."""
        super().setFormatter(fmt)
        self._writer.setFormatter(fmt)

    def emit(self, record: LogRecord) -> None:
        """Write a message of Snakemake's; in place of its count of steps, jobs done and time left."""
        try:
            self._emit(record)
        except Exception:
            self.handleError(record)

    def _emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO and self._time_left is None:
            self._time_left = TimeLeft(_jobs(record), _expected[0]() if _expected else {})
        if event == LogEvent.PROGRESS:
            self._show_progress(record)
            return
        if self._time_left is not None:
            self._follow(event, record)
        if self._bar is None:
            self._writer.emit(record)
        else:
            # The bar makes way for the message.
            self._bar.clear()
            self._writer.emit(record)
            self._bar.refresh()

    def _follow(self, event: LogEvent | None, record: LogRecord) -> None:
        """Tell the clock which jobs start and end."""
        assert self._time_left is not None
        now, values = record.created, record.__dict__
        if event == LogEvent.JOB_INFO:
            self._time_left.start(values["jobid"], values["rule_name"], now)
        elif event == LogEvent.JOB_FINISHED:
            self._time_left.finish(values["job_id"], now)
        elif event == LogEvent.JOB_ERROR:
            self._time_left.fail(values["jobid"])

    def _show_progress(self, record: LogRecord) -> None:
        done, total = record.__dict__["done"], record.__dict__["total"]
        running, left = 0, None
        if self._time_left is not None:
            # Snakemake's total also counts jobs that `--until` leaves out.
            total = max(self._time_left.total, done)
            running, left = self._time_left.running, self._time_left.seconds(record.created)
        self._all_done = done >= total
        parts = [f"{done:,} of {total:,} jobs done"]
        if running:
            parts.append(f"{running} running")
        if left is not None and done < total:
            parts.append(f"about {duration_text(left)} left")
        text = ", ".join(parts)
        if not self._writer.is_tty:
            print(text, file=self._writer.stream, flush=True)
            return
        if self._bar is None:
            self._bar = tqdm(
                total=total,
                file=self._writer.stream,
                dynamic_ncols=True,
                leave=False,
                bar_format="|{bar:30}| {desc}",
            )
        self._bar.total, self._bar.n = total, done
        self._bar.set_description_str(text)

    def close(self) -> None:
        """Take the bar away, and say where the results lie."""
        if self._bar is not None:
            self._bar.close()
        if self._all_done and _results:
            print(f"Results: {_results[0]}", file=self._writer.stream, flush=True)
        self._all_done = False
        super().close()


def _jobs(record: LogRecord) -> dict[str, int]:
    """Return how many jobs of each rule will run."""
    stats = record.__dict__.get("stats") or {}
    return {
        rule: int(count)
        for rule, count in stats.items()
        if rule != "total" and str(count).isdigit()
    }
