"""The generated pages of checks, detectors and groups: committed as they are generated, with examples that load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import Field

from monitor.config.loader import load
from monitor.config.reference import UNIONS, example_of, kind_of, members, render, undescribed
from monitor.config.tree import Config
from monitor.spec import DurationMs, Spec

DOCS = Path(__file__).parents[3] / "docs" / "reference"
SPECS = [pytest.param(page, spec, id=f"{page}-{kind_of(spec)}") for page in UNIONS for spec in members(UNIONS[page])]
REST: dict[str, Any] = {
    "name": "payments",
    "source": {"kind": "kafka", "topics": ["payments"], "group_id": "driftline-payments"},
}


def loaded(text: str) -> Config:
    """Return the configuration of which an example is a part."""
    return load(yaml.safe_dump({**REST, **yaml.safe_load(text)}, sort_keys=False), {})


@pytest.mark.parametrize("page", UNIONS)
def test_the_page_is_generated_from_the_specs(page):
    assert (DOCS / f"{page}.md").read_text() == render(page), "run: make docs-reference"


@pytest.mark.parametrize(("page", "spec"), SPECS)
def test_every_kind_has_an_example_that_loads_and_shows_it(page, spec):
    text = example_of(spec)
    assert text is not None, f"{spec.__name__} needs `example: ClassVar[str]`, a part of a configuration in YAML"
    config = loaded(text)
    own = [detector for field in config.fields.values() for detector in field.drift or ()]
    shown = {
        "checks": config.checks,
        "detectors": (*config.drift, *own),
        "groups": [detector for group in config.groups for detector in group.drift],
        "sequential": config.sequential,
    }[page]
    assert spec in [type(item) for item in shown]


@pytest.mark.parametrize(("page", "spec"), SPECS)
def test_every_setting_is_described(page, spec):
    assert undescribed(spec) == [], f"{spec.__name__}: give these settings a Field(description=…)"


@pytest.mark.parametrize(("page", "spec"), SPECS)
def test_every_kind_has_a_section_with_a_row_for_each_setting(page, spec):
    section = render(page).split(f"\n## `{kind_of(spec)}`\n", 1)[1].split("\n## ", 1)[0]
    for name in spec.model_fields.keys() - {"kind"}:
        assert section.count(f"\n| `{name}` |") == 1


class Part(Spec):
    """What a setting may refer to."""

    depth: int = 1


class OddSpec(Spec):
    """Has settings of every
    type.

    And more that is not for users.
    """

    kind: Literal["odd"] = "odd"
    field: str
    must: int = Field(ge=1, lt=9, description="how many | of them.")
    ratio: float | None = Field(default=None, ge=0, le=1, description="share")
    wait: DurationMs = Field(default=90_000, description="how long")
    one: Literal["a", "b"] = Field(default="a", description="which")
    each: tuple[float, ...] = Field(default=(1.0, 2.5), description="all")
    many: tuple[str, ...] = Field(default=tuple(f"entry {i}" for i in range(20)), description="more")
    after: str = Field(default_factory=lambda data: f"{data['one']}!", description="later")
    part: Part = Field(default=Part(), description="a part")


def test_settings_of_every_type_are_told(monkeypatch):
    monkeypatch.setattr("monitor.config.reference.UNIONS", {"checks": OddSpec})
    page = render("checks")
    assert "\n## `odd`\n\nHas settings of every type.\n\n| setting |" in page
    assert page.splitlines()[-11:-2] == [
        "| `field` | text | required | Path of the field, one of `fields` |",
        "| `must` | integer | required | How many \\| of them; ≥ 1; < 9 |",
        "| `ratio` | number | none | Share; ≥ 0; ≤ 1 |",
        "| `wait` | duration | `90s` | How long |",
        "| `one` | `a` or `b` | `a` | Which |",
        "| `each` | list of number | `[1, 2.5]` | All |",
        "| `many` | list of text | 20, see below | More |",
        "| `after` | text | `‹one›!` | Later |",
        '| `part` | mapping | `{"depth": 1}` | A part |',
    ]
    assert page.splitlines()[-1].startswith("By default `many` is `entry 0`, `entry 1`, ")


def test_an_example_that_does_not_load_is_noticed():
    with pytest.raises(Exception, match="country"):
        loaded("fields: {amount: {type: number}}\nchecks: [{kind: allowed, field: country, values: [DE]}]")
