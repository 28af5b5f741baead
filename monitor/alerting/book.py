"""The alert book: which streams of verdicts are pending or firing, and what changed with each judged window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from monitor.alerting.fingerprint import fingerprint
from monitor.alerting.flap import Flap
from monitor.alerting.life import Life, Severity, Transition, flapping
from monitor.alerting.links import Links
from monitor.alerting.signal import AlertName, Key, Signal
from monitor.errors import DAMAGE, StoreError
from monitor.types import Alert, Level

_STATE_VERSION = 2
_READABLE = (1, 2)


@dataclass(frozen=True)
class Pending:
    """A stream that breaches but has not done so for `raise_after` windows; it may become an alert."""

    key: Key
    windows: int
    raise_after: int
    since_ms: int
    reason: str


@dataclass(slots=True)
class _Stream:
    """What is remembered of an active stream: its life and the evidence of its last breaching window."""

    alertname: AlertName
    life: Life
    reason: str = ""
    annotations: dict[str, str] = field(default_factory=dict)

    def hear(self, signal: Signal) -> None:
        """Take over the hysteresis and, from a breaching window, the evidence."""
        self.life.raise_after, self.life.clear_after = signal.raise_after, signal.clear_after
        if signal.level >= Level.WARNING:
            self.alertname, self.reason, self.annotations = signal.alertname, signal.reason, dict(signal.annotations)


def _all_unknown(_: Key) -> Level:
    """Say that nothing is known of a stream."""
    return Level.UNKNOWN


class AlertBook:
    """The life of every alert of one monitor; a pure state machine without a clock.

    An alert fires after `raise_after` consecutive windows at warning or above (critical when all of those
    were critical), changes severity with the same hysteresis, and resolves after `clear_after` consecutive
    OK windows. UNKNOWN windows count for nothing: a firing alert becomes stale, not resolved. On a change
    of severity the alert with the old labels resolves and one with the new labels fires, both with the
    fingerprint and start of the first. A stream that flaps (see `Flap`) stays as bad as it was for longer, and
    its alert says so in the annotation `flapping`. Memory is bounded by the number of streams that are pending or
    firing, or were within the time in which flapping counts.
    """

    def __init__(
        self,
        monitor: str,
        extra_labels: Mapping[str, str] | None = None,
        links: Links | None = None,
        flap: Flap | None = None,
    ) -> None:
        """Begin with nothing pending; `extra_labels` go on every alert but never replace a label of its own.

        `links` become annotations. Without `flap` nothing is damped.
        """
        self._flap = flap
        self._links = links or Links()
        self._monitor = monitor
        self._extra_labels = dict(extra_labels or {})
        self._streams: dict[Key, _Stream] = {}

    def step(
        self,
        window_start_ms: int,
        window_end_ms: int,
        signals: Iterable[Signal],
        *,
        windows: int = 1,
        stride_ms: int | None = None,
        level_of: Callable[[Key], Level] = _all_unknown,
    ) -> list[Alert]:
        """Take one judged window, or a run of them, and return the transitions; see `timed`."""
        timed = self.timed(
            window_start_ms, window_end_ms, signals, windows=windows, stride_ms=stride_ms, level_of=level_of
        )
        return [alert for _, alert in timed]

    def timed(
        self,
        window_start_ms: int,
        window_end_ms: int,
        signals: Iterable[Signal],
        *,
        windows: int = 1,
        stride_ms: int | None = None,
        level_of: Callable[[Key], Level] = _all_unknown,
    ) -> list[tuple[int, Alert]]:
        """Take one judged window, or a run of `windows` windows with equal levels.

        Returns the transitions, each with the end of the window that brought it about.

        A run reaches from the start of its first window to the end of its last; successive windows are
        `stride_ms` apart (the pane for sliding windows; by default an equal part of the run, which is
        right for tumbling ones). It has the same effect as its windows one by one.

        Not every stream has to be sent. OK and UNKNOWN change nothing for a stream that is neither pending
        nor firing, so it is exact to send every signal at warning or above and, for the streams in
        `active_keys()`, whatever they are. Active streams without a signal are asked for by `level_of`
        (UNKNOWN if not given), for callers who would rather look a level up than build signals that are OK.

        Transitions are ordered by window, then rule, field, segment; within a stream resolved precedes
        firing. Raises ValueError when a stream is sent twice. Costs O(signals + active streams).
        """
        given = self._by_key(signals)
        stride_ms = (window_end_ms - window_start_ms) // windows if stride_ms is None else stride_ms
        transitions: list[tuple[int, Alert]] = []
        for key in sorted(given.keys() | self.active_keys()):
            signal = given.get(key)
            level = level_of(key) if signal is None else signal.level
            stream = self._stream(key, signal)
            if stream is None:
                continue
            for number, transition in stream.life.run(level, window_start_ms, stride_ms, windows, self._flap):
                ends_at_ms = window_end_ms - (windows - 1 - number) * stride_ms
                transitions.append((number, self._alert(key, stream, transition, ends_at_ms)))
        self._forget(window_start_ms + (windows - 1) * stride_ms, stride_ms)
        transitions.sort(key=lambda numbered: numbered[0])
        return [(window_end_ms - (windows - 1 - number) * stride_ms, alert) for number, alert in transitions]

    def retire(self, gone: Callable[[Key], bool], ends_at_ms: int) -> list[Alert]:
        """Forget the streams that are `gone` from the configuration; return what has to resolve, in order.

        Without it the alert of a removed rule would be unknown, and so stay firing, for ever.
        """
        resolved: list[Alert] = []
        for key in sorted(filter(gone, self._streams)):
            stream = self._streams.pop(key)
            if stream.life.severity is not None:
                last = Transition("resolved", stream.life.severity, stream.life.starts_at_ms)
                resolved.append(self._alert(key, stream, last, ends_at_ms))
        return resolved

    def active_keys(self) -> frozenset[Key]:
        """Return the streams that are pending or firing: those whose OK windows matter."""
        return frozenset(key for key, stream in self._streams.items() if stream.life.active)

    def firing(self) -> list[Alert]:
        """Return the alerts that fire, with the evidence of their last breaching window, ordered by stream."""
        return [self._firing(key, life.severity) for key, life in self._lives() if life.severity is not None]

    def stale(self) -> list[Alert]:
        """Return the firing alerts whose last window was unknown: nobody can say whether they still hold."""
        return [self._firing(key, life.severity) for key, life in self._lives() if life.severity and life.stale]

    def pending(self) -> list[Pending]:
        """Return the streams on their way to an alert, ordered by stream."""
        return [
            Pending(key, life.breaches, life.raise_after, life.starts_at_ms, self._streams[key].reason)
            for key, life in self._lives()
            if life.severity is None
        ]

    def _forget(self, at_ms: int, stride_ms: int) -> None:
        """Forget the streams that are neither pending nor firing, and of those that lately were the evidence."""
        horizon_ms = 0 if self._flap is None else self._flap.horizon_ms(stride_ms)
        for key in [key for key, stream in self._streams.items() if not stream.life.active]:
            if self._flap is not None and self._streams[key].life.recent(at_ms, horizon_ms):
                self._streams[key].reason, self._streams[key].annotations = "", {}
            else:
                del self._streams[key]

    def state(self) -> dict[str, Any]:
        """Return everything needed to continue, as JSON-able values."""
        streams = [{"key": list(key), **asdict(self._streams[key])} for key in sorted(self._streams)]
        return {"version": _STATE_VERSION, "streams": streams}

    def load(self, state: Mapping[str, Any]) -> None:
        """Become what `state` describes; raises StoreError when it is not a state of this version."""
        if state.get("version") not in _READABLE:
            message = f"alert state has version {state.get('version')}, this program reads {_STATE_VERSION} and older"
            raise StoreError(message + "; use the program that wrote it, or reset the checkpoint")
        try:
            self._streams = {
                Key(*saved["key"]): _Stream(
                    saved["alertname"], Life.of(saved["life"]), saved["reason"], dict(saved["annotations"])
                )
                for saved in state["streams"]
            }
        except DAMAGE as error:
            message = f"alert state is damaged ({error}); reset the checkpoint"
            raise StoreError(message) from error

    @staticmethod
    def _by_key(signals: Iterable[Signal]) -> dict[Key, Signal]:
        """Return the signals by stream."""
        given: dict[Key, Signal] = {}
        for signal in signals:
            if given.setdefault(signal.key, signal) is not signal:
                message = f"two signals for {signal.key} in one window"
                raise ValueError(message)
        return given

    def _stream(self, key: Key, signal: Signal | None) -> _Stream | None:
        """Return the stream as `signal` leaves it; None when there is nothing to remember of it."""
        stream = self._streams.get(key)
        if signal is None:
            return stream
        if stream is None:
            if signal.level < Level.WARNING:
                return None
            life = Life(signal.raise_after, signal.clear_after)
            stream = self._streams[key] = _Stream(signal.alertname, life)
        stream.hear(signal)
        return stream

    def _lives(self) -> list[tuple[Key, Life]]:
        """Return the active streams' lives, ordered by stream."""
        return [(key, self._streams[key].life) for key in sorted(self.active_keys())]

    def _firing(self, key: Key, severity: Severity) -> Alert:
        """Return the firing alert of a stream as it is now."""
        stream = self._streams[key]
        return self._alert(key, stream, Transition("firing", severity, stream.life.starts_at_ms), None)

    def _alert(self, key: Key, stream: _Stream, transition: Transition, ends_at_ms: int | None) -> Alert:
        """Return the alert of a transition; labels are its identity, the reason is an annotation."""
        own = {
            "alertname": stream.alertname,
            "monitor": self._monitor,
            "rule": key.rule,
            "field": key.field,
            "segment": key.segment,
            "severity": transition.severity,
        }
        reason = {"reason": stream.reason} if stream.reason else {}
        identity = fingerprint(self._monitor, *key)
        labels = self._extra_labels | {name: value for name, value in own.items() if value}
        until_ms = transition.starts_at_ms if ends_at_ms is None else ends_at_ms
        links = self._links.annotations(labels, identity, transition.starts_at_ms, until_ms)
        return Alert(
            status=transition.status,
            fingerprint=identity,
            severity=transition.severity,
            starts_at_ms=transition.starts_at_ms,
            ends_at_ms=ends_at_ms if transition.status == "resolved" else None,
            labels=labels,
            annotations=stream.annotations | reason | flapping(stream.life) | links,
        )
