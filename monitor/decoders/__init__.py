"""Decoders: from the bytes of a fetch to columns of the configured fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.decoders.avro import AvroSpec
from monitor.decoders.delimited import DelimitedSpec
from monitor.decoders.json import JsonSpec
from monitor.decoders.msgpack import MsgpackSpec
from monitor.decoders.plan import DecodePlan, EventTimePlan, TimeUnit
from monitor.decoders.protobuf import ProtobufSpec

DecoderSpec = Annotated[AvroSpec | DelimitedSpec | JsonSpec | MsgpackSpec | ProtobufSpec, Field(discriminator="kind")]
"""The union of all decoders' Specs, told apart by `kind`."""

__all__ = [
    "AvroSpec",
    "DecodePlan",
    "DecoderSpec",
    "DelimitedSpec",
    "EventTimePlan",
    "JsonSpec",
    "MsgpackSpec",
    "ProtobufSpec",
    "TimeUnit",
]
