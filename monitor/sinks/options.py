"""The settings that sinks have in common, as types with their validation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, SecretStr, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from monitor.spec import DurationMs, Spec
from monitor.urls import check_url

SinkName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="The sink's name on metrics.")
]
"""A sink's name: the value of the metric label `sink` and the key of its place in the outbox."""

MinSeverity = Annotated[Literal["warning", "critical"], Field(description="The least severity it is told about.")]
"""The least severity that a sink is told about."""

GroupBy = Annotated[
    Literal["incident", "alert"],
    Field(description="What is told as one thing: all alerts of an incident, or every alert by itself."),
]
"""What a sink tells as one thing."""


class StormSpec(Spec):
    """How many new incidents are told one by one; while there are more, the others are told as one."""

    max: int = Field(default=20, ge=1, le=1_000, description="So many new incidents are told one by one …")
    per: DurationMs = Field(
        default=600_000, ge=1_000, le=86_400_000, description="… within this time; the others are told as one."
    )


StormCap = Annotated[StormSpec | None, Field(description="How many new incidents are told one by one; null for all.")]
"""When a sink tells incidents as one, because there are too many of them."""


class AfterSpec(Spec):
    """How long an alert of each severity must have fired before the sink is told; one duration stands for both."""

    warning: DurationMs = 0
    critical: DurationMs = 0

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        return {"warning": value, "critical": value} if isinstance(value, str | int) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the mapping, or of the one duration."""
        of_both = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [of_both["properties"]["warning"], of_both], "description": of_both.get("description", "")}


After = Annotated[AfterSpec, Field(description="How long an alert must have fired before the sink is told.")]
"""Escalation: how long somebody else has had the alert before this sink is told."""

AT_ONCE = AfterSpec()

CaFile = Annotated[Path | None, Field(description="PEM file of the authorities to trust instead of the system's")]
"""Whom to trust."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


def check_secret_url(value: SecretStr) -> SecretStr:
    """Return a secret that is an http(s) URL; raises ValueError."""
    check_url(value.get_secret_value())
    return value


def check_headers(values: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Return headers whose names and values can be sent; raises ValueError, which never holds a value."""
    for name, value in values.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if not _PRINTABLE.fullmatch(value.get_secret_value()):
            raise ValueError(f"the value of header {name} has characters other than printable ASCII")
    return values


Url = Annotated[str, AfterValidator(check_url)]
"""An http(s) URL that may be shown."""

SecretUrl = Annotated[SecretStr, AfterValidator(check_secret_url)]
"""An http(s) URL that is not shown, since its path may be the password (as with chat services)."""

SecretHeaders = Annotated[dict[str, SecretStr], AfterValidator(check_headers)]
"""HTTP headers whose values are not shown."""
