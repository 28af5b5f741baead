"""From the Specs of row checks to the checks; those that share work are built together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.checks.allowed import AllowedSpec
from monitor.checks.fitting import Misfit
from monitor.checks.outliers import OutliersSpec
from monitor.checks.reference import NO_REFERENCE, Reference
from monitor.checks.referential import ReferentialSpec
from monitor.checks.sql import Sql, SqlSpec
from monitor.checks.sql_group import SqlGroup
from monitor.checks.value_files import UnfitFile
from monitor.types import FieldType


class UnfitFiles(ValueError):  # noqa: N818 - what users' files are, not a failure of ours
    """Files from which checks cannot be built; `found` has the Spec of each and what is wrong with it."""

    def __init__(self, found: list[tuple[Any, Misfit]]) -> None:
        """Keep them all."""
        super().__init__("; ".join(f"{spec.name}: {misfit.message}" for spec, misfit in found))
        self.found = found


def row_checks(
    specs: Iterable[Any], fields: Mapping[str, FieldType], reference: Reference = NO_REFERENCE
) -> tuple[Any, ...]:
    """Return the checks of rows in the order of their Specs; every `sql` check asks the same query.

    Raises UnfitFiles with all the files that checks need and that are of no use; ValueError when an expression
    does not fit the fields and KeyError when a check needs a field's baseline that the reference does not have,
    both of which the configuration has ruled out.
    """
    listed = list(specs)
    expressions = [spec.expression for spec in listed if isinstance(spec, SqlSpec)]
    group = SqlGroup(expressions, fields) if expressions else None
    built: list[Any] = []
    unfit: list[tuple[Any, Misfit]] = []
    asked = 0
    for spec in listed:
        if isinstance(spec, SqlSpec) and group is not None:
            built.append(Sql(spec, group, asked))
            asked += 1
        elif isinstance(spec, OutliersSpec):
            built.append(spec.build(reference))
        elif isinstance(spec, AllowedSpec | ReferentialSpec):
            try:
                built.append(_looked_up(spec, fields[spec.field], reference))
            except UnfitFile as error:
                unfit.append((spec, error.misfit))
        else:
            built.append(spec.build())
    if unfit:
        raise UnfitFiles(unfit)
    return tuple(built)


def _looked_up(spec: AllowedSpec | ReferentialSpec, kind: FieldType, reference: Reference) -> Any:
    return spec.build(kind) if isinstance(spec, ReferentialSpec) else spec.build(kind, reference)
