from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from monitor.config.sections import WindowSpec
from monitor.config.tree import Config
from monitor.spec import parse_bytes
from tests.support.configurations import changed, configured


def kinds(config: Config, path: str) -> list[str]:
    return [detector.kind for detector in config.detectors_for(path)]


def test_a_default_detector_is_applied_where_it_can_compare_the_type():
    config = configured()
    assert {path: kinds(config, path) for path in config.fields} == {
        "amount": ["psi", "ks"],
        "country": ["psi"],
        "merchant.mcc": ["psi"],
        "note": [],
    }


def test_a_fields_own_detectors_replace_the_defaults():
    text = changed(
        ("{type: number,", "{type: number, drift: [{kind: js}],"), ("{type: category,", "{type: category, drift: [],")
    )
    config = configured(text)
    assert kinds(config, "amount") == ["js"]
    assert kinds(config, "country") == []


def test_missing_values_of_text_can_be_compared():
    assert kinds(configured(changed(("{kind: ks,", "{kind: missing,"))), "note") == ["missing"]


def test_a_field_that_is_not_configured_has_no_detectors_to_ask_for():
    with pytest.raises(KeyError):
        configured().detectors_for("nope")


def test_the_contract_of_a_field_becomes_checks():
    config = configured()
    names = {check.name for path, field in config.fields.items() for check in field.checks(path)}
    contract = {"amount.required", "amount.nullable", "amount.type", "amount.range"}
    assert names == contract | {"country.type", "country.allowed", "merchant.mcc.type", "note.type"}


def test_the_digest_changes_with_a_setting():
    digests = {configured(changed(pair)).digest for pair in [("max: 20", "max: 20"), ("max: 20", "max: 21")]}
    assert len(digests) == 2


def test_the_digest_does_not_depend_on_secrets_or_on_how_a_value_is_spelled():
    plain = configured().digest
    assert configured(KAFKA_PASSWORD="another").digest == plain
    assert configured(changed(("size: 1m", "size: 60s"), ("idle: 60s", "idle: 1m"))).digest == plain
    assert configured(changed(("policy: {kind: threshold}\n", ""))).digest == plain


def test_the_digest_is_the_same_in_another_process():
    program = "from tests.support.configurations import configured; print(configured().digest)"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == configured().digest


def test_the_tree_is_frozen_and_keeps_secrets_out_of_its_repr():
    config = configured()
    with pytest.raises(ValidationError):
        config.name = "other"  # type: ignore[misc]
    assert "correct-horse" not in repr(config)
    assert "correct-horse" not in config.model_dump_json()


def test_what_is_dumped_can_be_loaded_again():
    data = configured().model_dump(mode="json") | {"sinks": []}
    assert Config.model_validate(data).model_dump(mode="json") == data


def test_disagreeing_parts_are_refused_without_the_loader_too():
    data = configured().model_dump(mode="json") | {"sinks": [], "baseline": None}
    with pytest.raises(ValidationError, match="driftline baseline build"):
        Config.model_validate(data)


def test_a_pane_is_the_whole_window_unless_given():
    assert WindowSpec.model_validate({"size": "5m"}).pane == 300_000
    assert WindowSpec.model_validate({"size": "5m", "pane": "1m"}).panes == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("1KiB", 1024), ("2 MiB", 2 << 20), ("1gib", 1 << 30), ("3 kB", 3000), ("1GB", 10**9)],
)
def test_sizes_are_read(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "1 mega", "1 Ki B"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes(text)
