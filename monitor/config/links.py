"""The configuration of where alerts lead."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from monitor.alerting.links import PLACEHOLDERS, Links, filled, unknown_placeholders
from monitor.spec import DurationMs, Spec
from monitor.urls import check_url

_HOST = re.compile(r"[a-z]+://[^/?#]*")
_CONSOLE_PAGE = "/fields/{field}?segment={segment}"
_RUNBOOK_PAGE = "/{alertname}.html"


def _check_template(value: str) -> str:
    """Return a URL with placeholders behind its host; raises ValueError."""
    unknown = unknown_placeholders(value)
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is no placeholder; there are {', '.join(PLACEHOLDERS)}")
    host = _HOST.match(value)
    if host is not None and "{" in host[0]:
        raise ValueError("the host of a link cannot have a placeholder")
    check_url(filled(value, dict.fromkeys(PLACEHOLDERS, "x")))
    return value


LinkTemplate = Annotated[str, AfterValidator(_check_template)]
"""An http(s) URL, with placeholders in braces behind its host."""


class LinksSpec(Spec):
    """Where an alert leads, as annotations `dashboard_url`, `console_url` and `runbook_url` in every sink.

    URLs may hold `{monitor}`, `{rule}`, `{field}`, `{segment}`, `{severity}`, `{alertname}`, `{fingerprint}`,
    and the alert's time range as `{from_ms}` and `{to_ms}`.
    """

    dashboard: LinkTemplate | None = Field(default=None, description="A dashboard, such as Grafana's.")
    console: LinkTemplate | None = Field(
        default=None, description="This monitor's console; without a placeholder the field's page of it."
    )
    runbooks: LinkTemplate | None = Field(
        default=None, description="Where runbooks are served; without a placeholder `/{alertname}.html` follows."
    )
    around: DurationMs = Field(default=3_600_000, description="How much of the time before and after is shown.")

    def build(self) -> Links:
        """Return the templates as alerts need them."""
        return Links(
            self.dashboard or "",
            _page(self.console, _CONSOLE_PAGE),
            _page(self.console, "/"),
            _page(self.runbooks, _RUNBOOK_PAGE),
            self.around,
        )


def _page(template: str | None, page: str) -> str:
    """Return the template, with `page` behind it where it has no placeholder; empty without a template."""
    if template is None:
        return ""
    return template if "{" in template else template.rstrip("/") + page
