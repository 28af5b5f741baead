"""What a configuration will cost: series on /metrics and bytes of state, before a record is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.accumulators.sample import SAMPLED_ROWS
from monitor.budget_views import BudgetEvidence, BudgetView
from monitor.config.baseline_size import baseline_bytes
from monitor.config.budget_size import budget_bytes, statistics
from monitor.config.field_size import field_bytes, group_bytes
from monitor.config.model import model_plan_of
from monitor.config.model_size import fullest_model
from monitor.config.tree import Config
from monitor.export.cell_metrics import MAX_CELLS
from monitor.export.metrics import METRICS
from monitor.policy import BudgetPolicySpec
from monitor.segments import OBSERVED
from monitor.sequential import stream_field
from monitor.snapshot import (
    BaselineEventView,
    BaselineStateView,
    CheckView,
    DelayView,
    FieldView,
    PartitionView,
    ProfileView,
    Snapshot,
    VerdictView,
)
from monitor.types import Alert, Level

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_MODEL_BYTES = 8_192  # of a scored class of a model, for each pane and group


@dataclass(frozen=True)
class Estimate:
    """The product fields x segments x panes x partitions, as series and as bytes; upper ends, not averages.

    `memory_bytes` and `baseline_bytes`, parts of `state_bytes`, are what checks and detectors with memory and the
    windows or hours of a baseline take, however many partitions there are.
    """

    partitions: int
    fields: int
    segments: int
    open_panes: int
    series: int
    state_bytes: int
    memory_bytes: int = 0
    baseline_bytes: int = 0


def estimate(config: Config, partitions: int) -> Estimate:
    """Return what `config` costs with every segment seen and every pane of every partition open.

    Categories are taken to reach their cap, `limits.max_categories`, or the number of allowed values.
    """
    # One group for all rows; each dimension adds its values and one for all others.
    groups = 1 + sum(segment.most + 1 for segment in config.segments)
    panes = -(-(config.window.size + config.time.lateness) // config.window.pane) + 1
    bytes_per_pane = 0
    for field in config.watched.values():
        known = 0
        if config.baseline is not None and field.type in ("category", "boolean"):
            most = 2 if field.type == "boolean" else config.limits.max_categories
            known = min(most, len(field.allowed) if field.allowed else most)
        fixed, per_group = field_bytes(field.kept_type, known, config.baseline is not None)
        bytes_per_pane += fixed + per_group * groups
    bytes_per_pane += sum(group_bytes(len(group.fields), group.features) for group in config.groups) * groups
    bytes_per_pane += sum(8 * SAMPLED_ROWS * (len(group.fields) + 1) for group in config.groups if group.sampled)
    memory_bytes = sum(_check_bytes(config, check) for check in config.checks)
    kept_bytes = baseline_bytes(config.baseline, config.watched, config.segments, config.limits)
    memory_bytes += sum(spec.build().state_bytes * (groups if spec.segments else 1) for spec in config.sequential)
    memory_bytes += budget_bytes(config, _detectors(config), [""] * groups)
    model = model_plan_of(config.fields, config.model, baseline=config.baseline is not None)
    if model is not None:
        bytes_per_pane += _MODEL_BYTES * max(len(model.task.scored), 1) * groups
        memory_bytes += model.memory_bytes(len(config.segments), groups - 1)
    return Estimate(
        partitions=partitions,
        fields=len(config.watched),
        segments=groups - 1,
        open_panes=panes,
        series=_series(config, partitions, groups),
        state_bytes=bytes_per_pane * panes * partitions + memory_bytes + kept_bytes,
        memory_bytes=memory_bytes,
        baseline_bytes=kept_bytes,
    )


def _check_bytes(config: Config, check: Any) -> int:
    """Return what a check remembers at most."""
    field = config.fields.get(getattr(check, "field", ""))
    if check.kind == "near_duplicates" and field is not None and field.dimension is not None:
        return int(check.vector_bytes(field.dimension))
    return int(getattr(check, "memory_bytes", 0))


def _series(config: Config, partitions: int, groups: int) -> int:
    """Return the number of series, which grows with partitions and with groups, but not with their product."""
    base = _counted(config, 1, 1)
    per_partition = _counted(config, 2, 1) - base
    per_group = _counted(config, 1, 2) - base
    return base + per_partition * (partitions - 1) + per_group * (groups - 1)


def _counted(config: Config, partitions: int, groups: int) -> int:
    """Return the series of a snapshot in which everything there may be is there, counted as they are exported."""
    snapshot = _fullest(config, partitions, groups)
    total = 0
    for metric in METRICS:
        for _, value in metric.read(snapshot):
            total += len(value.counts) + 2 if isinstance(value, DelayView) else 1
    return total


def _fullest(config: Config, partitions: int, groups: int) -> Snapshot:
    topics: tuple[str, ...] = tuple(getattr(config.source, "topics", ("files",)))
    segments = ["", *(f"segment={number}" for number in range(groups - 1))]
    delay = DelayView((1.0,) * 12, (0,) * 13, 0.0)
    names = [check.name for check in config.checks]
    names += [check.name for path, field in config.watched.items() for check in field.checks(path)]
    exported = {check.name: dict.fromkeys(getattr(check, "exported", ()), 0.0) for check in config.checks}
    per_topic = dict.fromkeys(topics, 0)
    return Snapshot(
        monitor=config.name,
        version="",
        config_hash=config.digest,
        taken_at_ms=0,
        baseline_version="",
        baseline=_baseline(config),
        partitions=tuple(
            PartitionView(topics[i % len(topics)], i, 0, 0, 0, 0, 0.0, stalled=False, idle=False, watermark_ms=0)
            for i in range(partitions)
        ),
        late_rows=per_topic,
        forgotten_rows={check.name: 0 for check in config.checks if check.kind == "near_duplicates"},
        segment_values={each.field: (0, 0) for each in config.segments if each.values == OBSERVED},
        rows_after_verdict=per_topic,
        filtered=per_topic,
        records_per_second=dict.fromkeys(topics, 0.0),
        bytes_per_second=dict.fromkeys(topics, 0.0),
        record_delay=dict.fromkeys(topics, delay),
        append_delay=dict.fromkeys(topics, delay),
        watermark_ms=0,
        fields=tuple(_field_views(config, segments)),
        verdicts=tuple(_verdict_views(config, segments)),
        thresholds={(name, kind, level): 0.0 for name, kind in _detectors(config) for level in ("warning", "critical")},
        checks=tuple(
            CheckView(name, segment, Level.OK, 0, 0.0, details=exported.get(name, {}))
            for name in names
            for segment in segments
        ),
        checkpoint_duration=delay,
        checkpoint_last_success_ms=0,
        notifications={(sink.name, "delivered"): 0 for sink in config.sinks},
        outbox_size={sink.name: 0 for sink in config.sinks},
        alerts=tuple(_alerts(config, names, segments)),
        profiles=tuple(_profile_views(config)),
        model=fullest_model(config, segments),
        sink_open={sink.name: 0 for sink in config.sinks},
        incidents_open={sink.name: 0 for sink in config.sinks if hasattr(sink, "group_by")},
        storms={sink.name: 0 for sink in config.sinks if hasattr(sink, "group_by")},
        budget=_budget(config),
    )


def _alerts(config: Config, checks: list[str], segments: list[str]) -> Iterator[Alert]:
    """Return everything that can fire, firing; a rule has one severity at a time."""
    rules = [(view.detector, view.field, view.segment) for view in _verdict_views(config, segments)]
    for rule, path, segment in [*rules, *((name, "", segment) for name in checks for segment in segments)]:
        yield Alert("firing", "", "critical", 0, labels={"rule": rule, "field": path, "segment": segment})


def _profile_views(config: Config) -> Iterator[ProfileView]:
    """Return as many cells as are exported at most; a field without a baseline has none."""
    for path, field in config.watched.items():
        if config.baseline is not None and field.type in ("number", "integer", "category", "boolean"):
            cells = 4 if field.type == "boolean" else MAX_CELLS
            shares = (0.0,) * cells
            yield ProfileView(path, "", tuple(map(str, range(cells))), shares, shares)


def _budget(config: Config) -> BudgetView | None:
    if not isinstance(config.policy, BudgetPolicySpec):
        return None
    return BudgetView(1.0, 1, 0, 1.0, 1.0, 0, dict.fromkeys(("calibrating", "over max_streams", "resembling"), 0))


def _baseline(config: Config) -> BaselineStateView | None:
    if config.baseline is None:
        return None
    trailing = config.baseline.kind == "trailing"
    windows = dict.fromkeys(config.watched, 0) if trailing else {}
    event = BaselineEventView(0, "", None, "")
    return BaselineStateView(config.baseline.kind, "", windows, events=(event,))


def _field_views(config: Config, segments: list[str]) -> Iterator[FieldView]:
    for path, field in config.watched.items():
        numeric, vector = field.type in ("number", "integer"), field.type == "vector"
        for segment in segments:
            numbers = dict.fromkeys(("mean", "stddev", "min", "max"), 0.0) if numeric or vector else {}
            whole = {"distinct": 0.0, "quantiles": dict.fromkeys(_QUANTILES if numeric else (), 0.0)}
            sketched = {} if segment or vector else whole
            yield FieldView(path, segment, 0, 0.0, 0.0, **numbers, **sketched)  # type: ignore[arg-type]
    for group in config.groups:
        for segment in segments:
            yield FieldView(group.name, segment, 0, 0.0, None)


def _detectors(config: Config) -> list[tuple[str, str]]:
    """Return field or group, and kind, of every detector."""
    found = [(path, detector.kind) for path in config.watched for detector in config.detectors_for(path)]
    return found + [(group.name, detector.kind) for group in config.groups for detector in group.drift]


def _verdict_views(config: Config, segments: list[str]) -> Iterator[VerdictView]:
    evidence = BudgetEvidence(0.0) if isinstance(config.policy, BudgetPolicySpec) else None
    for name, kind in _detectors(config):
        for segment in segments:
            yield VerdictView(name, segment, kind, Level.OK, "ok", 0.0, 0.0, 0.0, 0.0, 1, 1, budget=evidence)
    for what, name, segment in statistics(config, segments):
        yield VerdictView(name, segment, what, Level.OK, "ok", 0.0, 0.0, None, None, 1, 1, budget=evidence)
    for spec in config.sequential:
        for segment in segments if spec.segments else segments[:1]:
            yield VerdictView(stream_field(spec), segment, spec.name, Level.OK, "ok", 0.0, None, None, None, 1, 1)
