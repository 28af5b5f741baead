"""The configuration as one closed, frozen tree; what `load` returns and what the daemon is built from."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from monitor.checks import CheckSpec
from monitor.config.paths import checked_path
from monitor.config.rules import violations
from monitor.config.sections import (
    AlertingSpec,
    BaselineSpec,
    FieldSpec,
    LimitsSpec,
    SegmentSpec,
    StoreSpec,
    TimeSpec,
    WindowSpec,
)
from monitor.decoders import DecoderSpec
from monitor.detectors import DetectorSpec
from monitor.policy import PolicySpec
from monitor.sinks import SinkSpec
from monitor.sources import SourceSpec
from monitor.sources.dead_letter import DeadLetterSpec
from monitor.spec import Spec
from monitor.web.settings import HttpSpec

FieldPath = Annotated[str, AfterValidator(checked_path)]
"""A dotted path into the record, or one of the record's own `$key`, `$timestamp_ms`, `$header.NAME`."""


class Config(Spec):
    """Everything one monitor does. Raises ValidationError when a part is wrong or two parts disagree."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$",
        description="The label `monitor` on every metric and alert.",
    )
    source: SourceSpec
    decoder: DecoderSpec = Field(default={"kind": "json"}, validate_default=True)
    dead_letter: DeadLetterSpec | None = None
    time: TimeSpec = TimeSpec()
    window: WindowSpec = WindowSpec()
    segments: tuple[SegmentSpec, ...] = ()
    baseline: BaselineSpec | None = None
    fields: dict[FieldPath, FieldSpec] = {}
    drift: tuple[DetectorSpec, ...] = Field((), description="For every field whose type the detector can compare.")
    checks: tuple[CheckSpec, ...] = ()
    policy: PolicySpec = Field(default={"kind": "threshold"}, validate_default=True)
    alerting: AlertingSpec = AlertingSpec()
    sinks: tuple[SinkSpec, ...] = ()
    store: StoreSpec = StoreSpec()
    http: HttpSpec = HttpSpec()
    limits: LimitsSpec = LimitsSpec()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        found = violations({name: getattr(self, name) for name in type(self).model_fields})
        if found:
            text = "; ".join(f"{violation.dotted}: {violation.message}" for violation in found)
            raise PydanticCustomError("parts_disagree", "{text}", {"text": text, "violations": found})
        return self

    def detectors_for(self, path: str) -> tuple[DetectorSpec, ...]:
        """Return the detectors of a field: its own, else those defaults that can compare its type.

        A text field has none by default: its values are all different. Raises KeyError for an unknown field.
        """
        field = self.fields[path]
        if field.drift is not None:
            return field.drift
        if field.type == "text":
            return ()
        return tuple(detector for detector in self.drift if field.type in detector.field_types)

    @cached_property
    def digest(self) -> str:
        """Return 16 hex digits that change when anything but a secret does, defaults included."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
