"""Windows made of columns, as checks of windows see them."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.checks import Finding, WindowView
from monitor.profile import ProfilePlan
from monitor.types import Column, Groups
from tests.support.checks import column


def view_of(spec: Any, columns: dict[str, Any], codes: Any = None, batches: int = 1, **more: Any) -> WindowView:
    """Return the window of those columns, folded in so many batches; `codes` are the rows' segments, 1 and up."""
    built = {path: given if isinstance(given, Column) else column(given) for path, given in columns.items()}
    rows = len(next(iter(built.values())))
    fields: Any = {path: "number" if isinstance(c.values, np.ndarray) else "category" for path, c in built.items()}
    groups = 1 if codes is None else int(max(codes)) + 1
    plan = ProfilePlan(spec.build().needs(fields), {}, ("", *(f"s={n}" for n in range(1, groups))))
    profile = plan.empty()
    for part in np.array_split(np.arange(rows), batches):
        of = Groups() if codes is None else Groups(groups, (np.asarray(codes, np.int32)[part],))
        profile.update({path: c.take(part) for path, c in built.items()}, of, (), len(part))
    return WindowView(0, 60_000, rows, groups=groups, accumulators=profile.accumulators, **more)


def judged(spec: Any, columns: dict[str, Any], codes: Any = None, **more: Any) -> list[Finding]:
    """Return what the check finds in the window of those columns."""
    found: list[Finding] = spec.build().judge(view_of(spec, columns, codes, **more))
    return found
