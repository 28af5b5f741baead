"""Writes a draft as the YAML that its owner will keep: every line with how sure it is, and why."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.proposing.bounds import CONFIDENCE, chance_failures, round_up
from monitor.proposing.draft import Detector, Draft
from monitor.proposing.fields import FieldProposal
from monitor.proposing.kinds import Role
from monitor.proposing.layout import Page
from monitor.proposing.origin import FileOrigin, TopicOrigin
from monitor.proposing.scalars import flow, key, number, scalar, shown
from monitor.spec import format_duration

_DETECTORS = (
    ("psi", 0.1, 0.25, "population stability index; 0.1 and 0.25 are customary, above sampling noise at 95 %"),
    ("ks", 0.1, 0.2, "largest difference of the distribution functions, numbers only"),
    ("missing", 0.05, 0.2, "change of the share of absent and null values"),
)
_OF_VECTORS = ("frechet", 0.1, 0.25, "Fréchet distance of vectors, in units of their spread")
_MOST_LEFT_OUT = 40


def written(draft: Draft) -> str:
    """Return the configuration as YAML text."""
    page = Page()
    _head(page, draft)
    _source(page, draft)
    _time(page, draft)
    _baseline(page, draft)
    _fields(page, draft)
    _drift(page, draft)
    _checks(page, draft)
    _rest(page, draft)
    return page.text


def _head(page: Page, draft: Draft) -> None:
    survey = draft.survey
    rejects = ", ".join(f"{reason} {n}" for reason, n in survey.rejects.most_common()) or "none"
    page.remark(f"Proposed by `driftline init` from {shown(draft.origin.name)}.")
    what = "everything there was" if draft.complete else "the first of more"
    page.remark(
        f"Sample: {survey.records:,} records ({what}): {draft.rows:,} rows, rejects {rejects}, "
        f"{survey.filtered} tombstones; event times {_moment(draft.pace.first_ms)} … {_moment(draft.pace.last_ms)}."
    )
    if draft.verdict:
        page.remark(f"{draft.verdict}.")
    page.remark(
        f"Each comment says why its line is proposed; {CONFIDENCE:.0%} is the confidence of that line alone, for rows "
        "like those of the sample. Lines that are commented out need a decision of yours."
    )
    page.blank()
    page.add(f"name: {scalar(draft.name)}", "the label `monitor` on every metric and alert")
    page.blank()


def _source(page: Page, draft: Draft) -> None:
    origin = draft.origin
    page.add("source:")
    if isinstance(origin, FileOrigin):
        page.add("  kind: files")
        page.add(f"  paths: {flow([origin.path])}")
        if origin.null_values:
            page.add(f"  null_values: {flow(('', *origin.null_values))}", "what this file writes for null")
        page.remark('kind: kafka, bootstrap_servers: "HOST:9092", topics: [TOPIC] watches a topic instead', 2)
    if isinstance(origin, TopicOrigin):
        page.add("  kind: kafka")
        page.add(f"  bootstrap_servers: {scalar(origin.bootstrap)}")
        page.add(f"  topics: {flow([origin.topic])}")
        if origin.client != "kafka-python":
            page.add(f"  client: {origin.client}")
        page.add(
            f"  group_id: {scalar('driftline-' + draft.name)}", "only shows offsets to lag tools; no group is joined"
        )
        page.add("  start: latest", "the sample began at the earliest offset")
        if origin.security_text:
            page.add("  security:", "as given with --security")
            for line in origin.security_text.splitlines():
                page.add(f"    {line}".rstrip())
    if draft.survey.rejects and isinstance(origin, TopicOrigin):
        n = draft.survey.rejects.total()
        page.add(
            f"dead_letter: {{topic: {scalar(origin.topic + '.dead')}}}",
            f"{n} of {draft.survey.records} records are rejects; to keep them, create this topic",
            active=False,
        )
    page.blank()


def _time(page: Page, draft: Draft) -> None:
    time, pace = draft.time, draft.pace
    page.add("time:")
    if time.field is None:
        page.remark(f"No field: {time.why}.", 2)
    else:
        page.add(f"  field: {scalar(time.field)}", time.why)
        page.add(f"  unit: {time.unit}", "a time without an offset counts as UTC" if time.unit == "iso8601" else "")
    if time.others:
        page.remark(f"Also plausible: {', '.join(shown(other) for other in time.others[:5])}.", 2)
    behind = f"rows were up to {_span(pace.disorder_ms)} behind" if pace.disorder_ms else "no row was behind"
    seen = f"{behind} the latest of {'their' if pace.disorder_ms else 'its'} partition"
    late = f"; {pace.late} would have been late" if pace.late else ""
    page.add(f"  lateness: {format_duration(pace.lateness_ms)}", f"{seen}{late}")
    page.blank()
    size = format_duration(pace.size_ms)
    page.add("window:")
    if pace.counts:
        seen = f"{min(pace.counts):,} … {max(pace.counts):,} rows in {len(pace.counts)} whole windows"
        why = f"{seen}, median {pace.typical:,}"
    else:
        why = "the sample is shorter than one window"
    few = "; few for a verdict, longer windows need a longer sample" if pace.sparse else "; enough for PSI"
    page.add(f"  size: {size}", why + few)
    if draft.segment is not None:
        path, n = draft.segment
        why = f"{n} values that split rows evenly; each is judged apart, with about 1/{n} of the rows"
        page.add(f"segments: [{{field: {scalar(path)}, max: {n}}}]", why, active=False)
    page.blank()


def _baseline(page: Page, draft: Draft) -> None:
    until = "all rows of the sample" if draft.split_ms is None else f"the rows before {_moment(draft.split_ms)}"
    page.add(f"baseline: {{kind: file, path: {scalar(draft.baseline_path)}}}", f"built from {until}")
    page.blank()


def _fields(page: Page, draft: Draft) -> None:
    page.add("fields:")
    for proposal in draft.fields:
        _field(page, draft, proposal)
    if draft.left_out:
        page.remark("Not proposed:", 2)
    for path, why in list(draft.left_out.items())[:_MOST_LEFT_OUT]:
        page.remark(f"  {shown(path)}: {shown(why, 200)}", 2)
    if len(draft.left_out) > _MOST_LEFT_OUT:
        page.remark(f"  and {len(draft.left_out) - _MOST_LEFT_OUT} more", 2)
    page.blank()


def _field(page: Page, draft: Draft, proposal: FieldProposal) -> None:
    path = key(proposal.path)
    if proposal.kind.role is Role.EMPTY:
        page.add(f"  {path}: {{type: {proposal.kind.type}}}", proposal.kind.why, active=False)
        return
    page.add(f"  {path}:")
    page.add(f"    type: {proposal.kind.type}", proposal.kind.why)
    for setting in proposal.settings:
        page.add(f"    {setting.key}: {setting.value}", setting.why, active=setting.active)
    ratio, why = tolerance(draft, proposal)
    if ratio:
        page.add(f"    max_failure_ratio: {number(ratio)}", why)
    if proposal.drift_off is not None:
        page.add("    drift: []", proposal.drift_off)
    elif proposal.path in draft.tuning.detectors:
        _detectors(page, draft.tuning.detectors[proposal.path], draft.tuning.unstable.get(proposal.path, ""))


def tolerance(draft: Draft, proposal: FieldProposal) -> tuple[float, str]:
    """Return the share of a window's rows that may fail, and why: what chance allows, or more where the trial did."""
    rows = draft.pace.few
    most = chance_failures(proposal.usable, rows)
    chance = min(round_up(most / rows), 1.0)
    tried, why = draft.tuning.tolerated.get(proposal.path, (0.0, ""))
    if tried > chance:
        return tried, why
    return chance, f"{most} of {rows} rows; by the bounds above, chance brings more once in 10,000 windows"


