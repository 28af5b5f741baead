"""Snapshots as the engine would publish them, made by hand: a quiet one, a bad night, a hostile one, a huge one."""

from __future__ import annotations

import math
from dataclasses import replace

from monitor.alert_views import HeldView, MuteView, PendingView
from monitor.budget_views import BudgetEvidence, BudgetView
from monitor.in_force import EpochView, LoadView
from monitor.model_views import JoinView, ModelState, ModelView
from monitor.snapshot import (
    BaselineEventView,
    BaselineStateView,
    CheckView,
    DelayView,
    FieldView,
    IncidentView,
    MovingView,
    PartitionView,
    ProfileView,
    SegmentPart,
    Snapshot,
    VerdictView,
    WindowView,
)
from monitor.types import Alert, Level

T0_MS = 1_795_219_200_000
_MINUTE_MS = 60_000

AGREEMENT = {
    "rated_units": 120.0,
    "left_out": 0.0,
    "alpha": 0.913,
    "alpha_lower": 0.874,
    "alpha_upper": 0.942,
    "agreement_ratio": 0.951,
    "kappa": 0.909,
}
"""The numbers behind an outcome of a check of agreement."""
BALANCE = {"effective_classes": 3.2, "simpson_classes": 2.7, "imbalance": 6.1, "tail_ratio": 0.04}
"""The numbers behind an outcome of a check of balance."""


