"""Doping a user's own data: from a configuration and files to what the configuration would catch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from monitor.compile import build_decoder
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.doping import FAULTS, SEVERITIES
from monitor.errors import ConfigError, Problem, SurroundingsError
from monitor.plan import MonitorPlan
from monitor.proving.course import Course, follow, window_starts
from monitor.proving.findings import Findings, detections, false_pages
from monitor.proving.limits import MEASURES, limits
from monitor.proving.log import Log, read_logs
from monitor.proving.records import Records
from monitor.proving.survey import TIME, Bench, onsets_of, survey
from monitor.proving.trial import Stretch
from monitor.replaying import files_of, plan_for

Told = Callable[[int], object]
SCALARS = frozenset({"number", "integer", "boolean", "category", "text"})


@dataclass(frozen=True)
class Wanted:
    """What is to be found out: which faults, how severe, within how many windows, how often, in which fields."""

    faults: Sequence[str] = tuple(FAULTS)
    levels: Mapping[str, float] = field(default_factory=lambda: dict(SEVERITIES))
    within: int = 20
    injections: int = 6
    onsets: int = 3
    fields: Sequence[str] = ()
    seed: int = 0
    limits: bool = True


def open_bench(
    file: Path,
    paths: Sequence[str],
    wanted: Wanted,
    *,
    partition_column: str | None = None,
    timestamp_column: str | None = None,
) -> tuple[Bench, Course]:
    """Read the input, run the engine over it as it is, and prepare what injections need.

    Raises ConfigError or SurroundingsError, among them that the input has too few windows.
    """
    config = load(file)
    if getattr(config.decoder, "envelope", None) is not None:
        remedy = "give the rows themselves, without decoder.envelope"
        raise ConfigError([Problem("decoder.envelope", "faults cannot be put into enveloped records", remedy=remedy)])
    plan = plan_for(config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    decoder = build_decoder(config, files=True)
    source = files_of(config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    logs = read_logs(source, decoder, lambda: source.finished)
    starts = window_starts(plan, logs).tolist()
    numbers = onsets_of(starts, wanted.within, wanted.onsets)
    if not numbers or len(starts) < 2:
        raise SurroundingsError(
            f"the input has {len(starts)} windows with records; to see faults for {wanted.within} windows it needs "
            f"at least {max(wanted.within, 2)}: give more data, or a smaller --within"
        )
    course = follow(plan, decoder, logs, [starts[number] for number in numbers])
    calm_first = sorted(numbers, key=lambda number: not course.calm[starts[number]])
    chosen = sorted(calm_first[: wanted.onsets])
    records = Records(readable(config))
    stretches = [_stretch(course, logs, records, number, wanted.within) for number in chosen]
    rows = int(median(course.rows)) if course.rows else 0
    bench = Bench(plan, decoder, stretches, dopable(config, wanted.fields), _time_of(config), rows, wanted.seed)
    return bench, course


def find_out(bench: Bench, course: Course, wanted: Wanted, told: Told = lambda _done: None) -> Findings:
    """Inject everything that is wanted and return what was found; `told` hears how many steps are over."""
    tried = tuple(survey(bench, wanted.faults, wanted.levels, wanted.injections, told))
    found = tuple(limits(bench, told)) if wanted.limits else ()
    seen = {item.fault for item in tried}
    return Findings(
        bench.plan.monitor,
        course.windows,
        bench.rows,
        wanted.within,
        len(bench.stretches),
        wanted.seed,
        false_pages(len(course.pages), course.windows),
        detections(tried),
        found,
        tuple(name for name in wanted.faults if name not in seen),
        tried,
    )


def steps_of(bench: Bench, wanted: Wanted) -> int:
    """Return how many steps `find_out` tells of in all."""
    searched = sum(FAULTS[name].fits(bench.usual, path) for path in bench.fields for name in MEASURES.values())
    return len(wanted.faults) * len(wanted.levels) * wanted.injections + (searched if wanted.limits else 0)


def readable(config: Config) -> dict[str, str]:
    """Return the fields that are read out of records with how they are read; event time is one of them."""
    found: dict[str, str] = {path: spec.type for path, spec in config.fields.items() if spec.type in SCALARS}
    if config.time.field is not None and config.time.field not in found:
        found[config.time.field] = "text" if config.time.unit == "iso8601" else "integer"
    return found


def dopable(config: Config, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that faults of values can be in: all that are in the record, but not event time."""
    found = [path for path in readable(config) if not path.startswith("$") and path != config.time.field]
    return tuple(path for path in found if not wanted or path in wanted)


def _time_of(config: Config) -> str:
    """Return the column that faults of clocks are in: event time where records have it, else Kafka's timestamps."""
    path = config.time.field
    return TIME if path is None or path.startswith("$") else path


def _stretch(course: Course, logs: tuple[Log, ...], records: Records, number: int, within: int) -> Stretch:
    starts = course.starts_ms[number : number + within]
    behind = int(course.starts_ms[number + within]) if number + within < course.starts_ms.size else None
    start_ms = int(starts[0])
    known = course.known(start_ms, behind if behind is not None else course.last_end_ms)
    return Stretch(starts, behind, course.states[start_ms], known, logs, records)


__all__ = ["Bench", "Course", "MonitorPlan", "Wanted", "find_out", "open_bench", "steps_of"]
