"""From a sink's configuration to the sink; Kafka's gets its producer here, where sources may be imported."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue

from monitor.brokers import SecuritySpec
from monitor.clock import Clock
from monitor.errors import Retryable, SurroundingsError
from monitor.incidents import Grouped, Grouping, Records, Storm
from monitor.protocols import Sink
from monitor.sinks import KafkaSinkSpec, SinkSpec
from monitor.sinks.tap import Message, Tap
from monitor.sources import KafkaSpec, SourceSpec
from monitor.sources.letters import Letter, LetterBox, Outcome, open_letter_box

_PAUSE_S = 0.02
_SOONEST_S = 0.05


def build_sink(spec: SinkSpec, source: SourceSpec, clock: Clock, tap: Tap | None = None) -> Sink:
    """Return the sink, which connects when it is first used; with a `tap` it sends nothing and shows it instead.

    Raises SurroundingsError when a file that it needs cannot be used.
    """
    if not isinstance(spec, KafkaSinkSpec):
        return spec.build(tap)
    if tap is not None:
        return spec.build(TappedTopic(spec.topic, tap))
    return spec.build(LetterTopic(lambda: open_letter_box(spec.topic, cluster_of(spec, source)), clock))


def grouped(sink: Sink, spec: SinkSpec, records: Callable[[], Records]) -> Sink:
    """Return the sink so that it is told incidents, where its kind can be; else the sink itself.

    Machines that group by themselves (Alertmanager) or want every transition (a topic, a log) cannot.
    """
    group_by = getattr(spec, "group_by", None)
    if group_by is None:
        return sink
    cap = getattr(spec, "storm", None)
    storm = None if cap is None else Storm(cap.max, cap.per)
    return Grouped(sink, Grouping(group_by, storm, getattr(sink, "takes_updates", False)), records())


def cluster_of(spec: KafkaSinkSpec, source: SourceSpec) -> KafkaSpec:
    """Return how the sink's cluster is reached: as the source is, or by the sink's own settings.

    Connecting may take no longer than a delivery. Raises SurroundingsError when neither names brokers.
    """
    given = source if isinstance(source, KafkaSpec) else KafkaSpec(topics=(spec.topic,))
    connect = {"connect_timeout": spec.timeout}
    if spec.bootstrap_servers is not None:
        own = {"bootstrap_servers": spec.bootstrap_servers, "security": spec.security or SecuritySpec()}
        return given.model_copy(update=own | connect)
    if not isinstance(source, KafkaSpec):
        raise SurroundingsError(f"sink {spec.name} has no brokers; set its bootstrap_servers")
    return given.model_copy(update=connect)


class LetterTopic:
    """A topic behind the producer of the source's client library; connects when it is first sent to.

    What was not acknowledged in time may still arrive later, but before anything that is sent after it: the
    producer keeps its order. To be used by one thread.
    """

    def __init__(self, connect: Callable[[], LetterBox], clock: Clock) -> None:
        """Remember how to connect."""
        self._connect = connect
        self._clock = clock
        self._box: LetterBox | None = None

    def send(self, records: Sequence[tuple[bytes, bytes]], timeout_s: float) -> Mapping[int, str | None]:
        """Send the records; see `Topic`."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        box = self._open()
        waiting = deque(Letter(key, value, ()) for key, value in records)
        told: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(records):
            while waiting and box.accept(waiting[0], _settle(told, len(records) - len(waiting))):
                waiting.popleft()
            left_s = deadline_s - self._clock.monotonic_s()
            box.serve()
            box.flush(min(max(left_s, _SOONEST_S), 0.5))
            _drain(told, outcomes)
            if left_s <= 0:
                break
            if waiting:  # for the client to learn of the topic
                time.sleep(_PAUSE_S)
        return {position: outcome.error for position, outcome in outcomes.items() if not outcome.again}

    def close(self) -> None:
        """Release the connections."""
        if self._box is not None:
            self._box.close()
            self._box = None

    def _open(self) -> LetterBox:
        if self._box is None:
            try:
                self._box = self._connect()
            except SurroundingsError as error:
                raise Retryable(str(error)) from error
        return self._box


class TappedTopic:
    """A topic that shows what it is sent and says that all of it was acknowledged."""

    def __init__(self, name: str, tap: Tap) -> None:
        """Show it to `tap`."""
        self._name = name
        self._tap = tap

    def send(self, records: Sequence[tuple[bytes, bytes]], timeout_s: float) -> Mapping[int, str | None]:
        """Show the records."""
        for key, value in records:
            self._tap(Message(f"topic {self._name}", value, {"key": key.decode()}))
        return dict.fromkeys(range(len(records)))

    def close(self) -> None:
        """Do nothing; there is no connection."""


def _settle(told: SimpleQueue[tuple[int, Outcome]], position: int) -> Callable[[tuple[Letter, Outcome]], None]:
    """Return what notes the outcome of the letter at a position, from any thread."""
    return lambda settled: told.put((position, settled[1]))


def _drain(told: SimpleQueue[tuple[int, Outcome]], outcomes: dict[int, Outcome]) -> None:
    """Take over the outcomes that were told."""
    while True:
        try:
            position, outcome = told.get_nowait()
        except Empty:
            return
        outcomes[position] = outcome
