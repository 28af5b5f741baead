"""The JSON documents of /api/v1; their keys are a promise (docs/reference/api.md), so only additions are made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from monitor.snapshot import (
    BaselineStateView,
    CheckView,
    FieldView,
    PartitionView,
    ProfileView,
    Snapshot,
    VerdictView,
    WindowView,
)
from monitor.types import Level
from monitor.web.alerts import alert_document, pending_document
from monitor.web.in_force import epoch_document, load_document
from monitor.web.incidents import incident_document, part_document
from monitor.web.json import moment, text
from monitor.web.text import finite

_MAX_UNKNOWN_FIELDS = 100
_MAX_REJECT_PARTITIONS = 100


def _pairs(counts: Mapping[tuple[str, str], int], first: str, second: str) -> list[dict[str, Any]]:
    return [{first: text(a), second: text(b), "count": n} for (a, b), n in sorted(counts.items())]


def _counts(counts: Mapping[str, float]) -> dict[str, float | None]:
    return {text(key): finite(value) for key, value in sorted(counts.items())}


def _largest(values: Iterable[float | None]) -> float | None:
    return max((v for v in values if v is not None and finite(v) is not None), default=None)


def _window(window: WindowView | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        **moment("start", window.start_ms),
        **moment("end", window.end_ms),
        "rows": window.rows,
        "partial": window.partial,
    }


def _partition(p: PartitionView) -> dict[str, Any]:
    return {
        "topic": text(p.topic),
        "partition": p.partition,
        "records": p.records,
        "record_bytes": p.record_bytes,
        "next_offset": p.next_offset,
        "end_offset": p.end_offset,
        "lag_records": p.lag_records,
        "lag_s": finite(p.lag_s),
        "stalled": p.stalled,
        "idle": p.idle,
        **moment("watermark", p.watermark_ms),
    }


def _rejects(s: Snapshot) -> list[dict[str, Any]]:
    """Return the rejects by topic and reason, and where they stand in the first partitions that have any."""
    return [
        {
            **item,
            "partitions": [
                {"partition": p.partition, "first_offset": p.first_offset, "last_offset": p.last_offset}
                for p in s.reject_offsets.get(key, ())[:_MAX_REJECT_PARTITIONS]
            ],
        }
        for key, item in zip(sorted(s.rejects), _pairs(s.rejects, "topic", "reason"), strict=True)
    ]


def _letters(s: Snapshot) -> dict[str, Any] | None:
    """Return what became of the dead letters; None where there is no topic for them."""
    if s.letters is None:
        return None
    counts = {outcome: n for (topic, outcome), n in s.dead_letters.items() if topic == s.letters.topic}
    return {
        "topic": text(s.letters.topic),
        **{outcome: counts.get(outcome, 0) for outcome in ("delivered", "failed", "suppressed")},
        "pending": s.letters.pending,
        "suppressing": [{"topic": text(topic), "limit": limit} for topic, limit in s.letters.suppressing],
    }


def _baseline(b: BaselineStateView | None) -> dict[str, Any] | None:
    """Return what windows are compared with, and how that changed, newest first; None without a baseline."""
    if b is None:
        return None
    return {
        "kind": b.kind,
        "version": b.version,
        **moment("changed_at", b.changed_at_ms),
        "windows": {text(field): n for field, n in sorted(b.windows.items())},
        "suspect": [text(field) for field in sorted(b.suspect)],
        "events": [
            {
                **moment("at", e.at_ms),
                "version": e.version,
                "previous": e.previous,
                "reason": text(e.reason),
                "field": text(e.field),
            }
            for e in reversed(b.events)
        ],
    }


def status(s: Snapshot, *, alive: bool) -> dict[str, Any]:
    """Return the state of the monitor: is it up, is it behind, what was counted."""
    watermark_age_s = None if s.watermark_ms is None else (s.taken_at_ms - s.watermark_ms) / 1000
    levels = Counter([v.level for v in s.verdicts] + [c.level for c in s.checks])
    lags = [p.lag_records for p in s.partitions]
    return {
        "monitor": text(s.monitor),
        "version": s.version,
        "config_hash": s.config_hash,
        "baseline_version": s.baseline_version,
        "baseline": _baseline(s.baseline),
        "epoch": epoch_document(s.epoch),
        "last_load": load_document(s.last_load),
        **moment("taken_at", s.taken_at_ms),
        "alive": alive,
        "ready": s.ready,
        "ready_reason": text(s.ready_reason),
        "caught_up": s.caught_up,
        **moment("watermark", s.watermark_ms),
        "watermark_age_s": watermark_age_s,
        "last_window": _window(s.last_window),
        "windows_total": s.windows_total,
        "lag_records": None if not lags or None in lags else sum(lag for lag in lags if lag is not None),
        "lag_s": _largest(p.lag_s for p in s.partitions),
        "levels": {level.name.lower(): levels[level] for level in Level},
        "alerts_firing": dict(Counter(a.severity for a in s.alerts if a.status == "firing")),
        "partitions": [_partition(p) for p in sorted(s.partitions, key=lambda p: (p.topic, p.partition))],
        "records_per_second": _counts(s.records_per_second),
        "bytes_per_second": _counts(s.bytes_per_second),
        "rejects": _rejects(s),
        "dead_letters": _pairs(s.dead_letters, "topic", "outcome"),
        "letters": _letters(s),
        "late_rows": _counts(s.late_rows),
        "rows_after_verdict": _counts(s.rows_after_verdict),
        "filtered": _counts(s.filtered),
        "unknown_fields": _counts(dict(islice(sorted(s.unknown_fields.items()), _MAX_UNKNOWN_FIELDS))),
        "notifications": _pairs(s.notifications, "sink", "outcome"),
        "outbox_size": _counts(s.outbox_size),
        "notifications_held": [
            {"sink": text(sink), "reason": reason, "count": n} for (sink, reason), n in s.notifications_held.items()
        ],
        "silences": dict(s.silences),
        "sink_open": _counts(s.sink_open),
        "checkpoint": moment("last_success", s.checkpoint_last_success_ms),
        "rebalances": s.rebalances,
        "waiting_for": text(s.waiting_for),
        "series_dropped": _counts(s.series_dropped),
    }


def _verdict(v: VerdictView, thresholds: Mapping[tuple[str, str, str], float]) -> dict[str, Any]:
    return {
        "field": text(v.field),
        "segment": text(v.segment),
        "detector": text(v.detector),
        "level": v.level.name.lower(),
        "reason": text(v.reason),
        "score": finite(v.score),
        "lower_bound": finite(v.lower_bound),
        "noise_floor": finite(v.noise_floor),
        "p_value": finite(v.p_value),
        "n_baseline": v.n_baseline,
        "n_current": v.n_current,
        "thresholds": {
            level: finite(thresholds.get((v.field, v.detector, level))) for level in ("warning", "critical")
        },
    }


def _check(c: CheckView) -> dict[str, Any]:
    return {
        "check": text(c.check),
        "segment": text(c.segment),
        "level": c.level.name.lower(),
        "reason": text(c.reason),
        "failures_total": c.failures_total,
        "failure_ratio": finite(c.failure_ratio),
        "value": finite(c.value),
    }


def verdicts(s: Snapshot, *, field: str | None, segment: str | None, level: str | None) -> dict[str, Any]:
    """Return the last verdicts and check outcomes; None does not filter. Checks have no field."""
    chosen = [
        v
        for v in s.verdicts
        if field in {None, v.field} and segment in {None, v.segment} and level in {None, v.level.name.lower()}
    ]
    checks = [
        c for c in s.checks if field is None and segment in {None, c.segment} and level in {None, c.level.name.lower()}
    ]
    return {
        "monitor": text(s.monitor),
        **moment("taken_at", s.taken_at_ms),
        "window": _window(s.last_window),
        "baseline_version": s.baseline_version,
        "verdicts": [_verdict(v, s.thresholds) for v in chosen],
        "checks": [_check(c) for c in checks],
    }


def alerts(s: Snapshot) -> dict[str, Any]:
    """Return the alerts that fire or have just resolved, why those of them are held that are, and what may come."""
    return {
        "monitor": text(s.monitor),
        **moment("taken_at", s.taken_at_ms),
        "alerts": [alert_document(a, s.held.get(a.identity, ())) for a in s.alerts],
        "pending": [pending_document(p) for p in s.pending],
    }


def incidents(s: Snapshot) -> dict[str, Any]:
    """Return what moves together, with its first cause, the strongest first; and which alerts are of it."""
    alerts_of: dict[str, list[str]] = {}
    for alert in s.alerts:
        alerts_of.setdefault(alert.annotations.get("incident", ""), []).append(text(alert.fingerprint))
    return {
        "monitor": text(s.monitor),
        **moment("taken_at", s.taken_at_ms),
        "window": _window(s.last_window),
        "incidents": [{**incident_document(i), "alerts": alerts_of.get(i.id, [])} for i in s.incidents],
    }


def _statistics(f: FieldView) -> dict[str, Any]:
    numbers = ("missing_ratio", "invalid_ratio", "mean", "stddev", "min", "max", "distinct")
    return {
        "rows": f.rows,
        **{name: finite(getattr(f, name)) for name in numbers},
        "quantiles": {f"{q:g}": finite(value) for q, value in sorted(f.quantiles.items())},
    }


def profile(s: Snapshot, p: ProfileView) -> dict[str, Any]:
    """Return one field's distribution: baseline and current share of each cell, with what was said about it."""
    here = (p.field, p.segment)
    view = next((f for f in s.fields if (f.field, f.segment) == here), None)
    cells = zip(p.labels, p.baseline, p.current, strict=True)
    moved = math.fsum(abs(c - b) for b, c in zip(p.baseline, p.current, strict=True)) or 1.0
    return {
        "monitor": text(s.monitor),
        **moment("taken_at", s.taken_at_ms),
        "field": text(p.field),
        "segment": text(p.segment),
        "window": _window(s.last_window),
        "baseline_version": s.baseline_version,
        "cells": [
            {
                "label": text(label),
                "baseline": finite(b),
                "current": finite(c),
                "contribution": finite((c - b) / moved),
            }
            for label, b, c in cells
        ],
        "attribution": [part_document(part) for part in p.parts],
        "incidents": [i.id for i in s.incidents if any((m.field, m.segment) == here for m in i.streams)],
        "statistics": None if view is None else _statistics(view),
        "verdicts": [_verdict(v, s.thresholds) for v in s.verdicts if (v.field, v.segment) == here],
    }
