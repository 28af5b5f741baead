"""Prometheus rules with one thing changed, each with the unit tests that should notice.

All variants of a rule are tested side by side, under names of their own: promtool takes its time for each test, and
hardly any for one more rule in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Rule = dict[str, Any]
Place = tuple[int, int]
"""Which group of the file, and which rule of the group."""

_METRIC = re.compile(r"(?<![\w:])(?:driftline_|monitor\w*:)[\w:]+")
_THRESHOLD = re.compile(r"(?<=[<>=] )[0-9][0-9.]*(?![\w.])")
_VALUE = re.compile(r'(?<==")[^"]+(?=")|(?<==~")[^"|]+(?=[|"])')
_LABELS = re.compile(r"\b(?:by|on) \(([^)]+)\)")
_FACTOR = 1.5
_UNITS = {"m": 1, "h": 60}


def variants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield a rule as it is, and then with one thing changed at a time; each with what was changed."""
    yield "nothing", rule
    yield from _changes(rule)


def _changes(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield what can be changed in a rule: names, thresholds, labels, durations and annotations."""
    for change, expr in _expressions(rule["expr"]):
        yield change, {**rule, "expr": expr}
    if "record" in rule:
        yield "record", {**rule, "record": f"{rule['record']}_renamed"}
    for key in ("for", "keep_firing_for"):
        if key in rule:
            minutes = int(rule[key][:-1]) * _UNITS[rule[key][-1]]
            yield f"{key} doubled", {**rule, key: f"{2 * minutes}m"}
            yield f"{key} left out", {name: value for name, value in rule.items() if name != key}
    for name, value in rule.get("labels", {}).items():
        yield f"label {name}", {**rule, "labels": {**rule["labels"], name: f"{value}-other"}}
    if "annotations" in rule:
        yield "annotations", {**rule, "annotations": {name: f"{text}-" for name, text in rule["annotations"].items()}}


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    """Yield an expression with one name, threshold or label changed, and what that was."""
    for found in _METRIC.finditer(expr):
        yield f"metric {found[0]}", _with(expr, found, f"{found[0]}_renamed")
    for found in _THRESHOLD.finditer(expr):
        for other in _other_thresholds(float(found[0])):
            yield f"threshold {found[0]} to {other:g}", _with(expr, found, f"{other:g}")
    for found in _VALUE.finditer(expr):
        yield f"value {found[0]}", _with(expr, found, "other")
    for found in _LABELS.finditer(expr):
        names = found[1].split(", ")
        for name in names:
            fewer = ", ".join(other for other in names if other != name)
            yield f"label {name} of {found[0]}", _with(expr, found, found[0].replace(found[1], fewer))


def _other_thresholds(value: float) -> tuple[float, ...]:
    """Return what a threshold may be mistaken for: a half more and less, the other truth, and anything for nothing."""
    if value == 1:
        return (0,)
    return (value * _FACTOR, value / _FACTOR) if value else (10.0**12,)


def _with(expr: str, found: re.Match[str], other: str) -> str:
    return expr[: found.start()] + other + expr[found.end() :]


@dataclass(frozen=True)
class UnitTest:
    """One of promtool's unit tests, and how often the rules are evaluated in it."""

    evaluation_interval: str
    content: dict[str, Any]


def unit_tests(path: Path) -> list[UnitTest]:
    """Return the unit tests of a file; a series of `0x50` is fifty zeros, which YAML would take for 80."""
    document = yaml.safe_load(re.sub(r"(?m)^( +values: )(.+)$", r"\1'\2'", path.read_text()))
    return [UnitTest(document["evaluation_interval"], test) for test in document["tests"]]


@dataclass(frozen=True)
class Bench:
    """A file of rules and the unit tests of it, from which what concerns one rule is taken."""

    rules: dict[Place, Rule]
    groups: list[str]
    tests: list[UnitTest]

    @classmethod
    def of(cls, document: dict[str, Any], tests: list[UnitTest]) -> Bench:
        """Return the bench of a file of rules."""
        numbered = enumerate(document["groups"])
        rules = {(at, i): rule for at, group in numbered for i, rule in enumerate(group["rules"])}
        return cls(rules, [group["name"] for group in document["groups"]], tests)

    def write(self, place: Place, variants: dict[str, Rule], directory: Path) -> list[Path]:
        """Write the tests of what a rule leads to, for all its variants side by side: one file for each test.

        A variant's name ends its alert's, or that of its series and of the alerts that read it.
        """
        record = str(self.rules[place].get("record", ""))
        led_to = {at for at, rule in self.rules.items() if "alert" in rule and record in _METRIC.findall(rule["expr"])}
        alerts = {at: self.rules[at] for at in led_to | {place} if "alert" in self.rules[at]}
        read = {name for at in {*alerts, place} for name in _METRIC.findall(self.rules[at]["expr"])}
        inputs = {at: rule for at, rule in self.rules.items() if rule.get("record") in read and at != place}
        rules = list(inputs.items())
        for end, variant in variants.items():
            if record:
                rules.append((place, {**variant, "record": variant["record"].replace(record, record + end)}))
                rules += [(at, _ended(rule, end, record)) for at, rule in alerts.items()]
            else:
                rules.append((place, _ended(variant, end)))
        directory.mkdir()
        by_group = [[rule for at, rule in rules if at[0] == group] for group in range(len(self.groups))]
        groups = [{"name": name, "rules": found} for name, found in zip(self.groups, by_group, strict=True) if found]
        (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
        paths = []
        for test in self.tests:
            about = _about(test.content, list(alerts.values()), record, list(variants))
            if about:
                path = directory / f"{len(paths)}.yaml"
                head = {"rule_files": ["rules.yaml"], "evaluation_interval": test.evaluation_interval}
                order = {"group_eval_order": [group["name"] for group in groups]}
                path.write_text(yaml.safe_dump({**head, **order, "tests": [about]}))
                paths.append(path)
        return paths


def _ended(alert: Rule, end: str, record: str = "") -> Rule:
    """Return an alert with a longer name, that reads the series with the longer name."""
    expr = re.sub(rf"{re.escape(record)}(?![\w:])", record + end, alert["expr"]) if record else alert["expr"]
    return {**alert, "alert": alert["alert"] + end, "expr": expr}


def _about(test: dict[str, Any], alerts: list[Rule], record: str, ends: list[str]) -> dict[str, Any] | None:
    """Return what a test says of some alerts and of a recorded series, for each variant; None where it says nothing."""
    cases = []
    for case in test.get("alert_rule_test", ()):
        rules = [rule for rule in alerts if rule["alert"] == case["alertname"]]
        expected = [
            alert
            for alert in case.get("exp_alerts", ())
            if any(rule.get("labels", {}).items() <= alert["exp_labels"].items() for rule in rules)
        ]
        if rules:
            cases += [{**case, "alertname": case["alertname"] + end, "exp_alerts": expected} for end in ends]
    shown = [case for case in test.get("promql_expr_test", ()) if _is_about(case["expr"], alerts, record)]
    names = [rule["alert"] for rule in alerts] + [record] * bool(record)
    samples = [_renamed(case, names, end) for case in shown for end in ends]
    return {**test, "alert_rule_test": cases, "promql_expr_test": samples} if cases or samples else None


def _renamed(case: dict[str, Any], names: list[str], end: str) -> dict[str, Any]:
    """Return a case on an expression with some names longer, in the expression and in what is expected."""

    def longer(text: str) -> str:
        for name in set(names):
            text = re.sub(rf"(?<![\w:]){re.escape(name)}(?![\w:])", name + end, text)
        return text

    samples = [{**sample, "labels": longer(sample["labels"])} for sample in case.get("exp_samples", ())]
    return {**case, "expr": longer(case["expr"]), "exp_samples": samples}


def _is_about(expr: str, alerts: list[Rule], record: str) -> bool:
    """Return whether an expression has the recorded series; without one, an alert as Prometheus shows it (`ALERTS`)."""
    if record:
        return record in expr
    wanted = [{"alertname": rule["alert"], **rule.get("labels", {})} for rule in alerts]
    return any(all(f'{name}="{value}"' in expr for name, value in labels.items()) for labels in wanted)
