from __future__ import annotations

import pytest

from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import ConfigError, Problem

# Every section of the promised interface, with the kinds that exist.
INTERFACE = """\
name: payments
source:
  kind: kafka
  assignment: all
  client: kafka-python
  bootstrap_servers: localhost:9092
  topics: [payments]
  group_id: driftline-payments
  start: latest
  on_out_of_range: earliest
  security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: u, password: "${KAFKA_PASSWORD}"}
decoder: {kind: json}
dead_letter: {topic: payments.dead}
time: {field: event_time, unit: ms, lateness: 30s, idle: 60s, max_ahead: 1h}
window: {size: 1m, pane: 1m}
segments: [{field: country, max: 20}]
baseline: {kind: file, path: baselines/payments}
fields:
  amount:   {type: number, required: true, nullable: false, range: [0, 100000]}
  country:  {type: category, allowed: [DE, FR, US]}
  "merchant.mcc": {type: category}
  note:     {type: text}
drift:
  - {kind: psi, warning: 0.1, critical: 0.25}
  - {kind: ks, warning: 0.1, critical: 0.2}
checks:
  - {kind: volume, min_per_window: 1}
policy: {kind: threshold}
alerting: {raise_after: 2, clear_after: 2}
sinks:
  - {kind: alertmanager, name: am, urls: ["http://alertmanager:9093"]}
  - {kind: webhook, name: hook, url: "http://receiver/hook", secret: "${HOOK_SECRET:-0123456789abcdef}"}
store: {path: /var/lib/driftline, checkpoint_interval: 5s, history: 30d}
http: {listen: "0.0.0.0:9108"}
limits: {max_record_bytes: 1048576, max_categories: 1000, max_series: 20000}
"""
ENV = {"KAFKA_PASSWORD": "correct-horse"}


def configured(text: str = INTERFACE, **env: str) -> Config:
    return load(text, {**ENV, **env})


def changed(*changes: tuple[str, str]) -> str:
    """Return the interface's configuration with each text replaced once; the text must be there."""
    text = INTERFACE
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def problems(text: str, **env: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load(text, {**ENV, **env})
    return caught.value.problems


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1
