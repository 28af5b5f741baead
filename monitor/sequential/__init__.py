"""Detectors with memory, over series of one number a window; one file each, all of them river's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.sequential.adwin import AdwinSpec
from monitor.sequential.ddm import DdmSpec
from monitor.sequential.eddm import EddmSpec
from monitor.sequential.fhddm import FhddmSpec
from monitor.sequential.hddm_a import HddmASpec
from monitor.sequential.hddm_w import HddmWSpec
from monitor.sequential.kswin import KswinSpec
from monitor.sequential.needs import needed, stream_field, subject
from monitor.sequential.page_hinkley import PageHinkleySpec
from monitor.sequential.stream import CHANGE, HELD, NOTHING, Heard, Stream

SequentialSpec = Annotated[
    AdwinSpec | PageHinkleySpec | KswinSpec | DdmSpec | EddmSpec | HddmASpec | HddmWSpec | FhddmSpec,
    Field(discriminator="kind"),
]
"""Every sequential detector that can be configured; a new one is a file and a line here."""

__all__ = [
    "CHANGE",
    "HELD",
    "NOTHING",
    "AdwinSpec",
    "DdmSpec",
    "EddmSpec",
    "FhddmSpec",
    "HddmASpec",
    "HddmWSpec",
    "Heard",
    "KswinSpec",
    "PageHinkleySpec",
    "SequentialSpec",
    "Stream",
    "needed",
    "stream_field",
    "subject",
]
