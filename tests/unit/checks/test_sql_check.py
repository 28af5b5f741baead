"""SQL checks: what is refused, how names are found, what NULL and errors mean, and that one query serves all."""

from __future__ import annotations

import gc
import re
import weakref

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.checks import SqlSpec, misfits, row_checks
from monitor.checks.sql_functions import ALLOWED
from monitor.checks.sql_group import SqlGroup
from monitor.duck import connect
from monitor.types import Presence
from tests.support.checks import batch, failing

FIELDS = {
    "amount": "number",
    "n": "integer",
    "refund": "boolean",
    "country": "category",
    "note": "text",
    "merchant.mcc": "text",
    "merchant.name": "text",
    "shop.mcc": "text",
    "user": "category",
    "$key": "text",
    "odd name": "text",
    'say "x"': "text",
}

NOT_A_CONDITION = [
    ("", "at least 1"),
    (" ", "does not parse"),
    ("-- nothing", "does not parse"),
    ("amount >", "syntax error"),
    ("'", "does not parse"),
    ("amount > 0 /* open", "does not parse"),
    ("TRUE) FROM (SELECT 1", "does not parse"),
    ("SELECT 1", "does not parse"),
    ("amount > 0; DROP TABLE x", "does not parse"),
    ("amount > 0; SELECT 1", "more than one statement"),
    ("amount > 0; SET threads = 4", "does not parse"),
    ("amount > 0; ATTACH 'x'", "does not parse"),
    ("amount > 0, n > 0", "more than one condition"),
    ("amount > 0 AS good", "leave out AS"),
    ("amount > 0 WHERE true", "more than one condition"),
    ("amount > 0 GROUP BY ALL", "more than one condition"),
    ("amount > 0 HAVING true", "more than one condition"),
    ("amount > 0 QUALIFY true", "more than one condition"),
    ("amount > 0 ORDER BY 1", "more than one condition"),
    ("amount > 0 LIMIT 1", "more than one condition"),
    ("amount > 0 USING SAMPLE 1", "more than one condition"),
    ("DISTINCT amount > 0", "more than one condition"),
    ("amount > 0 UNION ALL SELECT true", "more than one condition"),
    ("amount > 0 FROM batch", "reads a table"),
    ("amount > 0 FROM read_csv('/etc/passwd')", "reads a table"),
    ("amount > 0 FROM '/etc/passwd'", "reads a table"),
    ("amount > (SELECT 1)", "subquery"),
    ("amount IN (SELECT 1)", "subquery"),
    ("EXISTS (FROM batch)", "subquery"),
    ("ARRAY(SELECT 1)[1] = amount", "subquery"),
    ("count(*) > 1", "several rows"),
    ("amount > avg(amount)", "several rows"),
    ("sum(amount) FILTER (amount > 1) > 0", "several rows"),
    ("abs(DISTINCT amount) > 0", "one row at a time"),
    ("row_number() OVER () > 1", "window"),
    ("amount > lag(amount) OVER ()", "window"),
    ("rank() > 1", "several rows"),
    ("random() < amount", "same answer every time"),
    ("system.main.random() < amount", "same answer every time"),
    ("uuid() = note", "same answer every time"),
    ("gen_random_uuid() = note", "same answer every time"),
    ("now() > note::TIMESTAMP", "same answer every time"),
    ("today() > note::DATE", "same answer every time"),
    ("get_current_timestamp() > note::TIMESTAMP", "same answer every time"),
    ("current_localtimestamp() > note::TIMESTAMP", "same answer every time"),
    ("age(note::TIMESTAMP) > INTERVAL 1 DAY", "same answer every time"),
    ("nextval('s') > amount", "same answer every time"),
    ("current_setting('threads') = note", "same answer every time"),
    ("getvariable('x') = note", "same answer every time"),
    ("error(note) IS NULL", "same answer every time"),
    ("sleep_ms(1000) IS NULL", "same answer every time"),
    ("write_log(note) IS NULL", "same answer every time"),
    ("read_csv('/etc/passwd') = note", "makes a table"),
    ("read_text('/etc/passwd') = note", "makes a table"),
    ("glob('/*') = note", "makes a table"),
    ("query('SELECT 1') = note", "makes a table"),
    ("unnest([amount]) > 0", "makes a table"),
    ("getenv('HOME') = note", "no function getenv()"),
    ("shell('id') = note", "no function shell()"),
    ("lengt(note) = 1", "did you mean length()?"),
    ("version() = note", "not among the functions"),
    ("json_execute_serialized_sql(note) = note", "makes a table"),
    ("range(1000000000000)[1] = amount", "not among the functions"),
    ("repeat(note, 1000000000000) = note", "not among the functions"),
    ("lpad(note, 1000000000, 'x') = note", "not among the functions"),
    ("amount > ?", "parameter"),
    ("amount > $1", "parameter"),
    ("$key = 'x'", 'double quotes: "$key"'),
    ("*", "star"),
    ("COLUMNS('a.*') > 0", "star"),
    ("amount > #1", "position"),
    ("DEFAULT", "DEFAULT"),
    ("list_filter([1], x -> x > amount)", "list_filter()"),
    ("note->'a' = 'b'", "json_extract_string"),
    ("country::NO_SUCH_TYPE = 'x'", "casts to NO_SUCH_TYPE"),
    ("note AT TIME ZONE country IS NULL", "write it out"),
    ("note LIKE 'a' ESCAPE country", "write it out"),
    ("timezone(note::TIMESTAMP) IS NULL", "write it out"),
    ("regexp_matches(note, country)", "write it out"),
    ("note SIMILAR TO country", "write it out"),
    ("regexp_replace(note, 'a', country) = 'b'", "write it out"),
    ("replace(note, 'a', country) = 'b'", "write it out"),
    ("note ->> country = 'b'", "write it out"),
    ("json_extract_string(note, [country]) = ['b']", "write it out"),
    ("json_extract(note, '$..*') = ['b']", "every depth"),
    ("json_exists(note, ['$.a', '$.b..c']) = [true]", "every depth"),
    ("json_contains(note, '1')", "not among the functions"),
    ("note::JSON::VARIANT IS NULL", "casts to VARIANT"),
    ("note::STRUCT(a INT)[] IS NULL", "casts to STRUCT"),
    ("hex(" * 30 + "note" + ")" * 30 + " = 'a'", "times the text of a row"),
    ("replace(replace(note, 'a', '" + "b" * 999 + "'), 'b', '" + "c" * 999 + "') = 'a'", "times the text of a row"),
    ("regexp_replace(note, '', '" + r"\0" * 300 + "', 'g') = 'a'", "times the text of a row"),
    (" || ".join(["note"] * 30) + " = 'a'", "times the text of a row"),
    ("note::VARCHAR[][][][][][] IS NULL AND " * 3 + "true", "times the text of a row"),
    ("strftime(note::TIMESTAMP, '" + "%c" * 1500 + "') = 'a'", "bytes of any row"),
    ("a\x00b > 1", "control character"),
    ("amount \x1b > 1", "control character"),
    ("(" * 3000 + "amount > 0" + ")" * 3000, "does not parse"),
    ("NOT " * 2400 + "refund", "does not parse"),
    ("x" * 10_001, "at most 10000"),
]
UNFITTING = [
    ("amnt > 0", 'did you mean "amount"?'),
    ("foo > 0", "add `foo` to fields"),
    ("merchant.nam = 'x'", 'did you mean "merchant.name"?'),
    ("amount.x > 0", "not among the fields"),
    ("mcc = '1'", 'any of "merchant.mcc", "shop.mcc"'),
    ("current_timestamp > note", "same answer every time"),
    ("current_date > note::DATE", "same answer every time"),
    ("localtime > note", "same answer every time"),
    ("batch.amount > 0", "not among the fields"),
    ("c0 > 0", "not among the fields"),
    ("rowid > 0", "not among the fields"),
    ("true", "refers to no field"),
    ("1 = 1", "refers to no field"),
    ("amount", "is of type DOUBLE"),
    ("country || 'x'", "is of type VARCHAR"),
    ("country > 3", "does not fit"),
    ("length(amount) = 3", "does not fit"),
    ("regexp_matches(country, '[')", "missing ]"),
    ("note::TIMESTAMP AT TIME ZONE 'Nowhere' > '2020-01-01'", "Nowhere"),
]


