"""Where alerts go: one file per kind, and the union that is their schema, registry and documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.sinks.alertmanager import AlertmanagerSpec
from monitor.sinks.apprise import AppriseSpec
from monitor.sinks.kafka import KafkaSinkSpec
from monitor.sinks.log import LogSpec
from monitor.sinks.pagerduty import PagerDutySpec
from monitor.sinks.slack import SlackSpec
from monitor.sinks.webhook import WebhookSpec

SinkSpec = Annotated[
    AlertmanagerSpec | PagerDutySpec | SlackSpec | WebhookSpec | KafkaSinkSpec | AppriseSpec | LogSpec,
    Field(discriminator="kind"),
]
"""Any configurable sink, told apart by `kind`."""

__all__ = [
    "AlertmanagerSpec",
    "AppriseSpec",
    "KafkaSinkSpec",
    "LogSpec",
    "PagerDutySpec",
    "SinkSpec",
    "SlackSpec",
    "WebhookSpec",
]
