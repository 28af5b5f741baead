"""From a judged window to what the alert book has to hear of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from monitor.alerting import Key, Signal
from monitor.budgeting import PAGED, STATISTICS, evidence_words, statistic_keys
from monitor.model_views import ModelView
from monitor.plan import MonitorPlan
from monitor.printable import iso, printable
from monitor.results import CheckOutcome, WindowResult
from monitor.sequential import CHANGE, HELD, stream_field
from monitor.snapshot import IncidentView, VerdictView
from monitor.types import Level
from monitor.window_values import groups_of

_SHOWN = 5
_NAME_CHARS = 60


def signals(plan: MonitorPlan, window: WindowResult, active: AbstractSet[Key]) -> list[Signal]:
    """Return the signals at warning or above, and those of active streams whatever they are."""
    causes = _causes(window)
    found = [*_drift(plan, window, active), *_checks(plan, window, active), *_models(plan, window, active)]
    if not causes:
        return found
    return [replace(signal, annotations={**signal.annotations, **causes.get(signal.key, {})}) for signal in found]


def alert_keys(plan: MonitorPlan) -> frozenset[Key]:
    """Return every stream that windows of this plan can have."""
    labels = plan.segmenter.shown
    drift = (Key(item.name, item.field, label) for item in plan.detectors for label in labels)
    rows = (Key(check.spec.name, check.spec.field, label) for check in plan.row_checks for label in labels)
    whole = (
        Key(check.spec.name, getattr(check.spec, "field", ""), label)
        for check in plan.window_checks
        for label in (labels if getattr(check.spec, "segmented", False) else labels[:1])
    )
    series = (
        Key(spec.name, stream_field(spec), labels[group]) for spec in plan.sequential for group in groups_of(plan, spec)
    )
    names = plan.segmenter.names
    evidence = (Key(rule, field, names.get(label) or label) for rule, field, label in statistic_keys(plan))
    model = (
        ()
        if plan.model is None
        else (Key(rule, plan.model.fields.name, label) for rule in plan.model.rules for label in labels)
    )
    return frozenset((*drift, *rows, *whole, *series, *evidence, *model))


def _drift(plan: MonitorPlan, window: WindowResult, active: AbstractSet[Key]) -> Iterator[Signal]:
    hysteresis = plan.hysteresis
    for verdict in window.verdicts:
        key = Key(verdict.detector, verdict.field, verdict.segment)
        if verdict.level >= Level.WARNING or key in active:
            place = (verdict.field, verdict.segment, verdict.detector)
            change = (window.changes or {}).get(place)
            evidence = (window.evidence or {}).get(place, "")
            yield Signal(
                rule=verdict.detector,
                field=verdict.field,
                segment=verdict.segment,
                level=verdict.level,
                reason=verdict.reason,
                annotations=_drift_words(verdict, evidence) if change is None else _change_words(verdict, change),
                # A change is found in one window, but the evidence is that of all windows before.
                raise_after=1 if verdict.reason in (CHANGE, HELD, PAGED) else hysteresis.raise_after,
                clear_after=hysteresis.clear_after,
                alertname="DriftlineDrift",
            )


def _checks(plan: MonitorPlan, window: WindowResult, active: AbstractSet[Key]) -> Iterator[Signal]:
    hysteresis = plan.hysteresis
    for outcome in window.checks:
        if outcome.level >= Level.WARNING or Key(outcome.check, outcome.field, outcome.segment) in active:
            yield Signal(
                rule=outcome.check,
                field=outcome.field,
                segment=outcome.segment,
                level=outcome.level,
                reason=outcome.reason,
                annotations=_check_words(outcome),
                raise_after=hysteresis.checks_raise_after,
                clear_after=hysteresis.clear_after,
                alertname="DriftlineCheck",
            )


def _models(plan: MonitorPlan, window: WindowResult, active: AbstractSet[Key]) -> Iterator[Signal]:
    hysteresis = plan.hysteresis
    for view in window.models:
        if view.level >= Level.WARNING or Key(view.rule, view.field, view.segment) in active:
            errors = view.source == "errors"
            yield Signal(
                rule=view.rule,
                field=view.field,
                segment=view.segment,
                level=view.level,
                reason=view.reason,
                annotations=_error_words(view) if errors else _model_words(view),
                raise_after=1 if errors and view.reason == CHANGE else hysteresis.raise_after,
                clear_after=hysteresis.clear_after,
                # A limit is a promise, as a check is; a change in the errors is drift.
                alertname="DriftlineDrift" if errors else "DriftlineCheck",
            )


def _model_words(view: ModelView) -> dict[str, str]:
    """Return what a person needs to know of a model that is worse than it should be."""
    where = f" in {view.segment}" if view.segment else ""
    how = "without labels" if view.source == "estimated" else "with labels"
    baseline = f"; the baseline's is {_show(view.baseline)}" if view.baseline is not None else ""
    since = f"the predictions from {iso(view.start_ms)} to {iso(view.end_ms)}"
    words = {
        "summary": f"{view.metric} of {view.field}{where} is {_show(view.value)}, {view.reason} ({view.source})",
        "description": (
            f"{view.metric} of {view.field}{where}, {view.source} {how}, is {_show(view.value)} over {since}, with "
            f"95 % confidence from {_show(view.lower)} to {_show(view.upper)}, of {view.rows} rows{baseline}."
        ),
    }
    if view.evidence:
        words["evidence"] = view.evidence
    return words


def _error_words(view: ModelView) -> dict[str, str]:
    """Return what a person needs to know of a change in a model's errors."""
    found = "changed" if view.reason == CHANGE else "may be changing"
    evidence = {"evidence": view.evidence} if view.evidence else {}
    since = f"the predictions from {iso(view.start_ms)} to {iso(view.end_ms)}"
    where = f" in {view.segment}" if view.segment else ""
    return {
        "summary": f"The errors of {view.field}{where} {found} ({view.metric}): concept drift",
        "description": (
            f"{view.metric} found that the errors of {view.field}{where} {found} in {since}; their mean is "
            f"{_show(view.value)}, of {view.rows} rows. It compares errors with those before them, not with a baseline."
        ),
        **evidence,
    }


