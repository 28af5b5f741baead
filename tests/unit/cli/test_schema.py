from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from monitor.cli import app
from tests.support.command_line import answer
from tests.support.configurations import INTERFACE
from tests.support.json_schema import satisfies


@pytest.fixture(scope="module")
def schema():
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_the_schema_says_its_dialect_and_no_address(schema):
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    assert schema["title"]


def test_the_promised_configuration_satisfies_the_schema(schema):
    assert satisfies(yaml.safe_load(INTERFACE), schema, schema)


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("name", "Not A Name"),
        ("sorce", {}),
        ("source", {"kind": "kafak", "topics": ["a"]}),
        ("window", {"size": "1 minute"}),
        ("drift", [{"kind": "psi", "warning": -1}]),
        ("fields", {"a": {"type": "number", "requird": True}}),
        ("limits", {"max_series": "many"}),
    ],
)
def test_an_editor_would_mark_what_is_wrong(schema, section, value):
    data = yaml.safe_load(INTERFACE) | {section: value}
    assert not satisfies(data, schema, schema)


def test_secrets_are_marked_as_such(schema):
    assert schema["$defs"]["SecuritySpec"]["properties"]["password"]["anyOf"][0]["format"] == "password"


def test_the_schema_is_the_same_in_every_process():
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "schema"],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert done.stdout == answer("schema")
