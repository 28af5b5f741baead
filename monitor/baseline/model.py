"""A baseline: frames (cuts, known values), segments and the profile of the reference rows on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from monitor.accumulators import Frame, GroupFrame
from monitor.baseline.slots import Slots
from monitor.baseline.specs import baseline_specs
from monitor.baseline.volumes import HOURS, Volumes
from monitor.baseline.windows import RowCorrelation
from monitor.codec import from_json, to_json
from monitor.errors import DAMAGE, StoreError
from monitor.models import ModelReference
from monitor.profile import Profile, ProfilePlan
from monitor.segments import Dimension, Segmenter
from monitor.types import FieldType

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Baseline:
    """What current windows are compared with. Immutable; two with equal content have equal versions."""

    fields: Mapping[str, FieldType]
    frames: Mapping[str, Frame]
    segmenter: Segmenter
    profile: Profile
    rows: int
    known_fields: tuple[str, ...] = ()
    volumes: Volumes | None = None
    correlation: RowCorrelation | None = None
    group_frames: Mapping[str, GroupFrame] = field(default_factory=dict)
    slots: Slots | None = None
    model: ModelReference | None = None

    @cached_property
    def content(self) -> dict[str, Any]:
        """The content as JSON-able values: what the version is the digest of."""
        content = {
            "format": _FORMAT,
            "rows": self.rows,
            "fields": dict(sorted(self.fields.items())),
            "known_fields": sorted(self.known_fields),
            "segments": [_content(dimension) for dimension in self.segmenter.dimensions],
            "frames": {path: frame.state() for path, frame in sorted(self.frames.items())},
            "profile": to_json(self.profile.state()),
        }
        if self.group_frames:
            content["groups"] = {name: frame.state() for name, frame in sorted(self.group_frames.items())}
        if self.volumes is not None:
            content["volumes"] = {
                "rows": self.volumes.rows.tolist(),
                "covered_ms": self.volumes.covered_ms.tolist(),
            }
        if self.model is not None:
            content["model"] = self.model.content()
        if self.slots is not None:
            content["slots"] = self.slots.content()
        if self.correlation is not None:
            content["rho"] = self.correlation.content()
        return content

    @cached_property
    def version(self) -> str:
        """SHA-256 of the canonical content, in 64 hex digits."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def of_content(cls, content: Any) -> Baseline:
        """Return the baseline of `content`; raises StoreError where it does not fit together."""
        found = content.get("format") if isinstance(content, Mapping) else None
        if found != _FORMAT:
            raise StoreError(f"baseline format {found!r} is not {_FORMAT}; build the baseline again")
        try:
            fields = dict(content["fields"])
            frames = {path: Frame.of_state(state) for path, state in content["frames"].items()}
            groups = {str(name): GroupFrame.of_state(state) for name, state in content.get("groups", {}).items()}
            dimensions = tuple(
                Dimension(each["field"], tuple(each["values"]), int(each.get("free", 0)))
                for each in content["segments"]
            )
            rows, known = int(content["rows"]), tuple(content["known_fields"])
            state = from_json(content["profile"])
            volumes = _volumes(content.get("volumes"))
        except DAMAGE as error:
            raise StoreError(f"baseline is damaged ({error}); build it again") from error
        segmenter = Segmenter(dimensions)
        plan = ProfilePlan(baseline_specs(fields, groups), {**frames, **groups}, segmenter.labels)
        profile = plan.load(state)
        if profile.incomplete:
            raise StoreError("baseline lacks statistics that its fields need; build it again")
        slots, correlation = _slots(content.get("slots"), plan), _correlation(content.get("rho"), plan)
        stored = content.get("model")
        model = None if stored is None else ModelReference.of_content(stored, segmenter.size)
        return cls(fields, frames, segmenter, profile, rows, known, volumes, correlation, groups, slots, model)


def _slots(stored: Any, plan: ProfilePlan) -> Slots | None:
    """Return the stored slots, None where there are none; raises StoreError on damage."""
    try:
        return None if stored is None else Slots.of_content(stored, plan)
    except DAMAGE as error:
        raise StoreError(f"the baseline's seasons are damaged ({error}); build it again") from error


def _correlation(stored: Any, plan: ProfilePlan) -> RowCorrelation | None:
    """Return the stored correlation, None where there is none; raises StoreError on damage."""
    if stored is None:
        return None
    try:
        return RowCorrelation.of_content(stored, plan.specs, len(plan.labels))
    except DAMAGE as error:
        raise StoreError(f"baseline is damaged ({error!r}); build it again") from error


def _volumes(stored: Any) -> Volumes | None:
    """Return the stored volumes, None where there are none; raises TypeError, KeyError or ValueError on damage."""
    if stored is None:
        return None
    rows, covered = (np.array(stored[name], np.int64) for name in ("rows", "covered_ms"))
    if not rows.shape == covered.shape == (HOURS,) or min(rows.min(), covered.min()) < 0:
        raise ValueError("volumes are not of 168 hours")
    return Volumes(rows, covered)


def _content(dimension: Dimension) -> dict[str, Any]:
    free = {"free": dimension.free} if dimension.free else {}
    return {"field": dimension.field, "values": list(dimension.values), **free}
