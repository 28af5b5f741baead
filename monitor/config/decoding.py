"""What the decoder is asked for, as the configuration says it."""

from __future__ import annotations

from monitor.config.tree import Config
from monitor.decoders import DecodePlan, EventTimePlan


def decode_plan(config: Config) -> DecodePlan:
    """Return the plan for `config.decoder.build`: fields with their types, event time, limits of a record."""
    time = config.time
    return DecodePlan(
        fields={path: field.type for path, field in config.fields.items()},
        event_time=EventTimePlan(path=time.field, unit=time.unit, max_ahead_ms=time.max_ahead),
        max_record_bytes=config.limits.max_record_bytes,
        max_nesting_depth=config.limits.max_nesting_depth,
    )
