"""The work of `driftline check`: load, estimate, try, and report in one of two forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
import yaml

from monitor.baseline import LEARNING, BaselineFiles
from monitor.cli.connecting import Attempt, attempts
from monitor.cli.exits import BAD_CONFIGURATION, SURROUNDINGS
from monitor.cli.output import OutputFormat, in_bytes, plural, print_json, print_pairs
from monitor.cli.sampling import Sample, sampled
from monitor.config.estimate import Estimate, estimate
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import ConfigError
from monitor.sources import KafkaSpec
from monitor.spec import format_duration

_SHORT = 12


def run_check(path: Path, *, partitions: int, connect: bool, sample: Path | None, output: OutputFormat) -> None:
    """Check the configuration in `path` and print the outcome.

    Raises typer.Exit with 78 when the configuration is bad, 69 when an attempt of `connect` failed.
    """
    as_json = output is OutputFormat.JSON
    try:
        config = load(path)
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"ok": False, "problems": [problem.document(error.file) for problem in error.problems]})
        raise typer.Exit(BAD_CONFIGURATION) from None
    cost = estimate(config, partitions)
    warnings = _warnings(config, cost)
    taken = sampled(config, sample) if sample is not None else None
    tried = attempts(config) if connect else []
    if as_json:
        print_json(_report(config, cost, warnings, taken, tried))
    else:
        _print(config, cost, warnings, taken, tried)
    if not all(attempt.ok for attempt in tried):
        raise typer.Exit(SURROUNDINGS)


def effective(config: Config) -> dict[str, Any]:
    """Return every setting with its value, defaults included and secrets masked, as plain values."""
    return config.model_dump(mode="json", exclude_none=True)


def _warnings(config: Config, cost: Estimate) -> list[str]:
    found = []
    if cost.series > config.limits.max_series:
        limit = config.limits.max_series
        found.append(
            f"about {cost.series} series, more than limits.max_series = {limit}: the least important are dropped"
        )
    if cost.state_bytes > config.limits.max_state_bytes:
        limit_text = in_bytes(config.limits.max_state_bytes)
        found.append(f"about {in_bytes(cost.state_bytes)} of state, more than limits.max_state_bytes = {limit_text}")
    if not config.sinks:
        found.append("no sinks: alerts are on /metrics and in the API only")
    for index, detector in enumerate(config.drift):
        if not any(detector in config.detectors_for(path) for path in config.watched):
            found.append(f"drift[{index}]: {detector.kind} can compare none of the fields")
    return found


def _report(
    config: Config, cost: Estimate, warnings: list[str], taken: Sample | None, tried: list[Attempt]
) -> dict[str, Any]:
    return {
        "ok": all(attempt.ok for attempt in tried),
        "monitor": config.name,
        "config_hash": config.digest,
        "estimate": vars(cost),
        "warnings": warnings,
        "detectors": {path: [d.kind for d in config.detectors_for(path)] for path in config.watched}
        | {group.name: [d.kind for d in group.drift] for group in config.groups},
        **({"sample": taken.as_json()} if taken is not None else {}),
        **({"connect": [vars(attempt) for attempt in tried]} if tried else {}),
        "effective": effective(config),
    }


def _print(config: Config, cost: Estimate, warnings: list[str], taken: Sample | None, tried: list[Attempt]) -> None:
    detectors = sum(len(config.detectors_for(path)) for path in config.watched)
    detectors += sum(len(group.drift) for group in config.groups)
    checks = len(config.checks) + sum(len(field.checks(path)) for path, field in config.watched.items())
    counts = [(cost.fields, "field"), (detectors, "detector"), (checks, "check"), (len(config.sinks), "sink")]
    typer.echo(f"OK {config.name}: {', '.join(plural(n, noun) for n, noun in counts)} (hash {config.digest})")
    print_pairs(_summary(config, cost))
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if taken is not None:
        typer.echo("sample:")
        print_pairs(taken.lines())
    if tried:
        typer.echo("connect:")
        print_pairs(("ok" if attempt.ok else "failed", attempt.text) for attempt in tried)
    typer.echo("effective settings, defaults included:")
    text = yaml.safe_dump(effective(config), sort_keys=False, allow_unicode=True, width=120)
    typer.echo("".join(f"  {line}" for line in text.splitlines(keepends=True)), nl=False)


def _summary(config: Config, cost: Estimate) -> list[tuple[str, str]]:
    source, limits = config.source, config.limits
    names = source.topics if isinstance(source, KafkaSpec) else source.paths
    window = f"{format_duration(config.window.size)} in panes of {format_duration(config.window.pane)}"
    fields = [
        f"{path} ({field.type}): {', '.join(each.kind for each in config.detectors_for(path)) or 'no drift'}"
        for path, field in config.watched.items()
    ]
    groups = [
        f"{group.name} ({', '.join(group.fields)}): {', '.join(each.kind for each in group.drift)}"
        for group in config.groups
    ]
    return [
        ("source", f"{source.kind}: {', '.join(names)}"),
        ("event time", config.time.field or "the record's Kafka timestamp"),
        ("window", f"{window}, {format_duration(config.time.lateness)} for late rows"),
        *(("" if index else "fields", line) for index, line in enumerate(fields)),
        *(("" if index else "groups", line) for index, line in enumerate(groups)),
        *([("baseline", _baseline(config))] if config.baseline is not None else []),
        ("sinks", ", ".join(f"{sink.name} ({sink.kind})" for sink in config.sinks) or "none"),
        ("series", f"about {cost.series} of at most {limits.max_series}, at {plural(cost.partitions, 'partition')}"),
        (
            "state",
            f"up to {in_bytes(cost.state_bytes)} of at most {in_bytes(limits.max_state_bytes)}: {_factors(cost)}",
        ),
    ]


def _baseline(config: Config) -> str:
    """Return the kind of the baseline, and what there is of it or what will become of it."""
    spec = config.baseline
    assert spec is not None
    current = BaselineFiles(spec.path).current()
    if current is not None:
        return f"{spec.kind}, version {current[:_SHORT]} in {spec.path}"
    if isinstance(spec, LEARNING):
        where = "the topics' newest" if isinstance(config.source, KafkaSpec) else "the files' first"
        return f"{spec.kind}, no version in {spec.path} yet: `run` learns the cuts from {where} {spec.learn_rows} rows"
    return f"{spec.kind}, no version in {spec.path} yet: build one with `driftline baseline build`"


def _factors(cost: Estimate) -> str:
    product = " x ".join(
        [
            plural(cost.fields, "field"),
            plural(1 + cost.segments, "group"),
            plural(cost.open_panes, "pane"),
            plural(cost.partitions, "partition"),
        ]
    )
    more = [(cost.memory_bytes, "checks with memory"), (cost.baseline_bytes, "windows or hours of the baseline")]
    return ", ".join([product, *(f"{in_bytes(size)} for {what}" for size, what in more if size)])
