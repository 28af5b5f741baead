"""Every query of every dashboard is asked of a real Prometheus that has scraped a real daemon, and has an answer.

With DRIFTLINE_PREVIEW=DIRECTORY the run is as long as a person would watch it, and the answers are written there for
`python -m dashboards.preview`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.budget_views import BudgetEvidence, BudgetView
from monitor.snapshot import CheckView, Snapshot, VerdictView
from monitor.types import Level
from tests.support.command_line import answer
from tests.support.dashboards import FILES, Target, ask, choices, load, targets
from tests.support.exposed import exposed
from tests.support.kafka import Cluster
from tests.support.prometheus import Prometheus, StartPrometheus
from tests.support.receiver import Receiver
from tests.support.system import WINDOW_MS, System, record, window_of_records

pytestmark = [pytest.mark.xdist_group("kafka")]
RULES = sorted((Path(__file__).parents[2] / "alerts/rules").glob("*.rules.yaml"))
PREVIEW = os.environ.get("DRIFTLINE_PREVIEW")
RARE = 12
"""Rows a window from a country with too few for a verdict."""
WANTED = {"monitor": "shop", "field": "amount", "detector": "psi"}
RATINGS = {
    "kind": "agreement",
    "item": "item",
    "annotator": "who",
    "label": "label",
    "min_units": 5,
    "min_alpha": -0.99,
}
"""Some records are ratings as well, and nobody minds how far they agree."""
GRAFANAS_OWN = {"__rate_interval": "5s" if PREVIEW else "1m", "__range": "5m"}


@dataclass(frozen=True)
class Observed:
    """A Prometheus that has seen a whole run."""

    prometheus: Prometheus
    start_s: float
    end_s: float


def window(start_ms: int, **fault: float) -> list[bytes]:
    """Return a window's records, in order, with a few of a rare country and of a model among them."""
    rare = [record(start_ms + i * WINDOW_MS // RARE, 50.0 + i, "AT") for i in range(RARE)]
    usual = window_of_records(start_ms, **fault)
    usual[:RARE] = [rated(value, i, "ada", "xy"[i % 2]) for i, value in enumerate(usual[:RARE])]
    return [*usual, *(rated(value, i, "bob", "xxy"[i % 3]) for i, value in enumerate(rare)), *model_records(start_ms)]


def rated(value: bytes, item: int, who: str, label: str) -> bytes:
    """Return a record that is a rating as well."""
    return json.dumps(json.loads(value) | {"item": f"i{item}", "who": who, "label": label}).encode()


def model_records(start_ms: int) -> list[bytes]:
    """Return a window's predictions, and their labels a little later."""
    rows: list[dict[str, object]] = []
    for i in range(RARE):
        name, at_ms = f"{start_ms}-{i}", start_ms + i * WINDOW_MS // RARE
        rows += [{"at": at_ms, "id": name, "score": i / RARE}, {"at": at_ms + 1, "id": name, "bought": i % 3 > 0}]
    return [json.dumps(row).encode() for row in rows]


class Run:
    """Writes windows to a system, one after another in event time."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.next_ms = (int(time.time()) - 120) * 1000

    def windows(self, n: int, *, bad: bool = False, **fault: float) -> None:
        """Write windows, and wait until all but the last have been judged."""
        for _ in range(n):
            self.system.produce(window(self.next_ms, **fault))
            if bad:
                self.bad_records()
            self.next_ms += WINDOW_MS
            if PREVIEW:
                time.sleep(max(0.0, WINDOW_MS / 1000 - time.time() % 1))
        self.system.await_window(self.next_ms - WINDOW_MS)

    def bad_records(self) -> None:
        """Write what is rejected, what is left out on purpose, and what is late."""
        late = record(self.next_ms - 60_000, 50.0, "DE")
        for values in ([b"{", b"[1]", b"nonsense"], [late] * 4, [None] * 2):
            self.system.cluster.produce(self.system.topic, values)


def thrifty() -> Snapshot:
    """Return a monitor with a budget of false pages: its streams take more windows to calibrate than a test has."""
    evidence = BudgetEvidence(3.2, 0.001, 0, ("ks of amount",))
    verdict = VerdictView("total", "", "psi", Level.CRITICAL, "", 0.4, 0.3, 0.02, 0.0, 1000, 100, budget=evidence)
    budget = BudgetView(1.0, 2_592_000_000, 1, 2_592_000_000.0, 0.4, 20, {"calibrating": 4, "over max_streams": 0})
    pairs = CheckView("pairs", "", Level.OK, 0, 0.0, "ok", 0.0, {"dropped": 3.0})
    full = {"forgotten_rows": {"note.near_duplicates": 5}, "segment_values": {"version": (2, 8)}}
    return Snapshot("thrifty", "0", "0", 0, verdicts=(verdict,), checks=(pairs,), budget=budget, **full)


def configure(system: System, hook: str) -> None:
    """Give the system segments, checks, rejects and somebody to notify, and its baseline."""
    system.settings["segments"] = [{"field": "country", "max": 5}]
    system.settings["self_test"] = {"interval": "2s"}
    system.settings["fields"]["amount"] |= {"range": [0, 250]}
    # A trailing baseline has the most to show: how many windows it holds, and which field's are frozen.
    system.settings["baseline"] |= {"kind": "trailing", "windows": 40, "quarantine": 1, "min_windows": 1}
    system.settings["fields"] |= {
        "id": {"type": "text", "role": "id"},
        "score": {"type": "number", "role": "probability", "drift": []},
        "bought": {"type": "boolean", "role": "label", "drift": []},
    }
    system.settings["model"] = {"max_delay": "1s", "min_rows": 1}
    system.settings["checks"] = [
        {"kind": "volume", "min_per_window": 10},
        {"kind": "freshness", "max_delay": "10m"},
        RATINGS,
        {"kind": "balance", "field": "country", "max_tail_change": 0.9},
    ]
    system.settings["fields"] |= {path: {"type": "category", "drift": []} for path in ("item", "who", "label")}
    system.settings["sequential"] = [{"kind": "page_hinkley", "field": "amount", "statistic": "mean", "segments": True}]
    system.settings["sinks"] = [{"kind": "webhook", "name": "hook", "url": f"{hook}/in"}]
    data = system.directory / "healthy.jsonl"
    data.write_bytes(b"\n".join(line for i in range(8) for line in window(1_700_000_000_000 + i * WINDOW_MS)))
    answer("baseline", "build", "-c", system.config, "--input", data)


@pytest.fixture
def observed(tmp_path: Path, kafka_broker: Cluster, start_prometheus: StartPrometheus) -> Iterator[Observed]:
    """Healthy windows, faulty ones, bad records, healthy ones; the alerts still fire at the end."""
    with Receiver() as hook, System(tmp_path, kafka_broker) as system, exposed(thrifty()) as budgeted:
        kafka_broker.create_topic(system.dead_topic)
        configure(system, hook.url)
        prometheus = start_prometheus([system.url, budgeted], rule_files=RULES)
        system.start()
        prometheus.wait_for("driftline_ready == 1")
        start_s = time.time()
        run = Run(system)
        few, many = (6, 3) if not PREVIEW else (60, 25)
        run.windows(few)
        prometheus.wait_for('driftline_drift_level{detector="psi"} == 0')
        run.windows(many, factor=3.0, without_country=6, bad=True)
        prometheus.wait_for("driftline_alert_firing == 1")
        if PREVIEW:
            run.windows(45)
        run.windows(many, factor=2.7, without_country=3, bad=True)
        prometheus.wait_for('ALERTS{alertname="DriftlineDrift"}')
        prometheus.wait_for("increase(driftline_rejects_total[1m]) > 0")
        prometheus.wait_for('driftline_dead_letters_total{outcome="delivered"} > 0')
        prometheus.wait_for('driftline_notifications_total{outcome="delivered"} > 0')
        prometheus.wait_for(f"sum(driftline_records_total) >= {sum(system.produced)}")
        for objective in ("delay", "processed"):
            prometheus.wait_for(f"monitor:driftline_{objective}_bad:ratio_rate1h")
        yield Observed(prometheus, start_s, time.time())


def chosen(observed: Observed, dashboard: dict) -> dict[str, str]:
    """Return a value of every variable, taken from what its own query offers."""
    values = dict(GRAFANAS_OWN)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        name = variable["name"]
        found = choices(observed.prometheus, variable["query"], values)
        assert found, (dashboard["uid"], name)
        if variable["includeAll"]:
            values[name] = variable["allValue"]
        else:
            values[name] = WANTED.get(name, found[0])
            assert values[name] in found, (dashboard["uid"], name)
    return values


def test_every_query_has_an_answer(observed: Observed):
    silent: list[Target] = []
    for path in FILES:
        dashboard = load(path)
        values = chosen(observed, dashboard)
        answers = []
        for target in targets(dashboard):
            series = ask(observed.prometheus, target, values, observed.start_s, observed.end_s)
            answers.append({"panel": target.panel, "ref": target.ref, "legend": target.legend, "series": series})
            if not series:
                silent.append(target)
        if PREVIEW:
            Path(PREVIEW).mkdir(exist_ok=True)
            span = {"start_s": observed.start_s, "end_s": observed.end_s, "values": values, "answers": answers}
            Path(PREVIEW, path.name).write_text(json.dumps(span))
    assert silent == []
    numbers_are_right(observed)


def numbers_are_right(observed: Observed) -> None:
    """Compare a few answers with what was done to the data: an answer is not yet a right one."""
    field = load(next(path for path in FILES if path.stem == "driftline-field"))
    values = chosen(observed, field)

    def asked(title: str, ref: str = "A") -> list[dict]:
        [target] = [t for t in targets(field) if (t.panel, t.ref) == (title, ref) and t.instant]
        return ask(observed.prometheus, target, values, observed.start_s, observed.end_s)

    assert [series["points"][-1][1] for series in asked("Level")] == [2.0]
    assert asked("Score / noise floor")[0]["points"][-1][1] > 10
    moved = {series["labels"]["cell"]: series["points"][-1][1] for series in asked("Cells that moved most")}
    assert len(moved) == 8
    assert max(moved, key=lambda cell: moved[cell]).startswith("≥")
    for ref in "AB":
        shares = asked("Baseline against the last window", ref)
        assert sum(series["points"][-1][1] for series in shares) == pytest.approx(1.0)
    segments = {series["labels"].get("segment", "") for series in asked("Segments")}
    assert segments >= {"", "country=DE", "country=FR", "country=US"}
