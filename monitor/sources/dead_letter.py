"""Sends records that could not be decoded to a topic of their own, byte for byte, at least once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Annotated, Literal

import structlog
from pydantic import Field, StringConstraints

from monitor.clock import Clock
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.letters import Letter, LetterBox, Outcome, open_letter_box
from monitor.spec import Spec
from monitor.types import Fetch, Rejects

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 1.0
"""How long a client that did not take a letter is left alone: asking may block for as long as `ACCEPT_TIMEOUT_S`."""

DeadLetterOutcome = Literal["delivered", "failed", "suppressed"]


class DeadLetterSpec(Spec):
    """The topic for rejects, on the source's cluster, and how much may wait or go there."""

    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
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
        self._allowance = float(spec.max_per_second)
        self._allowed_s = clock.monotonic_s()
        self._retry_s = float("-inf")

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many letters (topic, outcome) were delivered, failed for good, or suppressed for the rate."""
        return {(self._spec.topic, outcome): n for outcome, n in self._counts.items()}

    @property
    def full(self) -> bool:
        """Whether so much is unacknowledged that reading has to stop; looks after what came back first."""
        self._pump()
        return self._unacknowledged_bytes >= self._spec.max_buffered_bytes

    def send(self, fetch: Fetch, rejects: Rejects) -> None:
        """Take the rejects of a fetch; never waits for the broker.

        Of more than `max_per_second` in a second the later ones are only counted, as `suppressed`.
        """
        allowed = self._take_allowance(len(rejects))
        for row, reason in zip(rejects.index[:allowed].tolist(), rejects.reasons, strict=False):
            letter = _letter(fetch, row, reason)
            self._unacknowledged_bytes += letter.size_bytes
            self._buffered += 1
            self._waiting.append(letter)
        self._counts["suppressed"] += len(rejects) - allowed
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

    def _take_allowance(self, wanted: int) -> int:
        """Return how many of `wanted` the rate allows now, at most a second's worth at once."""
        now_s = self._clock.monotonic_s()
        rate = self._spec.max_per_second
        self._allowance = min(rate, self._allowance + (now_s - self._allowed_s) * rate)
        self._allowed_s = now_s
        allowed = min(wanted, int(self._allowance))
        self._allowance -= allowed
        return allowed

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
