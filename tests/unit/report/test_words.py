"""The report's sentences say what happened, and no more."""

from __future__ import annotations

from collections import Counter

import pytest

from monitor.report.gathering import CheckTally, Tally
from monitor.report.words import check_sentence, field_sentence, headline
from monitor.snapshot import VerdictView
from monitor.types import Level

HOUR_MS = 3_600_000


def verdict(level, *, score=0.3, bound=0.2, reason="why", detector="psi"):
    return VerdictView("amount", "", detector, level, reason, score, bound, 0.01, 0.0, 1_000, 100)


def tally(*verdicts):
    made = Tally()
    for n, found in enumerate(verdicts):
        made.hear(found, n * HOUR_MS)
    return made


@pytest.mark.parametrize(
    ("levels", "alerts", "text"),
    [
        ([], 0, "No field was compared."),
        ([Level.OK, None], 0, "No field drifted; 0 alerts fired."),
        ([Level.OK, Level.WARNING, Level.CRITICAL], 1, "2 of 3 fields drifted at some time; 1 alert fired."),
        ([Level.UNKNOWN, None], 2, "Nothing could be said of any field; 2 alerts fired."),
        ([Level.UNKNOWN, Level.OK], 0, "No field drifted; 0 alerts fired."),
    ],
)
def test_the_headline_never_calls_unknown_good(levels, alerts, text):
    assert headline(levels, alerts) == text


def test_a_field_that_drifted_says_how_often_since_when_and_how_sure():
    psi = tally(verdict(Level.OK), verdict(Level.WARNING, score=0.2), verdict(Level.CRITICAL, score=0.5, bound=0.4))
    quiet = tally(*[verdict(Level.OK, detector="ks")] * 3)
    assert field_sentence({"ks": quiet, "psi": psi}) == (
        "At warning or above in 2 of 3 windows, first at 1970-01-01 01:00:00 UTC. Worst by psi at "
        "1970-01-01 02:00:00 UTC: 0.5, with 95 % confidence at least 0.4, "
        "where 0.01 is expected without drift. Quiet: ks."
    )


def test_a_quiet_field_says_how_much_of_it_is_known():
    unknown = verdict(Level.UNKNOWN, score=None, bound=None, reason="too few rows")
    assert field_sentence({"psi": tally(verdict(Level.OK), unknown)}) == "No drift in 2 windows (1 of them unknown)."
    assert field_sentence({"psi": tally(unknown)}) == "Unknown in all 1 window: too few rows."
    assert field_sentence({}) == "No detector compares this field."


def test_a_check_says_whether_it_held_failed_or_was_never_judged():
    def of(levels, first=None):
        return check_sentence(CheckTally(Counter(levels), first_bad_ms=first, reason="too many"))

    assert of({Level.OK: 3}) == "Held in 3 windows."
    assert of({Level.UNKNOWN: 3}) == "Not judged."
    assert (
        of({Level.OK: 2, Level.WARNING: 1}, 0)
        == "Failed in 1 of 3 windows (too many), first at 1970-01-01 00:00:00 UTC."
    )
