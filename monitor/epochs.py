"""Which epoch a daemon is in: configuration and baseline, since when, and what was another before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from monitor.config.differences import differences
from monitor.errors import DAMAGE, StoreError
from monitor.in_force import EpochView
from monitor.lines import configuration_line
from monitor.plan import MonitorPlan

_SHORT = 12


@dataclass(frozen=True)
class Change:
    """What is to be in force: the configuration as JSON without secrets, what changed, and on what occasion.

    `changes` None: what the stored configuration says; a reload knows better, for it knows the secrets too.
    """

    configuration: str = ""
    changes: Sequence[str] | None = None
    occasion: str = "restart"


@dataclass(frozen=True)
class Begun:
    """The epoch that a daemon is in, and the line of the event where the configuration is another than before."""

    epoch: EpochView
    line: dict[str, Any] | None = None


def begun(plan: MonitorPlan, change: Change, stored: Any, configuration: bytes | str | None, now_ms: int) -> Begun:
    """Return the stored epoch where nothing changed, else a new one from `now_ms` on.

    `stored` is what `epoch_state` gave, None at the very first start; `configuration` the stored one. Raises
    StoreError on damage.
    """
    version = plan.baseline_version
    if stored is None:
        return Begun(EpochView(plan.config_hash, version, now_ms))
    before = _epoch_of(stored)
    same = (before.config_hash, before.baseline_version) == (plan.config_hash, version)
    changes = change.changes
    if changes is None:
        changes = () if same else _changes(configuration, change.configuration)
    if same and not changes:
        return Begun(before)
    if before.baseline_version != version:
        changes = (*changes, f"baseline version: {_short(before.baseline_version)} -> {_short(version)}")
    epoch = EpochView(plan.config_hash, version, now_ms, tuple(changes))
    if before.config_hash == plan.config_hash and not change.changes:
        return Begun(epoch)
    return Begun(epoch, configuration_line(plan.monitor, epoch, before.config_hash, change.occasion))


def epoch_state(epoch: EpochView) -> dict[str, Any]:
    """Return an epoch as JSON-able values."""
    return asdict(epoch)


def _epoch_of(stored: Any) -> EpochView:
    try:
        return EpochView(**stored | {"changes": tuple(map(str, stored["changes"]))})
    except DAMAGE as error:
        raise StoreError(f"the stored epoch is damaged ({error}); reset the checkpoint") from error


def _changes(before: bytes | str | None, after: str) -> tuple[str, ...]:
    """Return what changed from the stored configuration; nothing where one of the two is not known."""
    if not before or not after:
        return ()
    try:
        return differences(json.loads(before), json.loads(after))
    except DAMAGE as error:
        raise StoreError(f"the stored configuration is damaged ({error}); reset the checkpoint") from error


def _short(version: str | None) -> str:
    return "none" if version is None else version[:_SHORT]
