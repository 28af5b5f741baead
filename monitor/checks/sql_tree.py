"""What DuckDB's parser makes of an expression: vetted, bound to the configured fields, and written anew."""

from __future__ import annotations

import atexit
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from duckdb import DuckDBPyConnection

from monitor.checks.sql_functions import CONSTANT_ARGUMENTS, objection
from monitor.checks.sql_growth import arguments_of, cast_problem, path_problem, too_much, written_out
from monitor.duck import connect

Node = dict[str, Any]

_CLASSES = "BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR TYPE"
_PLAIN = frozenset(_CLASSES.split())
_REFUSED = {
    "SUBQUERY": "holds a subquery, and a check has its row only",
    "WINDOW": "holds a window function, and a check sees one row at a time",
    "PARAMETER": 'holds a parameter; write the value, and fields that begin with $ in double quotes: "$key"',
    "STAR": "holds a star; name the fields",
    "LAMBDA": "holds an arrow or a lambda; of JSON use json_extract_string(field, path)",
    "POSITIONAL_REFERENCE": "holds a position; name the field",
    "DEFAULT": "holds DEFAULT, which has no meaning here",
}
_TOO_DEEP = "is nested too deeply; split it into several checks"
_ONLY_A_CONDITION = "is more than one condition; write what must hold in a row, such as amount >= 0 OR refund"
_SESSION = frozenset(
    {"current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp"}
    | {"current_user", "localtime", "localtimestamp", "session_user", "user"}
)
"""Words that DuckDB takes for calls where no column is called so."""


@dataclass(frozen=True)
class Condition:
    """A vetted expression: its tree, which nobody changes, and the names of the columns that it refers to."""

    tree: Node

    def names(self) -> list[tuple[str, ...]]:
        """Return the parts of each column reference, as written, first ones first."""
        found = (tuple(node["column_names"]) for node in _nodes(self.tree) if node.get("class") == "COLUMN_REF")
        return list(dict.fromkeys(found))

    def rewritten(self, columns: Mapping[tuple[str, ...], str]) -> str:
        """Return the expression as SQL with `columns` in place of the names; raises ValueError when it is not vetted.

        DuckDB writes the text from the tree, so that nothing of the original's spelling (comments, quotes)
        is run; the text is vetted again, in case tree and text should ever disagree.
        """
        tree = json.loads(json.dumps(self.tree))
        for node in _nodes(tree):
            if node.get("class") == "COLUMN_REF":
                node["column_names"] = [columns[tuple(node["column_names"])]]
        expression = _asked("SELECT json_deserialize_sql($1::JSON)", json.dumps(tree)).removeprefix("SELECT ")
        again = parsed(expression).names()
        if not {name[0] for name in again if len(name) == 1} <= set(columns.values()):
            raise ValueError("cannot be written anew; write it in a simpler way")
        return f"({expression})"


def parsed(expression: str) -> Condition:
    """Return the condition that an expression is.

    Raises ValueError, with what to do, when it does not parse or is anything but one expression over one
    row: several statements, clauses, subqueries, aggregates, windows, parameters, and functions that are
    not in the closed list.
    """
    if any(ord(character) < 32 and character not in "\t\r\n" for character in expression):
        raise ValueError("holds a control character")
    try:
        tree = json.loads(_asked("SELECT json_serialize_sql($1)", f"SELECT {expression}"))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if tree.get("error", True):
        raise ValueError(f"does not parse: {tree.get('error_message', 'no answer')}")
    _refuse_clauses(tree)
    selected = tree["statements"][0]["node"]["select_list"]
    problem = _first_problem(selected) or _size_problem(selected)
    if problem is not None:
        raise ValueError(problem)
    return Condition(tree)


