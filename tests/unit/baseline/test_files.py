"""Baselines on disk: immutable, named by their content, one of them current."""

from __future__ import annotations

import json

import pytest

from monitor.baseline import BaselineFiles, Lineage
from monitor.errors import StoreError
from tests.support.monitors import make_baseline, usual

ONE, OTHER = make_baseline(usual(100)), make_baseline(usual(120))


def lineage(created_at_ms=1_000, **changes):
    return Lineage(
        **({"created_at_ms": created_at_ms, "source": "x", "rows": 100, "first_ms": 1, "last_ms": 2} | changes)
    )


@pytest.fixture
def files(tmp_path):
    return BaselineFiles(tmp_path / "baselines")


def test_what_is_saved_is_loaded_and_current(files):
    version = files.save(ONE, lineage(truncated=True))
    found, from_ = files.load()
    assert version == ONE.version == found.version == files.current()
    assert from_ == lineage(truncated=True)


def test_no_baseline_is_said_with_what_to_do(files):
    assert files.current() is None
    assert files.versions() == []
    with pytest.raises(StoreError, match="baseline build"):
        files.load()


def test_versions_are_listed_oldest_first(files):
    files.save(OTHER, lineage(2_000))
    files.save(ONE, lineage(1_000))
    assert [version for version, _ in files.versions()] == [ONE.version, OTHER.version]
    assert files.current() == ONE.version


def test_an_equal_baseline_is_not_written_twice_and_becomes_current(files):
    files.save(ONE, lineage(1_000))
    files.save(OTHER, lineage(2_000))
    files.save(ONE, lineage(3_000))
    assert files.current() == ONE.version
    assert [l_.created_at_ms for _, l_ in files.versions()] == [1_000, 2_000]


def test_a_prefix_is_enough_if_it_is_only_one(files):
    files.save(ONE, lineage())
    files.save(OTHER, lineage())
    assert files.resolve(OTHER.version[:12]) == OTHER.version
    with pytest.raises(StoreError, match="2 baselines"):
        files.resolve("")
    with pytest.raises(StoreError, match="0 baselines"):
        files.resolve("zz")


def test_a_tampered_file_is_refused(files):
    version = files.save(ONE, lineage())
    file = files.path / f"{version}.json"
    data = json.loads(file.read_text())
    data["content"]["rows"] += 1
    file.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="changed after it was built"):
        files.load()


def test_a_tampered_count_is_refused(files):
    version = files.save(ONE, lineage())
    file = files.path / f"{version}.json"
    data = json.loads(file.read_text())
    key = next(key for key, state in data["content"]["profile"]["accumulators"].items() if "scaled_sums" in state)
    data["content"]["profile"]["accumulators"][key]["counts"]["values"][0] += 1
    file.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="changed after it was built"):
        files.load()


def test_lineage_is_not_part_of_the_content(files):
    version = files.save(ONE, lineage())
    file = files.path / f"{version}.json"
    data = json.loads(file.read_text())
    data["lineage"]["source"] = "elsewhere"
    file.write_text(json.dumps(data))
    assert files.load()[1].source == "elsewhere"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"content": {}}', '{"content": [], "lineage": {}}', "[" * 10**5]
)
def test_a_damaged_file_is_refused(files, text):
    version = files.save(ONE, lineage())
    (files.path / f"{version}.json").write_text(text)
    with pytest.raises(StoreError):
        files.load()


def test_damaged_lineage_is_refused(files):
    version = files.save(ONE, lineage())
    file = files.path / f"{version}.json"
    data = json.loads(file.read_text())
    del data["lineage"]["rows"]
    file.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="lineage"):
        files.load()


def test_a_pointer_to_nothing_is_refused(files):
    files.save(ONE, lineage())
    (files.path / "current").write_text("f" * 64 + "\n")
    with pytest.raises(StoreError):
        files.load()


def test_no_half_written_file_is_left_over(files):
    files.save(ONE, lineage())
    assert sorted(file.name for file in files.path.iterdir()) == sorted(
        [f"{ONE.version}.json", "current", "history.jsonl", "lock"]
    )