@pytest.mark.parametrize(("expression", "phrase"), NOT_A_CONDITION, ids=lambda text: text[:40].replace("\x00", "0"))
def test_what_is_not_one_condition_over_a_row_is_refused(expression, phrase):
    with pytest.raises(ValidationError, match=re.escape(phrase)):
        SqlSpec(name="s", expression=expression)


@pytest.mark.parametrize(("expression", "phrase"), UNFITTING)
def test_what_does_not_fit_the_fields_is_refused(expression, phrase):
    found = list(misfits(SqlSpec(name="s", expression=expression), FIELDS))
    assert [misfit.setting for misfit in found] == ["expression"]
    assert phrase in found[0].message


ACCEPTED = [
    ("amount >= 0 OR refund", ["amount", "refund"]),
    ('"amount" >= 0', ["amount"]),
    ("AMOUNT >= 0", ["amount"]),
    ("merchant.mcc LIKE '4%'", ["merchant.mcc"]),
    ("\"merchant.mcc\" = '1'", ["merchant.mcc"]),
    ("merchant.\"mcc\" = '1'", ["merchant.mcc"]),
    ("name = 'x'", ["merchant.name"]),
    ("user = 'x'", ["user"]),
    ("\"$key\" <> ''", ["$key"]),
    ("\"odd name\" <> ''", ["odd name"]),
    ('"say ""x""" IS NULL', ['say "x"']),
    ("n % 2 = 0 AND n & 1 = 0 AND n >> 1 >= 0", ["n"]),
    ("refund IS TRUE", ["refund"]),
    ("CASE WHEN refund THEN amount < 0 ELSE amount >= 0 END", ["refund", "amount"]),
    ("country IN ('DE', 'FR') AND country NOT IN ('XX')", ["country"]),
    ("amount BETWEEN 0 AND 10", ["amount"]),
    ("coalesce(amount, 0) >= 0 AND nullif(amount, 0) IS NOT NULL", ["amount"]),
    ("extract(year FROM note::DATE) = 2024", ["note"]),
    ("try_strptime(note, '%Y-%m-%d') < TIMESTAMP '2030-01-01' + INTERVAL 3 DAY", ["note"]),
    ("note::TIMESTAMP AT TIME ZONE 'Europe/Berlin' > '2020-01-01'::TIMESTAMPTZ", ["note"]),
    ("json_extract_string(note, '$.a') = 'x'", ["note"]),
    ("note SIMILAR TO 'a|b' OR note ILIKE 'X%' OR note GLOB 'a*'", ["note"]),
    ("json_extract_string(note, ['$.a', '$.b[0]'])[1] = 'x'", ["note"]),
    (
        "regexp_replace(lower(note), 'a+', ' ', 'g') = 'x' AND replace(note, country, '') <> 'y'",
        ["note", "country"],
    ),
    ("note::INTEGER[] = [1, 2] AND note::DECIMAL(18, 2) > 1", ["note"]),
    ("length(note) = 2 -- a remark; DROP TABLE x", ["note"]),
    ("note = 'it''s; -- no remark'", ["note"]),
    ("note = $$a'b$$", ["note"]),
]


