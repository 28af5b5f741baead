"""The compiled model: what its fields are, what is counted of them, and what is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from monitor.models.settings import ESTIMATED, SHOWN, LabelShiftSpec, MetricSpec
from monitor.performance import Task
from monitor.performance.metrics import METRICS

_NUMBERS_A_ROW, _NUMBERS_A_LABEL = 5, 3
_STREAM_BYTES = 2 << 20


@dataclass(frozen=True)
class ModelFields:
    """The paths of a model's fields; of `probability` the class is None where it is the positive one of two."""

    prediction: str | None = None
    probabilities: tuple[tuple[str | None, str], ...] = ()
    label: str | None = None
    id: str | None = None

    @property
    def name(self) -> str:
        """The field that verdicts and alerts of the model name: the prediction, else its probability."""
        return self.prediction or self.probabilities[0][1]

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them but the id: what is read of a row."""
        found = (self.prediction, *(path for _, path in self.probabilities), self.label)
        return tuple(path for path in found if path is not None)


@dataclass(frozen=True)
class ModelPlan:
    """Everything the engine needs to know of a model; `max_delay_ms` None: labels come with their predictions."""

    fields: ModelFields
    task: Task
    metrics: tuple[MetricSpec, ...] = ()
    min_rows: int = 100
    max_delay_ms: int | None = None
    max_pending: int = 1_000_000
    estimates: bool = True
    errors: tuple[Any, ...] = ()
    label_shift: LabelShiftSpec | None = None

    @property
    def joined(self) -> bool:
        """Whether labels come apart from their predictions."""
        return self.max_delay_ms is not None

    @property
    def kept(self) -> bool:
        """Whether rows have to be kept until they are scored: for their labels, or for the order of their errors."""
        return self.joined or bool(self.errors)

    def memory_bytes(self, dimensions: int, segments: int) -> int:
        """Return what rows that wait take at most: predictions twice, while they are merged, and labels.

        And what the detectors of concept drift have heard, of all rows and of each segment.
        """
        if not self.kept:
            return 0
        streams = sum(segments + 1 if spec.segments else 1 for spec in self.errors)
        scores = len(self.task.scored) if self.fields.probabilities else 0
        prediction = 8 * (_NUMBERS_A_ROW + scores) + 4 * dimensions
        return self.max_pending * (2 * prediction + 8 * _NUMBERS_A_LABEL) + streams * _STREAM_BYTES

    @property
    def realized(self) -> tuple[Wanted, ...]:
        """The metrics that are computed with labels; without a label none is."""
        if self.fields.label is None:
            return ()
        scored = bool(self.fields.probabilities)
        shown = (kind for kind in SHOWN[self.task.kind] if scored or not METRICS[kind].needs_probability)
        return self._wanted(shown, lambda _: True)

    @property
    def estimated(self) -> tuple[Wanted, ...]:
        """The metrics that are estimated without labels; without a probability none is."""
        if not self.estimates or not self.fields.probabilities:
            return ()
        return self._wanted(ESTIMATED[self.task.kind], lambda kind: METRICS[kind].without_labels)

    @property
    def label_shares(self) -> tuple[tuple[int, str], ...]:
        """The classes whose share is estimated, with what it is called: of two the positive one, else all of them."""
        if self.label_shift is None:
            return ()
        return tuple((place, f"label_share.{self.task.classes[place]}") for place in self.task.scored)

    def _wanted(self, shown: Iterable[str], fits: Callable[[str], bool]) -> tuple[Wanted, ...]:
        """Return those shown and those judged, with what each is held to."""
        judged = {(spec.kind, spec.of): spec for spec in self.metrics if fits(spec.kind)}
        names = dict.fromkeys([*((kind, None) for kind in shown), *judged])
        return tuple(Wanted(kind, of, judged.get((kind, of))) for kind, of in names)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of all alerts that the model can have."""
        realized = (rule_of("realized", wanted.name) for wanted in self.realized)
        estimated = (rule_of("estimated", wanted.name) for wanted in self.estimated)
        shares = (rule_of("estimated", name) for _, name in self.label_shares)
        return (*realized, *estimated, *shares, *(error_name(spec) for spec in self.errors))


class Wanted(NamedTuple):
    """A metric that is computed: its kind, perhaps the class it is of, and what it is held to."""

    kind: str
    of: str | None
    spec: MetricSpec | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.kind if self.of is None else f"{self.kind}.{self.of}"


def rule_of(source: str, metric: str) -> str:
    """Return the rule under which a metric alerts: `model.accuracy`, `model.accuracy.estimated`."""
    return f"model.{metric}" if source == "realized" else f"model.{metric}.{source}"


def error_name(spec: Any) -> str:
    """Return the rule under which a detector of concept drift alerts: `model.errors.ddm`."""
    return f"model.errors.{spec.name or spec.kind}"
