"""What a backtest found, as the one JSON object that is printed, and as the numbers that conditions are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitor.backtesting import Difference, FiredAlert, History, Sweep
from monitor.config.differences import differences, tree_of
from monitor.config.tree import Config


@dataclass
class Found:
    """A history, with that of another configuration or of several values of a setting where they were asked for."""

    config: Config
    history: History
    silences: int = 0
    old: Config | None = None
    before: History | None = None
    sweep: Sweep | None = None
    variants: tuple[History, ...] = ()
    at_most: float | None = None
    difference: Difference | None = None

    @property
    def answer(self) -> Any:
        """The first of the swept values, in their order, that paged at most so often a week; None without one."""
        if self.sweep is None or self.at_most is None:
            return None
        tried = zip(self.sweep.values, self.variants, strict=True)
        return next((value for value, history in tried if history.rate.per_week <= self.at_most), None)


def numbers_of(found: Found) -> Mapping[str, float]:
    """Return what conditions can be about, by name."""
    numbers: dict[str, float] = dict(counts(found.history))
    if found.difference is not None:
        names = ("added", "removed", "changed")
        numbers |= {name: len(getattr(found.difference, name)) for name in names}
    return numbers


def counts(history: History) -> dict[str, float]:
    """Return how much there was of everything."""
    alerts, rate = history.alerts, history.rate
    critical = sum(alert.severity == "critical" for alert in alerts)
    return {
        "alerts": len(alerts),
        "critical": critical,
        "warnings": len(alerts) - critical,
        "incidents": len(history.incidents),
        "pages": rate.n,
        "pages_per_week": rate.per_week,
        "pages_per_week_lower": rate.interval[0],
        "pages_per_week_upper": rate.interval[1],
    }


def document(found: Found) -> dict[str, Any]:
    """Return the whole of it as JSON-able values; times are milliseconds of event time."""
    said: dict[str, Any] = {"kind": "backtest", **_of(found.config, found.history), "silences": found.silences}
    if found.old is not None and found.before is not None and found.difference is not None:
        said["diff"] = {
            "settings": list(differences(tree_of(found.old), tree_of(found.config))),
            "old": {"config_hash": found.old.digest, **counts(found.before)},
            "added": [_alert(alert) for alert in found.difference.added],
            "removed": [_alert(alert) for alert in found.difference.removed],
            "changed": [{"old": _alert(old), "new": _alert(new)} for old, new in found.difference.changed],
            "same": found.difference.same,
        }
    if found.sweep is not None:
        said["sweep"] = {
            "name": found.sweep.name,
            "setting": found.sweep.setting,
            "values": [
                {"value": value, **counts(history)}
                for value, history in zip(found.sweep.values, found.variants, strict=True)
            ],
            **({} if found.at_most is None else {"at_most": found.at_most, "answer": found.answer}),
        }
    return said


def _of(config: Config, history: History) -> dict[str, Any]:
    pager = history.pager
    return {
        "monitor": config.name,
        "config_hash": config.digest,
        "baseline_version": history.plan.baseline_version,
        "from_ms": history.first_ms,
        "to_ms": history.last_ms,
        "weeks": history.weeks,
        "windows": history.windows,
        "empty_windows": history.empty_windows,
        "rows": history.rows,
        **{name: n for name, n in history.totals.items() if name in ("rejects", "late_rows") and n},
        **counts(history),
        "paged_by": {"sink": pager.main, "assumed": pager.main in pager.assumed},
        "sinks": {name: len(history.pages_of(name)) for name in pager.pages},
        "rules": [asdict(busy) for busy in history.busiest],
        **({} if history.budget is None else {"budget": asdict(history.budget)}),
        "unjudged": [{"rule": rule, "field": field} for rule, field in sorted(history.unjudged)],
        "fired": [_alert(alert) for alert in history.alerts],
        "paged": [asdict(page) for page in history.pages],
    }


def _alert(alert: FiredAlert) -> dict[str, Any]:
    rule, field, segment = alert.key
    return {
        "rule": rule,
        "field": field,
        "segment": segment,
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "starts_at_ms": alert.starts_at_ms,
        "fired_at_ms": alert.fired_at_ms,
        "ends_at_ms": alert.ends_at_ms,
        "spells": [asdict(spell) for spell in alert.spells],
        "summary": alert.summary,
        **({"incident": alert.incident} if alert.incident else {}),
    }
