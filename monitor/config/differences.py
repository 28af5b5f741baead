"""What became another between two configurations, as field paths; and which of that a running daemon cannot take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr

from monitor.config.document import Loc
from monitor.config.tree import Config
from monitor.errors import Problem
from monitor.printable import printable

_MASK = "**********"
_VALUE_CHARS = 80
_MAX_LINES = 200
_IDENTITIES = ("name", "field", "kind")
"""By the first of these that tells all entries of a list apart, an entry is found again in the other list."""

RESTART: Final = (
    (("name",), "it is the identity of every metric, alert and notification"),
    (("source",), "the connections, the group and the places in the log belong to it"),
    (("store", "path"), "all that is known lies there, and the process holds its lock"),
    (("http", "listen"), "the socket is open, and probes and scrapes go there"),
    (("http", "tls"), "the certificate belongs to the open socket"),
)
"""The parts that stay as they are until a restart, and why. Everything else is taken by a reload."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is another in `new`, one line a setting: `drift[psi].warning: 0.1 -> 0.2`; at most 200 lines.

    Both are trees as `tree_of` or `masked_tree_of` return them; of a secret it is only said that it changed.
    """
    lines = [f"{path}: {what}" for path, what in _changes(old, new, "")]
    more = len(lines) - _MAX_LINES
    return (*lines[:_MAX_LINES], f"and {more} more") if more > 0 else tuple(lines)


def tree_of(config: Config) -> Any:
    """Return the configuration as plain values and secrets, which are compared but never shown.

    What came from the environment or a file is as secret as a secret.
    """
    return _hidden(config.model_dump(mode="python"), config.outside, lambda value: SecretStr(_plain(value)))


def masked_tree_of(config: Config) -> Any:
    """Return the configuration as JSON-able values, with `**********` for every secret and what came from outside."""
    return _hidden(config.model_dump(mode="json"), config.outside, lambda _: _MASK)


def _hidden(value: Any, outside: frozenset[Loc], hide: Callable[[Any], Any], loc: Loc = ()) -> Any:
    """Return a tree with everything that came from outside hidden, but for what is not there."""
    if value is None or isinstance(value, SecretStr):
        return value
    if loc in outside:
        return hide(value)
    if isinstance(value, Mapping):
        return {key: _hidden(each, outside, hide, (*loc, key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each, outside, hide, (*loc, number)) for number, each in enumerate(value)]
    return value


def restart_problems(old: Config, new: Config) -> list[Problem]:
    """Return a problem for every setting that is another and that a running daemon cannot take."""
    before, after = tree_of(old), tree_of(new)
    problems = []
    for place, why in RESTART:
        path = ".".join(place)
        for changed, what in _changes(_at(before, place), _at(after, place), path):
            message = f"cannot change while the daemon runs ({what}): {why}"
            problems.append(Problem(changed, message, remedy="restart the daemon"))
    return problems


def _at(tree: Any, place: Sequence[str]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


def _changes(old: Any, new: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and words of every difference."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*new, *old)):
            yield from _changes(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return
    entries, others = _entries(old), _entries(new)
    if entries is not None and others is not None and (entries or others):
        found = [
            change
            for label in dict.fromkeys((*others, *entries))
            for change in _changes(entries.get(label), others.get(label), f"{path}[{label}]")
        ]
        yield from found or [(path, "another order")]
    elif old is None:
        yield path, "added" if _is_tree(new) else f"null -> {_shown(new)}"
    elif new is None:
        yield path, "removed" if _is_tree(old) else f"{_shown(old)} -> null"
    elif isinstance(old, SecretStr) or isinstance(new, SecretStr):
        yield path, "changed (a secret)"
    else:
        yield path, f"{_shown(old)} -> {_shown(new)}"


def _entries(value: Any) -> dict[str, Any] | None:
    """Return the entries of a list of sections by what tells them apart, else by number; None of anything else."""
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        return None
    for identity in _IDENTITIES:
        labels = [entry.get(identity) for entry in value]
        if all(isinstance(label, str) for label in labels) and len(set(labels)) == len(labels):
            return dict(zip(map(str, labels), value, strict=True))
    return {str(number): entry for number, entry in enumerate(value)}


def _is_tree(value: Any) -> bool:
    return isinstance(value, Mapping) or bool(_entries(value))


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(a secret)"
    return printable(_plain(value), _VALUE_CHARS)
