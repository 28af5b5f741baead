"""The survey: which faults are injected where and how severe, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from monitor.doping import FAULTS, Fault, severity_of
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from monitor.proving.trial import ROW, TIME, Caught, Stretch, attempt


@dataclass(frozen=True)
class Tried:
    """One injection and what became of it; `caught` None: nobody was paged within the windows.

    `first` and `among_three`: the right field was named first, or among the first three.
    """

    fault: str
    level: str
    noncentrality: float
    severity: float
    field: str
    onset_ms: int
    caught: Caught | None
    first: bool = False
    among_three: bool = False


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything that injections need: the plan, the stretches of input, and what is usual in them.

    `fields` are the fields that faults of values can be in, `time` is the one (or the column of Kafka's timestamps)
    that faults of time are in. `rows` is what a window usually has.
    """

    plan: MonitorPlan
    decoder: Decoder
    stretches: Sequence[Stretch]
    fields: Sequence[str]
    time: str
    rows: int
    seed: int = 0
    _severities: dict[tuple[str, str, float], float | None] = field(default_factory=dict)

    @property
    def usual(self) -> pa.Table:
        """What the columns are like without a fault."""
        return self.stretches[0].fields

    def places(self, fault: Fault) -> tuple[str, ...]:
        """Return the fields that a fault can be in."""
        if fault.scope == "time":
            return (self.time if fault.name == "clock_shift" else TIME,)
        return tuple(path for path in self.fields if fault.fits(self.usual, path))

    def severity(self, fault: Fault, path: str, noncentrality: float) -> float | None:
        """Return how severe a fault has to be in a field, None where it cannot be as plain as that."""
        key = (fault.name, path, noncentrality)
        if key not in self._severities:
            # what faults of rows do is counted in rows, whatever is in them
            table = self.stretches[0].table.select([TIME]) if fault.rows else self.usual
            self._severities[key] = severity_of(fault, table, TIME if fault.rows else path, noncentrality, self.rows)
        return self._severities[key]

    def inject(self, stretch: Stretch, fault: Fault, path: str, severity: float) -> Caught | None:
        """Return how a fault was caught, None where it was not."""
        return attempt(self.plan, self.decoder, stretch, fault, path, severity, seed=self.seed)

    def right(self, fault: Fault, path: str) -> frozenset[str]:
        """Return the names that would be right: the field, what is made of it, and groups that it is in."""
        if fault.rows:
            return frozenset({"", path, self.time})
        made = (name for name in self.plan.made if name.startswith(f"{path}."))
        groups = (item.field for item in self.plan.detectors if path in getattr(item.needs, "fields", ()))
        return frozenset({path, *made, *groups})


def survey(
    bench: Bench,
    faults: Sequence[str],
    levels: Mapping[str, float],
    injections: int,
    told: Callable[[int], object] = lambda _done: None,
) -> Iterator[Tried]:
    """Yield every injection: of each fault and severity as many, in the fields in turn and at the onsets in turn.

    A fault that can nowhere be as plain as asked for is left out. `told` hears of every injection that is over.
    """
    for name in faults:
        fault = FAULTS[name]
        for level, noncentrality in levels.items():
            possible = [
                (path, severity)
                for path in bench.places(fault)
                if (severity := bench.severity(fault, path, noncentrality)) is not None
            ]
            for number in range(injections if possible else 0):
                path, severity = possible[number % len(possible)]
                # Fields and onsets go round at different paces, so that they meet in all combinations.
                onset = (number + number // len(possible)) % len(bench.stretches)
                stretch = bench.stretches[onset]
                caught = bench.inject(stretch, fault, path, severity)
                yield _tried(bench, fault, level, noncentrality, severity, path, stretch.start_ms, caught)
            told(injections)


def _tried(
    bench: Bench,
    fault: Fault,
    level: str,
    noncentrality: float,
    severity: float,
    path: str,
    onset_ms: int,
    caught: Caught | None,
) -> Tried:
    right = bench.right(fault, path)
    named = () if caught is None else caught.named
    shown = "" if path == TIME else path
    return Tried(
        fault.name,
        level,
        noncentrality,
        severity,
        shown,
        onset_ms,
        caught,
        bool(right.intersection(named[:1])),
        bool(right.intersection(named[:3])),
    )


def onsets_of(starts_ms: Sequence[int], within: int, wanted: int) -> list[int]:
    """Return the numbers of windows that faults can begin with, evenly over the second half of the input.

    Twice as many as are wanted, since some may not be calm. There must be `within` windows from each on.
    """
    last = len(starts_ms) - within
    first = min(len(starts_ms) // 2, last)
    return sorted({int(n) for n in np.linspace(max(first, 0), last, max(2 * wanted, 2)).round()}) if last >= 0 else []


__all__ = ["ROW", "TIME", "Bench", "Tried", "onsets_of", "survey"]
