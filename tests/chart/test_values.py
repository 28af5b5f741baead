"""values.yaml, its schema, README and the templates say the same; what is generated is as the generator writes it."""

from __future__ import annotations

import json
import re
import tarfile
from typing import Any

import jsonschema
import pytest
import yaml

import monitor
from helm.__main__ import generated
from helm.values import read_values
from tests.support.helm import CHART, ci_files, ci_values, helm, merged

VALUES = read_values((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
META = yaml.safe_load((CHART / "Chart.yaml").read_text())


@pytest.mark.parametrize("name", generated())
def test_generated_files_are_up_to_date(name):
    assert (CHART / name).read_text() == generated()[name], "run `make chart-files`"


def test_no_copy_is_left_of_what_is_gone():
    found = {str(path.relative_to(CHART)) for path in CHART.glob("files/*/*") if path.parent.name != "__pycache__"}
    assert found == {name for name in generated() if name.startswith("files/")}


def test_a_value_without_a_comment_is_an_error():
    with pytest.raises(ValueError, match=r"a\.c"):
        read_values("a:\n  # -- Said.\n  b: 1\n  c: 2\n")


def test_the_schema_is_one_that_every_helm_understands():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_defaults_and_all_examples_fit_it():
    validator = jsonschema.Draft7Validator(SCHEMA)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    tried = {"defaults": defaults} | {name: merged(defaults, ci_values(name)) for name in ci_files()}
    faults = {name: [error.message for error in validator.iter_errors(values)] for name, values in tried.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def closed(schema: Any, path: tuple[str, ...] = ()) -> Any:
    """Yield the paths of objects whose keys are listed."""
    if "properties" in schema:
        yield path, schema
        for name, each in schema["properties"].items():
            yield from closed(each, (*path, name))


def test_every_object_of_ours_is_closed_and_every_key_is_described():
    objects = dict(closed(SCHEMA))
    assert len(objects) > 20
    for path, schema in objects.items():
        assert schema["additionalProperties"] is False, path
        for name, each in schema["properties"].items():
            assert "properties" in each or len(each["description"]) > 3, (*path, name)
        broken: Any = {"misspelt": 1}
        for name in reversed(path):
            broken = {name: broken}
        with pytest.raises(jsonschema.ValidationError, match="misspelt"):
            jsonschema.Draft7Validator(SCHEMA).validate(broken)


def test_schema_and_values_have_the_same_keys():
    listed = {
        (*path, name)
        for path, schema in closed(SCHEMA)
        for name, each in schema["properties"].items()
        if "properties" not in each
    }
    assert listed - {("global",), ("enabled",)} == {value.path for value in VALUES}


def test_the_readme_has_every_value():
    rows = re.findall(r"^\| `([\w.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)
    assert rows == [value.name for value in VALUES]


def test_the_chart_is_of_this_version():
    assert META["appVersion"] == monitor.__version__
    assert META["kubeVersion"] == ">=1.29.0-0"
    image = f"driftline/driftline:{META['appVersion']}"
    notes = META["annotations"]
    assert yaml.safe_load(notes["artifacthub.io/images"]) == [{"name": "driftline", "image": image}]
    assert {change["kind"] for change in yaml.safe_load(notes["artifacthub.io/changes"])} <= {
        "added",
        "changed",
        "deprecated",
        "removed",
        "fixed",
        "security",
    }
    assert {"name", "url"} == {key for link in yaml.safe_load(notes["artifacthub.io/links"]) for key in link}


def test_the_package_has_what_is_needed_and_fits_the_secret_that_helm_keeps_it_in(tmp_path):
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.removeprefix("driftline/") for name in archive.getnames()}
    assert {
        "Chart.yaml",
        "values.schema.json",
        "README.md",
        "files/answer.py",
        "files/rules/driftline.rules.yaml",
    } <= names
    assert not any(name.startswith("ci/") for name in names)
    # A release is its chart and manifest, compressed, in a Secret of at most 1 MiB.
    assert package.stat().st_size < 200_000
