"""The sink that writes to a Slack channel, by an incoming webhook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from monitor.errors import Undeliverable
from monitor.printable import printable
from monitor.sinks.options import AT_ONCE, After, CaFile, GroupBy, MinSeverity, SecretUrl, SinkName, StormCap, StormSpec
from monitor.sinks.posting import open_client, post
from monitor.sinks.tap import Tap
from monitor.sinks.words import clipped, evidence, headline, links, replaced, since, state, title, worst_first
from monitor.spec import DurationMs, Spec
from monitor.types import Alert

SHOWN = 10
"""So many alerts of a message are shown with their evidence, the others by their headline."""

MAX_TEXT = 3_000
"""Slack refuses longer texts in a block."""

_COLOURS = {"critical": "#d32f2f", "warning": "#f9a825", "resolved": "#2e7d32"}
_LONGEST_LINE = 400
_LONGEST_URL = 1_000
_ABOUT_THE_CHANNEL = frozenset({401, 403, 404, 410})


class SlackSpec(Spec):
    """A Slack channel, by the URL of an incoming webhook."""

    kind: Literal["slack"] = "slack"
    name: SinkName = "slack"
    url: SecretUrl = Field(description="The incoming webhook; never shown, since whoever has it can write.")
    min_severity: MinSeverity = "warning"
    group_by: GroupBy = "incident"
    storm: StormCap = StormSpec()
    after: After = AT_ONCE
    timeout: DurationMs = Field(5_000, ge=100, le=30_000, description="How long an answer may take.")
    ca_file: CaFile = None

    def build(self, tap: Tap | None = None) -> SlackSink:
        """Return the sink; opens no connection yet. Raises SurroundingsError when `ca_file` cannot be used."""
        return SlackSink(self, tap)


class SlackSink:
    """Posts one message for all alerts of a delivery, as attachments with blocks, coloured by severity."""

    def __init__(self, spec: SlackSpec, tap: Tap | None = None) -> None:
        """Prepare the client; the URL is taken out of its wrapper only when it is used."""
        self.name = spec.name
        self._url = spec.url
        self._client = open_client(timeout_ms=spec.timeout, ca_file=spec.ca_file, headers={}, tap=tap)

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Post the message; a refusal for the channel's sake (gone, archived, forbidden) is one of all alerts."""
        room = replaced(alerts)
        told = [alert for position, alert in enumerate(alerts) if position not in room]
        if not told:
            return
        body = json.dumps(render_message(told), separators=(",", ":")).encode("ascii")
        answer = post(self._client, self._url.get_secret_value(), body, headers={}, now_ms=now_ms)
        if not answer.accepted:
            everything = range(len(alerts)) if answer.status in _ABOUT_THE_CHANNEL else None
            raise Undeliverable(f"HTTP {answer.status}: {answer.text}", positions=everything)

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._client.close()


def render_message(alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return the message: a title, an attachment for each of the worst alerts, and one that names the others."""
    alerts = worst_first(alerts)
    attachments = [
        {"color": _COLOURS[state(alert)], "fallback": clipped(escape(headline(alert)), 300), "blocks": _blocks(alert)}
        for alert in alerts[:SHOWN]
    ]
    others = alerts[SHOWN:]
    if others:
        lines = [f"and {len(others)} more:", *(f"[{state(alert)}] {clipped(headline(alert), 120)}" for alert in others)]
        attachments.append({"color": "#9e9e9e", "fallback": lines[0], "blocks": [_section("\n".join(lines), "")]})
    return {"text": clipped(escape(title(alerts)), 300), "attachments": attachments}


def escape(text: str) -> str:
    """Return text in which nothing is a mention, a link or a date: Slack reads those between angle brackets."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(alert: Alert) -> list[dict[str, Any]]:
    """Return what is shown of one alert."""
    lines = [f"[{state(alert)}] {headline(alert)}"]
    lines += [f"{name}: {value}" for name, value in evidence(alert)]
    facts = [
        f"{name} {printable(alert.labels[name], 200)}"
        for name in ("rule", "field", "segment")
        if alert.labels.get(name)
    ]
    linked = " · ".join(f"<{_inside(url)}|{name}>" for name, url in links(alert) if len(_inside(url)) <= _LONGEST_URL)
    about = clipped(" · ".join([*facts, since(alert)]), 600)
    return [
        _section(lines[0], "\n".join(lines[1:])),
        {"type": "context", "elements": [{"type": "plain_text", "text": about, "emoji": False}]},
        *([{"type": "section", "text": {"type": "mrkdwn", "text": linked, "verbatim": True}}] if linked else []),
    ]


def _section(first: str, rest: str) -> dict[str, Any]:
    """Return a block of text without any formatting of Slack's, in which untrusted words are only words."""
    text = "\n".join(part for part in (clipped(first, _LONGEST_LINE) if rest else first, rest) if part)
    return {"type": "section", "text": {"type": "plain_text", "text": clipped(text, MAX_TEXT), "emoji": False}}


def _inside(url: str) -> str:
    """Return a URL that cannot end the link it stands in."""
    for character, coded in (("&", "&amp;"), ("<", "%3C"), (">", "%3E"), ("|", "%7C")):
        url = url.replace(character, coded)
    return url