def _causes(window: WindowResult) -> dict[Key, Mapping[str, str]]:
    """Return what the alert of each stream says of its incident: one text for all streams of one."""
    found: dict[Key, Mapping[str, str]] = {}
    for incident in window.incidents:
        words = _cause_words(incident)
        found |= dict.fromkeys((Key(stream.rule, stream.field, stream.segment) for stream in incident.streams), words)
    return found


def _cause_words(incident: IncidentView) -> dict[str, str]:
    """Return an incident's id, its first cause in a sentence, its onset, and the segments that explain it."""
    onset = iso(incident.onset_ms) or str(incident.onset_ms)
    words = {"incident": incident.id, "cause": incident.summary, "onset": onset}
    named = [part for part in incident.segments if part.named][:_SHOWN]
    if named:
        words["segments"] = ", ".join(
            f"{printable(part.segment, _NAME_CHARS)} ({min(part.power, 1.0):.0%})" for part in named
        )
    return words


def _drift_words(verdict: VerdictView, evidence: str) -> dict[str, str]:
    """Return what a person needs to know of a drift verdict."""
    where = f" in {verdict.segment}" if verdict.segment else ""
    words = {
        "summary": f"{verdict.field}{where} drifted from its baseline ({verdict.detector} {_show(verdict.score)})",
        "description": (
            f"{verdict.detector} of {verdict.field}{where} is {_show(verdict.score)}, with 95 % confidence at least "
            f"{_show(verdict.lower_bound)}; without drift about {_show(verdict.noise_floor)} is expected. "
            f"{verdict.n_current} rows against {verdict.n_baseline} of the baseline."
        ),
    }
    if verdict.detector in STATISTICS:
        words = _statistic_words(verdict, where)
    if evidence:
        words["evidence"] = f"Share of the score (+ grew, - shrank): {evidence}"
    if verdict.budget is not None and verdict.level >= Level.WARNING:
        words["budget"] = evidence_words(verdict.budget)
    return words


def _statistic_words(verdict: VerdictView, where: str) -> dict[str, str]:
    """Return what a person needs to know of a statistic that left its usual values."""
    of = f" of {printable(verdict.field, _NAME_CHARS)}" if verdict.field else ""
    what = f"{verdict.detector}{of}{where}"
    return {
        "summary": f"{what} left its usual values ({_show(verdict.score)})",
        "description": (
            f"{what} is {_show(verdict.score)}, compared with {verdict.n_baseline} calm windows; "
            f"it is {_show(verdict.lower_bound)} beyond 95 % of them."
        ),
    }


def _change_words(verdict: VerdictView, change: str) -> dict[str, str]:
    """Return what a person needs to know of what a sequential detector found."""
    summary = change[:1].upper() + change[1:]
    how = f"{verdict.detector} compares windows with those before them, not with a baseline"
    return {"summary": summary, "description": f"{summary}. {how}; its score is {_show(verdict.score)}."}


def _check_words(outcome: CheckOutcome) -> dict[str, str]:
    """Return what a person needs to know of a failing check."""
    where = f" in {outcome.segment}" if outcome.segment else ""
    words = {
        "summary": f"Check {outcome.check}{where} fails",
        "description": _check_description(outcome),
    }
    if outcome.samples:
        words["evidence"] = f"Failed at {', '.join(str(place) for place in outcome.samples[:_SHOWN])}"
    if outcome.evidence:
        words["evidence"] = outcome.evidence
    return words


def _check_description(outcome: CheckOutcome) -> str:
    """Return how many of how many rows failed, or what is wrong with the window as a whole."""
    if outcome.whole:
        return f"{outcome.reason}: the window has {outcome.rows} rows."
    share = "" if outcome.failure_ratio is None else f" ({outcome.failure_ratio:.3%})"
    return f"{outcome.failures} of {outcome.rows} rows failed{share}."


def _show(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
