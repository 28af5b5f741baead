"""Replay: the daemon's engine over a bounded input, deterministic, with every window closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from monitor.engine import Engine
from monitor.lines import alert_line, change_lines, field_lines, summary_line, window_lines
from monitor.lookahead import Lookahead
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder, Source
from monitor.results import StepResult, WindowResult
from monitor.types import Assigned, Fetch, TopicPartition
from monitor.waiting import prepare_patiently

_POLL_S = 0.1


def _from_the_first(_: TopicPartition) -> int:
    """Return 0: files are read from their first row."""
    return 0


class Replay:
    """Feeds a bounded source to an engine; `now` is the largest timestamp read, and nothing is ever idle."""

    def __init__(
        self,
        plan: MonitorPlan,
        decoder: Decoder,
        source: Source,
        ended: Callable[[], bool],
        start: Callable[[TopicPartition], int] = _from_the_first,
    ) -> None:
        """Use a plan compiled as bounded; `ended` says whether the source has given all that is wanted.

        Each partition is read from its `start` on.
        """
        self.engine = Engine(plan, decoder)
        self._source = source
        self._ended = ended
        self._start = start
        self._lookahead = Lookahead()
        self._now_ms = 0
        self.alerts = 0

    def results(self) -> Iterator[StepResult]:
        """Yield what every step brings about, and at last the windows that are still open."""
        while True:
            events = self._source.poll(self.engine.paused, _POLL_S)
            fetches = [event for event in events if isinstance(event, Fetch)]
            for event in events:
                if isinstance(event, Assigned):
                    for partition in event.partitions:
                        self._assign(partition)
            for fetch in fetches:
                self._now_ms = max(self._now_ms, int(fetch.timestamps_ms.max()) if len(fetch) else 0)
                prepare_patiently(self.engine.decoder, fetch)
            yield self.engine.step(self._lookahead.exchange(self.engine, fetches), self._now_ms)
            if not events and self._ended():
                break
        yield self.engine.finish()

    def _assign(self, partition: TopicPartition) -> None:
        start = self._start(partition)
        self.engine.assign(PartitionState(partition, start, start))
        self._source.seek(partition, start)

    def lines(self, *, fields: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the promised lines: verdicts by window, then alerts, then the summary."""
        plan = self.engine.plan
        alerts = []
        gap: WindowResult | None = None
        for result in self.results():
            alerts += result.alerts
            for window in result.windows:
                if window.gap and not window.has_cohort:
                    gap = window if gap is None else _joined(gap, window)
                    continue
                if gap is not None:
                    yield from window_lines(plan, gap)
                    gap = None
                yield from window_lines(plan, window)
                yield from change_lines(plan, window)
                if fields:
                    yield from field_lines(plan, window)
        if gap is not None:
            yield from window_lines(plan, gap)
        yield from map(alert_line, alerts)
        self.alerts = sum(alert.status == "firing" for alert in alerts)
        yield summary_line(self.totals())

    def totals(self) -> dict[str, int]:
        """Return the numbers of the summary line; `alerts` counts those that fired."""
        return totals(self.engine) | {"alerts": self.alerts}


def totals(engine: Engine) -> dict[str, int]:
    """Return what an engine has counted over all its partitions."""
    states = list(engine.partitions.values())
    return {
        "records": sum(state.records for state in states),
        "rows": sum(state.rows for state in states),
        "rejects": sum(state.rejects.total() for state in states),
        "filtered": sum(state.filtered for state in states),
        "late_rows": sum(state.late_rows for state in states),
        "windows": engine.closer.windows,
    }


def _joined(first: WindowResult, second: WindowResult) -> WindowResult:
    """Return two successive runs of empty windows as one."""
    return WindowResult(
        first.start_ms, second.end_ms, 0, first.windows + second.windows, first.partial, checks=second.checks
    )
