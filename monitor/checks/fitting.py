"""Whether a check fits the configured fields: those it names exist and have a type that it can judge."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from monitor.types import SCALARS, FieldType


class Misfit(NamedTuple):
    """A setting that does not fit the fields: which one, what is wrong and, unless that says it, the remedy."""

    setting: str
    message: str
    remedy: str | None = None


def misfits(spec: Any, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
    """Yield what does not fit in the Spec of any check.

    Every Spec with a `field` needs that field, of one of its `field_types` or, where it does not say them, of any type
    but vector; a Spec that names more has a method `misfits(fields)` of its own, which is asked when the field fits.
    """
    path = getattr(spec, "field", "")
    if path:
        problem = unfitting(spec.kind, "field", path, fields, getattr(spec, "field_types", SCALARS))
        if problem is not None:
            yield problem
            return
    more = getattr(spec, "misfits", None)
    if more is not None:
        yield from more(fields)


def unfitting(
    kind: str, setting: str, path: str, fields: Mapping[str, FieldType], fitting: Iterable[FieldType]
) -> Misfit | None:
    """Return what is wrong with the field that a setting of a check names; None when nothing is."""
    if path not in fields:
        return Misfit(setting, f"{path} is not among the fields", did_you_mean(path, fields))
    if fields[path] not in fitting:
        needed = " or ".join(sorted(fitting))
        message = f"{path} is of type {fields[path]}, and a check of kind {kind} needs {needed}"
        return Misfit(setting, message, "choose another field or check, or change the type")
    return None


def did_you_mean(path: str, fields: Iterable[str]) -> str:
    """Return the remedy for a field that is not configured: the one meant, if one is close."""
    folded = {known.casefold(): known for known in fields}
    close = difflib.get_close_matches(path.casefold(), folded, n=1)
    return f"did you mean {folded[close[0]]}?" if close else f"add `{path}` to fields"
