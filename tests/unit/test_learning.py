"""Learning the ruler from a topic or a file that nobody has built a baseline of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.baseline import BaselineFiles
from monitor.compile import learns_ruler
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import Retryable, SurroundingsError
from monitor.learning import RulerLearner, saved_ruler
from monitor.replaying import files_of, open_replay
from monitor.sources.memory import MemorySource
from tests.support.monitors import tp

CONFIGURATION = """\
name: shop
source: {kind: files, paths: [unused.jsonl]}
time: {field: at, unit: ms, lateness: 0s}
window: {size: 1s}
baseline: {kind: trailing, path: PATH, windows: 4, quarantine: 1, min_windows: 1, learn_rows: 100, min_learn_rows: 40}
fields: {amount: {type: number}, country: {type: category}}
drift: [{kind: psi}]
"""


def configured(directory: Path) -> Config:
    """Return the configuration with its baselines in a directory."""
    return load(CONFIGURATION.replace("PATH", str(directory / "baselines")))


def values(first: int, last: int) -> list[bytes]:
    """Return records with their number as amount."""
    return [
        json.dumps({"at": 1_700_000_000_000 + 10 * i, "amount": i, "country": "DE"}).encode()
        for i in range(first, last)
    ]


def amounts(baseline) -> tuple[float, float]:
    """Return the range of the amounts that were learnt from."""
    frame = baseline.frames["amount"]
    return frame.low, frame.high


def test_of_a_topic_the_newest_rows_are_taken_from_every_partition_alike(tmp_path):
    source = MemorySource([tp(0), tp(1)], max_poll_records=7)
    source.append(tp(0), values(0, 500))
    source.append(tp(1), values(1_000, 1_500))
    baseline, lineage = RulerLearner(configured(tmp_path), source).learn("t", 5)
    assert baseline.rows == lineage.rows == 100
    assert amounts(baseline) == (450.0, 1_499.0)
    assert (lineage.source, lineage.created_at_ms) == ("learnt from t", 5)
    assert baseline.volumes is None


def test_however_they_come_equal_rows_make_an_equal_ruler(tmp_path):
    versions = set()
    for n in (3, 40, 1_000):
        source = MemorySource([tp(0), tp(1)], max_poll_records=n)
        source.append(tp(0), values(0, 300))
        source.append(tp(1), values(300, 700))
        versions.add(RulerLearner(configured(tmp_path), source).learn("t", 0)[0].version)
    assert len(versions) == 1


def test_on_an_empty_topic_it_waits_for_enough_rows_and_says_how_many_there_are(tmp_path):
    source = MemorySource([tp(0)])
    told = []

    def tell(rows: int, wanted: int) -> None:
        told.append((rows, wanted))
        if len(told) % 3 == 0:
            source.append(tp(0), values(10 * len(told), 10 * len(told) + 15))

    baseline, _ = RulerLearner(configured(tmp_path), source, tell).learn("t", 0)
    assert baseline.rows == 45
    assert sorted({rows for rows, _ in told}) == [0, 15, 30, 45]
    assert {wanted for _, wanted in told} == {40}


def test_surroundings_that_fail_are_asked_again(tmp_path):
    class Flaky(MemorySource):
        failures = 4

        def ends(self):
            self.failures -= 1
            if self.failures > 2:
                raise Retryable("no broker")
            return {} if self.failures > 0 else super().ends()

    source = Flaky([tp(0)])
    source.append(tp(0), values(0, 80))
    waited: list[float] = []
    baseline, _ = RulerLearner(configured(tmp_path), source, wait=waited.append).learn("t", 0)
    assert baseline.rows == 80
    assert waited == [0.5, 0.5, 0.5]


def test_told_to_stop_it_gives_up(tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(SurroundingsError, match="stopped while learning the ruler, after 0 rows"):
        RulerLearner(configured(tmp_path), MemorySource([tp(0)]), stop=lambda: next(asked)).learn("t", 0)


def test_of_files_the_first_rows_are_taken_or_all_that_there_are(tmp_path):
    config = configured(tmp_path)
    many, few, none = (tmp_path / name for name in ("many.jsonl", "few.jsonl", "none.jsonl"))
    many.write_bytes(b"\n".join(values(0, 500)))
    few.write_bytes(b"\n".join(values(0, 9)))
    none.write_bytes(b"{}\n")
    assert amounts(RulerLearner(config, files_of(config, [str(many)])).learn("f", 0)[0]) == (0.0, 99.0)
    assert RulerLearner(config, files_of(config, [str(few)])).learn("f", 0)[0].rows == 9
    with pytest.raises(SurroundingsError, match="no rows to learn the ruler from in f: 1 rejects"):
        RulerLearner(config, files_of(config, [str(none)])).learn("f", 0)


def test_what_was_learnt_is_the_first_version_and_is_not_learnt_again(tmp_path):
    config = configured(tmp_path)
    assert learns_ruler(config)
    source = MemorySource([tp(0)])
    source.append(tp(0), values(0, 80))
    saved_ruler(config, *RulerLearner(config, source).learn("t", 7))
    assert not learns_ruler(config)
    [move] = BaselineFiles(tmp_path / "baselines").history()
    assert (move.at_ms, move.by, move.reason) == (7, "run", "learnt from t")


def test_a_replay_learns_the_same_every_time_and_leaves_nothing_behind(tmp_path):
    config, records = tmp_path / "c.yaml", tmp_path / "r.jsonl"
    config.write_text(CONFIGURATION.replace("PATH", str(tmp_path / "baselines")))
    records.write_bytes(b"\n".join(values(0, 900)))
    one, other = (list(open_replay(config, [str(records)]).lines()) for _ in range(2))
    assert one == other
    verdicts = [line for line in one if line["kind"] == "verdict" and line["field"] == "amount"]
    assert [line["reason"] for line in verdicts[:2]] == ["learning", "learning"]
    assert {line["level"] for line in verdicts[2:]} == {"critical"}  # amounts that only grow
    assert not (tmp_path / "baselines").exists()
