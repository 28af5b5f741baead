"""The alert's identity."""

from __future__ import annotations

from monitor.alerting import fingerprint


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    assert fingerprint("payments", "psi", "amount", "country=DE") == "01ea241a1babd1c48fd99c93ac8c0a77"


def test_a_character_that_moves_to_the_next_part_gives_another_fingerprint() -> None:
    different = {
        fingerprint("ab", "c", "", ""),
        fingerprint("a", "bc", "", ""),
        fingerprint("a", "b", "c", ""),
        fingerprint("a", '","b', "", "c"),
        fingerprint("a", "b", "", "c"),
    }
    assert len(different) == 5


def test_any_text_has_a_fingerprint() -> None:
    assert len(fingerprint("überwachung", "psi", "数", "emoji=\N{PILE OF POO}")) == 32
