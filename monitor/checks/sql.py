"""An SQL condition over any of the configured fields must hold in every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from monitor.checks.fitting import Misfit
from monitor.checks.naming import CheckName, MaxFailureRatio, Severity
from monitor.checks.sql_group import SqlGroup, refuse_unless_boolean
from monitor.checks.sql_tree import parsed
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray


def _vetted(expression: str) -> str:
    parsed(expression)
    return expression


class SqlSpec(Spec):
    """Fails a row in which the expression is false, in DuckDB's SQL; NULL and errors are not evaluated."""

    example: ClassVar[str] = """
        fields:
          amount: {type: number}
          refund: {type: boolean}
        checks:
          - {kind: sql, name: refund_sign, expression: "amount >= 0 OR refund", max_failure_ratio: 0.01}
    """

    kind: Literal["sql"] = "sql"
    name: CheckName
    expression: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_vetted)] = Field(
        description="the condition, over the paths of any of `fields`"
    )
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @property
    def field(self) -> str:
        """Return no field: an expression may be over several."""
        return ""

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield why the expression cannot be evaluated over the fields."""
        try:
            refuse_unless_boolean(self.expression, fields)
        except ValueError as error:
            yield Misfit("expression", str(error))

    def build(self, fields: Mapping[str, FieldType]) -> Sql:
        """Return the check by itself; `row_checks` lets all of a monitor share one query."""
        return Sql(self, SqlGroup([self.expression], fields), 0)


@dataclass(frozen=True, eq=False)
class Sql:
    """Fails rows in which expression number `index` of the group is false; evaluates those where it is not NULL.

    Raises KeyError when a column of the group's fields is not there.
    """

    spec: SqlSpec
    group: SqlGroup
    index: int

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        return self.group.masks(batch)[self.index]
