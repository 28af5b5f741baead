"""What the demo needs before it begins: a configuration that people can copy, and a baseline of good days."""

from __future__ import annotations

from pathlib import Path

from monitor.baseline import BaselineFiles
from monitor.building import build_baseline
from monitor.clock import Clock
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.demo.shop import TOPIC, Shop
from monitor.sources.memory import MemorySource
from monitor.types import TopicPartition

_BASELINE_ROWS = 20_000

_TEMPLATE = """\
# The demo's configuration; a real one differs in bootstrap_servers, windows and sinks.
name: demo
source:
  kind: kafka
  bootstrap_servers: {bootstrap}
  topics: [{topic}]
  start: earliest
  embedded: true
decoder: {{kind: json}}
dead_letter: {{topic: {topic}.dead}}
time: {{field: event_time, unit: ms, lateness: 500ms, idle: 3s}}
window: {{size: 2s}}
baseline: {{kind: file, path: {directory}/baseline}}
fields:
  amount: {{type: number, required: true, nullable: false, range: [0, 100000]}}
  country: {{type: category}}
  method: {{type: category}}
  merchant.mcc: {{type: category}}
  risk: {{type: number}}
  refund: {{type: boolean}}
drift:
  - {{kind: psi, warning: 0.1, critical: 0.25}}
  - {{kind: ks, warning: 0.1, critical: 0.2}}
  - {{kind: missing}}
checks:
  - {{kind: volume, min_per_window: 1}}
alerting: {{raise_after: 2, clear_after: 2}}
store: {{path: {directory}/store, checkpoint_interval: 1s}}
http: {{listen: "{listen}"}}
"""


def write_config(directory: Path, bootstrap: str, listen: str) -> Config:
    """Write the demo's configuration file and return it loaded."""
    file = directory / "demo.yaml"
    text = _TEMPLATE.format(bootstrap=bootstrap, topic=TOPIC, directory=directory, listen=listen)
    file.write_text(text)
    return load(file)


def write_baseline(config: Config, shop: Shop, clock: Clock) -> str:
    """Build the baseline from payments of good days, as `driftline baseline build` would; return its version."""
    partition = TopicPartition(TOPIC, 0)
    source = MemorySource([partition])
    now_ms = clock.now_ms()
    values = [value for _, value in shop.payments(_BASELINE_ROWS, now_ms, faulty=False)]
    source.append(partition, values, timestamps_ms=[now_ms] * len(values))
    built = build_baseline(config, source, "payments of good days", now_ms)
    assert config.baseline is not None
    return BaselineFiles(config.baseline.path).save(built.baseline, built.lineage)
