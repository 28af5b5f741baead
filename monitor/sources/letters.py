"""Hands single records to the producer of either client library, for `DeadLetterProducer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from monitor.sources.kafka_settings import KafkaSpec

ACCEPT_TIMEOUT_S = 0.1
"""The longest that handing over a letter may block, which it does while the topic's metadata is unknown."""

MAX_LETTER_BYTES = 64 << 20
"""A reject may be oversize for everybody else; the topic's own limit decides."""

_OVERHEAD_BYTES = 200


@dataclass(frozen=True)
class Letter:
    """A record to be sent."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @cached_property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        content = len(self.key or b"") + len(self.value or b"")
        return content + sum(len(name) + len(value or b"") for name, value in self.headers) + _OVERHEAD_BYTES


@dataclass(frozen=True)
class Outcome:
    """What became of a letter: acknowledged (no error), to be sent `again`, or given up."""

    error: str | None = None
    again: bool = False


Settle = Callable[[tuple[Letter, Outcome]], None]
"""Takes the outcome of a letter; may be called by any thread."""


class LetterBox(Protocol):
    """A producer with acks=all."""

    def accept(self, letter: Letter, settle: Settle) -> bool:
        """Take the letter, whose outcome `settle` will be told; False: it cannot now, and `settle` is told nothing."""
        ...

    def serve(self) -> None:
        """Let outcomes be told."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until all that was taken is settled, at most `timeout_s`."""
        ...

    def close(self) -> None:
        """Release the connections, without waiting for letters."""
        ...


def open_letter_box(topic: str, source: KafkaSpec) -> LetterBox:
    """Return a producer of the library that the source uses; raises SurroundingsError when it cannot connect."""
    # The mock cluster answers kafka-python's produce requests wrongly (librdkafka 2.16, kafka-python 3.0.12).
    if source.client == "librdkafka" or source.embedded:
        from monitor.sources.librdkafka_letters import LibrdkafkaLetterBox  # noqa: PLC0415 - only what is used

        return LibrdkafkaLetterBox(topic, source)
    from monitor.sources.kafka_python_letters import KafkaPythonLetterBox  # noqa: PLC0415 - only what is used

    return KafkaPythonLetterBox(topic, source)
