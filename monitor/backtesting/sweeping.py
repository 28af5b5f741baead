"""One setting tried with several values: the configurations that differ in nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.checks import PAIRING
from monitor.compile import compile_plan
from monitor.config.tree import Config
from monitor.errors import DriftlineError
from monitor.plan import MonitorPlan

_SHORT = {"warn": "warning", "crit": "critical"}
_SECTIONS = ("policy", "alerting")
MAX_VALUES = 20


class UnfitSweep(DriftlineError):  # noqa: N818 - a fact about what was asked
    """The values cannot be tried on the same panes, or not at all."""


@dataclass(frozen=True)
class Sweep:
    """The setting of what is called `name` (a detector, a field's detector, a check, a section), and its values."""

    name: str
    setting: str
    values: tuple[Any, ...]


def parse_sweep(text: str) -> Sweep:
    """Return what `psi.warning=0.1,0.2,0.3` asks for; `warn` and `crit` are short for their names.

    Raises UnfitSweep for anything else.
    """
    place, equals, values = text.partition("=")
    name, dot, setting = place.strip().rpartition(".")
    found = tuple(yaml.safe_load(value) for value in values.split(",") if value.strip())
    if not (equals and dot and name and setting and found):
        raise UnfitSweep(f"{text!r} is not a sweep; write NAME.SETTING=VALUE,VALUE,… such as psi.warning=0.1,0.2")
    if len(found) > MAX_VALUES:
        raise UnfitSweep(f"{len(found)} values are too many; at most {MAX_VALUES} are tried at once")
    return Sweep(name, _SHORT.get(setting, setting), found)


def swept(config: Config, sweep: Sweep) -> list[Config]:
    """Return the configuration with each of the values; raises UnfitSweep where one cannot be.

    `name` is the kind of a detector, wherever it is configured; `FIELD.KIND`, for that field alone; a field, for its
    contracts; the name of a check or of a sequential detector; `policy` or `alerting`. Where `warning` goes above
    `critical`, that goes with it.
    """
    return [_with(config, sweep, value) for value in sweep.values]


def follower_plan(plan: MonitorPlan, config: Config) -> MonitorPlan:
    """Return the plan of a configuration that is judged on the panes of `plan`.

    Raises UnfitSweep where it would accumulate something else.
    """
    other = compile_plan(config, plan.baseline, bounded=True)
    mine, theirs = plan.profile, other.profile
    if (mine.specs, mine.keys, mine.check_keys) != (theirs.specs, theirs.keys, theirs.check_keys):
        raise UnfitSweep("this setting changes what is accumulated, so other values need a backtest each")
    if _pairing(plan) != _pairing(other):
        raise UnfitSweep("this check remembers rows, which panes do not hold; other values need a backtest each")
    if plan.grid != other.grid:
        raise UnfitSweep("other windows need a backtest each")
    return other


def _pairing(plan: MonitorPlan) -> list[Any]:
    """Return the Specs of the checks that pair rows."""
    return [check.spec for check in plan.window_checks if isinstance(check, PAIRING)]


def _with(config: Config, sweep: Sweep, value: Any) -> Config:
    """Return the configuration with one of the values; it is validated as a whole."""
    changes = _changes(config, sweep, value)
    if not changes:
        known = ", ".join(sorted(_names(config)))
        raise UnfitSweep(f"nothing is called {sweep.name}; there are {known}")
    sections = {name: getattr(config, name) for name in type(config).model_fields}
    try:
        return Config.model_validate(sections | changes)
    except ValidationError as error:
        raise UnfitSweep(f"{sweep.name}.{sweep.setting} = {value}: {error.errors()[0]['msg']}") from error


def _changes(config: Config, sweep: Sweep, value: Any) -> dict[str, Any]:
    """Return the sections that become others."""
    name = sweep.name
    if name in _SECTIONS:
        return {name: _changed(getattr(config, name), sweep, value)}
    if name in config.fields:
        return {"fields": {**config.fields, name: _changed(config.fields[name], sweep, value)}}
    path, _, kind = name.rpartition(".")
    if path in config.fields:
        own = config.detectors_for(path)
        if all(spec.kind != kind for spec in own):
            return {}
        field = config.fields[path].model_copy(update={"drift": _of_kind(own, kind, sweep, value)})
        return {"fields": {**config.fields, path: field}}
    found: dict[str, Any] = {}
    for section in ("checks", "sequential"):
        specs: Sequence[Any] = getattr(config, section)
        if any(spec.name == name for spec in specs):
            found[section] = tuple(_changed(spec, sweep, value) if spec.name == name else spec for spec in specs)
    return found | _detectors(config, sweep, value)


def _detectors(config: Config, sweep: Sweep, value: Any) -> dict[str, Any]:
    """Return the sections in which detectors of the kind become others."""
    kind, found = sweep.name, dict[str, Any]()
    if any(spec.kind == kind for spec in config.drift):
        found["drift"] = _of_kind(config.drift, kind, sweep, value)
    own = {path: field for path, field in config.fields.items() if _has(field.drift, kind)}
    if own:
        others = {
            path: field.model_copy(update={"drift": _of_kind(field.drift or (), kind, sweep, value)})
            for path, field in own.items()
        }
        found["fields"] = {**config.fields, **others}
    if any(_has(group.drift, kind) for group in config.groups):
        found["groups"] = tuple(
            group.model_copy(update={"drift": _of_kind(group.drift, kind, sweep, value)}) for group in config.groups
        )
    return found


def _has(specs: Sequence[Any] | None, kind: str) -> bool:
    return any(spec.kind == kind for spec in specs or ())


def _of_kind(specs: Sequence[Any], kind: str, sweep: Sweep, value: Any) -> tuple[Any, ...]:
    return tuple(_changed(spec, sweep, value) if spec.kind == kind else spec for spec in specs)


def _changed(spec: Any, sweep: Sweep, value: Any) -> Any:
    """Return a Spec with the value; raises UnfitSweep where it has no such setting or cannot take it."""
    settings = {name: getattr(spec, name) for name in type(spec).model_fields}
    if sweep.setting not in settings:
        raise UnfitSweep(f"{sweep.name} has no {sweep.setting}; it has {', '.join(settings)}")
    settings[sweep.setting] = value
    critical = settings.get("critical")
    numbers = isinstance(critical, float | int) and isinstance(value, float | int)
    if sweep.setting == "warning" and numbers and critical < value:
        settings["critical"] = value
    try:
        return type(spec).model_validate(settings)
    except ValidationError as error:
        raise UnfitSweep(f"{sweep.name}.{sweep.setting} = {value}: {error.errors()[0]['msg']}") from error


def _names(config: Config) -> set[str]:
    """Return what a sweep can be about."""
    kinds = {spec.kind for path in config.fields for spec in config.detectors_for(path)}
    joint = {spec.kind for group in config.groups for spec in group.drift}
    named = {spec.name for spec in (*config.checks, *config.sequential)}
    return kinds | joint | named | set(config.fields) | set(_SECTIONS)
