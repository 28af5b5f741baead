"""Runs decoder and row checks over a file of records, to see whether a configuration fits its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monitor.baseline import Baseline
from monitor.checks import WINDOW_CHECKS
from monitor.cli.output import plural
from monitor.clock import SystemClock
from monitor.compile import build_decoder, build_row_checks, load_baseline
from monitor.config.tree import Config
from monitor.errors import ConfigError
from monitor.memory import hashes_records, with_record_hashes
from monitor.sources import FilesSpec, PartitionedSource
from monitor.types import PRESENCES, Assigned, Batch, Fetch, IntArray, Presence, TopicPartition
from monitor.waiting import prepare_patiently

MAX_RECORDS = 100_000
"""No more than about so many records are read of a sample."""
_POLL_S = 1.0


@dataclass
class Sample:
    """What became of the records of a file: records = rows + rejects + filtered."""

    records: int = 0
    rows: int = 0
    filtered: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    presence: dict[str, IntArray] = field(default_factory=dict)
    """Rows of each field by presence, in the order of `Presence`."""
    failures: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """Of each row check: failing rows, evaluated rows, and the share of them that is tolerated."""
    untried: list[str] = field(default_factory=list)
    """The checks that need a baseline which is not there or does not fit."""
    unknown_fields: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Return the sample as plain values."""
        return {
            "records": self.records,
            "rows": self.rows,
            "filtered": self.filtered,
            "rejects": dict(sorted(self.rejects.items())),
            "fields": {path: _by_presence(counts) for path, counts in self.presence.items()},
            "checks": {
                name: {"failures": failed, "evaluated": evaluated, "max_failure_ratio": tolerated}
                for name, (failed, evaluated, tolerated) in self.failures.items()
            },
            **({"untried": self.untried} if self.untried else {}),
            "unknown_fields": sorted(self.unknown_fields),
        }

    def lines(self) -> list[tuple[str, str]]:
        """Return the sample as names and values to print."""
        rejects = ", ".join(f"{reason} {n}" for reason, n in self.rejects.most_common()) or "none"
        lines = [
            ("records", f"{self.records}: {plural(self.rows, 'row')}, rejects {rejects}, filtered {self.filtered}"),
        ]
        for path, counts in self.presence.items():
            lines.append((path, ", ".join(f"{name} {n}" for name, n in _by_presence(counts).items()) or "no rows"))
        for name, (failed, evaluated, tolerated) in self.failures.items():
            if failed > tolerated * evaluated:
                lines.append((name, f"would fail: {failed} of {plural(evaluated, 'row')}, {tolerated:.2%} tolerated"))
        if self.untried:
            lines.append(("not tried", f"{', '.join(self.untried)}: the baseline is not built yet, or not for these"))
        if self.unknown_fields:
            lines.append(("not configured", ", ".join(sorted(self.unknown_fields))))
        return lines


def sampled(config: Config, path: Path) -> Sample:
    """Return what decoder and row checks make of the first records of the file at `path`.

    Raises SurroundingsError when the file cannot be read as records, ConfigError when one that a check needs cannot.
    """
    decoder = build_decoder(config, files=True)
    contracts = [spec for name, contract in config.watched.items() for spec in contract.checks(name)]
    wanted = [spec for spec in (*contracts, *config.checks) if not isinstance(spec, WINDOW_CHECKS)]
    baseline = _baseline(config)
    untried = [spec for spec in wanted if baseline is None and getattr(spec, "needs_baseline", False)]
    tried = [spec for spec in wanted if spec not in untried]
    checks = build_row_checks(config, tried, baseline)
    hashed = any(hashes_records(spec) for spec in wanted)
    sample = Sample(
        presence={name: np.zeros(PRESENCES, np.int64) for name in config.watched},
        untried=[spec.name for spec in untried],
    )
    source = FilesSpec.model_validate({"paths": [str(path)]}).build(SystemClock())
    try:
        for fetch in _fetches(source):
            prepare_patiently(decoder, fetch)
            decoded = decoder.decode(fetch)
            sample.records += len(fetch)
            sample.rows += len(decoded.batch)
            sample.filtered += decoded.filtered
            sample.rejects.update(decoded.rejects.reasons)
            sample.unknown_fields.update(decoded.unknown_fields)
            _fold(sample, with_record_hashes(fetch, decoded.batch) if hashed else decoded.batch, checks)
    finally:
        source.close()
    return sample


def _baseline(config: Config) -> Baseline | None:
    """Return the baseline where a check needs it and it has been built."""
    if not any(getattr(spec, "needs_baseline", False) for spec in config.checks):
        return None
    try:
        return load_baseline(config)
    except ConfigError:
        return None


def _fold(sample: Sample, batch: Batch, checks: Sequence[Any]) -> None:
    for name in sample.presence:
        sample.presence[name] += np.bincount(batch.columns[name].presence, minlength=PRESENCES)
    for check in checks:
        failed, evaluated = check.failures(batch)
        before = sample.failures.get(check.spec.name, (0, 0, 0.0))
        sums = before[0] + int(failed.sum()), before[1] + int(evaluated.sum())
        sample.failures[check.spec.name] = (*sums, check.spec.max_failure_ratio)


def _fetches(source: PartitionedSource) -> Iterator[Fetch]:
    """Yield the records of a source from its start to its end, or to about `MAX_RECORDS`."""
    unfinished: set[TopicPartition] | None = None
    read = 0
    while read < MAX_RECORDS and unfinished != set():
        for event in source.poll(frozenset(), _POLL_S):
            if isinstance(event, Assigned):
                unfinished = set(event.partitions)
                for partition in event.partitions:
                    source.seek(partition, None)
            elif isinstance(event, Fetch):
                read += len(event)
                if unfinished and event.end_offset is not None and event.next_offset >= event.end_offset:
                    unfinished.discard(event.partition)
                yield event


def _by_presence(counts: IntArray) -> dict[str, int]:
    return {Presence(code).name.lower(): int(n) for code, n in enumerate(counts) if n}
