"""The configuration of files as a source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from monitor.clock import Clock
from monitor.sources.partitioned import PartitionedSource
from monitor.spec import Spec


class FilesSpec(Spec):
    """Files read once from start to end: JSON lines, CSV or Parquet, by suffix, also compressed (`.gz`, `.zst`, …).

    Files are sorted by path; each is one partition (0, 1, 2, …) of the topic, unless `partition_column` names
    the column that says so. CSV types are inferred from the whole file, and an empty value is null.
    """

    kind: Literal["files"] = "files"
    paths: Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], Field(min_length=1)] = Field(
        description='Paths or patterns, such as "data/*.jsonl".'
    )
    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")] | None = Field(
        None, description="The topic's name; by default the stem of the first file's name."
    )
    partition_column: str | None = Field(None, description="The column whose values are the partitions.")
    timestamp_column: str | None = Field(None, description="The column that stands for the record's Kafka timestamp.")
    timestamp_unit: Literal["s", "ms", "us", "ns"] = Field("ms", description="What a number in it counts.")
    null_values: tuple[str, ...] = Field(("",), description="What CSV files write for null.")
    column_types: dict[str, str] = Field({}, description="SQL types of CSV columns that are not to be inferred.")
    max_poll_records: int = Field(
        50_000, ge=1, le=1_000_000, description="At most this many records are decoded at once."
    )

    def build(self, clock: Clock) -> PartitionedSource:
        """Return the source; raises SurroundingsError when a file is missing or of no known kind."""
        from monitor.sources.files import FilesSource  # noqa: PLC0415 - it imports this module

        return FilesSource(self)
