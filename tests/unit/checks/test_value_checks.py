"""Values looked up in files and in the baseline: what is read, what is refused, and what the error is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks import AllowedSpec, CheckSpec, ReferentialSpec, UnfitFiles, misfits, row_checks, value_files
from monitor.checks import membership as membership_module
from monitor.checks.membership import ValueSet
from monitor.compile import compile_plan
from monitor.errors import ConfigError
from monitor.types import Presence
from tests.support.checks import KNOWN_VALUES, batch, failing, masks, reference_to
from tests.support.configurations import changed, configured, problems

LINES = KNOWN_VALUES.with_suffix(".txt")
ADAPTER = TypeAdapter(CheckSpec)


def known(spec, values, kind):
    """Return which of the values do not fail."""
    given = np.array(values, np.float64) if kind in ("number", "integer") else pa.array(values, pa.string())
    check = row_checks([spec], {"x": kind})[0]
    failed, evaluated = masks(check, batch(x=given))
    assert evaluated.all()
    return [value for value, bad in zip(values, failed.tolist(), strict=True) if not bad]


def refused(file, column=None, kind="text"):
    """Return the misfit of a file."""
    with pytest.raises(UnfitFiles) as caught:
        row_checks([ReferentialSpec(field="x", file=str(file), column=column)], {"x": kind})
    ((spec, misfit),) = caught.value.found
    assert spec.field == "x"
    return misfit


def test_a_file_without_columns_has_a_value_a_line():
    spec = AllowedSpec(field="x", file=str(LINES))
    assert known(spec, ["a", "abc", "A", "", "日本", '"quoted"', "quoted"], "text") == ["a", "abc", "日本", '"quoted"']


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "jsonl", "ndjson.gz", "parquet"])
@pytest.mark.parametrize("kind", ["text", "category", "integer", "number"])
def test_every_kind_of_file_gives_the_same_values(tmp_path, suffix, kind):
    path = tmp_path / f"keys.{suffix}"
    rows = [{"id": 17, "other": "x"}, {"id": 4, "other": "y"}, {"id": None, "other": "z"}, {"id": 17, "other": ""}]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        tab = "\t" if suffix == "tsv" else ","
        lines = [f"id{tab}other", *(f"{row['id'] or ''}{tab}{row['other']}" for row in rows)]
        lines = lines if suffix[0] in "ct" else [json.dumps(row) for row in rows]
        content = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    spec = ReferentialSpec(field="x", file=str(path), column="id")
    values = [17, 5, 4, 0] if kind in ("integer", "number") else ["17", "5", "4", "0", ""]
    assert [str(value) for value in known(spec, values, kind)] == ["17", "4"]


def test_numbers_are_equal_however_they_are_written():
    spec = ReferentialSpec(field="x", file=str(KNOWN_VALUES), column="number")
    assert known(spec, [7.0, -0.0, 2.5, 2.4999999999999996], "number") == [7.0, -0.0, 2.5]
    assert known(spec, ["7", "007", "0"], "text") == ["007", "0"]


def test_texts_of_parquet_may_be_dictionaries(tmp_path):
    table = pa.table(
        {"id": pa.array(["a", "b", None, "a"]).dictionary_encode(), "big": pa.array(["c"] * 4, pa.large_string())}
    )
    pq.write_table(table, tmp_path / "keys.parquet")
    for column, expected in (("id", ["a", "b"]), ("big", ["c"])):
        spec = ReferentialSpec(field="x", file=str(tmp_path / "keys.parquet"), column=column)
        assert known(spec, ["a", "b", "c", ""], "text") == expected


def test_a_quoted_value_of_csv_may_have_several_lines_wherever_it_stands(tmp_path):
    (tmp_path / "keys.csv").write_text("n,id\n" + "".join(f'{n},"key\n{n}"\n' for n in range(120_000)))
    spec = ReferentialSpec(field="x", file=str(tmp_path / "keys.csv"), column="id")
    assert known(spec, ["key\n0", "key\n119999", "key", "key\n120000"], "text") == ["key\n0", "key\n119999"]


def test_millions_of_keys_are_eight_bytes_each(tmp_path):
    pq.write_table(pa.table({"id": np.arange(3_000_000)}), tmp_path / "keys.parquet")
    values = ValueSet.of_file(str(tmp_path / "keys.parquet"), "id", "integer")
    assert values.hashes.nbytes == 24_000_000
    found = values.has(batch(x=np.array([0.0, 2_999_999, 3_000_000, -1, 0.5])).columns["x"])
    assert found.tolist() == [True, True, False, False, False]


def test_unusable_values_are_not_evaluated():
    for spec in (AllowedSpec(field="x", file=str(LINES)), ReferentialSpec(field="x", file=str(LINES))):
        failed, evaluated = failing(spec, batch(x=(["b"] * 7, list(Presence))))
        assert failed == evaluated == [True] + [False] * 6


def test_a_missing_file_is_refused_with_its_path_and_a_remedy(tmp_path):
    misfit = refused(tmp_path / "none.csv", "id")
    assert misfit.setting == "file"
    assert str(tmp_path / "none.csv") in misfit.message
    assert "check the path" in misfit.remedy
    assert "cannot be read" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("name", "content", "column", "setting", "says"),
    [
        ("a.txt", b"", None, "file", "is empty"),
        ("a.txt", b"\n\n", None, "file", "has no values"),
        ("a.csv", b"id,name\n", "id", "column", "column id of"),
        ("a.csv", b"id,name\n,b\n", "id", "column", "has no values"),
        ("a.csv", b"id,name\n1,b\n", "ids", "column", "has no column ids; it has id, name"),
        ("a.jsonl", b'{"id": 1}\n', "ids", "column", "has no column ids"),
        ("a.csv", b"id,name\n1,b\n", None, "column", "is not said"),
        ("a.txt", b"1\n", "id", "column", "lines and no columns"),
        ("a.csv", b"id,name\n1,b,c\n", "id", "file", "cannot be read as csv"),
        ("a.txt", b"\xff\xfe\n", None, "file", "cannot be read as lines"),
        ("a.jsonl", b"{]", "id", "file", "cannot be read as jsonl"),
        ("a.jsonl", b'{"id": [1]}\n', "id", "file", "neither text nor numbers"),
        ("a.jsonl", b'{"id": 1.5}\n', "id", "file", "several ways"),
        ("a.parquet", b"PAR1", "id", "file", "cannot be read as parquet"),
        ("a.csv.gz", b"id\n1\n", "id", "file", "cannot be read"),
    ],
)
def test_a_file_of_no_use_is_refused(tmp_path, name, content, column, setting, says):
    (tmp_path / name).write_bytes(content)
    misfit = refused(tmp_path / name, column)
    assert (misfit.setting, says in misfit.message) == (setting, True), misfit


def test_texts_are_no_values_of_a_number_field():
    assert "no number" in refused(KNOWN_VALUES, "name", "number").message


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(value_files, "MAX_FILE_BYTES", 5)
    assert "more than 5" in refused(LINES).message
    monkeypatch.setattr(value_files, "MAX_FILE_BYTES", 1 << 30)
    monkeypatch.setattr(membership_module, "MAX_VALUES", 3)
    assert "more than 3 values" in refused(LINES).message


def test_all_files_of_no_use_are_said_at_once_with_their_place():
    text = changed(
        ("  - {kind: volume, min", "  - {kind: referential, field: note, file: nowhere.txt}\n  - {kind: volume, min"),
        ("  - {kind: volume, min", "  - {kind: allowed, field: country, file: nowhere.csv}\n  - {kind: volume, min"),
        ("baseline: {kind: file, path: baselines/payments}\n", ""),
        ("segments: [{field: country, max: 20}]\n", ""),
        ("drift:\n  - {kind: psi, warning: 0.1, critical: 0.25}\n  - {kind: ks, warning: 0.1, critical: 0.2}\n", ""),
        ("kind: allowed, field: country,", "kind: allowed, name: listed, field: country,"),
    )
    with pytest.raises(ConfigError) as caught:
        compile_plan(configured(text), None)
    assert [problem.path for problem in caught.value.problems] == ["checks[0].file", "checks[1].column"]


def test_the_values_of_a_baseline_are_all_that_it_had():
    values = pa.array([f"v{i}" for i in range(5_000)], pa.string())
    reference = reference_to(x=values)
    assert len(reference.frames["x"].categories) < 5_000
    failed, evaluated = failing(AllowedSpec(field="x", values="baseline"), batch(x=["v0", "v4999", "v5000", "V0", ""]),
                                {"x": "category"}, reference)  # fmt: skip
    assert failed == [False, False, True, True, True]
    assert all(evaluated)


def test_a_baseline_without_values_judges_nothing():
    check = row_checks(
        [AllowedSpec(field="x", values="baseline")], {"x": "category"}, reference_to(x=pa.array([], pa.string()))
    )
    assert not masks(check[0], batch(x=["a"]))[1].any()
    assert check[0].unjudged == "no values in the baseline"


def test_another_file_is_another_epoch(tmp_path):
    contents = []
    for text in ("a\nb\n", "b\r\na\na\r\n", "a\n"):
        (tmp_path / "v.txt").write_bytes(text.encode())
        contents.append(row_checks([AllowedSpec(field="x", file=str(tmp_path / "v.txt"))], {"x": "text"})[0].content)
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "either values or a file"),
        ({"values": ["a"], "file": "f.txt"}, "either values or a file"),
        ({"values": ["a"], "column": "id"}, "column is of a file"),
        ({"values": []}, "at least 1"),
        ({"values": "base line"}, "baseline"),
        ({"file": ""}, "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, says):
    with pytest.raises(ValidationError, match=says):
        ADAPTER.validate_python({"kind": "allowed", "field": "x", **settings})


@pytest.mark.parametrize(("kind", "fits"), [("category", True), ("boolean", True), ("text", False), ("number", False)])
def test_a_baseline_keeps_the_values_of_categories_only(kind, fits):
    assert (not list(misfits(AllowedSpec(field="x", values="baseline"), {"x": kind}))) is fits


def test_the_values_of_a_baseline_need_one():
    check = (
        "  - {kind: volume, min",
        "  - {kind: allowed, name: seen, field: country, values: baseline}\n  - {kind: volume, min",
    )
    assert configured(changed(check)).checks[0].needs_baseline
    found = problems(changed(check, ("baseline: {kind: file, path: baselines/payments}\n", "")))
    (problem,) = [problem for problem in found if problem.path == "checks[0]"]
    assert "driftline baseline build" in problem.remedy


def test_a_wrong_list_is_told_in_the_configurations_words():
    check = (
        "  - {kind: volume, min",
        "  - {kind: allowed, name: seen, field: country, values: base}\n  - {kind: volume, min",
    )
    (problem,) = problems(changed(check))
    assert problem.path == "checks[0].values"
    assert problem.remedy == "did you mean baseline? possible: baseline"


def test_a_column_of_another_type_than_the_set_is_an_error():
    with pytest.raises(TypeError, match="both numbers"):
        row_checks([AllowedSpec(field="x", file=str(LINES))], {"x": "text"})[0].failures(batch(x=[1.0]))


def test_a_path_is_a_text_and_not_an_object():
    assert isinstance(ReferentialSpec(field="x", file=str(Path("a.txt"))).file, str)
