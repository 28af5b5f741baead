"""SQL expressions that try to get out, to take all memory, to run for ever or to bring the process down."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError

import monitor
from monitor.checks import SqlSpec
from monitor.checks.sql_functions import ALLOWED
from monitor.checks.sql_group import _NO_SHARING, SqlGroup
from monitor.checks.sql_growth import _FACTORS, MAX_TIMES, _grown, _together, too_much
from monitor.checks.sql_tree import parsed
from monitor.config.loader import load
from monitor.decoders.duck import Duck
from monitor.duck import connect
from monitor.errors import ConfigError
from monitor.sources.file_rows import read_rows
from monitor.sources.file_settings import FilesSpec
from tests.support.checks import batch

FIELDS = {"note": "text", "country": "category"}

STATEMENTS = (
    "SELECT content FROM read_text('{secret}')",
    "SELECT content FROM read_blob('{secret}')",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM read_json('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
    "COPY (SELECT 1) TO '{folder}/written.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "EXPORT DATABASE '{folder}/exported'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{folder}/attached.duckdb' AS other",
    "ATTACH '{secret}' AS other (TYPE sqlite)",
    "INSTALL httpfs",
    "FORCE INSTALL spatial FROM community",
    "LOAD httpfs",
    "LOAD '{secret}'",
    "UPDATE EXTENSIONS",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "SET enable_external_access=true",
    "SET allowed_paths=['{secret}']",
    "SET allowed_directories=['/']",
    "SET lock_configuration=false",
    "SET temp_directory='{folder}'",
    "SET memory_limit='100GB'",
    "SET max_execution_time=0",
    "SET log_query_path='{folder}/queries'",
    "RESET memory_limit",
    "PRAGMA enable_profiling",
    "PRAGMA profiling_output='{folder}/profile'",
    "SELECT getenv('HOME')",
)
"""What DuckDB itself refuses on our connections, even where nothing vetted it."""

CALLS = (
    "read_text('{secret}')",
    "read_blob('{secret}')",
    "current_setting('secret_directory')",
    "getenv('HOME')",
    "getvariable('x')",
    "query_table('duckdb_settings')",
    "duckdb_settings()",
    "duckdb_secrets()",
    "pragma_database_list()",
    "current_database()",
    "current_query()",
    "current_user",
    "version()",
    "pg_backend_pid()",
    "txid_current()",
    "repeat(note, 1000000000)",
    "rpad(note, 1000000000, 'x')",
    "bar(1, 0, 1, 1000000000)",
    "range(1000000000)",
    "generate_series(1, 1000000000)",
    "array_resize([1], 1000000000)",
    "list_resize([1], 1000000000)",
    "format('{{:1000000000d}}', 1)",
    "printf('%1000000000d', 1)",
    "sleep_ms(1000000)",
    "levenshtein(note, note)",
    "factorial(100000)",
    "json_execute_serialized_sql(note)",
    "json_serialize_sql(note)",
    "from_json(note, note)",
    "json_transform(note, note)",
    "nextval('x')",
    "write_log('x')",
    "error(note)",
)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("private")
    secret = folder / "secret.csv"
    secret.write_text("a,b\nhunter2,1\n")
    return {"folder": folder, "secret": secret}


def configured(expression: str) -> str:
    quoted = expression.replace("'", "''")
    return (
        "name: m\nsource: {kind: files, paths: [x.jsonl]}\nfields: {note: {type: text}, country: {type: category}}\n"
        f"checks:\n  - {{kind: sql, name: s, expression: '{quoted}'}}\n"
    )


def attempts() -> list[str]:
    """Every statement as the whole expression, behind one, and as a subquery; every call in a condition."""
    whole = [form for sql in STATEMENTS for form in (sql, f"note = 'a'; {sql}", f"note = ({sql})")]
    return whole + [f"{call}::VARCHAR = note" for call in CALLS] + [f"note = 'a' FROM {call}" for call in CALLS]


def test_no_expression_that_tries_to_get_out_is_accepted(places):
    accepted = []
    for attempt in attempts():
        with suppress(ValidationError, ValueError):
            SqlGroup([SqlSpec(name="s", expression=attempt.format(**places)).expression], FIELDS)
            accepted.append(attempt)
    assert accepted == []
    assert sorted(path.name for path in places["folder"].iterdir()) == ["secret.csv"]


def test_a_configuration_with_such_an_expression_is_refused_and_names_it(places):
    for attempt in (
        "note = 'a'; COPY (SELECT 1) TO '{secret}'",
        "read_text('{secret}') = note",
        "getenv('HOME') = note",
    ):
        with pytest.raises(ConfigError) as refused:
            load(configured(attempt.format(**places)))
        assert [problem.path for problem in refused.value.problems] == ["checks[0].expression"]
    assert load(configured("note = 'a'")).name == "m"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_is_not_vetted_does_not_get_out_either(statement, places):
    """The second wall: a connection that checks, decoders and proposals work with refuses it."""
    with pytest.raises(duckdb.Error):
        connect().execute(statement.format(**places))
    assert sorted(path.name for path in places["folder"].iterdir()) == ["secret.csv"]


def test_connections_are_opened_in_one_place_only():
    root = Path(monitor.__file__).parent
    opened = re.compile(r"\bduckdb\.(connect|sql|query|execute|default_connection|read_csv|read_parquet)\(")
    opening = {str(path.relative_to(root)) for path in root.rglob("*.py") if opened.search(path.read_text())}
    assert opening == {"duck.py"}


def test_a_file_that_is_read_is_the_only_one(places, tmp_path):
    """Names of columns are quoted, and a file whose name is a pattern or ends the text is that file only."""
    other = tmp_path / "it's [a-z]*.csv"
    other.write_text("a,b\n1,2\n")
    (tmp_path / "its a.csv").write_text("a,b\n9,9\n")
    spec = FilesSpec(paths=(str(other),))
    with pytest.raises(duckdb.Error, match="disabled"):
        connect(reads=[other]).execute(f"SELECT * FROM read_csv('{places['secret']}')")  # noqa: S608
    with pytest.raises(duckdb.Error, match="disabled"):
        connect(reads=[other]).execute(f"COPY (SELECT 1) TO '{tmp_path}/written.csv'")
    try:
        rows = [line for part in read_rows(other, spec) for line in part.values.to_pylist()]
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be ours
        assert type(error).__module__ == "monitor.errors", error  # noqa: PT017
    else:
        assert rows == [b'{"a":1,"b":2}']


_TEXT_TO_TEXT = "hex upper lower url_encode url_decode reverse trim md5 nfc_normalize strip_accents regexp_escape"
TEXT_TO_TEXT = f"{_TEXT_TO_TEXT} typeof concat".split()
GROWING = {
    "replace": ("replace({0}, 'a', 'bcd')", "replace({0}, ' ', '')"),
    "regexp_replace": (r"regexp_replace({0}, 'a?', '\0\0x', 'g')", r"regexp_replace({0}, '.', '\0\0\0', 'g')"),
    "concat_ws": ("concat_ws({0}, {0}, {0}, {0})",),
    "strftime": ("strftime(TIMESTAMP '2020-09-30 10:10:10.123456', '%A%B%c%x')",),
    "translate": ("translate({0}, 'a', '🦆')",),
    "json_extract": ("json_extract({0}, ['$', '$', '$[0]'])", "json_extract({0}, '$[*]')"),
    "json_extract_string": ("json_extract_string({0}, '$')", "json_extract_string({0}, '$[*]')"),
    "json_keys": ("json_keys({0})",),
    "regexp_extract": ("regexp_extract({0}, '(.)(.*)', ['x', 'y'])",),
    "||": ("{0} || {0} || {0}",),
    "list_value": ("[{0}, {0}]",),
    "struct_pack": ("{{'a': {0}, 'b': {0}}}::VARCHAR", "row([{0}], [{0}])::VARCHAR", "[[{0}]::VARCHAR]::VARCHAR"),
    "greatest": ("greatest({0}, {0})",),
    **{name: (f"{name}({{0}})",) for name in TEXT_TO_TEXT},
    **{name: (f"{name}(encode({{0}}))",) for name in ["to_base64", "base64", "hex"]},
    "cast": ("TRY({0}::VARCHAR[])", "TRY({0}::HUGEINT[])", "TRY({0}::VARCHAR[][])", "{0}::DOUBLE::VARCHAR"),
}
NASTY = ("a" * 400, "ɐ" * 400, "\x00\n\t" * 100, "ﷺ" * 100, "İ" * 300, "[" + "1," * 500 + "1]", "[" * 20 + "]" * 20)
NASTY += ('{"a":' * 30 + "1" + "}" * 30, "[[],[],[],[]]", '"' + "\\u0001" * 50 + '"', "a.b*c" * 99, "", "🦆" * 100)


def test_no_function_makes_more_of_a_row_than_is_counted():
    """Bytes of the text, or 16 for each element of a list, against the bound for which the expression is vetted."""
    connection = connect(_NO_SHARING)
    connection.register("rows", pa.table({"v": NASTY}))
    for template in (template for templates in GROWING.values() for template in templates):
        made = f"TRY({template.format('v')})"
        size = f"CASE WHEN typeof({made}) LIKE '%[]' THEN 16 * len({made}::VARCHAR[]) ELSE strlen({made}::VARCHAR) END"
        sizes = f"SELECT strlen(v), coalesce({size}, 0) FROM rows"  # noqa: S608
        bound = _bound(parsed(f"{template.format('note').replace('(encode(note))', '(note)')} IS NULL").tree)
        for before, after in connection.execute(sizes).fetchall():
            assert after <= bound.times * before + bound.more, (template, before)


def _bound(tree):
    found = []
    _grown(tree["statements"][0]["node"]["select_list"][0], found)
    return _together(found)


def test_every_text_function_has_a_factor():
    """A new name in the closed list that gives texts or lists has to say how long they can get."""
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE return_type IN ('VARCHAR', 'BLOB', 'JSON')"
    texts = {name for (name,) in connect().execute(query).fetchall()} & ALLOWED
    fixed = {"md5", "sha1", "sha256", "chr", "dayname", "monthname", "typeof", "strftime"}
    special = {"replace", "regexp_replace", "regexp_extract"}
    joining = {"||", "concat", "concat_ws"}
    assert texts - fixed - special - joining - set(_FACTORS) == set()


def test_an_ordinary_expression_is_far_from_the_limit():
    ordinary = "lower(trim(note)) IN ('a', 'b') AND regexp_replace(note, '\\s+', ' ', 'g') || country <> upper(note)"
    assert _bound(parsed(ordinary).tree).times < MAX_TIMES / 8
    assert too_much(parsed(ordinary).tree["statements"][0]["node"]["select_list"]) is None


def test_a_query_is_ended_when_it_takes_too_much_time_or_memory():
    with pytest.raises(duckdb.Error, match="maximum execution time"):
        connect("SET max_execution_time=50").execute("SELECT count(*) FROM range(1000000000000)")
    deep = "repeat('[', 5000) || repeat(']', 5000)"
    with pytest.raises(duckdb.Error, match="Memory"):
        connect("SET memory_limit='64MB'").execute(f"SELECT json_extract({deep}, '$..*') FROM range(50)")  # noqa: S608
    assert connect().execute("SELECT current_setting('memory_limit')").fetchall() == [("1.0 GiB",)]


def test_an_expression_that_fails_of_time_or_memory_loses_its_batch_and_the_process_lives(monkeypatch):
    monkeypatch.setattr("monitor.checks.sql_group._FOR_SO_LONG", "SET memory_limit='20MB'")
    group = SqlGroup(["json_array_length(note::JSON) > 0", "country = 'DE'"], FIELDS)
    lost, fine = group.masks(batch(note=["[" + "1," * 2_000_000 + "1]"], country=["DE"]))
    assert [mask.tolist() for mask in lost] == [[False], [False]]
    assert [mask.tolist() for mask in fine] == [[False], [True]]


DEEP = """
from monitor.checks.sql_group import SqlGroup
from tests.support.checks import batch
import sys
group = SqlGroup(sys.argv[1:], {"note": "text"})
masks = group.masks(batch(note=["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000]))
print(len(masks))
"""


def test_deep_nesting_brings_no_allowed_function_down():
    """In a process of its own: what runs out of stack ends it."""
    expressions = [f"{name}(note) IS NOT NULL" for name in ("json_array_length", "json_keys", "json_valid", "hash")]
    paths = ("json_type", "json_extract", "json_extract_path_text", "json_extract_string", "json_exists", "json_value")
    expressions += [f"{name}(note, '{path}') IS NOT NULL" for name in paths for path in ("$.a.a", "$[*]")]
    types = ("JSON", "VARCHAR[]", "VARCHAR[][]", "JSON[]", "UUID", "INTERVAL", "TIMESTAMP", "DECIMAL(38,9)", "BOOLEAN")
    expressions += [f"{form}::{kind} IS NOT NULL" for kind in types for form in ("note", "note::JSON")]
    expressions += ["note::JSON = note::JSON", "note::JSON ->> 'a' = 'b'", "note LIKE note", "contains(note, note)"]
    expressions += [
        "regexp_matches(note, '(\\[+)+(\\[+)+b')",
        "note SIMILAR TO '(\\[*)*b'",
        "split_part(note, note, 1) = ''",
    ]
    done = subprocess.run([sys.executable, "-c", DEEP, *expressions], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(len(expressions))), done.stderr[-500:]


def test_decoders_work_over_the_same_walls(places):
    with pytest.raises(duckdb.Error):
        Duck().ask(f"SELECT content FROM read_text('{places['secret']}')", pa.array(["x"]))  # noqa: S608
