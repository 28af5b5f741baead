"""How much text an SQL expression may make of a row's, and which casts and JSON paths it may hold.

DuckDB's `memory_limit` does not count the texts that a function makes, and its JSON functions and a few casts
recurse or grow with what stands in a record. So what could exhaust memory is refused at configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Node = dict[str, Any]

_TYPE_WORDS = (
    "bigint blob bool boolean bpchar bytea char date datetime dec decimal double float float4 float8 guid hugeint int "
    "int1 int128 int16 int2 int32 int4 int64 int8 integer integral interval json list array logical long numeric "
    "nvarchar real short signed smallint string text time timestamp timestamp_ms timestamp_ns timestamp_s timestamp_us "
    "timestamptz timetz tinyint ubigint uhugeint uint128 uint16 uint32 uint64 uint8 uinteger usmallint utinyint uuid "
    "varbinary varchar"
)
_TYPES = frozenset(_TYPE_WORDS.split()) | {"time with time zone", "timestamp with time zone"}
"""What may be cast to. Not VARIANT: of JSON it recurses until the stack ends (DuckDB 2.0.0)."""

MAX_TIMES = 256
"""All texts that an expression makes of a row are together at most so many times as long as the row's."""

MAX_MORE_BYTES = 65_536
"""So many bytes they may have besides, however short the row is."""

_VALUE_BYTES = 64
_ELEMENT_BYTES = 16
_LISTS = ("list", "array")


class Growth(NamedTuple):
    """An upper bound of a node's bytes: `times` those of the row, and `more`."""

    times: float = 0.0
    more: float = 0.0

    def scaled(self, factor: float, more: float = 0.0) -> Growth:
        """Return the bound of what is `factor` times as large, and `more`."""
        return Growth(self.times * factor, self.more * factor + more)


def _together(parts: Sequence[Growth]) -> Growth:
    return Growth(sum(part.times for part in parts), sum(part.more for part in parts))


_AS_LONG = (
    "array_extract from_base64 greatest if least left ltrim nullif reverse right rtrim split_part strip_accents substr "
    "substring trim unhex url_decode"
)
_DOUBLING = "base64 hex lcase lower to_base64 ucase upper"
_JSON_PATHS = (
    "->> json_array_length json_exists json_extract json_extract_path json_extract_path_text json_extract_string "
    "json_keys json_type json_value"
)
_FACTORS: Mapping[str, int] = {
    **dict.fromkeys(_AS_LONG.split(), 1),
    # the character that grows most
    **dict.fromkeys(_DOUBLING.split(), 2),
    **dict.fromkeys(("nfc_normalize", "url_encode"), 3),
    **dict.fromkeys(("regexp_escape", "translate"), 4),
    # a list: each of its elements, which may be one character, is a value of 16 bytes
    **dict.fromkeys(_JSON_PATHS.split(), _ELEMENT_BYTES + 1),
}
_JOINING = frozenset({"||", "concat", "concat_ws", "list_value", "struct_pack", "row"})
_ASKED_BY_PATH = frozenset(_JSON_PATHS.split())


def too_much(select_list: Sequence[Node]) -> str | None:
    """Return why an expression may take too much memory, None when it cannot."""
    found: list[Growth] = []
    for node in select_list:
        _grown(node, found)
    whole = _together(found)
    if whole.times > MAX_TIMES:
        return f"may make {whole.times:.3g} times the text of a row, and {MAX_TIMES} are allowed; split it up"
    if whole.more > MAX_MORE_BYTES:
        return f"may make {whole.more:.3g} bytes of any row, and {MAX_MORE_BYTES} are allowed; split it up"
    return None


def cast_problem(node: Node) -> str | None:
    """Return why a type may not be cast to, None when it may."""
    name = str(node.get("type_name", ""))
    if name.lower() in _TYPES:
        return None
    return f"casts to {name}, and a check casts to numbers, texts, times, JSON and lists of these only"


def path_problem(name: str, arguments: Sequence[Node]) -> str | None:
    """Return why a JSON function may not be asked for a path, None when it may."""
    if name not in _ASKED_BY_PATH:
        return None
    for argument in arguments[1:]:
        if any(text.startswith("$") and (".." in text or "**" in text) for text in _texts(argument)):
            return f"a path of {name}() looks at every depth; name the place, such as $.a.b or $.a[*]"
    return None


def written_out(node: Node) -> bool:
    """Return whether a node is a constant or a list of such."""
    if node.get("class") == "CONSTANT":
        return True
    return node.get("function_name") == "list_value" and all(written_out(child) for child in _children(node))


