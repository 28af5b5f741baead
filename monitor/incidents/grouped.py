"""A sink that tells incidents, not alerts: one page when one begins, one end when the last of its alerts is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from monitor.errors import Retryable, Undeliverable
from monitor.incidents.hearing import GroupBy, Heard, Storm, hear, settled
from monitor.incidents.ledger import Ledger, Records
from monitor.incidents.sending import Sent, send
from monitor.incidents.telling import Message, handed_out, messages, refused, taken, tidied, update_interval_ms
from monitor.protocols import Sink
from monitor.types import Alert


@dataclass(frozen=True)
class Grouping:
    """How a sink is told. `updates`: alerts that join an open incident are sent too, for they do not page again."""

    group_by: GroupBy = "incident"
    storm: Storm | None = None
    updates: bool = False

    @property
    def trivial(self) -> bool:
        """Whether every alert is told as it is."""
        return self.group_by == "alert" and self.storm is None


class Grouped:
    """Wraps a sink; to be used by one thread, but `storms` (begun so far) and `open` may be read by any.

    While a storm has grown since it was told, `resend_interval_ms` asks the dispatcher to come back with what fires.

    The ledger is written twice in each delivery: before the sink is told, with what is on its way, so that after a
    crash the end of whatever the receiver may know is told in any case; and after, with what it took. An incident
    that is over before it could be told of is not opened, only its end is told.

    With a trivial grouping alerts pass through, once the incidents of another setting are over.
    """

    def __init__(self, sink: Sink, grouping: Grouping, records: Records) -> None:
        """Take over the sink and the records, and go on from them; raises Retryable."""
        self.name = sink.name
        self._sink = sink
        self.grouping = grouping
        self._records = records
        self._log = structlog.get_logger(__name__)
        self.storms = 0
        self._go_on(records.load())

    def resume(self) -> None:
        """Go on from the records as they are now: another one with the same records has just been closed.

        Raises Retryable.
        """
        self._go_on(self._records.load())

    def _go_on(self, ledger: Ledger) -> None:
        """Make a ledger the one that all is told by."""
        self._ledger = ledger
        self.open = ledger.open
        self.resend_interval_ms = update_interval_ms(ledger)

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Tell what has to be told of the alerts' incidents.

        Raises Retryable, with the positions of those that need not come again, and Undeliverable, with the
        positions of those whose incident the sink refused.
        """
        if self.grouping.trivial and not self._ledger.incidents:
            self._sink.deliver(alerts, now_ms)
            return
        before, grouping = self._ledger, self.grouping
        heard = hear(before, alerts, now_ms, sink=self.name, group_by=grouping.group_by, storm=grouping.storm)
        touched = {key for key in heard.keys if key}
        due = list(messages(heard.ledger, touched, now_ms, updates=grouping.updates))
        ledger = handed_out(heard.ledger, due)
        self._records.write(ledger)
        self._ledger = ledger
        self.storms += heard.storms
        unknown = _unknown(alerts, heard)
        sent = send(self._sink, [*(alerts[position] for position in unknown), *(item.alert for item in due)], now_ms)
        for number, item in enumerate(due, len(unknown)):
            if number in sent.taken:
                ledger = taken(ledger, item, now_ms)
            elif number in sent.refused:
                ledger = refused(ledger, before, item, now_ms)
        self._finish(ledger, alerts, _Fates(heard, due, unknown, sent))

    def _finish(self, ledger: Ledger, alerts: Sequence[Alert], fates: _Fates) -> None:
        """Remember what became of a delivery, and say so."""
        failure, refused_at = fates.sent.failure, fates.positions(fates.sent.refused)
        again = fates.positions(fates.unsent) | (refused_at if failure is not None else frozenset())
        done = [position not in again for position in range(len(alerts))]
        # alerts that are only told again, as they are, do not say that the delivery before is out of the outbox
        self._go_on(tidied(settled(ledger, alerts, done) if fates.heard.changed or fates.due else ledger))
        try:
            self._records.write(self._ledger)
        except Retryable as error:
            # the sink has it; to deliver it again would page again, and the next delivery writes this too
            self._log.warning("incidents_not_written", sink=self.name, error=str(error))
        if failure is not None:
            delivered = [position for position, was in enumerate(done) if was]
            raise Retryable(str(failure), retry_after_s=failure.retry_after_s, delivered=delivered) from failure
        if refused_at:
            raise Undeliverable(fates.sent.reason, positions=refused_at)
        if fates.sent.refused:
            self._log.error("incident_refused", sink=self.name, error=fates.sent.reason)

    def close(self) -> None:
        """Close the sink and the records; may be called twice."""
        self._sink.close()
        self._records.close()


@dataclass(frozen=True)
class _Fates:
    """What became of a delivery's messages, first the `unknown` alerts, then those of `due`, and so of its alerts."""

    heard: Heard
    due: Sequence[Message]
    unknown: Sequence[int]
    sent: Sent

    @property
    def unsent(self) -> frozenset[int]:
        """The numbers of the messages about which nothing is known."""
        return frozenset(range(len(self.due) + len(self.unknown))) - self.sent.taken - self.sent.refused

    def positions(self, numbers: frozenset[int]) -> frozenset[int]:
        """Return the alerts that these messages are about."""
        n = len(self.unknown)
        single = {self.unknown[number] for number in numbers if number < n}
        keys = {self.due[number - n].key for number in numbers if number >= n}
        return frozenset(at for at, key in enumerate(self.heard.keys) if key in keys or at in single)


def _unknown(alerts: Sequence[Alert], heard: Heard) -> list[int]:
    """Return the ends of alerts that were told by themselves, before incidents were told; they are passed on, first.

    None that has the identity of an incident that is open: that would end it.
    """
    open_keys = heard.ledger.incidents.keys()
    return [
        position
        for position, (alert, key) in enumerate(zip(alerts, heard.keys, strict=True))
        if key == "" and alert.fingerprint not in open_keys
    ]