def resolved(names: Sequence[str], fields: Iterable[str]) -> str:
    """Return the field that a column reference means: its whole path, or a tail that only one path has.

    Letter case does not matter, as no two fields may differ in it only. Raises ValueError when no field is
    meant, with the nearest one, or when several are.
    """
    written = ".".join(names)
    folded = {path.casefold(): path for path in fields}
    if written.casefold() in folded:
        return folded[written.casefold()]
    tails = [path for key, path in folded.items() if key.endswith("." + written.casefold())]
    if len(tails) == 1:
        return tails[0]
    if tails:
        quoted = ", ".join(f'"{path}"' for path in sorted(tails))
        raise ValueError(f"{written} may be any of {quoted}; write the whole path")
    if written.lower() in _SESSION:
        raise ValueError(f"{written} does not give the same answer every time, and no field is called so")
    shown = {key.rsplit(".", 1)[-1]: path for key, path in reversed(folded.items())} | folded
    close = difflib.get_close_matches(written.casefold(), shown, n=1)
    remedy = f'did you mean "{shown[close[0]]}"?' if close else f"add `{written}` to fields"
    raise ValueError(f"{written} is not among the fields; {remedy}")


def _refuse_clauses(tree: Node) -> None:
    """Raise ValueError unless the tree is one SELECT of one expression and nothing else."""
    statements = tree.get("statements", [])
    if len(statements) != 1:
        raise ValueError("is more than one statement; a check is one condition")
    node = statements[0].get("node", {})
    if node.get("type") != "SELECT_NODE" or len(node.get("select_list", ())) != 1:
        raise ValueError(_ONLY_A_CONDITION)
    if node.get("from_table", {}).get("type") != "EMPTY" or node.get("cte_map", {}).get("map"):
        raise ValueError("reads a table, and a check has its row only")
    clauses = ("modifiers", "where_clause", "group_expressions", "group_sets", "having", "sample", "qualify")
    if any(node.get(clause) for clause in clauses) or node.get("aggregate_handling") != "STANDARD_HANDLING":
        raise ValueError(_ONLY_A_CONDITION)
    if node["select_list"][0].get("alias"):
        raise ValueError("has a name; the check has one already, leave out AS")


def _first_problem(select_list: list[Node]) -> str | None:
    """Return what is wrong with the first wrong node; raised by the caller, as a traceback would keep the cursor."""
    cursor = _cursor()
    problems = (_problem(cursor, node) for node in _nodes(select_list))
    return next((problem for problem in problems if problem is not None), None)


def _size_problem(select_list: list[Node]) -> str | None:
    """Return that an expression may take too much memory, or is too deep to tell."""
    try:
        return too_much(select_list)
    except RecursionError:
        return _TOO_DEEP


def _problem(cursor: DuckDBPyConnection, node: Node) -> str | None:
    """Return what is wrong with one node of the tree."""
    kind = node.get("class")
    if kind is None:
        return None
    if kind not in _PLAIN:
        return _REFUSED.get(kind, f"holds {kind}, which a check cannot evaluate")
    if kind == "TYPE":
        return cast_problem(node)
    if kind != "FUNCTION":
        return None
    name = str(node.get("function_name", ""))
    problem = objection(cursor, name)
    if problem is None and (node.get("distinct") or node.get("filter") or node.get("export_state")):
        problem = f"{name}() is called like an aggregate, and a check sees one row at a time"
    arguments = arguments_of(node)
    for place in CONSTANT_ARGUMENTS.get(name.lower(), ()):
        if problem is None and place < len(arguments) and not written_out(arguments[place]):
            problem = f"argument {place + 1} of {name}() comes from the row; write it out"
    return problem or path_problem(name.lower(), arguments)


def _nodes(tree: Any) -> Iterator[Node]:
    """Yield every object of a JSON tree, each before those below it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(node.values()))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


@cache
def _connection() -> DuckDBPyConnection:
    return connect()


# Else a traceback that somebody keeps would keep this module's names, and DuckDB complain of it at the very end.
atexit.register(_connection.cache_clear)


def _cursor() -> DuckDBPyConnection:
    """Return a connection of one's own to the one database in which expressions are parsed, never run."""
    return _connection().cursor()


def _asked(query: str, argument: str) -> str:
    """Return the one text that a query of one parameter answers."""
    rows = _cursor().execute(query, [argument]).fetchall()
    return str(rows[0][0])
