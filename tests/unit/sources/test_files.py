from __future__ import annotations

import gzip
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.clock import ManualClock
from monitor.errors import SurroundingsError
from monitor.sources import FilesSpec
from monitor.types import TopicPartition

NOBODY: frozenset[TopicPartition] = frozenset()


def build(*paths, **settings):
    return FilesSpec(paths=tuple(str(path) for path in paths), **settings).build(ManualClock())


def read(source, paused=NOBODY):
    """Return (partition, offset, time, value) of every row, having sought every partition."""
    [assigned] = source.poll(NOBODY, 0)
    for partition in assigned.partitions:
        source.seek(partition, None)
    return drain(source)


def drain(source):
    rows = []
    while not source.finished:
        for fetch in source.poll(NOBODY, 0):
            columns = (fetch.offsets.tolist(), fetch.timestamps_ms.tolist(), fetch.values.to_pylist())
            rows += [(fetch.partition.partition, *row) for row in zip(*columns, strict=True)]
    return rows


def documents(source):
    return [json.loads(row[3]) for row in read(source)]


def test_each_file_is_a_partition_in_the_order_of_paths(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(b"2\n")
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    source = build(tmp_path / "*.jsonl")
    [assigned] = source.poll(NOBODY, 0)
    assert assigned.partitions == (TopicPartition("a", 0), TopicPartition("a", 1))
    for partition in assigned.partitions:
        source.seek(partition, None)
    assert drain(source) == [(0, 0, -1, b"1"), (1, 0, -1, b"2")]


def test_the_topic_can_be_named(tmp_path):
    (tmp_path / "a.jsonl").touch()
    assert build(tmp_path / "a.jsonl", topic="payments").poll(NOBODY, 0)[0].partitions == (("payments", 0),)


def test_a_file_named_twice_is_read_once(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    assert len(build(tmp_path / "a.jsonl", tmp_path / "*.jsonl").poll(NOBODY, 0)[0].partitions) == 1


def test_lines_come_as_they_are_and_blank_ones_only_count(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n\n not json \xff\r\n{}')
    assert read(build(tmp_path / "a.jsonl")) == [
        (0, 0, -1, b'{"a": 1}'),
        (0, 2, -1, b" not json \xff"),
        (0, 3, -1, b"{}"),
    ]


def test_the_last_fetch_says_the_end_and_earlier_ones_do_not(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n3\n")
    source = build(tmp_path / "a.jsonl", max_poll_records=2)
    [partition] = source.poll(NOBODY, 0)[0].partitions
    source.seek(partition, None)
    said = []
    while not source.finished:
        said += [(len(fetch), fetch.next_offset, fetch.end_offset) for fetch in source.poll(NOBODY, 0)]
    assert said == [(2, 2, None), (1, 3, None), (0, 3, 3)]
    assert source.ends() == {partition: 3}
    assert source.poll(NOBODY, 0) == []


def test_seek_starts_within_a_chunk_and_after_the_end(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(b"%d\n" % i for i in range(10)))
    source = build(tmp_path / "a.jsonl", max_poll_records=4)
    [partition] = source.poll(NOBODY, 0)[0].partitions
    source.seek(partition, 7)
    assert [row[1] for row in drain(source)] == [7, 8, 9]
    source.seek(partition, 10)
    assert drain(source) == []


def test_finished_waits_for_every_partition(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"1\n")
    source = build(tmp_path / "*.jsonl")
    p0, p1 = source.poll(NOBODY, 0)[0].partitions
    source.seek(p0, None)
    source.seek(p1, None)
    for _ in range(3):
        source.poll(frozenset({p1}), 0)
    assert not source.finished
    assert [row[0] for row in drain(source)] == [1]


def test_csv_types_come_from_the_whole_file_and_empty_is_null(tmp_path):
    rows = ["id,amount,code,flag,note"] + [f"{i},{i}.5,007,true,x" for i in range(30_000)] + ["30000,,late,false,"]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    found = documents(build(tmp_path / "a.csv"))
    assert found[0] == {"id": 0, "amount": 0.5, "code": "007", "flag": True, "note": "x"}
    assert found[-1] == {"id": 30_000, "amount": None, "code": "late", "flag": False, "note": None}


def test_csv_nulls_and_types_can_be_said(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,NA\nNA,2\n")
    found = documents(build(tmp_path / "a.csv", null_values=("NA",), column_types={"b": "VARCHAR"}))
    assert found == [{"a": 1, "b": None}, {"a": None, "b": "2"}]


def test_csv_is_read_compressed(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    assert documents(build(tmp_path / "a.csv.gz")) == [{"a": 1, "b": "x"}]


def test_parquet_keeps_exact_integers_nesting_and_what_is_not_finite(tmp_path):
    table = pa.table(
        {
            "row": [2**60 + 1],
            "nan": [float("nan")],
            "inf": [float("-inf")],
            "nested": [{"list": [1, None], "text": 'quo"te'}],
            "time": pa.array([1_577_836_800_123_456], pa.timestamp("us")),
            "zoned": pa.array([1_577_836_800_123], pa.timestamp("ms", "Europe/Paris")),
            "nothing": pa.array([None], pa.float64()),
            'odd "name': ["x"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    [(_, _, _, value)] = read(build(tmp_path / "a.parquet"))
    found = json.loads(value)
    assert found.pop("nan") != found.get("nan")
    assert found == {
        "row": 2**60 + 1,
        "inf": float("-inf"),
        "nested": {"list": [1, None], "text": 'quo"te'},
        "time": "2020-01-01T00:00:00.123456Z",
        "zoned": "2020-01-01T00:00:00.123000Z",
        "nothing": None,
        'odd "name': "x",
    }


@pytest.mark.parametrize(
    ("written", "unit", "time_ms"),
    [
        ("1700000000", "s", 1_700_000_000_000),
        ("1700000000.25", "s", 1_700_000_000_250),
        ("1700000000123", "ms", 1_700_000_000_123),
        ("1700000000123456789", "ns", 1_700_000_000_123),
        ('"2023-11-14T22:13:20.5Z"', "ms", 1_700_000_000_500),
        ('"2023-11-14T23:13:20+01:00"', "ms", 1_700_000_000_000),
        ('"soon"', "ms", -1),
        ("null", "ms", -1),
    ],
)
def test_a_column_can_stand_for_the_timestamp(tmp_path, written, unit, time_ms):
    (tmp_path / "a.jsonl").write_text(f'{{"t": {written}}}\n')
    [(_, _, found_ms, _)] = read(build(tmp_path / "a.jsonl", timestamp_column="t", timestamp_unit=unit))
    assert found_ms == time_ms


def test_a_timestamp_column_works_on_tables_too(tmp_path):
    (tmp_path / "a.csv").write_text("t\n2023-11-14 22:13:20\n")
    assert read(build(tmp_path / "a.csv", timestamp_column="t"))[0][2] == 1_700_000_000_000


def test_lines_that_are_no_json_have_no_timestamp_and_stay(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"t": 5}\n\xff{{{\n[]\n')
    rows = read(build(tmp_path / "a.jsonl", timestamp_column="t"))
    assert [(row[2], row[3]) for row in rows] == [(5, b'{"t": 5}'), (-1, b"\xff{{{"), (-1, b"[]")]


def test_a_column_of_numbers_says_the_partition_and_offsets_run_through_all_files(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"p": 7, "i": 0}\n{"p": 3, "i": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"p": 7, "i": 2}\n')
    source = build(tmp_path / "*.jsonl", partition_column="p")
    rows = read(source)
    assert sorted((p, o, json.loads(v)["i"]) for p, o, _, v in rows) == [(3, 1, 1), (7, 0, 0), (7, 2, 2)]
    assert set(source.ends().values()) == {3}


def test_other_labels_are_numbered_in_their_order_with_what_has_none_first(tmp_path):
    (tmp_path / "a.csv").write_text("p,i\nde,0\nfr,1\n,2\nde,3\n")
    rows = read(build(tmp_path / "a.csv", partition_column="p"))
    assert sorted((p, json.loads(v)["i"]) for p, _, _, v in rows) == [(0, 2), (1, 0), (1, 3), (2, 1)]


def test_a_partition_of_a_column_can_be_sought(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"p": {i % 2}}}\n' for i in range(10)))
    source = build(tmp_path / "a.jsonl", partition_column="p", max_poll_records=2)
    p0, p1 = source.poll(NOBODY, 0)[0].partitions
    source.seek(p0, 5)
    source.seek(p1, 5)
    assert sorted(row[:2] for row in drain(source)) == [(0, 6), (0, 8), (1, 5), (1, 7), (1, 9)]


def test_a_column_with_too_many_values_is_no_partition(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"p": {i}}}\n' for i in range(1001)))
    with pytest.raises(SurroundingsError, match="over 1000 different values"):
        build(tmp_path / "a.jsonl", partition_column="p")


@pytest.mark.parametrize(
    ("name", "content", "settings", "says"),
    [
        ("a.txt", b"", {}, "not a kind of file"),
        ("a.parquet", b"not parquet", {}, "cannot be read"),
        ("a.csv", b"x\n1\n", {"timestamp_column": "t"}, "no column t; it has x"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, settings, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SurroundingsError, match=says):
        read(build(tmp_path / name, **settings))


def test_a_pattern_without_files_is_said(tmp_path):
    with pytest.raises(SurroundingsError, match=r"no file matches .*check source\.paths"):
        build(tmp_path / "*.jsonl")


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes((b'{"a": "' + b"x" * 90 + b'"}\n') * 400_000)  # 40 MB in blocks of 4 MiB
    source = build(path, max_poll_records=10_000)
    [partition] = source.poll(NOBODY, 0)[0].partitions
    source.seek(partition, None)
    source.poll(NOBODY, 0)
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    n = 10_000
    while not source.finished:
        n += sum(len(fetch) for fetch in source.poll(NOBODY, 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n == 400_000
    assert peak + pa.total_allocated_bytes() - before < 40_000_000
