"""The Kafka sink's way to the brokers, on a producer that does as it is told; and who is told incidents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from monitor.clock import ManualClock, SystemClock
from monitor.errors import Retryable, SurroundingsError
from monitor.incidents import Forgetful, Grouped, Grouping, Storm
from monitor.sink_building import LetterTopic, cluster_of, grouped
from monitor.sinks import AlertmanagerSpec, KafkaSinkSpec, LogSpec, PagerDutySpec, SlackSpec, WebhookSpec
from monitor.sinks.options import StormSpec
from monitor.sources import KafkaSpec
from monitor.sources.file_settings import FilesSpec
from monitor.sources.letters import Letter, LetterBox, Outcome

SOURCE = KafkaSpec.model_validate(
    {
        "topics": ["payments"],
        "bootstrap_servers": "source:9092",
        "client": "librdkafka",
        "security": {"protocol": "SASL_SSL", "mechanism": "PLAIN", "username": "u", "password": "hunter2"},
    }
)
RECORDS = [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]


class FakeBox:
    """Takes letters after `refusals` refusals, and tells outcomes when it is flushed."""

    def __init__(self, clock: ManualClock, outcomes: dict[bytes, Outcome | None], refusals: int = 0) -> None:
        self.clock = clock
        self.outcomes = outcomes
        self.refusals = refusals
        self.taken: list[bytes | None] = []
        self.pending: list[Callable[[], object]] = []
        self.closed = False

    def accept(self, letter: Letter, settle: Callable[[tuple[Letter, Outcome]], None]) -> bool:
        if self.refusals:
            self.refusals -= 1
            return False
        self.taken.append(letter.key)
        outcome = self.outcomes.get(letter.key or b"", Outcome())
        if outcome is not None:
            self.pending.append(lambda: settle((letter, outcome)))
        return True

    def serve(self) -> None:
        """Tell nothing before it is flushed."""

    def flush(self, timeout_s: float) -> None:
        self.clock.advance(round(timeout_s * 1000))
        while self.pending:
            self.pending.pop()()

    def close(self) -> None:
        self.closed = True


def send(outcomes: dict[bytes, Outcome | None], refusals: int = 0) -> tuple[FakeBox, dict[int, str | None]]:
    clock = ManualClock()
    box = FakeBox(clock, outcomes, refusals)
    topic = LetterTopic(lambda: box, clock)
    found = dict(topic.send(RECORDS, 2.0))
    topic.close()
    assert box.closed
    return box, found


def test_records_are_sent_in_order_and_all_are_acknowledged() -> None:
    box, found = send({}, refusals=2)
    assert box.taken == [b"a", b"b", b"c"]
    assert found == {0: None, 1: None, 2: None}


def test_a_refusal_is_told_and_what_may_pass_is_not_known() -> None:
    _, found = send({b"a": Outcome("too large"), b"b": Outcome("no leader", again=True)})
    assert found == {0: "too large", 2: None}


def test_nothing_is_waited_for_longer_than_the_time_out() -> None:
    box, found = send({b"b": None})
    assert found == {0: None, 2: None}
    assert box.clock.monotonic_s() < 3.0


def test_brokers_that_cannot_be_reached_are_tried_again_later() -> None:
    def connect() -> LetterBox:
        raise SurroundingsError("no broker")

    with pytest.raises(Retryable, match="no broker"):
        LetterTopic(connect, SystemClock()).send(RECORDS, 1.0)


def test_without_brokers_of_its_own_a_sink_goes_where_the_source_goes() -> None:
    cluster = cluster_of(KafkaSinkSpec(topic="alerts", timeout="2s"), SOURCE)
    assert (cluster.bootstrap_servers, cluster.security) == (("source:9092",), SOURCE.security)
    assert cluster.connect_timeout == 2_000


def test_the_sources_password_does_not_go_to_other_brokers() -> None:
    cluster = cluster_of(KafkaSinkSpec(topic="alerts", bootstrap_servers="other:9092"), SOURCE)
    assert cluster.bootstrap_servers == ("other:9092",)
    assert (cluster.security.protocol, cluster.security.password) == ("PLAINTEXT", None)
    assert cluster.client == "librdkafka"


def test_files_have_no_brokers() -> None:
    files = FilesSpec(paths=("x.jsonl",))
    with pytest.raises(SurroundingsError, match="bootstrap_servers"):
        cluster_of(KafkaSinkSpec(topic="alerts"), files)
    assert cluster_of(KafkaSinkSpec(topic="alerts", bootstrap_servers="o:1"), files).bootstrap_servers == ("o:1",)


@pytest.mark.parametrize(
    ("spec", "grouping"),
    [
        (PagerDutySpec(routing_key=SecretStr("0" * 32)), Grouping("incident", Storm(20, 600_000), updates=True)),
        (SlackSpec(url=SecretStr("https://chat.example/x")), Grouping("incident", Storm(20, 600_000))),
        (
            SlackSpec(url=SecretStr("https://chat.example/x"), group_by="alert", storm=StormSpec(max=3, per=5_000)),
            Grouping("alert", Storm(3, 5_000)),
        ),
        (WebhookSpec(name="hook", url=SecretStr("https://hook.example")), Grouping("alert")),
        (AlertmanagerSpec(urls=("http://am:9093",)), None),
        (LogSpec(), None),
    ],
)
def test_people_are_told_incidents_and_machines_alerts(spec: Any, grouping: Grouping | None) -> None:
    bare = spec.build()
    sink = grouped(bare, spec, Forgetful)
    assert sink.name == spec.name
    assert (sink is bare) == (grouping is None)
    if isinstance(sink, Grouped):
        assert sink.grouping == grouping
    sink.close()
