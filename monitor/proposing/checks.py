"""Proposes the checks beside the fields' own contracts: formats, placeholders, duplicates, volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from monitor.checks import CheckSpec
from monitor.proposing.bounds import CONFIDENCE, chance_failures, none_seen_ratio, round_up
from monitor.proposing.draft import CheckProposal
from monitor.proposing.facts import Facts
from monitor.proposing.fields import FieldProposal
from monitor.proposing.kinds import Role
from monitor.proposing.pace import Pace
from monitor.proposing.scalars import flow, scalar
from monitor.proposing.texts import format_of, numbers_in, placeholders_of
from monitor.spec import format_duration

_MOST = 3
"""A window may have so many times the rows of the fullest one seen."""
_FEWEST_FOR_KEY = 1000
_HORIZONS_MS = (86_400_000, 21_600_000, 3_600_000, 900_000, 300_000, 60_000)
_MOST_KEYS, _DEFAULT_KEYS = 6_000_000, 1_000_000


def known_kinds(union: Any) -> frozenset[str]:
    """Return the kinds that a union of Specs has."""
    members = get_args(get_args(union)[0]) or get_args(union)
    return frozenset(member.model_fields["kind"].default for member in members)


def checks_of(facts: Sequence[Facts], fields: Sequence[FieldProposal], pace: Pace) -> tuple[CheckProposal, ...]:
    """Return the proposed checks, the volume last."""
    found = []
    for fact, proposal in zip(facts, fields, strict=True):
        if proposal.active:
            listed = any(setting.key == "allowed" and setting.active for setting in proposal.settings)
            found += [
                check
                for check in (None if listed else _format(fact, pace.few), _placeholder(fact), _quoted(fact))
                if check
            ]
    return (*found, *_duplicates(facts, fields, pace), *_volume(pace))


def _format(facts: Facts, rows: int) -> CheckProposal | None:
    name = format_of(facts)
    if name is None:
        return None
    rare = none_seen_ratio(facts.usable)
    limit = round_up(chance_failures(facts.usable, rows) / rows)
    entry = (
        f"{{kind: format, field: {scalar(facts.path)}, format: {name}, max_failure_ratio: {scalar(min(limit, 1.0))}}}"
    )
    why = f"{CONFIDENCE:.0%}: all {facts.usable:,} values are, so others are in fewer than 1 in {int(1 / rare):,} rows"
    return CheckProposal(f"{facts.path}.format", entry, why)


def _placeholder(facts: Facts) -> CheckProposal | None:
    n = placeholders_of(facts)
    if not n:
        return None
    share = n / facts.usable
    limit = min(round_up(3 * share), 1.0)
    entry = f"{{kind: placeholder, field: {scalar(facts.path)}, max_failure_ratio: {scalar(limit)}}}"
    why = f"{n:,} values ({share:.2%}) stand for a missing one; null would be more honest. Three times as many is news"
    return CheckProposal(f"{facts.path}.placeholder", entry, why)


def _quoted(facts: Facts) -> CheckProposal | None:
    n = numbers_in(facts)
    if n < 0.9 * facts.usable or not n:
        return None
    entry = f"{{kind: numeric_text, field: {scalar(facts.path)}}}"
    why = f"{n:,} of {facts.usable:,} texts are numbers: send numbers, and this keeps them so"
    return CheckProposal(f"{facts.path}.numeric_text", entry, why, active=False)


def _duplicates(facts: Sequence[Facts], fields: Sequence[FieldProposal], pace: Pace) -> list[CheckProposal]:
    """Return a check on the first field that identifies every row, active where this version has the kind."""
    for fact, proposal in zip(facts, fields, strict=True):
        if proposal.kind.role is Role.IDENTIFIER and fact.usable == fact.rows >= _FEWEST_FOR_KEY:
            horizon, keys = _horizon(pace)
            room = f", capacity: {keys}" if keys > _DEFAULT_KEYS else ""
            settings = f"key: {flow([fact.path])}, horizon: {format_duration(horizon)}{room}, max_failure_ratio: 0.001"
            why = f"{fact.usable:,} rows, as many different keys; at-least-once producers repeat a few"
            there = "duplicates" in known_kinds(CheckSpec)
            return [
                CheckProposal(
                    "duplicates", f"{{kind: duplicates, {settings}}}", why, active=there and keys <= _MOST_KEYS
                )
            ]
    return []


def _horizon(pace: Pace) -> tuple[int, int]:
    """Return the longest horizon, a window at least, that needs at most `_MOST_KEYS` keys, and how many it needs."""
    for wanted in _HORIZONS_MS:
        horizon = max(wanted, pace.size_ms)
        keys = int(round_up(2 * max(pace.typical, 1) * horizon / pace.size_ms))
        if keys <= _MOST_KEYS:
            break
    return horizon, keys


def _volume(pace: Pace) -> list[CheckProposal]:
    """Return the bounds on the rows of a window: none is always a fault where that was never seen."""
    if len(pace.counts) < _MOST:
        why = "too few whole windows in the sample to say how many rows are normal"
        return [CheckProposal("volume", "{kind: volume, min_per_window: 1}", why, active=False)]
    low, high = min(pace.counts), max(pace.counts)
    seen = f"{low:,} … {high:,} rows in {len(pace.counts)} whole windows"
    most = int(round_up(_MOST * max(high, 1)))
    if low == 0:
        empty = sum(count == 0 for count in pace.counts)
        why = f"{seen}, {empty} of them empty: none is normal here; choose longer windows to have silence noticed"
        return [CheckProposal("volume", "{kind: volume, min_per_window: 1}", why, active=False)]
    entry = f"{{kind: volume, min_per_window: 1, max_per_window: {most}}}"
    bounds = CheckProposal("volume", entry, f"{seen}: none at all is a fault, and so is {_MOST} times the fullest")
    entry = f"{{kind: volume, name: volume-floor, min_per_window: {max(low // 2, 1)}, severity: warning}}"
    why = "half the emptiest window; off, since the first window after a start is not whole"
    return [bounds, CheckProposal("volume-floor", entry, why, active=False)]
