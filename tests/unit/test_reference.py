"""The documentation says what the code does: its configurations load, and every kind and setting is in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from pydantic import BaseModel

from monitor.baseline import BaselineSpec
from monitor.checks import CheckSpec
from monitor.cli import app
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.decoders import DecoderSpec
from monitor.detectors import DetectorSpec, GroupDetectorSpec
from monitor.policy import PolicySpec
from monitor.sequential import SequentialSpec
from monitor.sinks import SinkSpec
from monitor.sources import KafkaSpec, SourceSpec
from monitor.sources.dead_letter import DeadLetterSpec

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SECRETS = {"KAFKA_PASSWORD": "secret of Kafka", "HOOK_SECRET": "secret of the hook"}
DEFAULTED = ("time", "window", "alerting", "store", "http", "limits")
UNIONS = {
    "Detectors": DetectorSpec,
    "Groups": GroupDetectorSpec,
    "Sequential detectors": SequentialSpec,
    "Checks": CheckSpec,
    "Baselines": BaselineSpec,
    "Sources": SourceSpec,
    "Decoders": DecoderSpec,
    "Policies": PolicySpec,
    "Sinks": SinkSpec,
}


def members(union: object) -> list[type[BaseModel]]:
    """Return the Specs of a discriminated union; a union of one is that one."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        return [union]
    return [member for part in get_args(union) for member in members(part)]


def kinds(union: object) -> set[str]:
    """Return every `kind` that a union accepts."""
    return {kind for member in members(union) for kind in get_args(member.model_fields["kind"].annotation)}


def documented_kinds(heading: str) -> set[str]:
    """Return the kinds in the first column of the table under a heading."""
    page = (REFERENCE / "configuration.md").read_text()
    section = re.split(r"^## ", page.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", section, re.MULTILINE))


def yaml_blocks(page: Path) -> list[str]:
    """Return the whole configurations in a page: those that begin with the monitor's name."""
    return [
        block for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL) if block.startswith("name:")
    ]


def command_options(command: Any, name: str = "driftline") -> dict[str, set[str]]:
    """Return the long options of every command below `command`, by its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        return {name: {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}}
    return {k: v for sub, each in below.items() for k, v in command_options(each, f"{name} {sub}").items()}


def test_every_command_and_option_is_in_the_reference_and_no_other():
    page = (REFERENCE / "commands.md").read_text()
    described = {
        name: set(re.findall(r"--[a-z-]+", does))
        for name, does in re.findall(r"^\| `(driftline [a-z ]+)` \| (.*) \|$", page, re.MULTILINE)
    }
    unsaid = {"--config", "--help", "--output"}  # said once, for all commands that have them
    real = {name: flags - unsaid for name, flags in command_options(typer.main.get_command(app)).items()}
    assert {name: flags - unsaid for name, flags in described.items()} == real


@pytest.mark.parametrize("heading", UNIONS)
def test_every_kind_has_a_row_in_the_reference(heading):
    assert documented_kinds(heading) == kinds(UNIONS[heading])


def test_the_reference_configuration_loads():
    config = load(REFERENCE / "driftline.yaml", SECRETS)
    assert config.name == "payments"


def test_the_reference_configuration_shows_every_setting():
    shown = yaml.safe_load((REFERENCE / "driftline.yaml").read_text())
    sections: dict[str, type[BaseModel]] = {"source": KafkaSpec, "dead_letter": DeadLetterSpec}
    sections |= {name: type(Config.model_fields[name].default) for name in DEFAULTED}
    missing = [name for name in Config.model_fields if name not in shown]
    for name, spec in sections.items():
        missing += [f"{name}.{setting}" for setting in spec.model_fields if setting not in shown[name]]
    # The demo sets the one; the others are shown as comments, since they would be used.
    assert set(missing) == {"source.embedded", "http.token", "http.tls", "http.reload"}


@pytest.mark.parametrize("name", DEFAULTED)
def test_what_the_reference_configuration_calls_a_default_is_one(name):
    config = load(REFERENCE / "driftline.yaml", SECRETS)
    shown = getattr(config, name)
    default = Config.model_fields[name].default
    differ = {key for key in type(shown).model_fields if getattr(shown, key) != getattr(default, key)}
    assert differ - {"field"} == set()


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_example_configurations_load(page):
    blocks = yaml_blocks(ROOT / page)
    assert blocks
    assert [load(block, {}).name for block in blocks] == ["payments"] * len(blocks)
