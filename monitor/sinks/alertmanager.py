"""The sink that tells Prometheus Alertmanager, every peer of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlencode

import httpx
import structlog
from pydantic import Field, SecretStr, model_validator

from monitor.errors import Retryable, Undeliverable
from monitor.sinks.instants import rfc3339
from monitor.sinks.options import AT_ONCE, After, CaFile, MinSeverity, SinkName, Url, check_headers
from monitor.sinks.posting import open_client, post
from monitor.sinks.tap import Tap
from monitor.spec import DurationMs, Spec
from monitor.types import Alert

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_BAD_REQUEST = 400
_POST_ALERTS = 200
_RESENDS_PER_EXPIRY = 4


class AlertmanagerSpec(Spec):
    """Alertmanager's API v2. `urls` are all peers of the cluster, each by itself, never a load balancer.

    Firing alerts are sent again every `resend`; Alertmanager forgets one that is not for four times as long.
    `external_url` is where people reach this monitor's console.
    """

    kind: Literal["alertmanager"] = "alertmanager"
    name: SinkName = "alertmanager"
    urls: tuple[Url, ...] = Field(min_length=1, description="All peers of the cluster, each by itself.")
    min_severity: MinSeverity = "warning"
    after: After = AT_ONCE
    resend: DurationMs = Field(60_000, ge=1_000, description="How often firing alerts are sent again.")
    external_url: Url | None = Field(default=None, description="Where people reach this monitor's console.")
    username: str | None = Field(default=None, description="For basic authentication.")
    password: SecretStr | None = Field(default=None, description="For basic authentication.")
    bearer_token: SecretStr | None = Field(default=None, description="For bearer authentication.")
    timeout: DurationMs = Field(5_000, ge=100, le=30_000, description="How long an answer may take.")
    ca_file: CaFile = None

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        """Refuse half a login, two of them, and a token that no header can hold."""
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.username is not None and self.bearer_token is not None:
            raise ValueError("either username and password or bearer_token, not both")
        if self.bearer_token is not None:
            check_headers({"Authorization": self.bearer_token})
        return self

    def build(self, tap: Tap | None = None) -> AlertmanagerSink:
        """Return the sink; opens no connection yet. Raises SurroundingsError when `ca_file` cannot be used."""
        return AlertmanagerSink(self, tap)


@dataclass
class _Tally:
    """What the peers that answered said about each alert of a delivery, by position."""

    accepted: set[int]
    refused: dict[int, str]


class AlertmanagerSink:
    """Posts alerts to every peer; sending one again is harmless, since Alertmanager knows it by its labels.

    An alert is delivered when a peer accepted it, and refused when no peer accepted it and one refused it.
    Peers that failed meanwhile are not waited for (a dead one would put every page into back-off): the next
    re-send makes good for firing alerts, and what such a peer holds of a resolved one expires by itself.

    Alertmanager waits `group_wait` from `startsAt` on, in a group that it has not notified of since its own start, and
    notifies at once where that is over: with event times, which are long past when they are told, the first alert of a
    fault, or the first end, would be a notification of its own. So an alert starts, and ends, when it is told, and the
    annotations `since` and `until` say when it began and ended. Of an alert that it holds already Alertmanager keeps
    the earliest start, so it shows when it was first told.
    """

    def __init__(self, spec: AlertmanagerSpec, tap: Tap | None = None) -> None:
        """Prepare the client."""
        self.name = spec.name
        self.resend_interval_ms = spec.resend
        self._external_url = spec.external_url
        self._endpoints = [f"{url.rstrip('/')}/api/v2/alerts" for url in spec.urls]
        self._log = structlog.get_logger(__name__)
        auth = headers = None
        if spec.username is not None and spec.password is not None:
            auth = httpx.BasicAuth(spec.username, spec.password.get_secret_value())
        if spec.bearer_token is not None:
            headers = {"Authorization": f"Bearer {spec.bearer_token.get_secret_value()}"}
        self._client = open_client(
            timeout_ms=spec.timeout, ca_file=spec.ca_file, headers=headers or {}, auth=auth, tap=tap
        )

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Send the alerts to every peer, in order.

        Raises Retryable when there is an alert about which no peer gave an answer, else Undeliverable, with
        positions, when alerts were refused.
        """
        problems = {position: problem for position, alert in enumerate(alerts) if (problem := label_problem(alert))}
        sound = [(position, alert) for position, alert in enumerate(alerts) if position not in problems]
        tally = _Tally(set(), {})
        failures: list[Retryable] = []
        for endpoint in list(self._endpoints):
            try:
                for part in _parts(sound):
                    self._post(endpoint, part, now_ms, tally)
            except Retryable as failure:
                failures.append(failure)
                self._log.warning("alertmanager_peer_failed", sink=self.name, peer=endpoint, error=str(failure))
                # a peer that does not answer comes last, so that it does not hold up the others next time
                self._endpoints.remove(endpoint)
                self._endpoints.append(endpoint)
        answered = tally.accepted | tally.refused.keys()
        if failures and any(position not in answered for position, _ in sound):
            waits_s = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
            raise Retryable(str(failures[0]), retry_after_s=min(waits_s, default=None)) from failures[0]
        problems |= {at: reason for at, reason in tally.refused.items() if at not in tally.accepted}
        if problems:
            raise Undeliverable("; ".join(sorted(set(problems.values()))[:3]), positions=problems)

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._client.close()

    def _post(self, endpoint: str, part: Sequence[tuple[int, Alert]], now_ms: int, tally: _Tally) -> None:
        """Send alerts to one peer and note its answer; a 400 is halved until the bad ones stand alone.

        On a 400 Alertmanager has taken the valid ones but does not say which they are.
        """
        expires_at_ms = now_ms + _RESENDS_PER_EXPIRY * self.resend_interval_ms
        bodies = [render(alert, now_ms, expires_at_ms, self._external_url) for _, alert in part]
        answer = post(self._client, endpoint, json.dumps(bodies).encode("ascii"), headers={}, now_ms=now_ms)
        if answer.accepted:
            tally.accepted.update(position for position, _ in part)
        elif answer.status == _BAD_REQUEST and len(part) > 1:
            middle = len(part) // 2
            self._post(endpoint, part[:middle], now_ms, tally)
            self._post(endpoint, part[middle:], now_ms, tally)
        else:
            tally.refused.update({position: f"HTTP {answer.status}: {answer.text}" for position, _ in part})


