"""Texts between the layers: the known failure of a model of texts is paged, and says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.baseline import BaselineFiles
from monitor.inner_types import WORDS
from tests.support.command_line import answer

START_MS, MINUTE_MS = 1_735_516_800_000, 60_000
CONFIGURATION = """\
name: texts
source: {kind: files, paths: [unused.jsonl]}
time: {field: at, unit: ms}
window: {size: 1m}
baseline: {kind: BASELINE, path: DIRECTORY/baselines}
fields:
  note:
    type: text
    text: {measures: [length, words, mean_word_length, repetition, compression_ratio, script], vocabulary: true}
drift: [{kind: psi}, {kind: unseen, min_rows: 20}, {kind: missing}]
checks:
  - {kind: near_duplicates, field: note, horizon: 10m, max_failure_ratio: 0.02, severity: critical}
"""


def sentences(seed: int, n: int) -> list[str]:
    """Return texts of many different words, some frequent and most rare, as people write them."""
    random = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    # One language, whatever the seed of what is said in it.
    spelling = np.random.default_rng(0)
    words = ["".join(spelling.choice(letters, spelling.integers(2, 11))) for _ in range(2_000)]
    frequency = 1 / np.arange(1, 2_001)
    drawn = random.choice(2_000, (n, 20), p=frequency / frequency.sum())
    lengths = random.integers(6, 21, n)
    return [" ".join(words[i] for i in row[:k]) for row, k in zip(drawn.tolist(), lengths.tolist(), strict=True)]


def degenerate(n: int) -> list[str]:
    """Return what a broken model was used on: `a a`, and `mark` over and over."""
    random = np.random.default_rng(9)
    return ["a a" if i % 2 else " ".join(["mark"] * k) for i, k in enumerate(random.integers(3, 30, n).tolist())]


def write(path: Path, texts: list[str], first_ms: int, per_minute: int) -> Path:
    rows = ({"at": first_ms + i * MINUTE_MS // per_minute, "note": text} for i, text in enumerate(texts))
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(scope="module")
def replayed(tmp_path_factory) -> list[dict[str, Any]]:
    """Return the lines of four good windows and four bad ones, against a baseline of twelve good windows."""
    directory = tmp_path_factory.mktemp("texts")
    config = directory / "driftline.yaml"
    config.write_text(CONFIGURATION.replace("DIRECTORY", str(directory)).replace("BASELINE", "file"))
    reference = write(directory / "reference.jsonl", sentences(1, 3_600), START_MS, 300)
    answer("baseline", "build", "-c", config, "--input", reference)
    live = write(directory / "live.jsonl", sentences(2, 1_200) + degenerate(1_200), START_MS + 1_000 * MINUTE_MS, 300)
    lines = answer("replay", "-c", config, "--input", live)
    baseline, _ = BaselineFiles(directory / "baselines").load()
    assert baseline.fields["note.vocabulary"] == WORDS
    return [json.loads(line) for line in lines.splitlines()]


def test_texts_as_in_the_baseline_page_nobody(replayed):
    good = [
        line
        for line in replayed
        if line["kind"] in ("verdict", "check") and line["window_start_ms"] < bad_from(replayed)
    ]
    assert len(good) > 30
    assert {line["level"] for line in good} <= {"ok", "unknown"}


def bad_from(lines: list[dict[str, Any]]) -> int:
    """Return the start of the first window of degenerate texts."""
    starts = sorted({line["window_start_ms"] for line in lines if line["kind"] == "verdict"})
    return int(starts[4])


def test_degenerate_texts_are_paged_and_the_alerts_name_repetition_and_word_length(replayed):
    alerts = {(a["labels"]["field"], a["labels"]["rule"]): a for a in replayed if a["kind"] == "alert"}
    assert {a["status"] for a in alerts.values()} == {"firing"}
    for field in ("note.repetition", "note.mean_word_length"):
        alert = alerts[field, "psi"]
        assert alert["severity"] == "critical"
        assert alert["annotations"]["summary"].startswith(f"{field} drifted from its baseline")
        assert alert["annotations"]["evidence"].startswith("Share of the score (+ grew, - shrank): ")
    # More than half of the words in a text were there before, where hardly any was: the last cell grew.
    assert "≥ " in alerts["note.repetition", "psi"]["annotations"]["evidence"]
    assert "< " in alerts["note.mean_word_length", "psi"]["annotations"]["evidence"]
    assert ("note.script", "psi") not in alerts
    assert ("note", "missing") not in alerts


def test_the_alert_of_the_vocabulary_names_the_words_that_nobody_knew(replayed):
    alerts = {(a["labels"]["field"], a["labels"]["rule"]): a for a in replayed if a["kind"] == "alert"}
    assert "(unseen: mark" in alerts["note.vocabulary", "unseen"]["annotations"]["evidence"]


def test_degenerate_texts_are_near_duplicates_of_each_other(replayed):
    alerts = [a for a in replayed if a["kind"] == "alert" and a["labels"]["rule"] == "note.near_duplicates"]
    assert [a["severity"] for a in alerts] == ["critical"]


@pytest.mark.parametrize("kind", ["trailing", "previous", "seasonal"])
def test_measures_have_any_kind_of_baseline(tmp_path, kind):
    config = tmp_path / "driftline.yaml"
    config.write_text(CONFIGURATION.replace("DIRECTORY", str(tmp_path)).replace("BASELINE", kind))
    good = sentences(3, 1_200)
    if kind == "seasonal":
        answer("baseline", "build", "-c", config, "--input", write(tmp_path / "r.jsonl", good, START_MS, 200))
    live = write(tmp_path / "live.jsonl", good + degenerate(400), START_MS + 10 * MINUTE_MS, 200)
    lines = [json.loads(line) for line in answer("replay", "-c", config, "--input", live).splitlines()]
    critical = {
        (line["field"], line["detector"]) for line in lines if line["kind"] == "verdict" and line["level"] == "critical"
    }
    assert {("note.repetition", "psi"), ("note.vocabulary", "psi")} <= critical


LANGUAGES = """\
name: texts
source: {kind: files, paths: [unused.jsonl]}
time: {field: at, unit: ms}
window: {size: 1m}
baseline: {kind: BASELINE, path: DIRECTORY/baselines}
fields:
  note: {type: text, text: {measures: [script], language: {sample: 150}}}
