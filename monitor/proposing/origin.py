"""Where the sampled records come from, and how that is written as a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitor.sources import FilesSpec, KafkaSpec


@dataclass(frozen=True)
class FileOrigin:
    """A file. `null_values` are what a CSV file writes for null beside the empty text."""

    path: str
    null_values: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.path

    @property
    def spec(self) -> FilesSpec:
        """The source to read it with."""
        return FilesSpec(paths=(self.path,), **({"null_values": ("", *self.null_values)} if self.null_values else {}))


@dataclass(frozen=True)
class TopicOrigin:
    """A topic. `security` holds the checked settings, `security_text` the same as the user wrote them."""

    topic: str
    bootstrap: str
    client: str = "kafka-python"
    security: dict[str, Any] = field(default_factory=dict, repr=False)
    security_text: str = field(default="", repr=False)
    connect_timeout: str = "15s"

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"topic {self.topic}"

    @property
    def spec(self) -> KafkaSpec:
        """The source to read it with: from its beginning, outside any group."""
        return KafkaSpec.model_validate(
            {
                "topics": [self.topic],
                "bootstrap_servers": self.bootstrap,
                "client": self.client,
                "start": "earliest",
                "connect_timeout": self.connect_timeout,
                **({"security": self.security} if self.security else {}),
            }
        )


Origin = FileOrigin | TopicOrigin
