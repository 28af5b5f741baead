"""What the parts of a configuration must agree on; each rule reads the sections it names and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from monitor.checks import misfits
from monitor.config.baseline_size import baseline_bytes
from monitor.config.group_rules import GROUP_RULES
from monitor.config.model_rules import MODEL_RULES
from monitor.config.paths import confusable
from monitor.config.sequential_rules import sequential_violations
from monitor.config.sureness import watched_fields
from monitor.config.sureness_rules import MADE_RULES
from monitor.config.violation import BASELINE_REMEDY, Violation
from monitor.inner_types import are_values
from monitor.sources import KafkaSpec
from monitor.spec import format_duration

_TOPICS = {"align": ("left", "right"), "foreign_key": ("topic",)}
"""The settings that name topics, of checks that compare two."""


def violations(sections: Mapping[str, Any]) -> list[Violation]:
    """Return every violated rule among those whose sections are all present in `sections`."""
    found: list[Violation] = []
    if "fields" in sections:
        sections = {**sections, "watched": watched_fields(sections["fields"], sections.get("model"))}
    for needs, rule in _RULES:
        if all(name in sections for name in needs):
            found.extend(rule(*(sections[name] for name in needs)))
    found.extend(Violation(*each) for each in sequential_violations(sections))
    return found


def _something_is_watched(fields: Any, checks: Any) -> Iterator[Violation]:
    if not fields and not checks:
        yield Violation(("fields",), "there is nothing to watch", "configure at least one field or check")


def _paths_are_distinct(fields: Any, time: Any) -> Iterator[Violation]:
    paths = list(fields)
    if time.field is not None and time.field not in fields:
        paths.append(time.field)
    for path, other, why in confusable(paths):
        loc = ("fields", path) if path in fields else ("time", "field")
        yield Violation(loc, f"{path} and {other} cannot be told apart: {why}", "keep one of them")


def _field_count_is_capped(fields: Any, limits: Any) -> Iterator[Violation]:
    if len(fields) > limits.max_fields:
        yield Violation(("fields",), f"{len(fields)} fields are more than limits.max_fields", "raise it or drop some")
    for path, field in fields.items():
        if field.allowed is not None and len(field.allowed) > limits.max_categories:
            message = f"{len(field.allowed)} allowed values are more than limits.max_categories"
            yield Violation(("fields", path, "allowed"), message, "raise it, or use a check of kind sql")


def _vectors_are_capped(fields: Any, limits: Any) -> Iterator[Violation]:
    for path, field in fields.items():
        if field.dimension is not None and field.dimension > limits.max_vector_dimension:
            message = f"{field.dimension} numbers are more than limits.max_vector_dimension"
            yield Violation(("fields", path, "dimension"), message, "raise it, or send shorter vectors")


def _vectors_can_be_read(fields: Any, decoder: Any) -> Iterator[Violation]:
    for path, field in fields.items():
        if field.type == "vector" and decoder.kind == "delimited":
            message = "delimited records have no arrays, so every value would be a wrong type"
            yield Violation(("fields", path, "type"), message, "use another decoder, or drop the field")


def _record_fields_have_their_types(fields: Any) -> Iterator[Violation]:
    for path, field in fields.items():
        if not path.startswith("$"):
            continue
        fitting = ("integer", "number") if path == "$timestamp_ms" else ("category", "text")
        if field.type not in fitting:
            yield Violation(("fields", path, "type"), f"{path} cannot be {field.type}", f"use {' or '.join(fitting)}")


def _event_time_is_readable(fields: Any, time: Any) -> Iterator[Violation]:
    if time.field is None:
        return
    if time.field.startswith("$"):
        remedy = "leave time.field out to use the record's Kafka timestamp"
        yield Violation(("time", "field"), "event time is read from the record's value", remedy)
    if time.field in fields:
        fitting = ("category", "text") if time.unit == "iso8601" else ("integer", "number")
        if fields[time.field].type not in fitting:
            message = f"a time in {time.unit} cannot be of type {fields[time.field].type}"
            yield Violation(("fields", time.field, "type"), message, f"use {' or '.join(fitting)}, or change time.unit")


def _panes_fit(window: Any, time: Any, limits: Any) -> Iterator[Violation]:
    panes = -(-(window.size + time.lateness) // window.pane) + 1
    if panes > limits.max_open_panes:
        message = f"{panes} panes are open at once, more than limits.max_open_panes = {limits.max_open_panes}"
        yield Violation(("window",), message, "take a larger pane, a shorter window, or raise the limit")


def _segments_exist(segments: Any, fields: Any) -> Iterator[Violation]:
    for index, segment in enumerate(segments):
        field = fields.get(segment.field)
        field = None if field is not None and not are_values(field.kept_type) else field
        loc = ("segments", index, "field")
        if field is None:
            remedy = f"add `{segment.field}: {{type: category}}` to fields"
            yield Violation(loc, f"{segment.field} is not among the fields", remedy)
        elif field.type not in ("category", "boolean"):
            message = f"{segment.field} is of type {field.type}, and segments need category or boolean"
            yield Violation(loc, message, "choose another field")
        elif field.type == "boolean" and not segment.named <= {"true", "false"}:
            yield Violation(("segments", index, "values"), "a boolean has the values true and false only")


def _segments_are_capped(segments: Any, limits: Any) -> Iterator[Violation]:
    yield from _unique(segments, "segments", "field")
    total = sum(segment.most for segment in segments)
    if total > limits.max_segments:
        message = f"{total} segments are more than limits.max_segments = {limits.max_segments}"
        yield Violation(("segments",), message, "lower a dimension's max, or raise the limit")


def _segments_have_values(segments: Any, baseline: Any) -> Iterator[Violation]:
    for index, segment in enumerate(segments):
        if segment.values is None and baseline is None:
            message = f"without a baseline nobody knows the values of {segment.field}"
            yield Violation(("segments", index), message, f"list them as values, or {BASELINE_REMEDY}")


def _drift_has_a_baseline(drift: Any, fields: Any, baseline: Any) -> Iterator[Violation]:
    if baseline is not None:
        return
    message = "drift is measured against a baseline, and there is none"
    if drift:
        yield Violation(("drift",), message, BASELINE_REMEDY)
    for path, field in fields.items():
        if field.drift:
            yield Violation(("fields", path, "drift"), message, BASELINE_REMEDY)


def _checks_have_a_baseline(checks: Any, baseline: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        if baseline is None and getattr(check, "needs_baseline", False):
            message = f"this check of kind {check.kind} is made from a baseline, and there is none"
            yield Violation(("checks", index), message, BASELINE_REMEDY)


def _detectors_fit(drift: Any, fields: Any) -> Iterator[Violation]:
    yield from _unique(drift, "drift", "kind")
    for path, field in fields.items():
        for index, detector in enumerate(field.drift or ()):
            if field.type not in detector.field_types:
                fitting = " or ".join(sorted(detector.field_types))
                message = f"{detector.kind} cannot compare a field of type {field.type}, only {fitting}"
                yield Violation(("fields", path, "drift", index), message, "choose another detector")
        yield from _unique(field.drift or (), ("fields", path, "drift"), "kind")


def _names_are_unique(sinks: Any) -> Iterator[Violation]:
    yield from _unique(sinks, "sinks", "name")


def _windows_are_unique(maintenance: Any) -> Iterator[Violation]:
    yield from _unique(maintenance, "maintenance", "name")


def _check_names_are_unique(checks: Any, fields: Any) -> Iterator[Violation]:
    yield from _unique(checks, "checks", "name")
    implied = {check.name for path, field in fields.items() for check in field.checks(path)}
    for index, check in enumerate(checks):
        if check.name in implied:
            message = f"{check.name} is already checked by the field's contract"
            yield Violation(("checks", index, "name"), message, "give it another name, or drop one of the two")


def _checks_fit(checks: Any, fields: Any) -> Iterator[Violation]:
    # Words and languages are no values: what is said of them is said by detectors.
    types = {path: field.type for path, field in fields.items() if are_values(field.kept_type)}
    for index, check in enumerate(checks):
        for setting, message, remedy in misfits(check, types):
            yield Violation(("checks", index, setting), message, remedy)


def _compared_topics_are_read(checks: Any, source: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        for setting in _TOPICS.get(check.kind, ()):
            topic = getattr(check, setting)
            if not isinstance(source, KafkaSpec):
                message = f"files are one topic, and {check.kind} compares two"
                yield Violation(("checks", index), message, "use a Kafka source")
                break
            if not source.wants(topic):
                yield Violation(("checks", index, setting), f"{topic} is not read", "add it to source.topics")


def _volumes_have_a_baseline(checks: Any, baseline: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        if baseline is None and getattr(check, "needs_volumes", False):
            message = "the rows are compared with the baseline's, and there is none"
            yield Violation(("checks", index), message, BASELINE_REMEDY)


def _horizons_cover_the_window(checks: Any, window: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        horizon = getattr(check, "horizon", None)
        if horizon is not None and horizon < window.size:
            message = f"{format_duration(horizon)} is shorter than window.size = {format_duration(window.size)}"
            remedy = f"raise it to {format_duration(window.size)}, or what comes twice in one window is overlooked"
            yield Violation(("checks", index, "horizon"), message, remedy)


def _memory_is_capped(checks: Any, limits: Any) -> Iterator[Violation]:
    total = sum(getattr(check, "memory_bytes", 0) for check in checks)
    if total > limits.max_state_bytes:
        message = f"{total} bytes of memory are more than limits.max_state_bytes = {limits.max_state_bytes}"
        yield Violation(("checks",), message, "lower capacity, horizon or max_keys, or raise the limit")


def _baseline_is_capped(baseline: Any, fields: Any, segments: Any, limits: Any) -> Iterator[Violation]:
    total = baseline_bytes(baseline, fields, segments, limits)
    if total > limits.max_state_bytes:
        message = f"{total} bytes of windows or hours are more than limits.max_state_bytes = {limits.max_state_bytes}"
        yield Violation(("baseline",), message, "keep fewer windows, hours of the day, segments or categories")


def _delays_can_be_seen(checks: Any, time: Any) -> Iterator[Violation]:
    for index, check in enumerate(checks):
        if check.kind == "freshness" and time.field is None:
            message = "without time.field the event time is the Kafka timestamp, and no row is ever late"
            yield Violation(("checks", index), message, "set time.field, or remove the check")


def _dead_letters_go_elsewhere(source: Any, dead_letter: Any) -> Iterator[Violation]:
    if dead_letter is None:
        return
    if not isinstance(source, KafkaSpec):
        yield Violation(("dead_letter",), "dead letters go to the source's cluster, and files have none", "remove it")
    elif source.wants(dead_letter.topic):
        yield Violation(("dead_letter", "topic"), "dead letters would be read again", "name a topic of their own")


def _alerts_go_elsewhere(sinks: Any, source: Any, dead_letter: Any) -> Iterator[Violation]:
    for index, sink in enumerate(sinks):
        if sink.kind != "kafka" or sink.bootstrap_servers is not None:
            continue
        loc = ("sinks", index, "topic")
        if not isinstance(source, KafkaSpec):
            message = "without bootstrap_servers alerts go to the source's cluster, and files have none"
            yield Violation(("sinks", index), message, "set the sink's bootstrap_servers")
        elif source.wants(sink.topic):
            yield Violation(loc, "alerts would be read as records", "name a topic of their own")
        elif dead_letter is not None and dead_letter.topic == sink.topic:
            yield Violation(loc, "alerts would go among the dead letters", "name a topic of their own")


def _unique(specs: Iterable[Any], loc: str | tuple[str | int, ...], attribute: str) -> Iterator[Violation]:
    """Yield a violation for every spec whose attribute an earlier one has too."""
    base = (loc,) if isinstance(loc, str) else loc
    seen = set()
    for index, spec in enumerate(specs):
        value = getattr(spec, attribute, None)
        if value is not None and value in seen:
            yield Violation((*base, index, attribute), f"{attribute} {value} is used twice", "use each once")
        seen.add(value)


_RULES: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Violation]]], ...] = (
    (("fields", "checks"), _something_is_watched),
    (("fields", "time"), _paths_are_distinct),
    (("watched", "limits"), _field_count_is_capped),
    (("fields", "limits"), _vectors_are_capped),
    (("fields", "decoder"), _vectors_can_be_read),
    (("fields",), _record_fields_have_their_types),
    (("fields", "time"), _event_time_is_readable),
    (("window", "time", "limits"), _panes_fit),
    (("segments", "watched"), _segments_exist),
    (("segments", "limits"), _segments_are_capped),
    (("segments", "baseline"), _segments_have_values),
    (("drift", "fields", "baseline"), _drift_has_a_baseline),
    (("checks", "baseline"), _checks_have_a_baseline),
    (("drift", "fields"), _detectors_fit),
    (("sinks",), _names_are_unique),
    (("maintenance",), _windows_are_unique),
    (("checks", "fields"), _check_names_are_unique),
    (("checks", "watched"), _checks_fit),
    (("checks", "source"), _compared_topics_are_read),
    (("checks", "baseline"), _volumes_have_a_baseline),
    (("checks", "window"), _horizons_cover_the_window),
    (("checks", "limits"), _memory_is_capped),
    (("baseline", "watched", "segments", "limits"), _baseline_is_capped),
    (("checks", "time"), _delays_can_be_seen),
    (("source", "dead_letter"), _dead_letters_go_elsewhere),
    (("sinks", "source", "dead_letter"), _alerts_go_elsewhere),
    *GROUP_RULES,
    *MODEL_RULES,
    *MADE_RULES,
)
