"""Where alerts lead: values stay in their place, whatever is in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import AlertBook, Links, Signal
from monitor.alerting.links import LONGEST_URL
from monitor.types import Level

DASHBOARD = "https://grafana.example/d/x?var-field={field}&var-segment={segment}&from={from_ms}&to={to_ms}#{rule}"
LINKS = Links(
    dashboard=DASHBOARD,
    console="https://drift.example/p/fields/{field}?segment={segment}",
    console_home="https://drift.example/p/",
    runbook="https://docs.example/{alertname}.html",
    around_ms=1_000,
)
HOUR_MS = 3_600_000


def test_every_alert_carries_its_links_with_the_time_range() -> None:
    book = AlertBook("payments", links=LINKS)
    signal = Signal("psi", "amount", "country=D&E", Level.WARNING, annotations={"summary": "s"})
    (fired,) = book.step(HOUR_MS, 2 * HOUR_MS, [signal])
    expected = {
        "dashboard_url": "https://grafana.example/d/x?var-field=amount&var-segment=country%3DD%26E"
        f"&from={HOUR_MS - 1_000}&to={2 * HOUR_MS + 1_000}#psi",
        "console_url": "https://drift.example/p/fields/amount?segment=country%3DD%26E",
        "runbook_url": "https://docs.example/DriftlineDrift.html",
    }
    assert {**expected, "summary": "s"} == fired.annotations
    (resolved,) = book.step(2 * HOUR_MS, 3 * HOUR_MS, [Signal("psi", "amount", "country=D&E", Level.OK)])
    assert f"&to={3 * HOUR_MS + 1_000}#" in resolved.annotations["dashboard_url"]


def test_without_links_there_are_none() -> None:
    (fired,) = AlertBook("payments").step(0, 1, [Signal("psi", "amount", "", Level.WARNING)])
    assert fired.annotations == {}


def test_an_alert_about_no_field_leads_to_the_consoles_first_page() -> None:
    urls = LINKS.annotations({"rule": "volume", "alertname": "DriftlineCheck"}, "f", 0, 0)
    assert urls["console_url"] == "https://drift.example/p/"


@given(st.text(max_size=60))
def test_no_value_leaves_its_place(value: str) -> None:
    url = LINKS.annotations({"field": value, "segment": value, "rule": value}, "f", 0, 0)["dashboard_url"]
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "grafana.example", "/d/x")
    found = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert list(found) == ["var-field", "var-segment", "from", "to"]
    assert found["var-field"] == [value]
    assert not set(url) & set(" <>\"'|\\\n{}")


def test_text_that_is_no_unicode_is_no_failure() -> None:
    assert "x%3F" in LINKS.annotations({"field": "x\ud800"}, "f", 0, 0)["dashboard_url"]


def test_a_link_that_is_too_long_is_left_out_and_the_others_stay() -> None:
    urls: dict[str, Any] = LINKS.annotations({"field": "é" * LONGEST_URL, "alertname": "A"}, "f", 0, 0)
    assert set(urls) == {"runbook_url"}


@pytest.mark.parametrize("template", ["https://x.example/{field}", "https://x.example/?a={segment}"])
def test_braces_in_a_value_are_no_placeholder(template: str) -> None:
    url = Links(dashboard=template).annotations({"field": "{rule}", "segment": "{rule}", "rule": "secret"}, "f", 0, 0)
    assert "secret" not in url["dashboard_url"]