drift: [{kind: psi}, {kind: unseen, min_rows: 20}]
"""
PHRASES = {
    "en": ("The order arrived late", "and the box was open on one side", "but the driver was very friendly"),
    "de": ("Die Bestellung kam zu spät an", "und der Karton war auf einer Seite offen", "aber der Fahrer war nett"),
    "pl": ("Zamówienie przyszło późno", "i pudełko było z jednej strony otwarte", "ale kierowca był bardzo miły"),
}


def said(shares: dict[str, float], n: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    chosen = random.choice(list(shares), n, p=list(shares.values())).tolist()
    return [" ".join(random.permutation(PHRASES[language]).tolist()) for language in chosen]


@pytest.mark.parametrize("kind", ["file", "trailing", "seasonal"])
def test_another_mix_of_languages_pages_where_no_letter_is_strange_and_the_alert_names_the_new_one(tmp_path, kind):
    config = tmp_path / "driftline.yaml"
    config.write_text(LANGUAGES.replace("DIRECTORY", str(tmp_path)).replace("BASELINE", kind))
    usual, other = {"en": 0.7, "de": 0.3}, {"en": 0.2, "de": 0.5, "pl": 0.3}
    if kind != "trailing":
        answer(
            "baseline",
            "build",
            "-c",
            config,
            "--input",
            write(tmp_path / "r.jsonl", said(usual, 900, 1), START_MS, 200),
        )
    rows = said(usual, 1_600, 2) + said(other, 600, 3)
    live = write(tmp_path / "live.jsonl", rows, START_MS + 60 * MINUTE_MS, 200)
    lines = [json.loads(line) for line in answer("replay", "-c", config, "--input", live).splitlines()]
    psi = [
        line
        for line in lines
        if line["kind"] == "verdict" and (line["field"], line["detector"]) == ("note.language", "psi")
    ]
    assert {line["level"] for line in psi[:8]} <= {"ok", "unknown"}
    assert {line["n_current"] for line in psi} == {150}
    assert min(line["score"] for line in psi[8:]) > 1
    if kind == "trailing":
        # It learned its ruler from all of these rows, so it takes such swings for usual at first.
        assert {line["n_baseline"] for line in psi} == {0, 150}
        return
    assert [line["level"] for line in psi[8:]] == ["critical"] * 3
    alerts = {(a["labels"]["field"], a["labels"]["rule"]): a for a in lines if a["kind"] == "alert"}
    assert "(unseen: pl)" in alerts["note.language", "psi"]["annotations"]["evidence"]
    assert ("note.script", "psi") not in alerts
