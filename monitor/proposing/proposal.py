"""From records to a proposal: survey, event time, pace, fields, checks, and a trial on the records themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.building import Built
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import SurroundingsError
from monitor.proposing.checks import checks_of
from monitor.proposing.draft import Draft
from monitor.proposing.event_time import EventTime, event_time_of
from monitor.proposing.facts import Facts
from monitor.proposing.fields import FieldProposal, propose_field
from monitor.proposing.gathering import Gathered
from monitor.proposing.kinds import Role
from monitor.proposing.origin import FileOrigin, Origin
from monitor.proposing.pace import DAY_MS, Pace, pace_of
from monitor.proposing.shape import Leaf, leaves
from monitor.proposing.table import Table, survey, tabled
from monitor.proposing.trial import Trial, trial_of
from monitor.proposing.tuning import changes, tuned
from monitor.proposing.writing import written
from monitor.spec import format_duration
from monitor.types import IntArray

MAX_FIELDS = 200
_ROUNDS = 4
_BASELINE_SHARE = 0.6
_FEWEST_WINDOWS = 5
_UNSTABLE_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Proposed:
    """The draft, the text that says it, what the loader makes of the text, its baseline and its trial."""

    draft: Draft
    text: str
    config: Config
    trial: Trial

    @property
    def built(self) -> Built:
        """The baseline."""
        return self.trial.built


def propose(
    origin: Origin,
    gathered: Gathered,
    now_ms: int,
    *,
    name: str | None = None,
    time_field: str | None = None,
    baseline_path: str | None = None,
) -> Proposed:
    """Return a configuration for the gathered records that raises no alert on them.

    Raises SurroundingsError when there are no rows, or no event time in them.
    """
    surveyed = survey(gathered)
    if not surveyed.shape.rows:
        seen = dict(surveyed.rejects) or (f"{surveyed.filtered} tombstones" if surveyed.filtered else "no records")
        raise SurroundingsError(f"nothing to learn from in {origin.name}: {seen}; Driftline needs JSON objects")
    found, left_out = leaves(surveyed.shape)
    for leaf in found[MAX_FIELDS:]:
        left_out[leaf.path] = f"only the first {MAX_FIELDS} fields are proposed"
    table = tabled(gathered, found[:MAX_FIELDS])
    time = event_time_of(table, time_field)
    facts = _facts(table, time, found[:MAX_FIELDS])
    fields = tuple(propose_field(fact) for fact in facts)
    if not any(proposal.active for proposal in fields):
        raise SurroundingsError(f"there is nothing beside the event time to watch in {origin.name}")
    called = name or monitor_name(origin)
    draft = Draft(
        name=called,
        origin=origin,
        baseline_path=baseline_path or f"baselines/{called}",
        store_path=f".driftline/{called}",
        survey=surveyed,
        rows=int(time.timed.sum()),
        complete=gathered.complete,
        time=time,
        pace=pace_of(table, time),
        fields=fields,
        left_out=left_out,
        checks=(),
        segment=_segment(facts, fields),
    )
    settled, trial = _settled(draft, table, facts, gathered, now_ms)
    text = written(settled)
    return Proposed(settled, text, load(text), trial)


def monitor_name(origin: Origin) -> str:
    """Return a name for the monitor: that of the topic or file, made of what a label may hold."""
    raw = origin.path.rsplit("/", 1)[-1].split(".")[0] if isinstance(origin, FileOrigin) else origin.topic
    return re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")[:63].strip("-") or "monitor"


def _facts(table: Table, time: EventTime, found: Sequence[Leaf]) -> list[Facts]:
    """Return the facts of every field but the event time, over the rows that have one."""
    rows = np.flatnonzero(time.timed)
    times = time.times_ms[rows]
    return [Facts(leaf, table.columns[leaf.path].take(rows), times) for leaf in found if leaf.path != time.field]


def _settled(
    draft: Draft, table: Table, facts: Sequence[Facts], gathered: Gathered, now_ms: int
) -> tuple[Draft, Trial]:
    """Return the draft after its trial, with windows of a day where shorter ones only show the hour of the day."""
    tried = _tried(_paced(draft, draft.pace, facts), gathered, now_ms)
    pace = draft.pace
    unstable = changes(tried[0]) > _UNSTABLE_SHARE * len(draft.watched)
    if unstable and pace.size_ms < DAY_MS and pace.last_ms - pace.first_ms >= _FEWEST_WINDOWS * DAY_MS:
        daily = _tried(_paced(draft, pace_of(table, draft.time, DAY_MS), facts), gathered, now_ms)
        if changes(daily[0]) < changes(tried[0]):
            return daily
    return tried


def _paced(draft: Draft, pace: Pace, facts: Sequence[Facts]) -> Draft:
    split = _split(draft.time.times_ms[draft.time.timed], pace)
    return replace(draft, pace=pace, checks=checks_of(facts, draft.fields, pace), split_ms=split)


def _split(times: IntArray, pace: Pace) -> int | None:
    """Return the window's start before which about three fifths of the rows are; None: too few windows to split."""
    windows = np.unique(times // pace.size_ms)
    if windows.size < _FEWEST_WINDOWS:
        return None
    middle = int(np.quantile(times, _BASELINE_SHARE)) // pace.size_ms + 1
    return middle * pace.size_ms if middle <= int(windows[-1]) else None


def _tried(draft: Draft, gathered: Gathered, now_ms: int) -> tuple[Draft, Trial]:
    """Return the draft changed until its own sample raises no alert, at most a few times."""
    for attempt in range(_ROUNDS):
        config = load(written(draft))
        trial = trial_of(config, gathered, draft.origin.name, now_ms, draft.split_ms)
        changed = tuned(draft, config, trial) if attempt == 0 or trial.alerts else draft
        if changed.tuning == draft.tuning:
            break
        draft = changed
    return replace(draft, verdict=_verdict(draft, trial)), trial


def _verdict(draft: Draft, trial: Trial) -> str:
    size = format_duration(draft.pace.size_ms)
    said = "no alert" if not trial.alerts else f"{len(trial.alerts)} alerts: {', '.join(sorted(set(trial.alerts)))}"
    return f"{trial.windows} windows of {size} of the sample were judged with it: {said}"


def _segment(facts: Sequence[Facts], fields: Sequence[FieldProposal]) -> tuple[str, int] | None:
    """Return the category that splits the rows most evenly into 2 to 10 parts, none below a twentieth."""
    even = []
    for fact, proposal in zip(facts, fields, strict=True):
        if proposal.kind.role is Role.CATEGORY and 2 <= fact.distinct <= 10 and fact.usable == fact.rows:
            share = fact.rarest / fact.usable
            if share >= 0.05:
                even.append((share * fact.distinct, fact.path, fact.distinct))
    best = max(even, default=None)
    return (best[1], best[2]) if best else None
