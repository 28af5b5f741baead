"""The sink for everything else that people read (mail, Teams, Telegram, …), by the library Apprise."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr

from monitor.errors import Retryable
from monitor.sinks.options import AT_ONCE, After, GroupBy, MinSeverity, SinkName, StormCap, StormSpec
from monitor.sinks.tap import Message, Tap
from monitor.sinks.words import clipped, evidence, headline, links, replaced, since, state, title, worst_first
from monitor.spec import Spec
from monitor.types import Alert

SHOWN = 20
"""So many alerts of a message are shown with their evidence, the others by their headline."""

MAX_TEXT = 16_000
_LONGEST_VALUE = 1_000


def _check_service(value: SecretStr) -> SecretStr:
    """Return the URL of a service that Apprise knows; raises ValueError, which never holds it."""
    if find_spec("apprise") is None:
        raise ValueError("needs the package apprise; install driftline[apprise]")
    if _service(value) is None:
        raise ValueError("not the URL of a service that Apprise knows; its documentation lists them")
    return value


class AppriseSpec(Spec):
    """Any service that Apprise knows: e-mail (`mailtos://…`), Teams, Telegram, … Needs `driftline[apprise]`."""

    kind: Literal["apprise"] = "apprise"
    name: SinkName = "apprise"
    url: Annotated[SecretStr, AfterValidator(_check_service)] = Field(
        description="The service in Apprise's notation; never shown."
    )
    min_severity: MinSeverity = "warning"
    group_by: GroupBy = "incident"
    storm: StormCap = StormSpec()
    after: After = AT_ONCE

    def build(self, tap: Tap | None = None) -> AppriseSink:
        """Return the sink; opens no connection yet."""
        return AppriseSink(self, tap)


class AppriseSink:
    """Sends one message for all alerts of a delivery, as plain text.

    Apprise says only whether a service took it, so every failure is Retryable.
    """

    def __init__(self, spec: AppriseSpec, tap: Tap | None = None) -> None:
        """Prepare the service; it logs nothing, for its log has parts of its URL."""
        self.name = spec.name
        self._service = _service(spec.url)
        self._tap = tap

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Send the message."""
        room = replaced(alerts)
        told = [alert for position, alert in enumerate(alerts) if position not in room]
        if not told:
            return
        subject, text = clipped(title(told), 200), render_text(told)
        if self._tap is not None:
            self._tap(Message("apprise", f"{subject}\n\n{text}".encode("utf-8", "replace")))
        elif not self._service.notify(body=text, title=subject, notify_type=_type_of(told), body_format="text"):
            raise Retryable("Apprise could not deliver it, and does not say why")

    def close(self) -> None:
        """Do nothing: connections do not outlive a message."""


def render_text(alerts: Sequence[Alert]) -> str:
    """Return what is said of the alerts, in plain text, the worst first."""
    alerts = worst_first(alerts)
    parts = []
    for alert in alerts[:SHOWN]:
        lines = [f"[{state(alert)}] {headline(alert)}", since(alert)]
        lines += [f"{name}: {clipped(value, _LONGEST_VALUE)}" for name, value in evidence(alert)]
        lines += [f"{name}: {url}" for name, url in links(alert)]
        parts.append("\n".join(lines))
    others = alerts[SHOWN:]
    if others:
        lines = [f"and {len(others)} more:", *(f"[{state(alert)}] {headline(alert)}" for alert in others)]
        parts.append("\n".join(clipped(line, 200) for line in lines))
    return clipped("\n\n".join(parts), MAX_TEXT)


def _type_of(alerts: Sequence[Alert]) -> str:
    """Return Apprise's word for the worst of the alerts, which decides icon and colour."""
    states = {state(alert) for alert in alerts}
    return "failure" if "critical" in states else "warning" if "warning" in states else "success"


def _service(url: SecretStr) -> Any:
    """Return Apprise's object for a URL, None when it knows no such service."""
    import apprise  # noqa: PLC0415 - optional, and slow to import

    # what it logs has hosts, users and parts of tokens
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(app_id="Driftline", app_desc="Driftline", secure_logging=True, async_mode=False)
    # texts longer than a service takes are cut where the URL does not say otherwise
    given = url.get_secret_value()
    found = apprise.Apprise.instantiate(given, asset=asset, suppress_exceptions=True)
    if found is not None and "overflow=" not in given:
        found.overflow_mode = apprise.OverflowMode.TRUNCATE
    return found
