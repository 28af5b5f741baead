"""From the Specs of row checks to the checks; those that share work are built together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.checks.outliers import OutliersSpec
from monitor.checks.reference import NO_REFERENCE, Reference
from monitor.checks.sql import Sql, SqlSpec
from monitor.checks.sql_group import SqlGroup
from monitor.types import FieldType


def row_checks(
    specs: Iterable[Any], fields: Mapping[str, FieldType], reference: Reference = NO_REFERENCE
) -> tuple[Any, ...]:
    """Return the checks of rows in the order of their Specs; every `sql` check asks the same query.

    Raises ValueError when an expression does not fit the fields, KeyError when a check needs a field's baseline
    that the reference does not have: the configuration has ruled both out.
    """
    listed = list(specs)
    expressions = [spec.expression for spec in listed if isinstance(spec, SqlSpec)]
    group = SqlGroup(expressions, fields) if expressions else None
    built: list[Any] = []
    asked = 0
    for spec in listed:
        if isinstance(spec, SqlSpec) and group is not None:
            built.append(Sql(spec, group, asked))
            asked += 1
        elif isinstance(spec, OutliersSpec):
            built.append(spec.build(reference))
        else:
            built.append(spec.build())
    return tuple(built)
