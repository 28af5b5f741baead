"""Where an alert leads: dashboard, console and runbook, as annotations that every sink carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

PLACEHOLDERS = (
    "alertname", "monitor", "rule", "field", "segment", "severity", "fingerprint", "from_ms", "to_ms",
)  # fmt: skip
"""What a link may have in braces: labels of the alert, its fingerprint, and its time range (ms since the epoch)."""

LONGEST_URL = 2_000
_BRACED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Links:
    """Templates of URLs, empty where there is none; the time range begins and ends `around_ms` outside the alert.

    `console_home` stands for `console` where an alert is about no field.

    Values are percent-encoded, all but letters, digits and `_.-~`, so none can leave its place in the URL.
    """

    dashboard: str = ""
    console: str = ""
    console_home: str = ""
    runbook: str = ""
    around_ms: int = 3_600_000

    def annotations(
        self, labels: Mapping[str, str], fingerprint: str, starts_at_ms: int, until_ms: int
    ) -> dict[str, str]:
        """Return `dashboard_url`, `console_url` and `runbook_url` of an alert, those that are configured.

        A URL over LONGEST_URL characters (a segment's value may be long) is left out: half of it leads elsewhere.
        """
        values = {**labels, "fingerprint": fingerprint}
        values |= {"from_ms": str(starts_at_ms - self.around_ms), "to_ms": str(until_ms + self.around_ms)}
        console = self.console if labels.get("field") else self.console_home or self.console
        templates = {"dashboard_url": self.dashboard, "console_url": console, "runbook_url": self.runbook}
        urls = {name: filled(template, values) for name, template in templates.items() if template}
        return {name: url for name, url in urls.items() if len(url) <= LONGEST_URL}


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the template with the values of its placeholders, percent-encoded; nothing for one without a value."""
    return _BRACED.sub(lambda found: quote(values.get(found[1], ""), safe="", errors="replace"), template)


def unknown_placeholders(template: str) -> list[str]:
    """Return what stands in braces and is none of PLACEHOLDERS."""
    return [name for name in _BRACED.findall(template) if name not in PLACEHOLDERS]
