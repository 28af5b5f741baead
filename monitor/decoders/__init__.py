"""Decoders: each turns a fetch of records into a batch of columns. One file and one line here per kind."""

from __future__ import annotations

from monitor.decoders.json import JsonSpec
from monitor.decoders.plan import DecodePlan, EventTimePlan, TimeUnit

DecoderSpec = JsonSpec
"""The union of all decoders' Specs, told apart by `kind`; JSON is the only member so far."""

__all__ = ["DecodePlan", "DecoderSpec", "EventTimePlan", "JsonSpec", "TimeUnit"]
