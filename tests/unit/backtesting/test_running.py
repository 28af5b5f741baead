"""Running a backtest over a topic: from where, up to where, and which windows count."""

from __future__ import annotations

import pytest

from monitor.backtesting import Stretch
from monitor.backtesting.history import History
from monitor.backtesting.opening import Input
from monitor.backtesting.paging import Pager
from monitor.backtesting.running import judged
from monitor.config.loader import load
from monitor.replay import Replay
from monitor.sources.memory import MemorySource
from tests.support.monitors import FIRST_MS, FixedDecoder, make_plan, record, tp

T = FIRST_MS
PLAN = make_plan(idle_ms=None)
CONFIG = load("name: m\nsource: {kind: files, paths: [x]}\nfields: {a: {type: number}}\n")


class Topic(MemorySource):
    """A topic to which somebody goes on writing: each poll brings a record more to every partition but the last."""

    def __init__(self, *partitions: list[float]) -> None:
        super().__init__([tp(number) for number in range(len(partitions))], max_poll_records=3)
        for number, seconds in enumerate(partitions):
            self.append(tp(number), [record(T + round(s * 1_000)) for s in seconds])
        self.growing = [tp(number) for number in range(len(partitions) - 1)]
        self.polls = 0

    def poll(self, paused, timeout_s):
        self.polls += 1
        assert self.polls < 500
        for partition in self.growing:
            self.append(partition, [record(T + 60_000 + self.polls)])
        return super().poll(paused, timeout_s)


def ran(topic: Topic, stretch: Stretch) -> History:
    source = Input(lambda: topic, "t", stretch=stretch, lateness_ms=PLAN.lateness_ms)
    replay = Replay(PLAN, FixedDecoder(), source, source.ended, source.start)
    source.follow(replay.engine)
    with Pager(CONFIG) as pager:
        history = History(PLAN, pager, stretch)
        for heard in judged(replay.results()):
            history.hear(heard)
        history.finish()
    return history


def test_a_topic_that_grows_is_read_to_the_end_that_was_seen_first():
    topic = Topic([0.1, 1.1, 2.1, 3.1, 4.1], [0.2, 1.2, 2.2])
    history = ran(topic, Stretch(None, T + 5_000))
    assert (history.first_ms, history.windows, history.rows) == (T, 5, 8)
    assert topic.committed == {}


def test_reading_stops_where_event_time_is_complete_at_the_end():
    topic = Topic([second / 10 for second in range(300)], [])
    history = ran(topic, Stretch(T + 1_000, T + 3_000))
    assert (history.first_ms, history.last_ms, history.windows, history.rows) == (T + 1_000, T + 3_000, 2, 20)
    assert topic.polls < 40


@pytest.mark.parametrize(
    ("stretch", "windows", "empty"),
    [(Stretch(), 10, 8), (Stretch(T + 2_000, T + 7_000), 5, 5), (Stretch(T + 2_500, T + 7_500), 4, 4)],
)
def test_of_a_run_of_empty_windows_those_in_the_stretch_count(stretch, windows, empty):
    history = ran(Topic([0.1, 9.1]), stretch)
    assert (history.windows, history.empty_windows) == (windows, empty)


def test_an_alert_of_an_empty_stretch_fired_in_its_first_window_not_in_its_last():
    (alert,) = ran(Topic([0.1, 9.1]), Stretch()).alerts
    assert (alert.starts_at_ms, alert.fired_at_ms, alert.ends_at_ms) == (T + 1_000, T + 2_000, None)
    assert alert.key.rule == "volume"
