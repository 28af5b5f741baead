"""The configuration as one closed, frozen tree; what `load` returns and what the daemon is built from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from monitor.baseline import BaselineSpec
from monitor.checks import CheckSpec
from monitor.config.document import Loc
from monitor.config.groups import GroupSpec
from monitor.config.links import LinksSpec
from monitor.config.maintenance import MaintenanceSpec
from monitor.config.paths import FieldPath
from monitor.config.rules import violations
from monitor.config.sections import (
    AlertingSpec,
    FieldSpec,
    LimitsSpec,
    SegmentSpec,
    StoreSpec,
    TimeSpec,
    WindowSpec,
)
from monitor.config.sureness import watched_fields
from monitor.config.text_streams import MadeField
from monitor.decoders import DecoderSpec
from monitor.detectors import DetectorSpec
from monitor.doping.settings import SelfTestSpec
from monitor.models import ModelSpec
from monitor.policy import PolicySpec
from monitor.sequential import SequentialSpec
from monitor.sinks import SinkSpec
from monitor.sources import SourceSpec
from monitor.sources.dead_letter import DeadLetterSpec
from monitor.spec import Spec
from monitor.web.settings import HttpSpec

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def _label(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise ValueError("not a name; write 1 to 63 of a-z, 0-9 and -, not beginning or ending with -")
    return name


class Config(Spec):
    """Everything one monitor does. Raises ValidationError when a part is wrong or two parts disagree."""

    name: Annotated[str, AfterValidator(_label)] = Field(
        description="The label `monitor` on every metric and alert.", json_schema_extra={"pattern": f"^{_NAME}$"}
    )
    source: SourceSpec = Field(description="Where records come from.")
    decoder: DecoderSpec = Field(
        default={"kind": "json"}, validate_default=True, description="How a record becomes a row."
    )
    dead_letter: DeadLetterSpec | None = Field(default=None, description="Where rejects go; by default nowhere.")
    time: TimeSpec = Field(default=TimeSpec(), description="Event time, and how disordered it may be.")
    window: WindowSpec = Field(default=WindowSpec(), description="What is judged and what is accumulated.")
    segments: tuple[SegmentSpec, ...] = Field(default=(), description="Dimensions by which rows are judged apart.")
    baseline: BaselineSpec | None = Field(default=None, description="What windows are compared with.")
    fields: dict[FieldPath, FieldSpec] = Field(default={}, description="The fields of a record, by path.")
    drift: tuple[DetectorSpec, ...] = Field(
        default=(), description="For every field whose type the detector can compare."
    )
    groups: tuple[GroupSpec, ...] = Field(default=(), description="Numeric fields that are compared together.")
    sequential: tuple[SequentialSpec, ...] = Field(
        default=(), description="Detectors with memory, over series of one number a window."
    )
    model: ModelSpec | None = Field(
        default=None, description="The model whose predictions are watched, as far as its fields' roles do not say it."
    )
    checks: tuple[CheckSpec, ...] = Field(
        default=(), description="What rows and windows must satisfy, besides the fields' contracts."
    )
    policy: PolicySpec = Field(
        default={"kind": "threshold"}, validate_default=True, description="How scores become levels."
    )
    self_test: SelfTestSpec = Field(
        default=SelfTestSpec(), description="How often the monitor tests whether it would still notice."
    )
    alerting: AlertingSpec = Field(default=AlertingSpec(), description="How many windows raise and clear an alert.")
    links: LinksSpec = Field(default=LinksSpec(), description="Where alerts lead, in every sink.")
    maintenance: tuple[MaintenanceSpec, ...] = Field(
        default=(), description="When new notifications of some alerts are held, by schedule."
    )
    sinks: tuple[SinkSpec, ...] = Field(default=(), description="Where alerts go.")
    store: StoreSpec = Field(default=StoreSpec(), description="What survives a restart.")
    http: HttpSpec = Field(default=HttpSpec(), description="Metrics, probes, API and console.")
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Caps on what a producer or a configuration may cost.")

    _outside: frozenset[Loc] = PrivateAttr(frozenset())

    @property
    def outside(self) -> frozenset[Loc]:
        """Where values stand that came from the environment or a file, and so are never printed."""
        return self._outside

    def from_outside(self, places: Iterable[Loc]) -> Self:
        """Return this configuration, which now knows what of it came from outside."""
        self._outside = frozenset(places)
        return self

    @field_validator("*")
    @classmethod
    def _keep_section(cls, value: Any, info: ValidationInfo) -> Any:
        # The loader wants the sections that are fine even if another is not, to say all that is wrong at once.
        if isinstance(info.context, dict) and info.field_name is not None:
            info.context[info.field_name] = value
        return value

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        found = violations({name: getattr(self, name) for name in type(self).model_fields})
        if found:
            text = "; ".join(str(violation) for violation in found)
            raise PydanticCustomError("parts_disagree", "{text}", {"text": text, "violations": found})
        return self

    @cached_property
    def watched(self) -> dict[str, FieldSpec | MadeField]:
        """Every field that is watched: those of the records, then those made of them."""
        return watched_fields(self.fields, self.model)

    def detectors_for(self, path: str) -> tuple[DetectorSpec, ...]:
        """Return the detectors of a field: its own, else those defaults that can compare its type.

        Of a text field only the shares of missing and invalid rows can be compared; its measures are fields of their
        own. Raises KeyError for an unknown field.
        """
        field = self.watched[path]
        if isinstance(field, MadeField):
            return field.detectors(self.drift)
        if field.drift is not None:
            return field.drift
        return tuple(detector for detector in self.drift if field.type in detector.field_types)

    @cached_property
    def digest(self) -> str:
        """Return 16 hex digits that change when anything but a secret does, defaults included."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
