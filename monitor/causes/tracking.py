"""Incidents from window to window: which of today's is which of yesterday's, so that an id stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.causes.streams import StreamKey
from monitor.causes.words import opening
from monitor.rootcause import TOLERANCE
from monitor.snapshot import IncidentView

_SETTLING = 16


@dataclass(frozen=True)
class Tracked:
    """An open incident: its view as it was last, and since when each of its streams moves.

    `strange`: whether one of them is, in this window. `text` is the sentence that the view's opening belongs to.
    """

    view: IncidentView
    since_ms: Mapping[StreamKey, int]
    strange: bool = True
    text: str = ""


def incident_id(monitor: str, onset_ms: int, key: StreamKey) -> str:
    """Return 16 hex characters that name an incident in every process: monitor, onset and first stream."""
    parts = json.dumps([monitor, onset_ms, *key], separators=(",", ":"))
    return hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()


def tracked(open_ones: Sequence[Tracked], found: Sequence[Tracked], at_ms: int, stride_ms: int) -> list[Tracked]:
    """Return the found incidents, each with the id of the open one it continues, if any.

    An incident continues the one with which it shares most streams that have been moving on since then, or else one
    of the same first cause whose onset was at most two windows off. None is continued by two, and
    those that have been raised go first: the id of another one was never told. One that is not strange
    in this window says what it said before. The onset is estimated anew for 16 windows, while what was before it is
    remembered well; then it stays.
    """
    pairs = sorted(
        (not old.view.raised, -_shared(old, new), i, j)
        for i, new in enumerate(found)
        for j, old in enumerate(open_ones)
        if _shared(old, new) or _alike(old.view, new.view, stride_ms)
    )
    of: dict[int, int] = {}
    for *_, i, j in pairs:
        if i not in of and j not in of.values():
            of[i] = j
    settled_ms = at_ms - _SETTLING * stride_ms
    return [_continued(open_ones[of[i]], new, settled_ms) if i in of else new for i, new in enumerate(found)]


def _shared(old: Tracked, new: Tracked) -> int:
    return sum(old.since_ms.get(key) == since for key, since in new.since_ms.items())


def _alike(old: IncidentView, new: IncidentView, stride_ms: int) -> bool:
    same = (old.field, old.segment) == (new.field, new.segment)
    return same and abs(old.onset_ms - new.onset_ms) <= TOLERANCE * stride_ms


def _continued(old: Tracked, new: Tracked, settled_ms: int) -> Tracked:
    if not new.strange:
        return replace(new, view=replace(old.view, fresh=False))
    raised = old.view.raised or new.view.raised
    if old.view.raised and old.view.onset_ms < settled_ms:
        onset_ms = old.view.onset_ms
        new = replace(new, view=replace(new.view, onset_ms=onset_ms, summary=opening(onset_ms) + new.text))
    fresh = raised and (not old.view.raised or _shown(old.view) != _shown(new.view))
    return replace(new, view=replace(new.view, id=old.view.id, raised=raised, fresh=fresh))


def _shown(view: IncidentView) -> tuple[Any, ...]:
    """Return what of an incident is news when it changes."""
    named = frozenset(part.segment for part in view.segments if part.named)
    return view.onset_ms, view.field, view.segment, named, frozenset(stream.field for stream in view.streams)
