"""Where records come from: a Kafka cluster or files; `MemorySource` (tests, demo) is for code only."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.sources.file_settings import FilesSpec
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.partitioned import PartitionedSource

SourceSpec = Annotated[KafkaSpec | FilesSpec, Field(discriminator="kind")]
"""The configuration of a source; `spec.build(clock)` returns it as a `PartitionedSource`, connected."""

__all__ = ["FilesSpec", "KafkaSpec", "PartitionedSource", "SourceSpec"]
