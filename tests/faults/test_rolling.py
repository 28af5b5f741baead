"""Rolling restarts and reloads under load: the statistics are those of a run that nobody disturbed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
import yaml

from tests.support import loopback
from tests.support.daemon import DaemonProcess, stored_heads, stored_windows
from tests.support.disturbed import (
    PARTITIONS,
    Writer,
    assert_same_counts,
    assert_same_statistics,
    build_baseline,
    until,
    url_of,
    write_config,
)
from tests.support.kafka import Cluster, unique

pytestmark = [pytest.mark.xdist_group("kafka")]

TOKEN = "a-token-for-tests"


def change(config: Path, **sections: object) -> None:
    """Write the configuration anew with some of its sections changed."""
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | sections))


def status(config: Path) -> dict:
    return loopback.get(
        f"{url_of(config)}/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0
    ).json()


def metric(config: Path, name: str) -> float:
    page = loopback.get(f"{url_of(config)}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0).text
    return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"{name}{{"))


@pytest.mark.parametrize(("client", "assignment"), [("kafka-python", "group"), ("librdkafka", "all")])
def test_rolling_restarts_under_load_lose_and_double_nothing(
    tmp_path: Path, kafka_broker: Cluster, client: str, assignment: str
) -> None:
    """SIGTERM, and at once the next one; one of them in the middle of a reload."""
    topic = kafka_broker.create_topic(unique("rolling"), PARTITIONS)
    kafka_broker.create_topic(f"{topic}.dead")
    config = write_config(tmp_path, kafka_broker, topic, "disturbed", client=client, assignment=assignment)
    build_baseline(config, tmp_path)
    writer = Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
    rng = random.Random(client)
    with writer.writing():
        for restart in range(2):
            with DaemonProcess(config) as daemon:
                daemon.await_ready(url_of(config))
                time.sleep(rng.uniform(0.0, 0.7))
                if restart:
                    store = {"path": str(tmp_path / "disturbed"), "checkpoint_interval": f"{100 + restart}ms"}
                    change(config, store=store)
                    daemon.process.send_signal(signal.SIGHUP)
                    time.sleep(rng.uniform(0.0, 0.3))
                assert daemon.stop() == 0, daemon.log.read_text()[-4000:]
    summary = DaemonProcess(config, "--until-end").wait()
    assert summary["records"] == summary["rows"] + summary["rejects"] + summary["filtered"] == writer.written
    reference = write_config(tmp_path, kafka_broker, topic, "reference", client=client)
    DaemonProcess(reference, "--until-end").wait()
    assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
    assert_same_statistics(tmp_path / "disturbed", tmp_path / "reference")


def test_reloads_under_load_change_what_they_are_to_change_and_nothing_else(
    tmp_path: Path, kafka_broker: Cluster
) -> None:
    """SIGHUP brings a threshold, a field and a check; a broken file keeps the old one; POST does the same."""
    topic = kafka_broker.create_topic(unique("reloaded"), PARTITIONS)
    kafka_broker.create_topic(f"{topic}.dead")
    config = write_config(tmp_path, kafka_broker, topic, "disturbed")
    build_baseline(config, tmp_path)
    whole = yaml.safe_load(config.read_text())
    one_field = {"fields": {"amount": whole["fields"]["amount"]}}
    change(config, **one_field, http=whole["http"] | {"token": TOKEN, "reload": True})
    writer = Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
    with DaemonProcess(config) as daemon:
        with writer.writing():
            daemon.await_ready(url_of(config))
            until(daemon, lambda: status(config)["windows_total"] > 1)
            before = status(config)["config_hash"]
            strict = [{"kind": "psi", "warning": 0.0001, "critical": 0.0002, "level_on": "raw"}, *whole["drift"][1:]]
            change(config, fields=whole["fields"], drift=strict, checks=[{"kind": "volume"}, {"kind": "late"}])
            for _ in range(3):
                daemon.process.send_signal(signal.SIGHUP)
            until(daemon, lambda: status(config)["config_hash"] != before)
            epoch = status(config)["epoch"]
            assert "fields.country: added" in epoch["changes"]
            assert metric(config, "driftline_config_last_reload_successful") == 1
            seen = status(config)["windows_total"]
            until(daemon, lambda: status(config)["windows_total"] > seen + 2)

            sound = config.read_text()
            config.write_text(sound.replace("1s", "soon"))
            daemon.process.send_signal(signal.SIGHUP)
            until(daemon, lambda: metric(config, "driftline_config_last_reload_successful") == 0)
            assert "window.size" in daemon.log.read_text()
            assert status(config)["epoch"] == epoch
            config.write_text(sound)

            reload = f"{url_of(config)}/-/reload"
            assert loopback.post(reload, timeout=60.0).status_code == 401
            answer = loopback.post(reload, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60.0)
            assert (answer.status_code, answer.json()["outcome"]) == (200, "unchanged")
            until(daemon, lambda: metric(config, "driftline_config_last_reload_successful") == 1)
        _await_records(daemon, config, writer.written)
        assert daemon.stop() == 0
    reference = write_config(tmp_path, kafka_broker, topic, "reference")
    change(reference, **one_field)
    DaemonProcess(reference, "--until-end").wait()
    assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "reference"
    assert_same_statistics(disturbed, undisturbed, common=True)
    _assert_verdicts_follow(disturbed)
    assert {head["records"] for head in stored_heads(disturbed).values()} != {0}


def _await_records(daemon: DaemonProcess, config: Path, written: int) -> None:
    until(daemon, lambda: sum(p["records"] for p in status(config)["partitions"]) == written)


def _assert_verdicts_follow(directory: Path) -> None:
    """The first windows know nothing of the new field, one is unknown, and the later ones judge it."""
    windows = [window.lines for window in stored_windows(directory)]
    known = ['"field":"country","detector":"psi"' in lines for lines in windows]
    assert known == sorted(known)
    assert not known[0]
    assert known[-1]
    spanning = ["epoch change" in lines for lines in windows[known.index(True) :]]
    assert spanning[0]
    assert spanning == sorted(spanning, reverse=True), "as many as had begun, and then none"
    assert not spanning[-1]
    levels = ['"detector":"psi"' in lines and '"level":"critical"' in lines for lines in windows]
    assert any(levels[known.index(True) :])
    assert not any('"check":"late"' in lines for lines in windows[: known.index(True)])
    assert all('"check":"late"' in lines for lines in windows[known.index(True) :])
