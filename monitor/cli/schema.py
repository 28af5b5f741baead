"""`driftline schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors and other tools."""
    from monitor.config.schema import configuration_schema

    typer.echo(json.dumps(configuration_schema(), indent=2))