def arguments_of(node: Node) -> list[Node]:
    """Return the arguments of a function's node."""
    return [entry["expression"] for entry in node.get("arguments", ())]


def _grown(node: Node, found: list[Growth]) -> Growth:
    """Return a node's bound, and add to `found` those of all texts that are made for it."""
    children = [_grown(child, found) for child in _children(node)]
    kind = node.get("class")
    if kind == "COLUMN_REF":
        return Growth(1.0)
    if kind == "CONSTANT":
        return Growth(0.0, float(sum(map(len, _texts(node)))))
    if kind == "CAST":
        lists = sum(str(each.get("type_name", "")).lower() in _LISTS for each in _types(node.get("type_expr", {})))
        # 2: a list as a text has a backslash before every quote
        made = _together(children).scaled(_ELEMENT_BYTES * lists or 2, _VALUE_BYTES)
    elif kind == "FUNCTION":
        made = _of_function(str(node.get("function_name", "")).lower(), arguments_of(node), children)
    elif kind in ("CASE", "OPERATOR", "COLLATE"):
        return _together(children)
    else:
        return Growth(0.0, 1.0)
    found.append(made)
    return made


def _of_function(name: str, arguments: Sequence[Node], children: Sequence[Growth]) -> Growth:
    """Return the bound of what a function makes of its arguments."""
    if name in _SPECIAL and children:
        return _SPECIAL[name](arguments, children)
    if name in _JOINING:
        separators = children[0].scaled(len(children)) if name == "concat_ws" and children else Growth()
        return _together([*children, separators, Growth(0.0, float(_ELEMENT_BYTES * len(children)))])
    if name in _FACTORS:
        asked = max((len(list(_texts(argument))) for argument in arguments[1:]), default=1)
        return _together(children).scaled(_FACTORS[name] * (max(1, asked) if name in _ASKED_BY_PATH else 1))
    return Growth(0.0, _VALUE_BYTES)


def _replaced(arguments: Sequence[Node], children: Sequence[Growth]) -> Growth:
    """Every occurrence, at least a byte, may become the whole of the new text."""
    return children[0].scaled(max(1.0, _length(arguments, 2)))


def _replaced_matches(arguments: Sequence[Node], children: Sequence[Growth]) -> Growth:
    """Also the empty text before every character is a match, and each reference may be all of a match."""
    text = "".join(_texts(arguments[2])) if len(arguments) > 2 else ""
    return children[0].scaled(1 + text.count("\\") + len(text.encode()), len(text.encode()))


def _extracted(arguments: Sequence[Node], children: Sequence[Growth]) -> Growth:
    """A match, or as many groups as have names."""
    names = len(list(_texts(arguments[2]))) if len(arguments) > 2 else 1
    return children[0].scaled(max(1, names), _ELEMENT_BYTES)


def _formatted(arguments: Sequence[Node], _children: Sequence[Growth]) -> Growth:
    """Two characters of a format make at most some thirty."""
    return Growth(0.0, 32 * max(_length(arguments, 0), _length(arguments, 1)))


_SPECIAL: Mapping[str, Callable[[Sequence[Node], Sequence[Growth]], Growth]] = {
    "replace": _replaced,
    "regexp_replace": _replaced_matches,
    "regexp_extract": _extracted,
    "strftime": _formatted,
}


def _length(arguments: Sequence[Node], place: int) -> float:
    """Return the bytes of a constant argument, 0 when there is none."""
    texts = _texts(arguments[place]) if place < len(arguments) else ()
    return float(sum(len(text.encode()) for text in texts))


def _texts(node: Node) -> Iterator[str]:
    """Yield what is written out in a constant or a list of such."""
    if node.get("class") == "CONSTANT":
        yield str((node.get("literal") or {}).get("text", ""))
    elif node.get("function_name") == "list_value":
        for child in _children(node):
            yield from _texts(child)


def _types(node: Node) -> Iterator[Node]:
    """Yield a type, and those of its elements."""
    yield node
    for child in node.get("children", ()):
        yield from _types(child)


def _children(tree: Any) -> Iterator[Node]:
    """Yield the expressions right below a node."""
    waiting = list(tree.values()) if isinstance(tree, dict) else [tree]
    while waiting:
        below = waiting.pop(0)
        if isinstance(below, list):
            waiting[:0] = below
        elif isinstance(below, dict) and "class" not in below:
            waiting[:0] = below.values()
        elif isinstance(below, dict) and below["class"] != "TYPE":
            yield below
