"""What comes out of a step, and of a judged window: verdicts, check outcomes and the fields' statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default

from monitor.baseline import BaselineChange, BaselineView
from monitor.decoded import Rejects
from monitor.model_views import ModelView
from monitor.profile import Profile
from monitor.snapshot import IncidentView, SegmentLabel, VerdictView
from monitor.types import Alert, Batch, Fetch, Level, Place


@dataclass(frozen=True)
class CheckOutcome:
    """One check in one segment over one window; ratios are None where nothing was evaluated.

    Of a check of rows, `failures` of `rows` failed, some of them at `samples`. Of a check of windows, `failures` is 1
    where the window as a whole failed, `value` what was measured, `details` the numbers behind it, and `evidence`
    what makes it so.
    """

    check: str
    field: str
    segment: SegmentLabel
    level: Level
    failures: int
    rows: int
    failure_ratio: float | None
    reason: str
    value: float | None = None
    samples: tuple[Place, ...] = ()
    whole: bool = False
    details: Mapping[str, float] = with_default(default_factory=dict)
    evidence: str = ""


@dataclass(frozen=True)
class WindowResult:
    """A judged window, or a run of `windows` successive empty ones as one.

    `start_ms` is the first window's start, `end_ms` the last one's end. `evidence` holds, by field, segment
    and detector, which cells explain a score; `baseline` is what it was compared with, `baseline_changes` what its
    keeper decided by it; `changes` say, by the same key, what sequential detectors found; `incidents` are what moves
    together, and why; `models` is what a model's predictions were worth; `profile` is alive and only
    valid until the next step.
    """

    start_ms: int
    end_ms: int
    rows: int
    windows: int = 1
    partial: bool = False
    verdicts: tuple[VerdictView, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    evidence: Mapping[tuple[str, str, str], str] | None = None
    profile: Profile | None = None
    baseline: BaselineView | None = None
    baseline_changes: tuple[BaselineChange, ...] = ()
    changes: Mapping[tuple[str, str, str], str] | None = None
    incidents: tuple[IncidentView, ...] = ()
    models: tuple[ModelView, ...] = ()

    @property
    def gap(self) -> bool:
        """Whether these are empty windows, judged as one run."""
        return self.rows == 0

    @property
    def has_cohort(self) -> bool:
        """Whether predictions were scored in it, though perhaps none came."""
        return any(view.predictions for view in self.models)


@dataclass
class StepResult:
    """What one step brought about; `batches` and `rejects` are one for each (piece of a) fetch with records, in order.

    `revised` counts the rows after a verdict by the start of their pane and the end of the last judged window;
    `alerted_ms` is, for each of the alerts, the end of the window that brought it about.
    """

    batches: list[Batch] = with_default(default_factory=list)
    rejects: list[tuple[Fetch, Rejects]] = with_default(default_factory=list)
    windows: list[WindowResult] = with_default(default_factory=list)
    alerts: list[Alert] = with_default(default_factory=list)
    alerted_ms: list[int] = with_default(default_factory=list)
    revised: dict[tuple[int, int], int] = with_default(default_factory=dict)
