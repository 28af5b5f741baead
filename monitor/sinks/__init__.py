"""Where alerts go: one file per kind, and the union that is their schema, registry and documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.sinks.alertmanager import AlertmanagerSpec
from monitor.sinks.log import LogSpec
from monitor.sinks.webhook import WebhookSpec

SinkSpec = Annotated[AlertmanagerSpec | WebhookSpec | LogSpec, Field(discriminator="kind")]
"""Any configurable sink, told apart by `kind`."""

__all__ = ["AlertmanagerSpec", "LogSpec", "SinkSpec", "WebhookSpec"]
