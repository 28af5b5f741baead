"""Faults of the catalogue in real slots: who pages, when, and for which column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.doping import FAULTS, SEVERITIES, Fault, severity_of
from monitor.types import FloatArray, IntArray, MaskArray
from tests.bench.verdicts.bench import Bench, Part
from tests.bench.verdicts.data import SYNTHETIC
from tests.bench.verdicts.false_pages import RIVER_RUNS
from tests.bench.verdicts.leagues import (
    DEFAULT_CUT,
    LEAGUES,
    RIVER,
    SLOW,
    Ratios,
    in_order,
    pages_at,
    river_pages,
    tuned_cut,
    tuned_threshold,
    with_column,
)
from tests.bench.verdicts.ours import Monitors
from tests.bench.verdicts.rules import ROLLING, RULES
from tests.bench.verdicts.streams import Streams, joined

LEFT_OUT = ("late_rows", "clock_shift")
"""Faults of times: here a slot is judged whole, so that none of its rows is late or another slot's."""
RAMP, VANISHED = "null_ramp", "vanished_segment"
"""Of the first, what is a ramp over rows is one over slots here; of the second, volume is a right name, too."""
BEFORE, AFTER = 300, 200
_RAMP_SLOTS, _RAMP_STEPS = 48, 4
_NUMBER = "_slot"
_SEED = 9
RIVER_NAMES = tuple(name for name in RIVER if name != SLOW)


