"""Handing messages to a sink, and what became of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.errors import Retryable, Undeliverable
from monitor.protocols import Sink
from monitor.types import Alert


@dataclass(frozen=True)
class Sent:
    """Which messages, by position, were taken and which were refused for good; of any others nothing is known.

    `failure` says why there are such, `reason` why messages were refused.
    """

    taken: frozenset[int]
    refused: frozenset[int] = frozenset()
    reason: str = ""
    failure: Retryable | None = None


def send(sink: Sink, messages: Sequence[Alert], now_ms: int) -> Sent:
    """Send the messages at once; one by one where the sink refuses some and does not say which."""
    everything = frozenset(range(len(messages)))
    if not messages:
        return Sent(everything)
    try:
        sink.deliver(messages, now_ms)
    except Retryable as failure:
        return Sent(failure.delivered, failure=failure)
    except Undeliverable as error:
        if error.positions is None and len(messages) > 1:
            return _singly(sink, messages, now_ms)
        bad = everything if error.positions is None else error.positions
        return Sent(everything - bad, bad, str(error))
    return Sent(everything)


def _singly(sink: Sink, messages: Sequence[Alert], now_ms: int) -> Sent:
    """Send the messages one by one, until one of them fails."""
    taken: set[int] = set()
    refused: dict[int, str] = {}
    failure: Retryable | None = None
    for position, message in enumerate(messages):
        try:
            sink.deliver([message], now_ms)
        except Undeliverable as error:
            refused[position] = str(error)
        except Retryable as error:
            failure = error
            break
        else:
            taken.add(position)
    reason = "; ".join(sorted(set(refused.values()))[:3])
    return Sent(frozenset(taken), frozenset(refused), reason, failure)
