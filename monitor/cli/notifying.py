"""The work of `driftline notify test`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from pydantic import BaseModel, SecretStr

from monitor.alerting import fingerprint
from monitor.cli.logging import configure_logging
from monitor.cli.output import print_json
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.config.masking import MASK
from monitor.config.tree import Config
from monitor.errors import Retryable, SurroundingsError, Undeliverable
from monitor.incidents import Forgetful
from monitor.protocols import Sink
from monitor.sink_building import build_sink, grouped
from monitor.sinks.tap import Message
from monitor.types import Alert

_RULE = "notify-test"
_TOLD_HEADERS = frozenset({"content-type", "key", "user-agent", "x-driftline-delivery", "x-driftline-signature"})
_WIRE = frozenset({"accept", "accept-encoding", "connection", "content-length", "host"})


@dataclass(frozen=True)
class Shown:
    """A message that may be printed."""

    to: str
    headers: Mapping[str, str]
    body: Any


def run_test(file: Path, name: str, *, dry_run: bool) -> None:
    """Send, or with `dry_run` print, a trigger and its resolve.

    Raises SurroundingsError when the sink does not take them.
    """
    configure_logging("warning")
    config = load(file)
    spec = next((each for each in config.sinks if each.name == name), None)
    if spec is None:
        known = ", ".join(each.name for each in config.sinks) or "none"
        raise typer.BadParameter(f"there is no sink {name}; there are: {known}", param_hint="--sink")
    clock = SystemClock()
    trigger, resolve = transitions(config, name, spec.min_severity, clock.now_ms())
    seen: list[Message] = []
    sink = grouped(build_sink(spec, config.source, clock, seen.append if dry_run else None), spec, Forgetful)
    together = getattr(spec, "group_by", "alert") == "incident"
    try:
        _tell(sink, pair(trigger) if together else [trigger], "trigger", clock.now_ms())
        _tell(sink, pair(resolve) if together else [resolve], "resolve", clock.now_ms())
    finally:
        sink.close()
    if dry_run:
        print_json([vars(shown(message, spec)) for message in seen])
    else:
        typer.echo(f"sink {name} took a test alert and its end")


def transitions(config: Config, sink: str, severity: Any, now_ms: int) -> tuple[Alert, Alert]:
    """Return an alert that nobody can take for a real one, firing and resolved, with all that alerts carry."""
    labels = {"alertname": "DriftlineTest", "monitor": config.name, "rule": _RULE, "severity": severity}
    identity = fingerprint(config.name, _RULE, sink, "")
    words = {
        "summary": f"TEST of sink {sink} of monitor {config.name}: nothing is wrong",
        "description": "Sent by `driftline notify test`, which resolves it at once.",
    }
    # there is no runbook for a test, so the links are those of drift
    like_drift = labels | {"alertname": "DriftlineDrift"}
    links = config.links.build().annotations(like_drift, identity, now_ms, now_ms)
    trigger = Alert("firing", identity, severity, now_ms, None, labels, words | links)
    return trigger, replace(trigger, status="resolved", ends_at_ms=now_ms)


def pair(alert: Alert) -> list[Alert]:
    """Return the test alert and another one of the same incident, so that it shows how they are told as one."""
    words = {**alert.annotations, "incident": "test", "cause": alert.annotations["summary"]}
    first = replace(alert, labels={**alert.labels, "field": "TEST"}, annotations=words)
    other = replace(first, fingerprint=f"{alert.fingerprint}-2", labels={**first.labels, "rule": f"{_RULE}-2"})
    return [first, other]


def shown(message: Message, spec: BaseModel) -> Shown:
    """Return the message as it may be printed: secrets of the sink's configuration are `***` wherever they stand.

    Of a secret URL its host is left, and of the headers those that are ours and no secret's.
    """
    secrets = sorted(set(_secrets(spec)), key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, MASK).replace(json.dumps(secret)[1:-1], MASK)
        return text

    text = masked(message.body.decode("utf-8", "replace"))
    headers = {k: masked(v) if k.lower() in _TOLD_HEADERS else MASK for k, v in message.headers.items()}
    to = message.to
    if isinstance(getattr(spec, "url", None), SecretStr) and "://" in to:
        to = f"{urlsplit(to).scheme}://{urlsplit(to).hostname}/{MASK}"
    return Shown(masked(to), {k: v for k, v in headers.items() if k.lower() not in _WIRE}, _parsed(text))


def _tell(sink: Sink, alerts: Sequence[Alert], what: str, now_ms: int) -> None:
    """Deliver one transition; raises SurroundingsError, which says what is open now."""
    remedy = "" if what == "trigger" else "; the test alert is open there, close it by hand"
    try:
        sink.deliver(alerts, now_ms)
    except (Retryable, Undeliverable) as error:
        raise SurroundingsError(f"sink {sink.name} did not take the {what}: {error}{remedy}") from error


def _secrets(value: Any) -> Iterator[str]:
    """Yield every secret in a configuration, however deep."""
    if isinstance(value, SecretStr):
        yield from filter(None, [value.get_secret_value()])
    elif isinstance(value, BaseModel):
        yield from (found for name in type(value).model_fields for found in _secrets(getattr(value, name)))
    elif isinstance(value, Mapping):
        yield from (found for each in value.values() for found in _secrets(each))


def _parsed(text: str) -> Any:
    """Return JSON as what it says, and anything else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
