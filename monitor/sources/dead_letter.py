"""Sends records that could not be decoded to a topic of their own, byte for byte, at least once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Annotated, Literal

import numpy as np
import structlog
from pydantic import Field, StringConstraints

from monitor.clock import Clock
from monitor.decoded import Rejects
from monitor.snapshot import LettersView
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.letter_limits import RateLimit, ShareLimit, Suppression
from monitor.sources.letters import Letter, LetterBox, Outcome, open_letter_box
from monitor.spec import Spec
from monitor.types import Fetch

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 1.0
"""How long a client that did not take a letter is left alone: asking may block for as long as `ACCEPT_TIMEOUT_S`."""

DeadLetterOutcome = Literal["delivered", "failed", "suppressed"]


class DeadLetterSpec(Spec):
    """The topic for rejects, on the source's cluster, and how much may wait or go there."""

    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")] = Field(
        description="The topic, on the source's cluster."
    )
    max_ratio: float = Field(
        0.1,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="While more of a topic's last `ratio_records` records than this are rejects, they are not sent.",
    )
    ratio_records: int = Field(10_000, ge=10, le=10_000_000, description="The number of records `max_ratio` is about.")
    max_per_second: int = Field(1000, ge=1, description="Rejects beyond this rate are counted, not sent.")
    max_buffered_bytes: int = Field(64 << 20, ge=1, description="When so much is unacknowledged, reading stops.")


class DeadLetterProducer:
    """Sends rejects with their key, headers and origin, and knows when the broker has acknowledged all of them.

    A letter is sent until it is acknowledged; only one that the broker refuses for its size or content is given
    up and counted as `failed`. The caller stops reading while `full`, and calls `flush` before it checkpoints
    the offsets of what it sent. One thread may use it.
    """

    def __init__(self, spec: DeadLetterSpec, source: KafkaSpec, clock: Clock, box: LetterBox | None = None) -> None:
        self._spec = spec
        self._clock = clock
        self._box = box or open_letter_box(spec.topic, source)
        self._outcomes: SimpleQueue[tuple[Letter, Outcome]] = SimpleQueue()
        self._waiting: deque[Letter] = deque()
        self._buffered = 0
        self._unacknowledged_bytes = 0
        self._counts: dict[DeadLetterOutcome, int] = {"delivered": 0, "failed": 0, "suppressed": 0}
        self._rate = RateLimit(spec.max_per_second, clock.monotonic_s())
        self._shares: dict[str, ShareLimit] = {}
        self._suppressions: dict[tuple[str, str], Suppression] = {}
        self._retry_s = float("-inf")

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many letters (topic, outcome) were delivered, failed for good, or suppressed for the rate."""
        return {(self._spec.topic, outcome): n for outcome, n in self._counts.items()}

    @property
    def view(self) -> LettersView:
        """Where letters go, how many wait for the broker, and what limits hold back whose."""
        return LettersView(self._spec.topic, self._buffered, tuple(sorted(self._suppressions)))

    @property
    def full(self) -> bool:
        """Whether so much is unacknowledged that reading has to stop; looks after what came back first."""
        self._pump()
        self._end_suppressions()
        return self._unacknowledged_bytes >= self._spec.max_buffered_bytes

    def send(self, fetch: Fetch, rejects: Rejects) -> None:
        """Take a fetch and those of its records that are rejects, perhaps none; never waits for the broker.

        What is over a limit, the later ones first, is only counted, as `suppressed`.
        """
        for i in self._admitted(fetch, rejects):
            letter = _letter(fetch, int(rejects.index[i]), rejects.reasons[i])
            self._unacknowledged_bytes += letter.size_bytes
            self._buffered += 1
            self._waiting.append(letter)
        self._pump()

    def flush(self, timeout_s: float) -> bool:
        """Wait until every letter is acknowledged or given up; return whether that is so after `timeout_s`."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        self._pump()
        while self._buffered:
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                return False
            self._box.flush(min(left_s, 0.5))
            if self._waiting:  # for the client to take them again, which nothing tells of
                time.sleep(min(left_s, 0.02))
            self._pump()
        return True

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what can be sent in `timeout_s` and release the connections; may be called twice."""
        self.flush(timeout_s)
        self._box.close()

    def _admitted(self, fetch: Fetch, rejects: Rejects) -> list[int]:
        """Return which of the rejects, by their place among them, neither limit holds back."""
        topic, now_s = fetch.partition.topic, self._clock.monotonic_s()
        share = self._shares.get(topic)
        if share is None:
            share = self._shares[topic] = ShareLimit(self._spec.max_ratio, self._spec.ratio_records)
        admitted = np.flatnonzero(share.admits(len(fetch), rejects.index)).tolist()
        allowed = self._rate.take(len(admitted), now_s)
        self._suppress(topic, "max_ratio", len(rejects) - len(admitted), now_s)
        self._suppress(topic, "max_per_second", len(admitted) - allowed, now_s)
        return admitted[:allowed]

    def _suppress(self, topic: str, limit: str, letters: int, now_s: float) -> None:
        if not letters:
            return
        self._counts["suppressed"] += letters
        if (topic, limit) not in self._suppressions:
            self._suppressions[topic, limit] = Suppression.begin(topic, limit, now_s)
        self._suppressions[topic, limit].add(letters, now_s)

    def _end_suppressions(self) -> None:
        now_s = self._clock.monotonic_s()
        for (topic, limit), suppression in list(self._suppressions.items()):
            exceeded = limit == "max_ratio" and self._shares[topic].exceeded
            if suppression.over(now_s, exceeded=exceeded):
                del self._suppressions[topic, limit]

    def _pump(self) -> None:
        """Count what came back, and give the client what waits for it, as long as it takes it."""
        self._box.serve()
        while True:
            try:
                letter, outcome = self._outcomes.get_nowait()
            except Empty:
                break
            self._settle(letter, outcome)
        while self._waiting and self._clock.monotonic_s() >= self._retry_s:
            if not self._box.accept(self._waiting[0], self._outcomes.put):
                self._retry_s = self._clock.monotonic_s() + RETRY_AFTER_S
                break
            self._waiting.popleft()

    def _settle(self, letter: Letter, outcome: Outcome) -> None:
        if outcome.again:
            self._waiting.append(letter)
            self._retry_s = self._clock.monotonic_s() + RETRY_AFTER_S
            log.warning("dead_letter_delayed", topic=self._spec.topic, error=outcome.error)
            return
        self._buffered -= 1
        self._unacknowledged_bytes -= letter.size_bytes
        self._counts["delivered" if outcome.error is None else "failed"] += 1
        if outcome.error is not None:
            log.error("dead_letter_failed", topic=self._spec.topic, error=outcome.error)


def _letter(fetch: Fetch, row: int, reason: str) -> Letter:
    """Return the record of one row as it came, with where it came from and what was wrong with it."""
    origin: tuple[tuple[str, bytes | None], ...] = (
        ("driftline.reason", reason.encode()),
        ("driftline.topic", fetch.partition.topic.encode()),
        ("driftline.partition", b"%d" % fetch.partition.partition),
        ("driftline.offset", b"%d" % int(fetch.offsets[row])),
    )
    own = tuple(fetch.headers[row]) if fetch.headers is not None else ()
    return Letter(fetch.keys[row].as_py(), fetch.values[row].as_py(), own + origin)
