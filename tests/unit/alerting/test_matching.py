"""Matchers: what they read, what they match, and what they refuse."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.matching import LONGEST_VALUE, Matcher, match_all, parse_matcher, parse_matchers

LABELS = {"alertname": "DriftlineDrift", "field": "merchant.mcc", "segment": "country=DE", "severity": "warning"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("field=merchant.mcc", True),
        ("field = merchant.mcc", True),
        ('field="merchant.mcc"', True),
        ("field=merchant", False),
        ("segment=country=DE", True),
        ("field!=amount", True),
        ("field!=merchant.mcc", False),
        ("field=~merchant", False),
        ("field=~merchant[.].*", True),
        ('field=~"merchant\\\\..*"', True),
        ("field=~amount|merchant.mcc", True),
        ("field=~(?i)MERCHANT.MCC", True),
        ("field!~merchant[.].*", False),
        ("field!~amount|items", True),
        ("rule=", True),
        ("rule!=", False),
        ("rule=~.*", True),
        ("field!=", True),
    ],
)
def test_a_matcher_reads_and_matches_as_alertmanagers_do(text, matches):
    assert parse_matcher(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a matcher"),
        ("field", "not a matcher"),
        ("=x", "not a matcher"),
        ("fi-eld=x", "not a matcher"),
        ('field="x', "a quote is open"),
        ('field="', "a quote is open"),
        ("field=~[", "not a regular expression"),
        ("field=~a)|(b", "not a regular expression"),
        ("field=~(?=x)y", "not a regular expression"),
        ("field=~(a{1000}){1000}", "not a regular expression"),
        (f"field={'x' * (LONGEST_VALUE + 1)}", "longer than"),
    ],
)
def test_what_is_no_matcher_is_refused_with_what_is_allowed(text, says):
    with pytest.raises(ValueError, match=says):
        parse_matcher(text)


def test_matchers_must_ask_for_something_and_all_must_hold():
    with pytest.raises(ValueError, match="no matcher"):
        parse_matchers([])
    with pytest.raises(ValueError, match="would match every alert"):
        parse_matchers(["field=~.*", "rule!=x"])
    both = parse_matchers(["field=~.*", "severity=warning"])
    assert match_all(both, LABELS)
    assert not match_all(both, LABELS | {"severity": "critical"})


def test_an_expression_that_would_backtrack_for_ever_takes_no_time():
    began_s = time.process_time()
    assert not parse_matcher("segment=~(a+)+b").matches({"segment": "a" * 50_000})
    assert time.process_time() - began_s < 20.0


def test_a_label_that_is_no_text_is_matched_all_the_same():
    assert not parse_matcher("segment=~a").matches({"segment": "\ud800"})
    assert parse_matcher("segment=~.").matches({"segment": "\ud800"})


@given(st.sampled_from(["=", "!="]), st.text(max_size=40))
def test_a_matcher_is_read_back_as_it_was(operator, value):
    matcher = Matcher("segment", operator, value)
    assert parse_matcher(str(matcher)) == matcher


@given(st.text(max_size=20))
def test_an_expression_must_match_the_whole_value(value):
    assert parse_matcher("segment=~abc").matches({"segment": value}) is (value == "abc")
