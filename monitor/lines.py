"""The promised JSON lines: one for a verdict, a check, a gap, an alert and the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.budget_views import BudgetEvidence
from monitor.describe import field_views
from monitor.in_force import EpochView
from monitor.model_views import ModelView
from monitor.plan import MonitorPlan
from monitor.results import WindowResult
from monitor.snapshot import IncidentView, SegmentPart
from monitor.types import Alert, Level

_LEVELS = {level: level.name.lower() for level in Level}


def window_lines(plan: MonitorPlan, window: WindowResult) -> Iterator[dict[str, Any]]:
    """Yield the lines of a judged window: verdicts, checks, then news of incidents; a run of empty ones is one line."""
    segments = dict(zip(plan.segmenter.shown, plan.segmenter.segments, strict=True))
    head = {"monitor": plan.monitor, "window_start_ms": window.start_ms, "window_end_ms": window.end_ms}
    if window.gap:
        levels = {outcome.check: _LEVELS[outcome.level] for outcome in window.checks}
        yield {"kind": "gap", **head, "windows": window.windows, "rows": 0, "level": "unknown", "checks": levels}
        # Labels may still come when there are no predictions any more.
        yield from model_lines(plan, window, segments) if window.has_cohort else ()
        return
    for verdict in window.verdicts:
        yield {
            "kind": "verdict",
            **head,
            "segment": segments[verdict.segment],
            "field": verdict.field,
            "detector": verdict.detector,
            "score": verdict.score,
            "lower_bound": verdict.lower_bound,
            "noise_floor": verdict.noise_floor,
            "p_value": verdict.p_value,
            "n_baseline": verdict.n_baseline,
            "n_current": verdict.n_current,
            "level": _LEVELS[verdict.level],
            "reason": verdict.reason,
            **({"direction": verdict.direction} if verdict.direction else {}),
            **({"error_bound": verdict.error_bound} if verdict.error_bound is not None else {}),
            **({"budget": _evidence(verdict.budget)} if verdict.budget is not None else {}),
        }
    for outcome in window.checks:
        yield {
            "kind": "check",
            **head,
            "segment": segments[outcome.segment],
            "field": outcome.field,
            "check": outcome.check,
            "failures": outcome.failures,
            "rows": outcome.rows,
            "failure_ratio": outcome.failure_ratio,
            "level": _LEVELS[outcome.level],
            "reason": outcome.reason,
            **({"value": outcome.value} if outcome.whole else {}),
            **({"details": dict(outcome.details)} if outcome.details else {}),
            **({"evidence": outcome.evidence} if outcome.evidence else {}),
            **({"samples": [str(place) for place in outcome.samples]} if outcome.samples else {}),
        }
    yield from model_lines(plan, window, segments)
    for incident in window.incidents:
        if incident.fresh:
            yield {"kind": "incident", **head, **_incident(incident, segments)}


def _evidence(said: BudgetEvidence) -> dict[str, Any]:
    """Return what a verdict's line says of its evidence."""
    found: dict[str, Any] = {"evidence": said.ratio, "p_value": said.p_value}
    if said.onset_ms is not None:
        found |= {"onset_ms": said.onset_ms, "also": list(said.also)}
    return found