def verdict(field: str, detector: str = "psi", level: Level = Level.OK, **changes: object) -> VerdictView:
    """Return a verdict on `field` with plausible numbers."""
    score = {Level.OK: 0.021, Level.WARNING: 0.14, Level.CRITICAL: 0.47, Level.UNKNOWN: None}[level]
    view = VerdictView(
        field=field,
        segment="",
        detector=detector,
        level=level,
        reason="too few rows (12 of 50)" if level is Level.UNKNOWN else "",
        score=score,
        lower_bound=None if score is None else score * 0.8,
        noise_floor=0.004,
        p_value=None if score is None else 1e-9,
        n_baseline=50_000,
        n_current=12 if level is Level.UNKNOWN else 4_210,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def field_view(field: str, segment: str = "", **changes: object) -> FieldView:
    """Return a numeric field's view with every number present."""
    view = FieldView(
        field=field,
        segment=segment,
        rows=4_210,
        missing_ratio=0.012,
        invalid_ratio=0.0,
        mean=42.5,
        stddev=12.25,
        min=0.5,
        max=990.0,
        distinct=3_111.0,
        quantiles={0.5: 40.0, 0.95: 66.0, 0.99: 81.5},
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def partition(topic: str, number: int, **changes: object) -> PartitionView:
    """Return a partition that is 40 records behind."""
    view = PartitionView(
        topic=topic,
        partition=number,
        records=1_204_000 + number,
        record_bytes=280_000_000,
        next_offset=1_204_000,
        end_offset=1_204_040,
        lag_s=0.8,
        stalled=False,
        idle=False,
        watermark_ms=T0_MS - 31_000,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def alert(field: str, severity: str = "critical", **changes: object) -> Alert:
    """Return a firing alert about the drift of `field`."""
    view = Alert(
        status="firing",
        fingerprint=f"{abs(sum(map(ord, field))):016x}",
        severity="critical" if severity == "critical" else "warning",
        starts_at_ms=T0_MS - 7 * _MINUTE_MS,
        labels={"monitor": "payments", "alertname": "FieldDrift", "field": field, "severity": severity},
        annotations={
            "summary": f"{field} has drifted: psi 0.47, at least 0.38",
            "description": "Cell (100, 250] rose from 10.0 % to 31.2 % of rows since 03:53.",
            "runbook_url": "https://runbooks.example/driftline/FieldDrift",
        },
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def profiles() -> tuple[ProfileView, ...]:
    """Return a numeric and a categorical profile, baseline against current."""
    cuts = (
        "(-∞, 5]",
        "(5, 10]",
        "(10, 18]",
        "(18, 25]",
        "(25, 34]",
        "(34, 48]",
        "(48, 70]",
        "(70, 100]",
        "(100, 250]",
        "(250, ∞)",
    )
    now = (0.061, 0.066, 0.07, 0.072, 0.078, 0.081, 0.09, 0.102, 0.312, 0.068)
    names = ("DE", "FR", "US", "GB", "NL", "ES", "unseen", "other")
    return (
        ProfileView("amount", "", cuts, (0.1,) * 10, now),
        ProfileView("amount", "country=DE", cuts, (0.1,) * 10, now[::-1]),
        ProfileView(
            "country",
            "",
            names,
            (0.41, 0.22, 0.18, 0.1, 0.04, 0.03, 0.0, 0.02),
            (0.36, 0.21, 0.17, 0.09, 0.04, 0.03, 0.08, 0.02),
        ),
    )


def bad_night() -> Snapshot:
    """Return a snapshot that has every metric: drift, an unknown verdict, failing checks, lag, alerts."""
    delay = DelayView(bounds_s=(0.1, 0.5, 1.0, 5.0, 30.0), counts=(10, 40, 200, 50, 3, 1), sum_s=612.5)
    return Snapshot(
        monitor="payments",
        version="1.2.3",
        config_hash="9f31c2ab",
        taken_at_ms=T0_MS,
        ready=True,
        ready_reason="",
        caught_up=True,
        baseline_version="7",
        baseline=BaselineStateView(
            "trailing",
            "7",
            {"amount": 24, "country": 20},
            frozenset({"country"}),
            (BaselineEventView(T0_MS - 86_400_000, "7", "6", "restart with another version"),),
        ),
        epoch=EpochView(
            "9f31c2ab", "7", T0_MS - 7_200_000, ("fields.amount.range: [0, 100] -> [0, 200]", "sinks[am].url: changed")
        ),
        last_load=LoadView(False, T0_MS - 60_000, T0_MS - 7_200_000, ("window.size: not a duration (got soon)",)),
        partitions=(
            *(partition("payments", n) for n in range(3)),
            partition("payments", 3, stalled=True, lag_s=412.0, next_offset=1_100_000),
        ),
        jumps={("payments", "retention"): 118},
        stall_actions={"seek": 1, "restart": 2},
        rejects={("payments", "not_an_object"): 12, ("payments", "undecodable"): 431},
        late_rows={"payments": 77},
        rows_after_verdict={"payments": 4},
        sequential_refused={("amount", "", "adwin_mean"): 1},
        filtered={"payments": 19},
        dead_letters={("payments", "sent"): 440, ("payments", "suppressed"): 3},
        records_per_second={"payments": 8_412.5},
        bytes_per_second={"payments": 1_934_875.0},
        record_delay={"payments": delay},
        append_delay={"payments": delay},
        watermark_ms=T0_MS - 31_000,
        last_window=WindowView(T0_MS - 2 * _MINUTE_MS, T0_MS - _MINUTE_MS, 252_000, partial=False),
        windows_total=10_233,
        fields=(
            field_view("amount"),
            field_view("amount", "country=DE", mean=39.1),
            field_view("country", mean=None, stddev=None, min=None, max=None, distinct=7.0, quantiles={}),
            field_view("merchant.mcc", missing_ratio=0.31, mean=None, stddev=None, min=None, max=None, quantiles={}),
            field_view(
                "note",
                rows=12,
                missing_ratio=0.5,
                invalid_ratio=0.083,
                mean=None,
                stddev=None,
                min=None,
                max=None,
                quantiles={},
            ),
            field_view("latency_ms", mean=183.0, stddev=40.0, max=60_000.0),
            field_view("items", mean=2.1, stddev=1.0, max=44.0),
        ),
        verdicts=(
            verdict(
                "amount",
                "psi",
                Level.CRITICAL,
                reason="lower bound 0.38 ≥ 0.25",
                budget=BudgetEvidence(3.2, 0.001, T0_MS - 3 * _MINUTE_MS, ("ks of amount",)),
            ),
            verdict("amount", "ks", Level.WARNING, score=0.18, lower_bound=0.16, reason="lower bound 0.16 ≥ 0.1"),
            verdict("amount", "psi", Level.WARNING, segment="country=DE"),
            verdict("amount", "ks", segment="country=DE"),
            verdict("country", "psi", Level.WARNING, reason="lower bound 0.11 ≥ 0.1"),
            verdict("merchant.mcc", "psi"),
            verdict("merchant.mcc", "missing", Level.CRITICAL, score=0.31, lower_bound=0.3),
            verdict("note", "psi", Level.UNKNOWN),
            verdict("latency_ms", "psi"),
            verdict("latency_ms", "ks", score=0.02, lower_bound=0.0),
            verdict("items", "psi"),
            verdict("items", "ks", score=0.03, lower_bound=0.01),
        ),
        thresholds={
            (field, detector, level): value
            for field in ("amount", "country", "merchant.mcc", "note", "latency_ms", "items")
            for detector, values in (("psi", (0.1, 0.25)), ("ks", (0.1, 0.2)))
            for level, value in zip(("warning", "critical"), values, strict=True)
        },
        model=ModelState(
            (
                ModelView(
                    "approved",
                    "model.accuracy",
                    "accuracy",
                    "realized",
                    "",
                    Level.WARNING,
                    "worse than baseline",
                    *(0.81, 0.79, 0.83, 0.0, 0.9),
                    rows=3_900,
                    predictions=4_210,
                    start_ms=T0_MS - 2 * 86_400_000,
                    end_ms=T0_MS - 2 * 86_400_000 + _MINUTE_MS,
                ),
                ModelView(
                    "approved",
                    "model.auc.estimated",
                    "auc",
                    "estimated",
                    "",
                    Level.UNKNOWN,
                    "too few rows",
                    end_ms=T0_MS,
                ),
            ),
            join=JoinView(
                90_000,
                80_000,
                12,
                0,
                {"joined": 71_000, "duplicate": 40, "orphan": 11},
                10_000,
                7,
                1.0,
                (60.0, 3_600.0, 86_400.0),
                (5, 60_000, 10_990, 5),
                9.1e7,
                0.926,
            ),
        ),
        checks=(
            CheckView("refund_sign", "", Level.CRITICAL, 18_210, 0.031, "0.031 > 0.01 of rows"),
            CheckView("duplicates", "", Level.OK, 12, 0.00002),
            CheckView("freshness", "", Level.UNKNOWN, 0, None, "partial window"),
            CheckView("volume", "", Level.OK, 0, 0.0, "ok", 5_230.0),
            CheckView("agreement", "", Level.OK, 3, 0.0, "ok", 0.913, AGREEMENT),
            CheckView("country.balance", "", Level.OK, 0, 0.0, "ok", 0.09, BALANCE),
        ),
        profiles=profiles(),
        unknown_fields={"shipping.carrier": 4_210, "beta_flag": 17},
        alerts=(
            alert("merchant.mcc", "warning"),
            alert("amount"),
            alert("items", status="resolved", ends_at_ms=T0_MS - _MINUTE_MS),
        ),
        budget=BudgetView(1.0, 2_592_000_000, 2, 2_592_000_000.0, 0.4, 40, {"calibrating": 4, "over max_streams": 0}),
        notifications={("am", "delivered"): 31, ("am", "retried"): 2, ("oncall", "delivered"): 4},
        pending=(PendingView("ks", "items", "", 1, 2, T0_MS - _MINUTE_MS, "lower bound 0.11 ≥ 0.1"),),
        held={
            (f"{sum(map(ord, 'merchant.mcc')):016x}", "warning"): (
                HeldView("silence", "51ce", "reload", T0_MS + _MINUTE_MS, ("am",)),
            )
        },
        notifications_held={("am", "silence"): 1, ("oncall", "after"): 0},
        silences={"pending": 0, "active": 1, "expired": 2},
        muted=(MuteView("silence", "51ce", "active", ('field="merchant.mcc"',), T0_MS + _MINUTE_MS, "reload", "ada"),),
        outbox_size={"am": 0, "oncall": 1},
        sink_open={"am": 0, "oncall": 1},
        incidents_open={"oncall": 2},
        storms={"oncall": 1},
        checkpoint_duration=delay,
        checkpoint_last_success_ms=T0_MS - 4_000,
        rebalances=2,
        engine_seconds={"decode": 812.0, "fold": 400.5, "poll": 1_200.25},
        series_dropped={"category": 3},
    )


def quiet_night() -> Snapshot:
    """Return a snapshot of a monitor in which everything is well."""
    bad = bad_night()
    return replace(
        bad,
        alerts=(),
        verdicts=tuple(replace(v, level=Level.OK, reason="", score=0.01, lower_bound=0.0) for v in bad.verdicts),
        checks=tuple(replace(c, level=Level.OK, failure_ratio=0.0, reason="") for c in bad.checks),
        partitions=tuple(replace(p, stalled=False, lag_s=0.2, next_offset=1_204_040) for p in bad.partitions),
    )


HOSTILE = '<script>alert("x")</script>\'&amp;"\x00\x1b[31m\u202e\ud800' + "ü" * 1_000_000
"""A text from a record that wants to be markup, a terminal command, invalid UTF-8 and 2 MB at once."""


def incident(field: str, segment: str = "", **changes: object) -> IncidentView:
    """Return an incident of one stream and its segment."""
    usual = IncidentView(
        "0123456789abcdef",
        T0_MS - 3_600_000,
        "psi",
        field,
        segment,
        f"Since an hour {field} of {segment} rose",
        (MovingView("psi", field, segment, Level.CRITICAL, 4.5),),
        (
            SegmentPart(segment, 0.9, 0.01, -0.01, 0.1, named=True),
            SegmentPart("country=FR", 0.1, 0.0, 0.0, 0.01, False),
        ),
        -0.1,
        1.1,
        (("≥ 90", 0.4), ("< 5", -0.3)),
        (("country", None),),
        raised=True,
        fresh=True,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def hostile() -> Snapshot:
    """Return a snapshot in which every text that can come from data or users is hostile, and numbers are not finite."""
    return Snapshot(
        monitor="payments",
        version="1",
        config_hash="0",
        taken_at_ms=T0_MS,
        ready=True,
        ready_reason=HOSTILE,
        watermark_ms=2**62,
        epoch=EpochView(HOSTILE, HOSTILE, 2**62, (HOSTILE,) * 200),
        last_load=LoadView(False, 2**62, -(2**60), (HOSTILE,) * 200),
        last_window=WindowView(-(2**60), 2**60, 1, partial=True),
        partitions=(partition(HOSTILE, 0, watermark_ms=-(2**60), lag_s=math.inf, end_offset=None),),
        rejects={(HOSTILE, HOSTILE): 1},
        late_rows={HOSTILE: 1},
        filtered={HOSTILE: 1},
        fields=(
            field_view(HOSTILE, mean=math.nan, stddev=math.inf, min=-math.inf),
            field_view("amount", HOSTILE),
            field_view("amount", HOSTILE + "2"),
        ),
        verdicts=(
            verdict(HOSTILE, HOSTILE, Level.UNKNOWN, segment=HOSTILE, reason=HOSTILE),
            verdict("amount", "psi", Level.CRITICAL, segment=HOSTILE, reason=HOSTILE, score=math.nan),
        ),
        thresholds={(HOSTILE, HOSTILE, "warning"): 0.1},
        checks=(CheckView(HOSTILE, HOSTILE, Level.CRITICAL, 1, math.nan, HOSTILE),),
        profiles=(ProfileView(HOSTILE, "", (HOSTILE, "b"), (0.5, math.nan), (math.inf, -1.0)),),
        unknown_fields={HOSTILE: 1},
        alerts=(
            alert(
                "x",
                fingerprint=HOSTILE,
                labels={HOSTILE: HOSTILE, "field": HOSTILE, "segment": HOSTILE},
                annotations={
                    "summary": HOSTILE,
                    "description": HOSTILE,
                    "cause": HOSTILE,
                    "incident": HOSTILE,
                    "runbook_url": "javascript:alert(1)",
                },
            ),
        ),
        incidents=(
            incident(
                HOSTILE, HOSTILE, cells=((HOSTILE, math.nan),), related=((HOSTILE, math.nan),), mix_share=math.inf
            ),
        ),
        pending=(PendingView(HOSTILE, HOSTILE, HOSTILE, 1, 2, 2**62, HOSTILE),),
        held={(HOSTILE, "critical"): (HeldView("silence", HOSTILE, HOSTILE, 2**62, (HOSTILE,)),)},
        muted=(MuteView("silence", HOSTILE, "active", (HOSTILE,), 2**62, HOSTILE, HOSTILE),),
        outbox_size={HOSTILE: 1},
        sink_open={HOSTILE: 1},
        incidents_open={HOSTILE: 1},
        storms={HOSTILE: 1},
    )


def huge(fields: int, segments: int) -> Snapshot:
    """Return a snapshot with fields × segments numeric fields, each with two detectors."""
    names = [f"group.field_{n}" for n in range(fields)]
    parts = ["", *(f"country=C{n}" for n in range(segments - 1))]
    return replace(
        bad_night(),
        fields=tuple(field_view(name, part) for name in names for part in parts),
        verdicts=tuple(
            verdict(name, detector, segment=part) for name in names for part in parts for detector in ("psi", "ks")
        ),
    )
