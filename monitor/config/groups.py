"""The section of groups: numeric fields that are compared with the baseline together."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from monitor.config.paths import FieldPath
from monitor.detectors import GroupDetectorSpec
from monitor.detectors.domain_classifier import DomainClassifierSpec
from monitor.detectors.hotelling import HotellingSpec
from monitor.detectors.mmd import MmdSpec
from monitor.detectors.spe import SpeSpec
from monitor.spec import Spec

_NAME = r"[a-z0-9]([-_a-z0-9]{0,61}[a-z0-9])?"


def _label(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise ValueError("not a name; write 1 to 63 of a-z, 0-9, - and _, beginning and ending with a-z or 0-9")
    return name


class GroupSpec(Spec):
    """Some numeric fields whose joint distribution is compared with the baseline's."""

    name: Annotated[str, AfterValidator(_label)] = Field(
        description="Stands for the group where a field's path stands for a field.",
        json_schema_extra={"pattern": f"^{_NAME}$"},
    )
    fields: tuple[FieldPath, ...] = Field(min_length=2, description="Paths of its number and integer fields.")
    drift: tuple[GroupDetectorSpec, ...] = Field(
        default=(HotellingSpec(), SpeSpec()), min_length=1, description="Its detectors."
    )

    @property
    def features(self) -> int:
        """Return how many Fourier features are kept for its detectors; 0 without one that needs them."""
        return max((spec.features for spec in self.drift if isinstance(spec, MmdSpec)), default=0)

    @property
    def sampled(self) -> bool:
        """Return whether rows are kept for one of its detectors."""
        return any(isinstance(spec, DomainClassifierSpec) for spec in self.drift)
