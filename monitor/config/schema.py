"""The JSON Schema of the configuration, for editors and for `driftline schema`."""

from __future__ import annotations

from typing import Any

from monitor.config.tree import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration file; the same in every process."""
    schema = Config.model_json_schema(mode="validation")
    return {"$schema": DIALECT, **schema, "title": "Driftline configuration"}
