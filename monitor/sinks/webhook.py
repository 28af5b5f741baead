"""The sink that posts signed JSON to a URL."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from monitor.digests import digest
from monitor.errors import Undeliverable
from monitor.sinks.body import delivery_id, render_body
from monitor.sinks.options import (
    AT_ONCE,
    After,
    CaFile,
    GroupBy,
    MinSeverity,
    SecretHeaders,
    SecretUrl,
    SinkName,
    StormCap,
)
from monitor.sinks.posting import open_client, post
from monitor.sinks.tap import Tap
from monitor.spec import DurationMs, Spec
from monitor.types import Alert

SIGNATURE_HEADER = "X-Driftline-Signature"
DELIVERY_HEADER = "X-Driftline-Delivery"


class WebhookSpec(Spec):
    """JSON over HTTP for receivers of one's own, signed so that they can tell whom it comes from.

    `secret` signs; during a rotation `previous_secret` signs too, until every receiver knows the new one.
    """

    kind: Literal["webhook"] = "webhook"
    name: SinkName
    url: SecretUrl = Field(description="Where to post to; never shown.")
    min_severity: MinSeverity = "warning"
    group_by: GroupBy = "alert"
    storm: StormCap = None
    after: After = AT_ONCE
    secret: SecretStr | None = Field(default=None, description="Signs every request.")
    previous_secret: SecretStr | None = Field(
        default=None, description="Signs too, until every receiver knows the new one."
    )
    headers: SecretHeaders = Field(default_factory=dict, description="Sent along; their values are never shown.")
    timeout: DurationMs = Field(5_000, ge=100, le=30_000, description="How long an answer may take.")
    ca_file: CaFile = None

    @model_validator(mode="after")
    def _rotation_needs_a_new_secret(self) -> Self:
        """Refuse an old secret without the one that replaces it, and empty ones, which would sign nothing."""
        if self.previous_secret is not None and self.secret is None:
            raise ValueError("previous_secret without secret; the new one goes into secret")
        if any(secret is not None and not secret.get_secret_value() for secret in (self.secret, self.previous_secret)):
            raise ValueError("a secret must not be empty; leave it out to send unsigned")
        return self

    def build(self, tap: Tap | None = None) -> WebhookSink:
        """Return the sink; opens no connection yet. Raises SurroundingsError when `ca_file` cannot be used."""
        return WebhookSink(self, tap)


class WebhookSink:
    """Posts `{"version": "1", "monitor": …, "alerts": […]}`, all alerts of a delivery in one request.

    Header `X-Driftline-Signature` is `t=<unix s>,v1=<hex>` with hex = HMAC-SHA256(secret, t + "." + body), one
    `v1` per active secret; a receiver should refuse a `t` that is over five minutes off. A delivery may come
    twice: `X-Driftline-Delivery` is the same for the same alerts, and so is each alert's `delivery_id`.
    """

    def __init__(self, spec: WebhookSpec, tap: Tap | None = None) -> None:
        """Prepare the client; secrets are taken out of their wrappers only when they are used."""
        self.name = spec.name
        self._spec = spec
        headers = {name: value.get_secret_value() for name, value in spec.headers.items()}
        self._client = open_client(timeout_ms=spec.timeout, ca_file=spec.ca_file, headers=headers, tap=tap)

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Post the alerts; 2xx is delivered, see `post` for what is Retryable, any other 4xx is Undeliverable."""
        body = render_body(alerts)
        headers = {DELIVERY_HEADER: digest([delivery_id(alert) for alert in alerts])}
        secrets = [secret for secret in (self._spec.secret, self._spec.previous_secret) if secret is not None]
        if secrets:
            headers[SIGNATURE_HEADER] = sign(body, secrets, now_ms // 1000)
        answer = post(self._client, self._spec.url.get_secret_value(), body, headers=headers, now_ms=now_ms)
        if not answer.accepted:
            message = f"HTTP {answer.status}: {answer.text}"
            raise Undeliverable(message)

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._client.close()


def sign(body: bytes, secrets: Sequence[SecretStr], t_s: int) -> str:
    """Return the signature header's value: the time and one HMAC-SHA256 per secret."""
    message = f"{t_s}.".encode("ascii") + body
    digests = [hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={t_s}", *(f"v1={digest}" for digest in digests)])
