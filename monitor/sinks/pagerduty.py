"""The sink that opens and closes incidents in PagerDuty, by its Events API v2."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr

from monitor.errors import Retryable, Undeliverable
from monitor.printable import printable
from monitor.sinks.instants import rfc3339
from monitor.sinks.options import AT_ONCE, After, CaFile, GroupBy, MinSeverity, SinkName, StormCap, StormSpec, Url
from monitor.sinks.posting import open_client, post
from monitor.sinks.tap import Tap
from monitor.sinks.words import clipped, headline, links, replaced
from monitor.spec import DurationMs, Spec
from monitor.types import Alert

MAX_BODY_BYTES = 512_000
"""PagerDuty refuses larger events (512 KB)."""

_LONGEST_SUMMARY = 1024
_LONGEST_LABEL = 255
_LONGEST_DETAILS = (20_000, 4_000, 800, 100)
_KEY = re.compile(r"[0-9A-Za-z]{32}")


def _check_key(value: SecretStr) -> SecretStr:
    """Return an integration key; raises ValueError, which never holds it."""
    if not _KEY.fullmatch(value.get_secret_value()):
        raise ValueError("not an integration key of the Events API v2, which has 32 letters and digits")
    return value


class PagerDutySpec(Spec):
    """PagerDuty's Events API v2: one incident there per incident (or alert), which goes on when it gets worse."""

    kind: Literal["pagerduty"] = "pagerduty"
    name: SinkName = "pagerduty"
    routing_key: Annotated[SecretStr, AfterValidator(_check_key)] = Field(
        description="The integration key of the service, 32 characters; never shown."
    )
    url: Url = Field(default="https://events.pagerduty.com/v2/enqueue", description="Where events are posted to.")
    client_url: Url | None = Field(
        default=None, description="What the incident's `Driftline` leads to; without it, the alert's console page."
    )
    min_severity: MinSeverity = "warning"
    group_by: GroupBy = "incident"
    storm: StormCap = StormSpec()
    after: After = AT_ONCE
    timeout: DurationMs = Field(5_000, ge=100, le=30_000, description="How long an answer may take.")
    ca_file: CaFile = None

    def build(self, tap: Tap | None = None) -> PagerDutySink:
        """Return the sink; opens no connection yet. Raises SurroundingsError when `ca_file` cannot be used."""
        return PagerDutySink(self, tap)


class PagerDutySink:
    """Posts one event per transition, in order, with the alert's fingerprint as `dedup_key`.

    A resolve that only makes room for the same alert with another severity is not sent when its trigger is in
    the same delivery: the incident stays open. When the two come apart it is closed and opened again. Sending a
    trigger twice adds to the open incident; what was accepted before a failure is named in the Retryable, since
    a trigger repeated after its resolve would page again.
    """

    takes_updates = True
    """A trigger for an open incident adds to it and pages nobody."""

    def __init__(self, spec: PagerDutySpec, tap: Tap | None = None) -> None:
        """Prepare the client; the key is taken out of its wrapper only when it is used."""
        self.name = spec.name
        self._spec = spec
        self._client = open_client(timeout_ms=spec.timeout, ca_file=spec.ca_file, headers={}, tap=tap)

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Post the alerts; any 4xx but those of `post` is Undeliverable, with positions."""
        room = replaced(alerts)
        accepted: set[int] = set()
        refused: dict[int, str] = {}
        for position, alert in enumerate(alerts):
            if position in room:
                continue
            body = encode(render_event(alert, self._spec))
            try:
                answer = post(self._client, self._spec.url, body, headers={}, now_ms=now_ms)
            except Retryable as failure:
                accepted |= {resolve for resolve, trigger in room.items() if trigger in accepted}
                raise Retryable(
                    self._quotable(str(failure)), retry_after_s=failure.retry_after_s, delivered=accepted
                ) from failure
            if answer.accepted:
                accepted.add(position)
            else:
                refused[position] = self._quotable(f"HTTP {answer.status}: {answer.text}")
        if refused:
            raise Undeliverable("; ".join(sorted(set(refused.values()))[:3]), positions=refused)

    def _quotable(self, answer: str) -> str:
        """Return an answer for the log, without the key that it may repeat."""
        return answer.replace(self._spec.routing_key.get_secret_value(), "***")

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._client.close()


def render_event(alert: Alert, spec: PagerDutySpec) -> dict[str, Any]:
    """Return the event; a resolve needs nothing but the key of what it closes."""
    event: dict[str, Any] = {
        "routing_key": spec.routing_key.get_secret_value(),
        "event_action": "trigger" if alert.status == "firing" else "resolve",
        "dedup_key": clipped(alert.fingerprint, _LONGEST_LABEL),
    }
    if alert.status == "resolved":
        return event
    # what cannot be printed could make PagerDuty refuse the event
    labels = {name: printable(value, _LONGEST_LABEL) for name, value in alert.labels.items()}
    details = {name: printable(value, len(value)) for name, value in alert.annotations.items()}
    payload = {
        "summary": clipped(_title(alert), _LONGEST_SUMMARY),
        "source": labels.get("monitor") or "driftline",
        "severity": alert.severity,
        "timestamp": rfc3339(alert.starts_at_ms),
        "component": labels.get("field"),
        "group": labels.get("monitor"),
        "class": labels.get("rule"),
        "custom_details": {**{name: labels[name] for name in ("segment",) if name in labels}, **details},
    }
    client_url = spec.client_url or alert.annotations.get("console_url")
    return {
        **event,
        "client": "Driftline",
        **({"client_url": client_url} if client_url else {}),
        "payload": {name: value for name, value in payload.items() if value},
        "links": [{"href": url, "text": title} for title, url in links(alert)],
    }


def _title(alert: Alert) -> str:
    """Return what is read out to whoever is woken: the headline, and the first cause where there is one."""
    cause = " ".join(alert.annotations.get("cause", "").split())
    return f"{headline(alert)}. {printable(cause, len(cause))}" if cause else headline(alert)


def encode(event: dict[str, Any]) -> bytes:
    """Return the event as ASCII JSON below MAX_BODY_BYTES; its details get shorter until it fits, and then go."""
    body = json.dumps(event, separators=(",", ":")).encode("ascii")
    if len(body) < MAX_BODY_BYTES:
        return body
    details: dict[str, str] = event["payload"].get("custom_details", {})
    shortened = [{name: clipped(value, longest) for name, value in details.items()} for longest in _LONGEST_DETAILS]
    for fewer in [*shortened, {"note": "the details are too large for PagerDuty"}]:
        payload = {**event["payload"], "custom_details": fewer}
        body = json.dumps({**event, "payload": payload}, separators=(",", ":")).encode("ascii")
        if len(body) < MAX_BODY_BYTES:
            break
    return body