@pytest.mark.parametrize(("expression", "fields"), ACCEPTED)
def test_conditions_over_configured_fields_are_accepted(expression, fields):
    assert list(misfits(SqlSpec(name="s", expression=expression), FIELDS)) == []
    assert list(SqlGroup([expression], FIELDS)._bound.fields) == fields


def test_every_allowed_function_gives_the_same_answer_every_time():
    """The closed list holds nothing that DuckDB itself calls volatile, an aggregate or a table."""
    kinds = connect().execute("SELECT function_name, function_type, stability FROM duckdb_functions()").fetchall()
    bad = {
        name
        for name, kind, stability in kinds
        if kind in ("aggregate", "window") or stability not in (None, "CONSISTENT")
    }
    assert bad & ALLOWED == set()
    assert ALLOWED - {name for name, _, _ in kinds} == set()


def test_false_fails_and_null_is_not_evaluated():
    rows = batch(amount=([1.0, -1.0, 9.0, 9.0], [0, 0, Presence.NULL, Presence.WRONG_TYPE]), refund=["false"] * 4)
    failed, evaluated = failing(SqlSpec(name="s", expression="amount >= 0"), rows, {"amount": "number"})
    assert failed == [False, True, False, False]
    assert evaluated == [True, True, False, False]


def test_an_unusable_value_is_null_and_can_be_asked_for():
    for presence in Presence:
        rows = batch(amount=([1.0], [presence]))
        failed, evaluated = failing(SqlSpec(name="s", expression="amount IS NOT NULL"), rows)
        assert evaluated == [True]
        assert failed == [presence != Presence.OK]