def _parts(numbered: Sequence[tuple[int, Alert]]) -> Iterator[list[tuple[int, Alert]]]:
    """Yield the alerts in order, in posts of bounded size, none with the same labels twice: order counts there."""
    part: list[tuple[int, Alert]] = []
    labels: set[frozenset[tuple[str, str]]] = set()
    for position, alert in numbered:
        identity = frozenset(alert.labels.items())
        if identity in labels or len(part) == _POST_ALERTS:
            yield part
            part, labels = [], set()
        part.append((position, alert))
        labels.add(identity)
    if part:
        yield part


def label_problem(alert: Alert) -> str | None:
    """Return why Alertmanager would refuse the labels, or should: it takes alerts without an alertname."""
    for name in alert.labels:
        if not _LABEL_NAME.fullmatch(name):
            return f"label name {name[:50]!r} is not allowed"
    return None if alert.labels.get("alertname") else "no alertname"


def render(alert: Alert, now_ms: int, expires_at_ms: int, external_url: str | None) -> dict[str, Any]:
    """Return the alert as API v2 wants it: from now until `expires_at_ms`, or from now until now when resolved.

    When it began and ended in event time is said by annotations.
    """
    annotations = {**alert.annotations, "since": rfc3339(alert.starts_at_ms)}
    if alert.ends_at_ms is not None:
        annotations["until"] = rfc3339(alert.ends_at_ms)
    body: dict[str, Any] = {
        "labels": {name: value for name, value in alert.labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": rfc3339(now_ms),
        "endsAt": rfc3339(expires_at_ms if alert.status == "firing" else now_ms),
    }
    if external_url is not None:
        where = {name: alert.labels[name] for name in ("field", "segment") if alert.labels.get(name)}
        body["generatorURL"] = f"{external_url.rstrip('/')}/?{urlencode({**where, 'alert': alert.fingerprint})}"
    return body
