"""Conditions of `--fail-on`."""

from __future__ import annotations

import pytest

from monitor.cli.conditions import parse_condition

NAMES = ("pages", "pages_per_week", "critical")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("pages_per_week>2", True),
        ("pages_per_week > 2.5", False),
        ("pages_per_week>=2.5", True),
        ("pages<4", False),
        ("pages==4", True),
        ("pages!=4", False),
        ("pages", True),
        ("critical", False),
        ("critical <= 0", True),
    ],
)
def test_a_condition_compares_a_number(text, holds):
    assert parse_condition(text, NAMES).holds({"pages": 4, "pages_per_week": 2.5, "critical": 0}) is holds


@pytest.mark.parametrize("text", ["", "page>2", "pages>", "pages>x", "pages=>2", "pages>2 and critical", "2>pages"])
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(ValueError, match="pages, pages_per_week, critical"):
        parse_condition(text, NAMES)