def test_an_error_in_a_row_leaves_that_row_out_and_no_other():
    rows = batch(note=["2024-01-01", "soon", "1999-01-01"])
    failed, evaluated = failing(SqlSpec(name="s", expression="note::DATE > '2020-01-01'"), rows)
    assert failed == [False, False, True]
    assert evaluated == [True, False, True]


def test_a_cast_that_two_checks_share_stays_within_their_tries():
    """DuckDB would compute it once, outside of both TRYs; so would it within one expression that has it twice."""
    expressions = ["note::INT > 3", "note::INT < 5", "note::INT = note::INT"]
    checks = row_checks([SqlSpec(name=text, expression=text) for text in expressions], {"note": "text"})
    rows = batch(note=["4", "x", "9", ""])
    assert [check.failures(rows)[1].tolist() for check in checks] == [[True, False, True, False]] * 3
    assert [check.failures(rows)[0].tolist() for check in checks] == [
        [False] * 4,
        [False, False, True, False],
        [False] * 4,
    ]
    assert checks[0].group._all.to_arrow_table().num_rows == 0


def test_an_error_that_no_try_holds_costs_that_expression_its_batch_only():
    group = SqlGroup(["note = 'x'", "note::TIMESTAMP AT TIME ZONE 'Nowhere' > '2020-01-01'"], {"note": "text"})
    fine, lost = group.masks(batch(note=["x", "2024-01-01"]))
    assert fine[1].tolist() == [True, True]
    assert lost[1].tolist() == lost[0].tolist() == [False, False]


def test_types_are_those_of_the_fields():
    rows = batch(n=[3.0, 4.0], refund=["true", "false"])
    fields = {"n": "integer", "refund": "boolean"}
    assert failing(SqlSpec(name="s", expression="n::VARCHAR = '3'"), rows, fields)[0] == [False, True]
    assert failing(SqlSpec(name="s", expression="refund"), rows, fields)[0] == [False, True]
    assert failing(SqlSpec(name="s", expression="typeof(refund) = 'BOOLEAN'"), rows, fields)[0] == [False, False]


def test_an_integer_beyond_64_bits_is_not_evaluated():
    rows = batch(n=[2.0**53, 1e19, -1e300])
    failed, evaluated = failing(SqlSpec(name="s", expression="n = 9007199254740992"), rows, {"n": "integer"})
    assert (failed, evaluated) == ([False] * 3, [True, False, False])


def test_all_expressions_are_evaluated_by_one_query_a_batch():
    specs = [SqlSpec(name=f"s{i}", expression=f"n > {i}") for i in range(5)]
    checks = row_checks(specs, {"n": "integer"})
    assert len({id(check.group) for check in checks}) == 1
    asked = []
    evaluate = checks[0].group._evaluate
    checks[0].group._evaluate = lambda rows: (asked.append(rows), evaluate(rows))[1]
    one, other = batch(n=[0.0, 3.0]), batch(n=[9.0])
    assert [check.failures(one)[0].tolist() for check in checks] == [[True, i >= 3] for i in range(5)]
    assert [check.failures(other)[0].tolist() for check in checks] == [[False]] * 5
    assert [check.failures(one)[0].tolist() for check in checks] == [[True, i >= 3] for i in range(5)]
    assert len(asked) == 3


def test_the_order_of_the_checks_is_that_of_their_specs():
    specs = [SqlSpec(name="a", expression="n > 0"), SqlSpec(name="b", expression="n < 0")]
    assert [check.spec.name for check in row_checks(specs, {"n": "integer"})] == ["a", "b"]
    assert row_checks([], {}) == ()


def test_the_group_holds_no_batch_alive():
    check = row_checks([SqlSpec(name="a", expression="n > 0")], {"n": "integer"})[0]
    rows = batch(n=np.ones(3))
    check.failures(rows)
    gone = weakref.ref(rows)
    del rows
    gc.collect()
    assert gone() is None


def test_a_column_of_another_type_than_its_field_is_refused():
    check = row_checks([SqlSpec(name="a", expression="n > 0")], {"n": "integer"})[0]
    with pytest.raises(TypeError, match="configured"):
        check.failures(batch(n=["1"]))
    with pytest.raises(KeyError):
        check.failures(batch(m=[1.0]))


def test_nothing_can_be_read_or_changed_over_a_connection():
    connection = connect()
    for statement in (
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access=true",
        "SET lock_configuration=false",
        "SELECT * FROM connection",
    ):
        with pytest.raises(Exception, match=r"(?i)disabled|locked|does not exist|configuration|permission|not found"):
            connection.execute(statement)
