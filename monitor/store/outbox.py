"""Where notifications wait for their sinks: written with the checkpoint, read by the dispatcher.

For each sink, fingerprint and severity (the severity is a label, so the identity that a sink knows) there
wait at most one trigger and one resolve. A newer one takes the older one's place and goes to the end of the
queue, so the last state always arrives last; nothing else is ever dropped. Its size is therefore bounded by
2 x sinks x severities x fingerprints.

Four tables: `outbox`, what waits (`held`: why it is not due although its time has come, see monitor/store/held.py);
`firing`, what fires now, for sinks that want to be told again; `told`, which triggers a sink may have seen (noted
before they are handed out, so also after a crash); `refused`, the last notifications that a sink refused for good.
`since_ms` is wall clock: when an alert's trigger was first queued, also across a change of severity; of a resolve,
when it was queued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.store.connecting import Beside
from monitor.store.held import (
    Holding,
    Trigger,
    all_firing,
    decode,
    held_counts,
    note_held,
    note_told,
    nothing_held,
    told_to,
)
from monitor.store.queue import SinkRoute, create_tables, put
from monitor.types import Alert

__all__ = ["Outbox", "Refused", "SinkRoute", "Waiting", "create_tables", "put"]

REFUSED_KEPT = 1_000
LONGEST_WAIT_MS = 6 * 3_600_000

# An item waits behind an earlier one of its alert that is postponed. A time further ahead than any wait was
# written before the wall clock was set back, and does not count.
_DUE = """SELECT id, alert, attempts FROM outbox AS item
    WHERE sink = :sink AND held IS NULL AND next_attempt_ms NOT BETWEEN :now_ms + 1 AND :now_ms + :longest_ms
    AND NOT EXISTS (
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.sink = item.sink AND earlier.fingerprint = item.fingerprint AND earlier.id < item.id
        AND earlier.next_attempt_ms BETWEEN :now_ms + 1 AND :now_ms + :longest_ms)
    ORDER BY id LIMIT :limit"""

# One that a sink was told of is kept alive there also while a newer trigger of it is held.
_FIRING = """SELECT alert, since_ms FROM firing WHERE NOT EXISTS (
        SELECT 1 FROM outbox WHERE outbox.sink = ? AND outbox.fingerprint = firing.fingerprint
        AND outbox.severity = firing.severity AND outbox.status = 'firing'
        AND (outbox.held IS NULL OR NOT EXISTS (SELECT 1 FROM told WHERE (told.sink, told.fingerprint, told.severity)
            = (outbox.sink, outbox.fingerprint, outbox.severity))))
    ORDER BY fingerprint, severity"""

# A newer trigger that was handed out and failed may have been seen all the same: its end has to be told.
_UNTELL = """DELETE FROM told WHERE (sink, fingerprint, severity) = (:sink, :fingerprint, :severity)
    AND NOT EXISTS (
        SELECT 1 FROM outbox WHERE sink = :sink AND fingerprint = :fingerprint AND severity = :severity
        AND status = 'firing' AND attempts > 0)"""


@dataclass(frozen=True)
class Waiting:
    """A notification that is due; `id` grows with every one ever queued and is never used twice."""

    id: int
    alert: Alert
    attempts: int


@dataclass(frozen=True)
class Refused:
    """A notification that its sink refused for good, and why."""

    sink: str
    alert: Alert
    error: str


class Outbox:
    """The dispatcher's side, on a connection of its own; to be used by one thread at a time.

    Every method raises Retryable when the database is locked for too long or the disk fails.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the SQLite file and create the tables that are missing."""
        self._file = Beside(path, "the outbox is")
        with self._file.writing() as connection:
            create_tables(connection)

    def due(self, sink: str, now_ms: int, limit: int, holding: Holding = nothing_held) -> list[Waiting]:
        """Return at most `limit` notifications for a sink whose time has come, oldest first.

        One more where it is of the same alert as the last and `limit` is not 1: the resolve and the trigger of a
        change of severity stay together, so that a sink can see that the alert goes on.
        Notes that the sink may know of them, so that from now on the end of these alerts is sent in any case.
        What is held for a reason that `holding` gives is not due, see `note_held`.
        Writes nothing when there is nothing.
        """
        with self._file.reading():
            if self._file.connection.execute("SELECT 1 FROM outbox WHERE sink = ? LIMIT 1", (sink,)).fetchone() is None:
                return []
        one_more = limit + (limit > 1)
        query = {"sink": sink, "now_ms": now_ms, "longest_ms": LONGEST_WAIT_MS, "limit": one_more}
        with self._file.writing() as connection:
            note_held(connection, sink, holding)
            rows = connection.execute(_DUE, query).fetchall()
            waiting = [Waiting(number, decode(text), attempts) for number, text, attempts in rows]
            if len(waiting) > limit and waiting[-1].alert.fingerprint != waiting[-2].alert.fingerprint:
                waiting.pop()
            note_told(connection, sink, [w.alert for w in waiting if w.alert.status == "firing"])
        return waiting

    def next_due_ms(self, sink: str, now_ms: int) -> int | None:
        """Return when the next notification for a sink that waits for its time is due; None when none does."""
        with self._file.reading():
            (found,) = self._file.connection.execute(
                "SELECT MIN(next_attempt_ms) FROM outbox WHERE sink = ? AND next_attempt_ms > ?", (sink, now_ms)
            ).fetchone()
        return None if found is None else int(found)

    def delivered(self, ids: Sequence[int]) -> None:
        """Remove what was delivered; an item that was replaced since has another id and stays.

        What was handed out in the same delivery and failed has to be postponed before.
        """
        with self._file.writing() as connection:
            for number in sorted(ids):
                row = connection.execute(
                    "DELETE FROM outbox WHERE id = ? RETURNING sink, fingerprint, severity, status", (number,)
                ).fetchone()
                if row is None:
                    continue
                if row[3] == "firing":
                    connection.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", row[:3])
                else:
                    connection.execute(_UNTELL, dict(zip(("sink", "fingerprint", "severity"), row[:3], strict=True)))

    def postpone(self, ids: Sequence[int], next_attempt_ms: int, error: str) -> None:
        """Keep the items for a later attempt and note why."""
        update = "UPDATE outbox SET attempts = attempts + 1, next_attempt_ms = ?, error = ? WHERE id = ?"
        with self._file.writing() as connection:
            connection.executemany(update, [(next_attempt_ms, error, number) for number in ids])

    def refuse(self, ids: Sequence[int], error: str) -> None:
        """Move the items to the table of the refused, which keeps the last REFUSED_KEPT."""
        with self._file.writing() as connection:
            move = "INSERT INTO refused (sink, alert, error) SELECT sink, alert, ? FROM outbox WHERE id = ?"
            connection.executemany(move, [(error, number) for number in sorted(ids)])
            connection.executemany("DELETE FROM outbox WHERE id = ?", [(number,) for number in ids])
            connection.execute("DELETE FROM refused WHERE id <= (SELECT MAX(id) FROM refused) - ?", (REFUSED_KEPT,))

    def refused(self) -> list[Refused]:
        """Return the last refused notifications, oldest first."""
        with self._file.reading():
            rows = self._file.connection.execute("SELECT sink, alert, error FROM refused ORDER BY id").fetchall()
        return [Refused(sink, decode(text), error) for sink, text, error in rows]

    def sizes(self) -> dict[str, int]:
        """Return how many notifications wait for each sink that has any, also for one no longer configured.

        Those that are held are not among them.
        """
        query = "SELECT sink, COUNT(*) FROM outbox WHERE held IS NULL GROUP BY sink"
        with self._file.reading():
            return dict(self._file.connection.execute(query).fetchall())

    def firing(self) -> list[Alert]:
        """Return the alerts that fire."""
        with self._file.reading():
            return all_firing(self._file.connection)

    def again(self, sink: SinkRoute, holding: Holding = nothing_held) -> list[Alert]:
        """Return what fires for a sink that is to be told again, without those whose trigger still waits for it.

        Of one that the sink was never told of (the sink is new, or takes more than it did) the same is noted as in
        `due`; while such a one is held it is left out.
        """
        with self._file.writing() as connection:
            rows = connection.execute(_FIRING, (sink.name,)).fetchall()
            found = [Trigger(decode(text), since_ms) for text, since_ms in rows if sink.takes(decode(text))]
            told = told_to(connection, sink.name)
            new = [each for each in found if each.alert.identity not in told]
            reasons = holding(new, all_firing(connection)) if new else []
            held = {id(each) for each, reason in zip(new, reasons, strict=True) if reason is not None}
            note_told(connection, sink.name, [each.alert for each in new if id(each) not in held])
        return [each.alert for each in found if id(each) not in held]

    def held(self) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
        """Return what is held, as identities by sink and reason, as it was when the sinks were last served."""
        with self._file.reading():
            return held_counts(self._file.connection)

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._file.close()
