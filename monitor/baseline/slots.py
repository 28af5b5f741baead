"""A baseline's rows by season: a profile for each hour of the day or of the week, on the baseline's own cuts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.accumulators import (
    CategoriesSpec,
    HistogramSpec,
    LanguagesSpec,
    MomentsSpec,
    PresenceSpec,
    TextSpec,
    WordsSpec,
)
from monitor.baseline.seasons import Season
from monitor.codec import from_json, to_json
from monitor.errors import StoreError
from monitor.profile import Profile, ProfilePlan
from monitor.types import Column, Groups, IntArray


@dataclass(frozen=True, eq=False)
class Slots:
    """A profile for each slot, and how long the baseline lay in it, int64 (slots), in milliseconds."""

    season: Season
    profiles: tuple[Profile, ...]
    covered_ms: IntArray

    @classmethod
    def of(
        cls,
        season: Season,
        plan: ProfilePlan,
        blocks: Iterable[tuple[Mapping[str, Column], Groups]],
        times_ms: Sequence[IntArray],
    ) -> Slots:
        """Return the slots of the rows in `blocks`, whose event times are, in the same order, `times_ms`."""
        times = np.concatenate(times_ms) if times_ms else np.zeros(0, np.int64)
        plan = _scalable(plan)
        profiles = tuple(plan.empty() for _ in range(season.slots))
        begin = 0
        for columns, groups in blocks:
            n = len(next(iter(columns.values()), ()))
            slots = season.slots_of(times[begin : begin + n])
            for slot in np.unique(slots).tolist():
                rows = np.flatnonzero(slots == slot)
                taken = {path: column.take(rows) for path, column in columns.items()}
                profiles[slot].update(taken, groups.take(rows), (), rows.size)
            begin += n
        covered = season.overlaps(int(times.min()), int(times.max()) + 1) if times.size else season.overlaps(0, 0)
        return cls(season, profiles, covered)

    @property
    def rows(self) -> IntArray:
        """The rows of each slot, int64 (slots)."""
        return np.array([profile.rows for profile in self.profiles], np.int64)

    def content(self) -> dict[str, Any]:
        """Return the content as JSON-able values."""
        return {
            "season": self.season.kind,
            "time_zone": self.season.time_zone,
            "covered_ms": self.covered_ms.tolist(),
            "profiles": [to_json(profile.state()) for profile in self.profiles],
        }

    @classmethod
    def of_content(cls, content: Mapping[str, Any], plan: ProfilePlan) -> Slots:
        """Return the slots of `content`; raises KeyError, TypeError, ValueError or StoreError on damage."""
        if content["season"] not in ("hour_of_day", "hour_of_week"):
            raise ValueError(f"no season {content['season']!r}")
        season = Season(content["season"], str(content["time_zone"]))
        covered = np.array(content["covered_ms"], np.int64)
        plan = _scalable(plan)
        profiles = tuple(plan.load(from_json(state)) for state in content["profiles"])
        if not len(profiles) == covered.size == season.slots:
            raise ValueError(f"the slots are not {season.slots}")
        if any(profile.incomplete for profile in profiles):
            raise StoreError("a season of the baseline lacks statistics that its fields need; build it again")
        return cls(season, profiles, covered)


def _scalable(plan: ProfilePlan) -> ProfilePlan:
    """Return the plan of what is kept by slot: co-moments of vectors and of groups of fields would be too large."""
    return ProfilePlan(tuple(spec for spec in plan.specs if isinstance(spec, _BY_SLOT)), plan.frames, plan.labels)


_BY_SLOT = (PresenceSpec, MomentsSpec, HistogramSpec, CategoriesSpec, WordsSpec, LanguagesSpec, TextSpec)
