"""The work of `driftline alerts`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from monitor.alert_views import PendingView
from monitor.alerting import AlertBook
from monitor.cli.daemon_api import NoDaemonError, daemon_api
from monitor.cli.output import OutputFormat, print_json
from monitor.cli.tables import print_rows
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.gating import Gatekeeper, build_gate
from monitor.saving import decode_head
from monitor.store.reading import stored_alerts
from monitor.store.sqlite import file_in
from monitor.web.alerts import alert_document, pending_document
from monitor.web.json import moment


def run_alerts(file: Path | None, url: str | None, output: OutputFormat) -> None:
    """Print the alerts, from the daemon or, where none answers, from the store; raises SurroundingsError."""
    found = _found(file, url)
    if output is OutputFormat.JSON:
        print_json(found)
        return
    if found["source"] == "store":
        typer.echo("no daemon answers; this is what its store says", err=True)
    rows = [_row(alert) for alert in found["alerts"] if alert["status"] == "firing"]
    rows += [_pending_row(pending) for pending in found["pending"]]
    if rows:
        print_rows(("state", "severity", "rule", "field", "segment", "since", "held", "reason"), rows)
    else:
        typer.echo("nothing fires or is pending")


def _found(file: Path | None, url: str | None) -> dict[str, Any]:
    """Return the document of /api/v1/alerts, with where it is from."""
    try:
        return {"source": "daemon", **daemon_api(file, url).get("/api/v1/alerts")}
    except NoDaemonError:
        if file is None or url is not None:
            raise
        return {"source": "store", **stored_document(load(file), SystemClock().now_ms())}


def stored_document(config: Config, now_ms: int) -> dict[str, Any]:
    """Return what the API would say, from the store; what has happened since the last checkpoint is not in it."""
    stored = stored_alerts(file_in(Path(config.store.path)), now_ms)
    keeper = Gatekeeper(build_gate(config))
    keeper.know(stored.silences)
    held = keeper.now(stored.firing, stored.held, [sink.name for sink in config.sinks], now_ms).alerts
    book = AlertBook(config.name)
    if stored.monitor is not None:
        book.load(decode_head(stored.monitor).get("book", {}))
    pending = [
        PendingView(*each.key, each.windows, each.raise_after, each.since_ms, each.reason) for each in book.pending()
    ]
    return {
        "monitor": config.name,
        **moment("taken_at", now_ms),
        "alerts": [alert_document(alert, held.get(alert.identity, ())) for alert in stored.firing],
        "pending": [pending_document(each) for each in pending],
    }


def _row(alert: Mapping[str, Any]) -> tuple[str, ...]:
    labels = alert["labels"]
    where = tuple(labels.get(name, "") for name in ("rule", "field", "segment"))
    held = "; ".join(_why(hold) for hold in alert.get("held", ()))
    said = alert["annotations"].get("summary", "")
    return ("firing", alert["severity"], *where, alert["starts_at"] or "", held, said)


def _why(hold: Mapping[str, Any]) -> str:
    """Return a hold in a few words, with the sinks that it does not concern left out."""
    until = f" until {hold['until']}" if hold["until"] else ""
    sinks = f" for {', '.join(hold['sinks'])}" if hold["kind"] == "after" else ""
    return f"{hold['kind']}{sinks}{until}: {hold['reason']}"


def _pending_row(pending: Mapping[str, Any]) -> tuple[str, ...]:
    where = tuple(pending[name] for name in ("rule", "field", "segment"))
    progress = f"{pending['windows']} of {pending['raise_after']} windows"
    said = f"{progress}; {pending['reason']}" if pending["reason"] else progress
    return ("pending", "", *where, pending["since"] or "", "", said)