def _detectors(page: Page, detectors: tuple[Detector, ...], unstable: str) -> None:
    if not detectors:
        page.add("    drift: []", unstable)
        return
    page.add("    drift:", unstable)
    for detector in detectors:
        limits = f"warning: {number(detector.warning)}, critical: {number(detector.critical)}"
        page.add(f"      - {{kind: {detector.kind}, {limits}}}", detector.why)


def _drift(page: Page, draft: Draft) -> None:
    page.add("drift:", "for every field without a `drift` of its own, as far as its type allows")
    vectors = any(proposal.kind.role is Role.VECTOR for proposal in draft.watched)
    for kind, warning, critical, why in (*_DETECTORS, *((_OF_VECTORS,) if vectors else ())):
        page.add(f"  - {{kind: {kind}, warning: {number(warning)}, critical: {number(critical)}}}", why)
    page.blank()


def _checks(page: Page, draft: Draft) -> None:
    muted = draft.tuning.muted
    active = [check for check in draft.checks if check.active and check.name not in muted]
    page.add("checks:" if active else "checks: []")
    for check in draft.checks:
        why = f"{check.why}; {muted[check.name]}" if check.name in muted else check.why
        page.add(f"  - {check.entry}", why, active=check in active)
    page.blank()


def _rest(page: Page, draft: Draft) -> None:
    page.add("alerting: {raise_after: 2, clear_after: 2}", "drift has to last two windows; contracts alert after one")
    page.add("sinks:")
    page.add("  - {kind: log, name: log}", "alerts go to the daemon's log")
    page.add(
        '  - {kind: alertmanager, name: am, urls: ["http://localhost:9093"]}', "where people get paged", active=False
    )
    page.add(
        f"store: {{path: {scalar(draft.store_path)}}}", "offsets and statistics; a directory that survives a restart"
    )


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _span(ms: int) -> str:
    """Return a duration in its largest unit, such as `2.5h`."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms >= size:
            return f"{ms / size:.3g}{unit}"
    return f"{ms}ms"
