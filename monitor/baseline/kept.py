"""Statistics of judged windows as a keeper keeps them: copies by unit, and as bytes that are written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as with_default
from functools import cached_property
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, Frame, GroupFrame
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.profile import Profile, ProfilePlan, frame_key
from monitor.types import Correlation, PresenceArray

Unit = str
"""What is decided on as a whole: a field with all of its segments, or a group of fields; its frame's name."""
Statistics = Mapping[AccumulatorSpec, Any]


@dataclass(frozen=True)
class KeptPlan:
    """Which statistics are kept, on which frames and for which segments.

    `watched` says which unit a verdict is on, by the verdict's field and detector.
    """

    specs: tuple[AccumulatorSpec, ...]
    frames: Mapping[str, Frame | GroupFrame]
    labels: tuple[str, ...]
    watched: Mapping[tuple[str, str], Unit]
    version: str = ""
    rho: Mapping[AccumulatorSpec, Correlation] = with_default(default_factory=dict)
    """The ruler's own, for as long as the windows kept are too few to tell."""

    @cached_property
    def profile(self) -> ProfilePlan:
        """The same as a profile's plan, which builds accumulators and names their states."""
        return ProfilePlan(self.specs, self.frames, self.labels)

    @cached_property
    def units(self) -> Mapping[Unit, tuple[AccumulatorSpec, ...]]:
        """The Specs of each unit, in the order of the Specs."""
        found: dict[Unit, tuple[AccumulatorSpec, ...]] = {}
        for spec in self.specs:
            found[frame_key(spec)] = (*found.get(frame_key(spec), ()), spec)
        return found

    @cached_property
    def _keys(self) -> Mapping[AccumulatorSpec, str]:
        return dict(zip(self.specs, self.profile.keys, strict=True))

    def copied(self, profile: Profile) -> dict[Unit, Statistics]:
        """Return copies of the window's statistics by unit; a unit of which anything is incomplete is left out."""
        empty = self.profile.empty().accumulators
        found: dict[Unit, Statistics] = {}
        for unit, specs in self.units.items():
            if any(spec in profile.incomplete for spec in specs):
                continue
            for spec in specs:
                empty[spec].merge(profile.accumulators[spec])
            found[unit] = {spec: empty[spec] for spec in specs}
        return found

    def summed(self, unit: Unit, parts: Iterable[Statistics]) -> Statistics:
        """Return a new sum of a unit's statistics, merged in their order; of none it is empty."""
        specs = self.units[unit]
        total = ProfilePlan(specs, self.frames, self.labels).empty().accumulators
        for part in parts:
            for spec in specs:
                total[spec].merge(part[spec])
        return total

    def key(self, spec: AccumulatorSpec) -> str:
        """Return the identity of a Spec's statistics: equal ones are of the same Spec, cuts and segments."""
        return self._keys[spec]

    def packed(self, statistics: Statistics) -> PresenceArray:
        """Return statistics as bytes, in an array that is never changed."""
        data = encode({self._keys[spec]: accumulator.state() for spec, accumulator in statistics.items()})
        return np.frombuffer(data, np.uint8)

    def unpacked(self, unit: Unit, packed: PresenceArray) -> Statistics | None:
        """Return what `packed` gave; None where it is of other Specs, frames or segments than ours.

        Raises StoreError on damage.
        """
        stored = decode(packed.tobytes())
        specs: Sequence[AccumulatorSpec] = self.units[unit]
        if not isinstance(stored, dict):
            raise StoreError("a window kept for the baseline is damaged; reset the checkpoint")
        if any(self._keys[spec] not in stored for spec in specs):
            return None
        found = ProfilePlan(tuple(specs), self.frames, self.labels).empty().accumulators
        for spec, accumulator in found.items():
            accumulator.load(stored[self._keys[spec]])
        return found