@dataclass(frozen=True)
class Case:
    """One fault in one field; `names` are the columns that it is right to name."""

    kind: str
    severity: str
    field: str
    amount: float
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of every run: slots until the first page (inf: none), and the place of the right column among those named."""

    delays: FloatArray
    places: FloatArray
    onset_errors: FloatArray


def cases(bench: Bench, kinds: tuple[str, ...], severities: tuple[str, ...], fields: int) -> Iterator[Case]:
    """Yield the cases of a stream: each kind in some fields, which change from kind to kind.

    The severity is that of so many independent rows as the median slot is worth, by the baseline's correlation.
    """
    table = bench.measured.table
    rows = float(np.median(np.bincount(bench.measured.slots)))
    for number, kind in enumerate(name for name in FAULTS if name not in LEFT_OUT):
        if kind not in kinds:
            continue
        fault = FAULTS[kind]
        names = (
            table.column_names[:1] if fault.rows else [name for name in table.column_names if fault.fits(table, name)]
        )
        names = names[number % max(len(names), 1) :] + names[: number % max(len(names), 1)]
        found = 0
        for field in names:
            worth = max(round(rows / (1 + (rows - 1) * (0.0 if fault.rows else bench.ruler.rho(field)))), 1)
            amounts = {name: severity_of(fault, table, field, SEVERITIES[name], worth) for name in severities}
            known = {name: amount for name, amount in amounts.items() if amount is not None}
            right = ("",) if fault.rows else (field, "") if kind == VANISHED else (field,)
            yield from (Case(kind, name, field, amount, right) for name, amount in known.items())
            found += bool(known)
            if found == fields:
                break


class FaultBench:
    """One stream's measured slots, and everybody's state at the onset of a fault."""

    def __init__(self, bench: Bench, runs: int, tuning_runs: int) -> None:
        """Hear the calm slots before the fault, and tune."""
        self._bench, self._runs = bench, runs
        wanted = runs * (BEFORE + AFTER)
        part = bench.measured.first(wanted) if bench.data.name in SYNTHETIC else bench.measured
        self._part = Part(part.table.append_column(_NUMBER, pa.array(part.slots)), part.slots, part.n)
        self._order = bench.fault_order(runs, BEFORE + AFTER)
        self._at_onset = Monitors(bench.data, bench.streams, runs, seed=_SEED)
        for slot in self._order[:, :BEFORE].T:
            self._at_onset.step(bench.streams.scores[slot], bench.streams.beyond[slot])
        null = "as made" if bench.data.name in SYNTHETIC else "shuffled"
        order, tuning = bench.order(null, tuning_runs), bench.tuning_order(null, tuning_runs)
        self._cuts = {
            rule: (
                DEFAULT_CUT,
                tuned_cut(in_order(bench.tuning_ratios.of_rule[rule], rule, tuning)),
                tuned_cut(in_order(bench.ratios.of_rule[rule], rule, order)),
            )
            for rule in RULES
        }
        fed = bench.tuning_ratios.fed[tuning[:RIVER_RUNS]]
        self._thresholds = {name: (RIVER[name][1][0], tuned_threshold(name, fed)[0]) for name in RIVER_NAMES}
        self._calm_river = {
            (name, league): river_pages(name, threshold, bench.ratios.fed[self._order])
            for name in RIVER_NAMES
            for league, threshold in zip(LEAGUES, self._thresholds[name], strict=False)
        }

    def outcomes(self, case: Case) -> dict[tuple[str, str], Outcome]:
        """Return what becomes of a fault, by contender and league."""
        fault = FAULTS[case.kind]
        steps = [case.amount]
        if case.kind == RAMP:  # the ramp goes over the slots of a run here, not over the rows of the pool
            fault, steps = FAULTS["null_burst"], [case.amount * (step + 1) / _RAMP_STEPS for step in range(_RAMP_STEPS)]
        doped = [self._doped(fault, case.field, amount) for amount in steps]
        found = self._ours([streams for streams, _ in doped], case)
        heard = [ratios for _, ratios in doped]
        for rule in RULES:
            found |= self._rule(rule, heard, case)
        for name in RIVER_NAMES:
            found |= self._river(name, heard, case)
        return found

    def _doped(self, fault: Fault, field: str, amount: float) -> tuple[Streams, Ratios]:
        """Return everybody's scores of all slots with the fault."""
        bench, n = self._bench, self._part.n
        rng = np.random.default_rng([_SEED, sum(map(ord, fault.name + field))])
        table = fault.apply(self._part.table, field, amount, rng)
        slots: IntArray = table[_NUMBER].to_numpy().astype(np.int64)
        table = table.drop_columns(_NUMBER)
        if table.num_rows != self._part.table.num_rows:
            return bench.ruler.streams(table, slots, n), bench.peers.of(table, slots, n)
        parts = list(bench.ruler.of_field(table, field, slots, n))
        if pa.types.is_floating(table[field].type):
            parts += bench.ruler.of_rows(table, slots, n)
        return (
            _with_streams(_first(bench.streams, n), joined(parts)),
            with_column(_first_ratios(bench.ratios, n), bench.peers.of(table, slots, n, [field])),
        )

    def _ours(self, doped: list[Streams], case: Case) -> dict[tuple[str, str], Outcome]:
        monitors, runs = self._at_onset.copy(), self._runs
        numbers = self._bench.data.numbers
        alarms, pages = (
            {"delay": np.full(runs, np.inf), "place": np.full(runs, np.inf), "onset": np.full(runs, np.nan)}
            for _ in range(2)
        )
        for after in range(AFTER):
            streams, slot = doped[_step(after, len(doped))], self._order[:, BEFORE + after]
            heard = monitors.step(streams.scores[slot], streams.beyond[slot])
            for into, what in ((alarms, heard.alarms), (pages, heard.pages)):
                for run in np.flatnonzero(what.any(axis=1) & np.isinf(into["delay"])).tolist():
                    named = np.flatnonzero(what[run])
                    order = named[np.argsort(-heard.ratios[run, named])]
                    into["delay"][run] = after + 1
                    into["place"][run] = _place(streams.named(int(slot[run]), order, numbers), case.names)
                    into["onset"][run] = abs(after + heard.onsets[run, order[0]])
            if np.isfinite(pages["delay"]).all() and np.isfinite(alarms["delay"]).all():
                break
        return {
            (name, "defaults"): Outcome(into["delay"], into["place"], into["onset"])
            for name, into in (("driftline, evidence", alarms), ("driftline", pages))
        }

    def _rule(self, rule: str, doped: list[Ratios], case: Case) -> dict[tuple[str, str], Outcome]:
        order = self._order[:, BEFORE - 2 * ROLLING :]
        raw = self._bench.ratios.of_rule[rule][order].copy()
        for after in range(AFTER):
            raw[:, 2 * ROLLING + after] = doped[_step(after, len(doped))].of_rule[rule][order[:, 2 * ROLLING + after]]
        heard = in_order(
            raw.reshape(-1, raw.shape[2]), rule, np.arange(raw.shape[0] * raw.shape[1]).reshape(raw.shape[:2])
        )
        found = {}
        for league, cut in zip(LEAGUES, self._cuts[rule], strict=True):
            pages = pages_at(heard, cut)[:, 2 * ROLLING :]
            found[rule, league] = self._first_pages(pages, heard[:, 2 * ROLLING :], case)
        return found

    def _river(self, name: str, doped: list[Ratios], case: Case) -> dict[tuple[str, str], Outcome]:
        columns = doped[0].columns
        changed = list(range(len(columns))) if case.names == ("",) else [columns.index(case.field)]
        fed = self._bench.ratios.fed[self._order][:, :, changed].copy()
        for after in range(AFTER):
            slot = self._order[:, BEFORE + after]
            fed[:, BEFORE + after] = doped[_step(after, len(doped))].fed[slot][:, changed]
        found = {}
        for league, threshold in zip(LEAGUES, self._thresholds[name], strict=False):
            pages = self._calm_river[name, league].copy()
            pages[:, :, changed] = river_pages(name, threshold, fed)
            after = pages[:, BEFORE:]
            found[name, league] = self._first_pages(after, after.astype(np.float64), case)
        return found

    def _first_pages(self, pages: MaskArray, heard: FloatArray, case: Case) -> Outcome:
        """Return the first page of every run, and where the right column stands among those that page with it."""
        columns = np.array(self._bench.ratios.columns)
        delays, places = np.full(len(pages), np.inf), np.full(len(pages), np.inf)
        for run in range(len(pages)):
            slots = np.flatnonzero(pages[run].any(axis=1))
            if slots.size:
                named = np.flatnonzero(pages[run, slots[0]])
                order = named[np.argsort(-heard[run, slots[0], named], kind="stable")]
                delays[run], places[run] = slots[0] + 1, _place(columns[order].tolist(), case.names)
        return Outcome(delays, places, np.full(len(pages), np.nan))


