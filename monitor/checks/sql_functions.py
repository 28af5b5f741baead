"""The functions that an SQL expression may call: row by row, the same answer every time, in bounded memory.

A closed list, since what DuckDB calls consistent includes `current_localtimestamp()` and `range(10**12)`,
and a later version may bring more. Not among them: `json_contains`, which recurses until the stack ends where
a record is nested deeply (DuckDB 2.0.0), and whatever repeats or pads to a length that is computed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from duckdb import DuckDBPyConnection

_OPERATORS = "+ - * / // % ** ^ & | ~ << >> || @ ~~ !~~ ~~* !~~* ~~~ ^@ <-> ->>"
_LOGIC = "if nullif greatest least xor row list_value struct_pack contains list_contains array_extract"
_NUMBERS = (
    "abs add ceil ceiling cbrt degrees divide even exp fdiv floor fmod gcd greatest_common_divisor isfinite isinf "
    "isnan lcm least_common_multiple ln log log10 log2 mod multiply pi pow power radians round round_even sign "
    "signbit sqrt subtract trunc acos asin atan atan2 cos sin tan cosh sinh tanh cot"
)
_TEXTS = (
    "ascii bit_length char_length character_length chr concat concat_ws ends_with ilike_escape instr lcase left "
    "length like_escape lower ltrim md5 nfc_normalize not_ilike_escape not_like_escape octet_length ord position "
    "prefix regexp_escape regexp_extract regexp_full_match regexp_matches regexp_replace replace reverse right rtrim "
    "sha1 sha256 split_part starts_with strip_accents strlen strpos substr substring suffix translate trim ucase "
    "unicode upper url_decode url_encode hash hex unhex from_base64 to_base64 base64 typeof"
)
_TIMES = (
    "century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname "
    "dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era hour isodow isoyear "
    "julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz "
    "microsecond millennium millisecond minute month monthname nanosecond quarter second strftime strptime "
    "time_bucket timezone to_days to_hours to_microseconds to_milliseconds to_minutes to_months to_seconds "
    "to_timestamp to_weeks to_years try_strptime week weekday weekofyear year yearweek uuid_extract_timestamp "
    "uuid_extract_version"
)
_JSON = (
    "json_array_length json_exists json_extract json_extract_path json_extract_path_text "
    "json_extract_string json_keys json_type json_valid json_value"
)

ALLOWED = frozenset(f"{_OPERATORS} {_LOGIC} {_NUMBERS} {_TEXTS} {_TIMES} {_JSON}".split())
"""What may be called, by DuckDB's name; operators, LIKE and EXTRACT are functions to its parser."""

_JSON_PATHED = (
    "json_array_length json_exists json_extract json_extract_path json_extract_path_text json_extract_string "
    "json_keys json_type json_value ->>"
)
_MATCHING = "regexp_extract regexp_full_match regexp_matches regexp_replace"

CONSTANT_ARGUMENTS: Mapping[str, tuple[int, ...]] = {
    "timezone": (0,),
    "like_escape": (2,),
    "ilike_escape": (2,),
    "not_like_escape": (2,),
    "not_ilike_escape": (2,),
    "replace": (2,),
    **dict.fromkeys(_JSON_PATHED.split(), (1,)),
    **dict.fromkeys(_MATCHING.split(), (1,)),
    "regexp_replace": (1, 2),
}
"""Arguments that have to be written out: a wrong one is an error that TRY does not hold, or takes whoever writes the
records as much time or memory as they like. A pattern of half a megabyte is compiled for hours."""

_CLOCKED = frozenset({"age", "ago", "current_localtime", "current_localtimestamp", "getdate"})
"""Answers that change from call to call, though DuckDB's catalogue does not say so."""


def objection(connection: DuckDBPyConnection, name: str) -> str | None:
    """Return why an expression may not call a function, None when it may; names are folded by the parser."""
    if name.lower() in ALLOWED:
        return None
    query = "SELECT DISTINCT function_type, stability FROM duckdb_functions() WHERE lower(function_name) = $1"
    kinds = connection.execute(query, [name.lower()]).fetchall()
    if not kinds:
        close = difflib.get_close_matches(name.lower(), ALLOWED, n=1)
        return f"there is no function {name}()" + (f"; did you mean {close[0]}()?" if close else "")
    types = {kind for kind, _ in kinds}
    if types & {"aggregate", "window"}:
        reason = "looks at several rows, and a check sees one at a time"
    elif "scalar" not in types and types & {"table", "table_macro"}:
        reason = "makes a table, and a check has its row only"
    elif name.lower() in _CLOCKED or any(stability not in (None, "CONSISTENT") for _, stability in kinds):
        reason = "does not give the same answer every time"
    else:
        reason = "is not among the functions that a check may call"
    return f"{name}() {reason}"
