"""How a proposal is written: nothing in the data can break out of its comment or its quotes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.document import read_document
from monitor.config.loader import load
from monitor.proposing import TopicOrigin, propose
from monitor.proposing.checks import known_kinds
from monitor.proposing.layout import Page
from monitor.proposing.scalars import flow, key, scalar, shown
from tests.support.proposals import NOW_MS, START_MS, field_of, gathered, proposed

RNG = np.random.default_rng(11)
N = 3000


def test_every_text_is_read_back_as_it_was():
    @given(st.text(st.characters(codec="utf-8"), max_size=30))
    def holds(text: str) -> None:
        document = read_document(f"{key(text)}: {flow([text, 1, True, None])}", {})
        assert (document.problems, document.value) == ([], {text: [text, 1, True, None]})

    holds()


@pytest.mark.parametrize("text", ["no", "null", "1e5", "010", "0x1F", "12:30", "~", "x${HOME}", "- a", "a: b", "#", ""])
def test_texts_that_look_like_something_else_stay_texts(text):
    assert read_document(scalar(text), {}).value == text


@pytest.mark.parametrize("value", [0, -3, 1.5, 1e300, 1e-7, 123456789012, 0.1 + 0.2])
def test_numbers_are_read_back_exactly(value):
    assert read_document(scalar(value), {}).value == value


def test_comments_stay_comments_whatever_they_hold():
    @given(st.text(max_size=300))
    def holds(text: str) -> None:
        page = Page()
        page.add("a: 1", text)
        page.add("b: 2", text, active=False)
        page.remark(text, 4)
        page.add("c: " + scalar("x" * 110), text)
        assert yaml.safe_load(page.text) == {"a": 1, "c": "x" * 110}

    holds()


def test_what_is_shown_is_one_short_line():
    assert shown("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert len(shown("x" * 10_000)) == 61


def test_the_text_is_what_the_loader_takes_and_gives_no_alert():
    names = ["amount", "country", "no", "a: {b", "x${HOME}", "Ünïcode"]
    columns = {name: RNG.normal(50, 5, N).round(1).tolist() for name in names}
    columns["country"] = [["DE", "FR", "no"][i] for i in RNG.integers(0, 3, N)]
    found = proposed(columns, step_ms=50)
    assert found.trial.alerts == []
    config = load(found.text)
    assert config == found.config
    assert set(config.fields) == set(names)
    assert config.fields["country"].allowed == ("DE", "FR", "no")


def test_a_field_that_moves_keeps_the_detectors_that_a_threshold_can_help():
    drifting = (np.linspace(0, 300, N) % 100 + RNG.normal(0, 1, N)).tolist()
    found = proposed({"saw": drifting, "calm": RNG.normal(0, 1, N).tolist()}, step_ms=100)
    assert found.trial.alerts == []
    assert {d.kind for d in found.config.detectors_for("saw")} <= {"ks", "missing"}
    assert "moves within the sample: psi" in found.text
    assert [d.kind for d in found.config.detectors_for("calm")] == ["psi", "ks", "missing"]
    assert found.config.fields["calm"].drift is None


def test_mixed_types_are_tolerated_as_far_as_they_were_seen():
    mixed = [str(i) if i % 20 == 0 else i % 7 for i in range(N)]
    found = proposed({"mixed": mixed}, step_ms=100)
    assert found.trial.alerts == []
    assert 0.05 < found.config.fields["mixed"].max_failure_ratio < 0.2
    assert field_of(found.config, "mixed")["type"] == "integer"


def test_a_key_of_every_row_becomes_a_check_where_this_version_has_it():
    found = proposed({"id": [f"{i:012x}" for i in range(N)], "n": [i % 5 for i in range(N)]}, step_ms=100)
    (line,) = [line for line in found.text.splitlines() if "kind: duplicates" in line]
    active = "duplicates" in known_kinds(__import__("monitor.checks").checks.CheckSpec)
    assert line.strip().startswith("- {") is active
    assert "key: [id]" in line


def test_windows_that_were_never_empty_get_a_volume_check():
    found = proposed({"n": [i % 5 for i in range(N)]}, step_ms=100)
    (volume,) = found.config.checks
    assert (volume.kind, volume.min_per_window, volume.max_per_window) == ("volume", 1, 1800)


def test_security_is_written_as_it_was_given_so_that_no_secret_is(monkeypatch):
    monkeypatch.setenv("KAFKA_PASSWORD", "correct-horse")
    text = "protocol: SASL_PLAINTEXT\nmechanism: PLAIN\nusername: u\npassword: ${KAFKA_PASSWORD}\n"
    origin = TopicOrigin("t", "b:9092", client="librdkafka", security_text=text)
    rows = [{"event_time": START_MS + 100 * i, "n": i % 5} for i in range(N)]
    found = propose(origin, gathered(*rows), NOW_MS)
    assert "correct-horse" not in found.text
    source = load(found.text).source
    assert (source.topics, source.client, source.security.mechanism) == (("t",), "librdkafka", "PLAIN")
    assert source.security.password.get_secret_value() == "correct-horse"


def test_the_example_of_the_documentation_loads():
    page = Path(__file__).parents[3] / "docs/how-to/init.md"
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert load(block).name == "orders"