def model_lines(
    plan: MonitorPlan, window: WindowResult, segments: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield a line for each metric of a model in each segment."""
    return ({"kind": "model", **_of_model(view, plan, segments[view.segment])} for view in window.models)


def _of_model(view: ModelView, plan: MonitorPlan, segment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the line of a model's metric says; its window is that of the predictions."""
    return {
        "monitor": plan.monitor,
        "window_start_ms": view.start_ms,
        "window_end_ms": view.end_ms,
        "segment": segment,
        "field": view.field,
        "metric": view.metric,
        "source": view.source,
        "value": view.value,
        "lower": view.lower,
        "upper": view.upper,
        "error_bound": view.error_bound,
        "baseline": view.baseline,
        "rows": view.rows,
        "predictions": view.predictions,
        "level": view.level.name.lower(),
        "reason": view.reason,
        **({"evidence": view.evidence} if view.evidence else {}),
    }


def _incident(incident: IncidentView, segments: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return what an incident's line says of it besides the window."""
    return {
        "id": incident.id,
        "onset_ms": incident.onset_ms,
        "primary": {"field": incident.field, "segment": segments[incident.segment], "detector": incident.rule},
        "streams": [
            {
                "field": stream.field,
                "segment": segments[stream.segment],
                "detector": stream.rule,
                "level": stream.level.name.lower(),
                "strength": stream.strength,
            }
            for stream in incident.streams
        ],
        "segments": [segment_part(part, segments[part.segment]) for part in incident.segments],
        "mix_share": incident.mix_share,
        "within_share": incident.within_share,
        "cells": [{"cell": label, "share": share} for label, share in incident.cells],
        "related": [{"field": field, "correlation": r} for field, r in incident.related],
        "summary": incident.summary,
    }


def segment_part(part: SegmentPart, segment: Any) -> dict[str, Any]:
    """Return a segment's part in a movement; `segment` is how it is named."""
    return {
        "segment": segment,
        "explanatory_power": part.power,
        "surprise": part.surprise,
        "mix": part.mix,
        "within": part.within,
        "named": part.named,
    }


def field_lines(plan: MonitorPlan, window: WindowResult) -> Iterator[dict[str, Any]]:
    """Yield a window's statistics, one line for each field and segment."""
    segments = dict(zip(plan.segmenter.shown, plan.segmenter.segments, strict=True))
    for view in field_views(plan, window.profile) if window.profile is not None else ():
        yield {
            "kind": "field",
            "monitor": plan.monitor,
            "window_start_ms": window.start_ms,
            "window_end_ms": window.end_ms,
            "segment": segments[view.segment],
            "field": view.field,
            "rows": view.rows,
            "missing_ratio": view.missing_ratio,
            "invalid_ratio": view.invalid_ratio,
            "mean": view.mean,
            "stddev": view.stddev,
            "min": view.min,
            "max": view.max,
            "distinct": view.distinct,
            "quantiles": {str(share): value for share, value in view.quantiles.items()},
        }


def baseline_line(
    monitor: str, at_ms: int, version: str, previous: str | None, reason: str, unit: str = ""
) -> dict[str, Any]:
    """Return the line of a change of what windows are compared with; `unit` is the one field it is about, if it is."""
    line = {"kind": "baseline", "monitor": monitor, "at_ms": at_ms, "version": version, "previous": previous}
    return {**line, "reason": reason, **({"field": unit} if unit else {})}


def configuration_line(monitor: str, epoch: EpochView, previous: str | None, reason: str) -> dict[str, Any]:
    """Return the line of another configuration than before: its digest, that of the one before, and what changed."""
    return {
        "kind": "configuration",
        "monitor": monitor,
        "at_ms": epoch.since_ms,
        "hash": epoch.config_hash,
        "previous": previous,
        "reason": reason,
        "changes": list(epoch.changes),
    }


def change_lines(plan: MonitorPlan, window: WindowResult) -> Iterator[dict[str, Any]]:
    """Yield the lines of what the keeper of the baseline decided by a window."""
    version = plan.baseline_version or ""
    for change in window.baseline_changes:
        yield baseline_line(plan.monitor, change.at_ms, version, version, change.reason, change.unit)


def alert_line(alert: Alert) -> dict[str, Any]:
    """Return an alert's line."""
    return {
        "kind": "alert",
        "status": alert.status,
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "starts_at_ms": alert.starts_at_ms,
        "ends_at_ms": alert.ends_at_ms,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }


def summary_line(totals: Mapping[str, int]) -> dict[str, Any]:
    """Return the last line; records = rows + rejects + filtered, late rows are among the rows."""
    return {"kind": "summary", **totals}
