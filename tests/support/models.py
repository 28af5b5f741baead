"""Records of a model: predictions and labels as JSON, together or apart, and a monitor that watches them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monitor.baseline import Baseline, BaselineBuilder
from monitor.clock import ManualClock
from monitor.compile import build_decoder, compile_plan, model_plan, segment_plan
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.daemon import Daemon
from monitor.model_views import JoinView, ModelView
from monitor.types import TopicPartition
from tests.support.monitors import Rig, fetch

START_MS = 1_700_000_000_000
"""Where the event times begin."""
TOPIC = TopicPartition("t", 0)
PREDICTIONS, LABELS = TopicPartition("predictions", 0), TopicPartition("labels", 0)
CONFIGURATION = """\
name: shop
source: {{kind: kafka, topics: [t], group_id: shop}}
time: {{field: at, unit: ms, lateness: 0ms}}
window: {{size: 1s}}
{baseline}
fields:
  id: {{type: text{id}}}
  score: {{type: number, role: probability}}
  bought: {{type: boolean, role: label}}
  country: {{type: category}}
segments: [{{field: country, {segments}}}]
alerting: {{raise_after: 1, clear_after: 1}}
model:
  min_rows: 20
  {model}
"""
JOINED = "max_delay: 3s"
BASELINE = "baseline: {kind: file, path: nowhere}"


def configured(model: str = "threshold: 0.5", *, baseline: bool = True, segments: str = "values: [DE, FR]") -> Config:
    """Return a configuration; `max_delay` in `model` makes it one of two topics."""
    joined = ", role: id" if "max_delay" in model else ""
    text = CONFIGURATION.format(model=model, id=joined, baseline=BASELINE if baseline else "", segments=segments)
    return load(text, {})


def outcomes(n: int, *, seed: int = 1, flip: float = 0.0, start_ms: int = START_MS) -> list[dict[str, object]]:
    """Return n predictions with their labels, ten milliseconds apart; the share `flip` of the labels is turned over."""
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-2 * rng.normal(size=n)))
    bought = (rng.random(n) < score) ^ (rng.random(n) < flip)
    return [
        {
            "at": start_ms + 10 * i,
            "id": f"{seed}-{i}",
            "score": round(float(score[i]), 4),
            "bought": bool(bought[i]),
            "country": ("DE", "FR")[i % 2],
        }
        for i in range(n)
    ]


def apart(rows: Sequence[dict[str, object]], *, most_ms: int = 2_500, seed: int = 7) -> tuple[list, list]:
    """Return predictions, and their labels up to `most_ms` later in the order of their own event times."""
    rng = np.random.default_rng(seed)
    labels = [
        {"at": int(str(row["at"])) + int(delay), "id": row["id"], "bought": row["bought"]}
        for row, delay in zip(rows, rng.integers(0, most_ms, len(rows)), strict=True)
    ]
    predictions = [{name: row[name] for name in ("at", "id", "score", "country")} for row in rows]
    return predictions, sorted(labels, key=lambda label: label["at"])


def lines(rows: Sequence[dict[str, object]]) -> list[bytes]:
    """Return rows as records."""
    return [json.dumps(row).encode() for row in rows]


def baseline_of(config: Config, rows: Sequence[dict[str, object]]) -> Baseline:
    """Return the baseline of rows, which have their labels."""
    fields = {path: field.kept_type for path, field in config.watched.items()}
    builder = BaselineBuilder(
        fields, segment_plan(config), max_categories=100, max_rows=100_000, model=model_plan(config)
    )
    builder.add(build_decoder(config, files=True).decode(fetch(lines(rows))).batch)
    return builder.build()


class ModelRig:
    """A daemon that watches a model, and what its windows said of it."""

    def __init__(
        self,
        directory: Path,
        config: Config,
        baseline: Baseline | None,
        partitions: Sequence[TopicPartition] = (TOPIC,),
        most: int = 50_000,
    ) -> None:
        plan = compile_plan(config, baseline)
        decoder = build_decoder(config, files=True)
        self.rig = Rig(directory, plan, partitions, decoder=decoder, max_poll_records=most, clock=ManualClock(START_MS))
        self.daemon: Daemon = self.rig.start()

    def write(self, rows: Sequence[dict[str, object]], partition: TopicPartition = TOPIC) -> None:
        """Append rows to a partition."""
        self.rig.append(lines(rows), partition)

    def restart(self) -> None:
        """Be killed and start again."""
        self.daemon = self.rig.restart()

    def said(self) -> list[dict[str, object]]:
        """Return the durable lines of the model."""
        found = [json.loads(line) for *_, text in self.rig.store.windows() for line in text.splitlines()]
        return [line for line in found if line["kind"] == "model"]

    def join(self) -> JoinView:
        """Return what became of predictions and labels so far; a snapshot shows what is durable of it."""
        watch = self.daemon.engine.model
        assert watch is not None
        join = watch.shown(()).join
        assert join is not None
        return join

    def shown(self) -> list[ModelView]:
        """Return what the last snapshot shows of the model."""
        return list(self.rig.snapshots[-1].model.metrics)
