"""Loading the configuration again in a running app: what is taken, what is refused, and what that costs nobody."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from structlog.testing import capture_logs

from monitor import reloading
from monitor.app import App, RunSettings, running
from monitor.baseline import BaselineFiles
from monitor.building import build_baseline
from monitor.config.loader import load
from monitor.reloading import Reloads
from monitor.sources.memory import MemorySource
from monitor.types import TopicPartition
from monitor.web.reload import ReloadPage
from tests.support import loopback

PARTITION = TopicPartition("payments", 0)
FIRST_MS = 1_700_000_000_000
TOKEN = "a-token-for-tests"
WAIT_S = 90.0
PSI = {"kind": "psi", "warning": 0.1, "critical": 0.25, "level_on": "raw"}


def records(n: int, seed: int = 1, first_ms: int = FIRST_MS) -> list[bytes]:
    rng = random.Random(seed)
    return [json.dumps({"at": first_ms + i, "amount": rng.gauss(50, 9)}).encode() for i in range(n)]


def settings_of(directory: Path) -> dict[str, Any]:
    return {
        "name": "reloaded",
        "source": {"kind": "kafka", "bootstrap_servers": "127.0.0.1:1", "topics": ["payments"], "start": "earliest"},
        "time": {"field": "at", "lateness": "0s", "idle": "1h"},
        "window": {"size": "1s"},
        "baseline": {"kind": "file", "path": str(directory / "baseline")},
        "fields": {"amount": {"type": "number", "range": [0, 200]}},
        "drift": [PSI],
        "sinks": [{"kind": "log", "name": "one"}, {"kind": "webhook", "name": "hook", "url": "http://127.0.0.1:1/"}],
        "store": {"path": str(directory / "store"), "checkpoint_interval": "10ms"},
        "http": {"listen": "127.0.0.1:0", "token": TOKEN, "reload": True},
    }


class Running:
    """An app in this process, its data thread in a thread, and the file it was loaded from."""

    def __init__(self, directory: Path, app: App, source: MemorySource, reloads: Reloads, file: Path) -> None:
        self.directory, self.app, self.source, self.reloads, self.file = directory, app, source, reloads, file
        self.settings = settings_of(directory)
        self.thread = threading.Thread(target=app.daemon.run)

    def reload(self, **changes: Any):
        """Write the file with some sections changed and load it again."""
        self.settings = {key: value for key, value in (self.settings | changes).items() if value is not None}
        self.file.write_text(yaml.safe_dump(self.settings))
        return self.reloads.ask().result(WAIT_S)

    def until(self, condition) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline_s, "never so"
            time.sleep(0.01)

    def post(self, token: str | None = TOKEN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return loopback.post(f"{self.app.http.url}/-/reload", headers=headers, timeout=WAIT_S)

    def status(self) -> dict[str, Any]:
        return loopback.get(
            f"{self.app.http.url}/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0
        ).json()


def save_baseline(directory: Path, file: Path, seed: int = 1) -> str:
    source = MemorySource([PARTITION])
    source.append(PARTITION, records(2_000, seed))
    built = build_baseline(load(file), source, "memory", FIRST_MS)
    return BaselineFiles(directory / "baseline").save(built.baseline, built.lineage)


@contextmanager
def app_in(directory: Path, *, started: bool = True, **changes: Any) -> Iterator[Running]:
    file = directory / "monitor.yaml"
    file.write_text(yaml.safe_dump(settings_of(directory) | changes))
    save_baseline(directory, file)
    source, reloads = MemorySource([PARTITION]), Reloads(FIRST_MS)
    source.append(PARTITION, records(1_500))
    with (
        capture_logs(),
        running(load(file), RunSettings(config_file=file), source=source, reloads=reloads) as app,
    ):
        made = Running(directory, app, source, reloads, file)
        made.settings |= changes
        if started:
            made.thread.start()
            made.until(lambda: app.view.latest.ready)
        try:
            yield made
        finally:
            app.daemon.stop()
            if made.thread.ident is not None:
                made.thread.join()


def test_a_changed_threshold_is_in_force_and_what_was_counted_goes_on(tmp_path):
    with app_in(tmp_path) as r:
        r.until(lambda: r.app.view.latest.windows_total == 1)
        before = r.app.daemon.engine
        loaded = r.reload(drift=[PSI | {"warning": 0.001, "critical": 0.002}])
        assert (loaded.outcome, loaded.changes) == (
            "reloaded", ("drift[psi].warning: 0.1 -> 0.001", "drift[psi].critical: 0.25 -> 0.002")
        )  # fmt: skip
        after = r.app.daemon.engine
        assert after is not before
        assert after.plan.config_hash == loaded.config_hash == load(r.file).digest
        r.source.append(PARTITION, records(1_000, 2, FIRST_MS + 1_500))
        r.until(lambda: r.app.view.latest.windows_total == 2)
        shown = r.app.view.latest
        assert {v.level.name for v in shown.verdicts} == {"CRITICAL"}
        assert shown.last_window.rows == 1_000
        assert shown.partitions[0].records == 2_500
        assert r.source.sought == [(PARTITION, 0)]
        assert not r.source.closed
        assert shown.epoch.changes == loaded.changes
        assert shown.last_load.successful


def test_an_unchanged_file_is_a_success_that_touches_nothing(tmp_path):
    with app_in(tmp_path) as r:
        before = r.app.daemon.engine
        assert r.reload().outcome == "unchanged"
        assert r.app.daemon.engine is before
        assert r.reloads.last.successful
        assert r.reloads.last.success_at_ms > FIRST_MS


def test_a_promoted_baseline_is_taken_though_the_file_is_the_same(tmp_path):
    with app_in(tmp_path) as r:
        version = save_baseline(tmp_path, r.file, seed=9)
        loaded = r.reload()
        assert (loaded.outcome, loaded.baseline_version) == ("reloaded", version)
        assert [change.split(":")[0] for change in loaded.changes] == ["baseline version"]
        r.until(lambda: r.app.view.latest.baseline_version == version)
        assert r.app.view.latest.baseline.events[-1].reason == "reload with another version"


def test_a_broken_file_leaves_everything_as_it_is_and_says_all_that_is_wrong(tmp_path):
    with app_in(tmp_path) as r:
        before = r.app.daemon.engine
        loaded = r.reload(window={"size": "soon"}, drift=[{"kind": "psy"}])
        assert loaded.outcome == "refused"
        assert {problem.path for problem in loaded.problems} == {"window.size", "drift[0].kind"}
        assert loaded.config_hash == before.plan.config_hash
        assert r.app.daemon.engine is before
        assert not r.reloads.last.successful
        assert r.reloads.last.success_at_ms == FIRST_MS
        assert any("window.size" in line and str(r.file) in line for line in r.reloads.last.problems)
        r.until(lambda: not r.app.view.latest.last_load.successful)
        assert r.reload(window={"size": "1s"}, drift=[PSI]).successful
        assert r.reloads.last.successful
        assert r.reloads.last.problems == ()


NEED_A_RESTART = (
    ({"name": "other"}, "name"),
    ({"source": {"kind": "kafka", "bootstrap_servers": "b:1", "topics": ["payments"]}}, "source.bootstrap_servers"),
    ({"store": {"path": "/nowhere", "checkpoint_interval": "10ms"}}, "store.path"),
    ({"http": {"listen": "127.0.0.1:1", "token": TOKEN}}, "http.listen"),
    ({"http": {"listen": "127.0.0.1:0", "tls": {"cert_file": "c", "key_file": "k"}}}, "http.tls"),
)
CANNOT_BE_BUILT = (
    ({"baseline": {"kind": "file", "path": "nowhere"}}, "baseline.path"),
    ({"baseline": {"kind": "trailing", "path": "nowhere"}}, "baseline.path"),
    ({"fields": {"amount": {"type": "category"}}}, "fields.amount.type"),
    ({"fields": {"amount": {"type": "number"}, "new": {"type": "number"}}}, "fields.new"),
    ({"segments": [{"field": "amount"}]}, "segments[0]"),
    ({"http": {"listen": "127.0.0.1:0", "reload": True}}, "http"),
)


def test_what_needs_a_restart_or_cannot_be_built_is_refused_with_its_path_before_anything_is_touched(tmp_path):
    with app_in(tmp_path) as r:
        before, sound = r.app.daemon.engine, dict(r.settings)
        for changes, path in (*NEED_A_RESTART, *CANNOT_BE_BUILT):
            r.settings = dict(sound)
            loaded = r.reload(**changes)
            assert loaded.outcome == "refused"
            assert any(problem.path.startswith(path) for problem in loaded.problems), loaded.problems
            if (changes, path) in NEED_A_RESTART:
                assert {problem.remedy for problem in loaded.problems} == {"restart the daemon"}
        assert r.app.daemon.engine is before
        r.settings = sound
        assert r.reload().outcome == "unchanged"


def test_sinks_that_did_not_change_go_on_and_the_others_are_exchanged(tmp_path):
    hook = {"kind": "webhook", "name": "hook", "url": "http://127.0.0.1:1/"}
    with app_in(tmp_path) as r:
        kept, gone = (channel.outlet for channel in r.app.dispatcher._channels)
        closed = threading.Event()
        gone.sink.close = closed.set
        r.reload(sinks=[{"kind": "log", "name": "new"}, {"kind": "log", "name": "one"}])
        assert closed.wait(WAIT_S)
        r.until(lambda: len(r.app.dispatcher._channels) == 2)
        assert [channel.outlet.route.name for channel in r.app.dispatcher._channels] == ["new", "one"]
        assert r.app.dispatcher._channels[1].outlet is kept
        assert set(r.app.dispatcher.notifications) == {
            (s, o) for s in ("new", "one") for o in ("delivered", "retried", "refused")
        }
        loaded = r.reload(sinks=[hook | {"secret": "a-very-secret-secret-1"}])
        assert not any("very-secret" in line for line in loaded.changes)
        loaded = r.reload(sinks=[hook | {"secret": "a-very-secret-secret-2"}])
        assert loaded.changes == ("sinks[hook].secret: changed (a secret)",)
        assert loaded.outcome == "reloaded"


def test_all_who_ask_while_one_runs_get_one_more_together(tmp_path, monkeypatch):
    loads = []

    def counted(file):
        loads.append(file)
        return load(file)

    monkeypatch.setattr(reloading, "load", counted)
    with app_in(tmp_path, started=False) as r:
        r.settings["drift"] = [PSI | {"warning": 0.2}]
        r.file.write_text(yaml.safe_dump(r.settings))
        first = r.reloads.ask()
        r.until(lambda: r.app.daemon.succession._line.qsize() == 1)
        others = [r.reloads.ask() for _ in range(5)]
        assert not first.done()
        r.thread.start()
        assert first.result(WAIT_S).outcome == "reloaded"
        assert {other.result(WAIT_S).outcome for other in others} == {"unchanged"}
        assert len(loads) == 2


def test_what_does_not_take_effect_in_time_never_does(tmp_path, monkeypatch):
    monkeypatch.setattr(reloading, "PATIENCE_S", 0.1)
    with app_in(tmp_path, started=False) as r:
        before = r.app.daemon.engine
        loaded = r.reload(drift=[PSI | {"warning": 0.2}])
        assert loaded.outcome == "unavailable"
        assert "within" in loaded.problems[0].message
        r.thread.start()
        r.until(lambda: r.app.view.latest.windows_total == 1)
        assert r.app.daemon.engine is before
        monkeypatch.setattr(reloading, "PATIENCE_S", WAIT_S)
        assert r.reload().outcome == "reloaded"


def test_while_it_drains_nothing_is_taken(tmp_path):
    with app_in(tmp_path) as r:
        r.app.daemon.stop()
        r.thread.join()
        loaded = r.reload(drift=[PSI | {"warning": 0.2}])
        assert loaded.outcome == "unavailable"
        assert "draining" in loaded.problems[0].message


def test_a_bug_in_one_reload_does_not_end_reloading(tmp_path, monkeypatch):
    with app_in(tmp_path) as r:
        monkeypatch.setattr(reloading, "load_baseline", lambda config: 1 // 0)
        assert r.reload().outcome == "unavailable"
        monkeypatch.undo()
        assert r.reload().outcome == "unchanged"


def test_a_post_with_the_token_reloads_and_without_it_does_not(tmp_path):
    with app_in(tmp_path) as r:
        assert r.post(None).status_code == 401
        assert r.post("another-token").status_code == 401
        assert (
            loopback.get(
                f"{r.app.http.url}/-/reload", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0
            ).status_code
            == 405
        )
        assert r.post().json()["outcome"] == "unchanged"
        r.settings["drift"] = [PSI | {"warning": 0.2}]
        r.file.write_text(yaml.safe_dump(r.settings))
        answer = r.post()
        assert (answer.status_code, answer.json()["outcome"]) == (200, "reloaded")
        assert answer.json()["changes"] == ["drift[psi].warning: 0.1 -> 0.2"]
        assert r.status()["epoch"]["changes"] == ["drift[psi].warning: 0.1 -> 0.2"]
        r.file.write_text("name: [")
        answer = r.post()
        assert answer.status_code == 400
        problem = answer.json()["problems"][0]
        assert problem["text"].startswith(str(r.file))
        assert set(problem) == {"file", "line", "path", "message", "value", "remedy", "text"}


def test_a_token_is_exchanged_and_the_endpoint_goes_when_it_is_switched_off(tmp_path):
    with app_in(tmp_path) as r:
        url = r.app.http.url
        assert r.reload(http={"listen": "127.0.0.1:0", "token": "the-new-token", "reload": True}).outcome == "reloaded"
        assert r.app.http.url == url
        assert r.post().status_code == 401
        assert r.post("the-new-token").status_code == 200
        r.reload(http={"listen": "127.0.0.1:0", "token": TOKEN})
        assert r.post().status_code == 404
        r.reload(limits={"max_series": 1})
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        r.until(lambda: "driftline_ready " not in loopback.get(f"{url}/metrics", headers=bearer, timeout=60.0).text)


def test_who_stops_waiting_gets_a_504_and_takes_nothing_back():
    reloads = Reloads(0)
    answer = asyncio.run(ReloadPage(reloads.ask, wait_s=0.01).reload(None))
    assert answer.status_code == 504
    (asked,), over = reloads.take()
    assert not asked.cancelled()
    assert not over