def _place(named: list[str], right: tuple[str, ...]) -> float:
    """Return the place of the first right name among different ones, from 1; inf where there is none."""
    different = list(dict.fromkeys(named))
    return min((different.index(name) + 1.0 for name in right if name in different), default=np.inf)


def _step(after: int, steps: int) -> int:
    """Return which step of a ramp a slot is in."""
    return min(after * _RAMP_STEPS // _RAMP_SLOTS, steps - 1)


def _first(streams: Streams, n: int) -> Streams:
    return replace(streams, scores=streams.scores[:n], beyond=streams.beyond[:n], blamed=streams.blamed[:n])


def _first_ratios(ratios: Ratios, n: int) -> Ratios:
    rules: Mapping[str, Any] = {rule: values[:n] for rule, values in ratios.of_rule.items()}
    return Ratios(ratios.columns, rules, ratios.fed[:n])


def _with_streams(streams: Streams, other: Streams) -> Streams:
    """Return the streams with the other ones in their places."""
    places = [streams.names.index(name) for name in other.names]
    scores, beyond = streams.scores.copy(), streams.beyond.copy()
    scores[:, places], beyond[:, places] = other.scores, other.beyond
    return replace(streams, scores=scores, beyond=beyond, blamed=other.blamed if other.blamed.size else streams.blamed)
