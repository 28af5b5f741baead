"""From a fault in Kafka to one page and its end by the daemon's own sinks, through all that goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager import Alertmanager, eventually, running, shipped_to, told
from tests.support.kafka import Cluster
from tests.support.ports import free_port
from tests.support.receiver import Receiver
from tests.support.services import BROKEN, BUSY, SWALLOWING, WELL, Service
from tests.support.system import Story, System

pytestmark = [pytest.mark.xdist_group("kafka")]

KEY = "0123456789abcdef0123456789abcdef"
FAULTY = {"factor": 3.0}
"""Amounts triple, which psi and ks find in all rows and in each of three countries: eight alerts, one incident."""
SERVICES = ("pagerduty", "slack")
"""Whom the shipped configuration of Alertmanager tells of what is critical."""
LONG_S = 90.0
"""What takes a second may take a minute on a busy machine."""


@dataclass
class Peer:
    """The Alertmanager that is stopped and started again, always at the same address, with the same memory on disk."""

    directory: Path
    receiver: Receiver
    address: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    life: ExitStack = field(default_factory=ExitStack)

    def start(self) -> Alertmanager:
        """Begin or go on."""
        again = running(self.directory, self.receiver, configuration=shipped_to(self.receiver), address=self.address)
        started: Alertmanager = self.life.enter_context(again)
        return started

    def stop(self) -> None:
        """End as a rolling update ends it."""
        self.life.close()


@dataclass(frozen=True)
class World:
    """Everything outside the daemon that pages people."""

    peer: Peer
    pagerduty: Service
    slack: Service
    hook: Service

    @property
    def services(self) -> tuple[Service, Service, Service]:
        """The three that the daemon speaks to directly, beside Alertmanager."""
        return self.pagerduty, self.slack, self.hook

    @property
    def sinks(self) -> list[dict[str, Any]]:
        """How the daemon reaches them."""
        return [
            {"kind": "alertmanager", "name": "am", "urls": [f"http://{self.peer.address}"], "resend": "10s"},
            {"kind": "pagerduty", "routing_key": KEY, "url": f"{self.pagerduty.url}/v2/enqueue"},
            {"kind": "slack", "url": f"{self.slack.url}/services/T0"},
            {"kind": "webhook", "name": "hook", "url": self.hook.url},
        ]

    def suffer(self) -> None:
        """Make every service refuse, each in its way."""
        for service, mood in zip(self.services, (BUSY, BROKEN, BROKEN), strict=True):
            service.change(mood)

    def refuses(self) -> None:
        """Return as soon as each service has refused since it was made to."""
        for service in self.services:
            service.wait_for(lambda asked: asked.refused > 0)

    def recover(self) -> None:
        """Make every service work again."""
        for service in self.services:
            service.change(WELL)


@pytest.fixture
def world(tmp_path: Path, receiver: Receiver) -> Iterator[World]:
    """Three services that work, and an Alertmanager that is not started yet."""
    peer = Peer(tmp_path / "am", receiver)
    with Service() as pagerduty, Service() as slack, Service() as hook, peer.life:
        yield World(peer, pagerduty, slack, hook)


@pytest.fixture
def system(tmp_path: Path, kafka_broker: Cluster, world: World) -> Iterator[System]:
    """A system that looks at countries too and pages by its own sinks, not started yet."""
    with System(tmp_path, kafka_broker, world.sinks) as made:
        made.settings["segments"] = [{"field": "country"}]
        made.build_baseline()
        kafka_broker.create_topic(made.dead_topic)
        yield made


def test_one_fault_is_one_page_and_one_end_whatever_goes_wrong_on_the_way(
    system: System, world: World, receiver: Receiver
) -> None:
    """Services refuse, Alertmanager is restarted, the daemon is killed: people hear of it once, and of its end once."""
    daemon = system.start()
    story = Story(system)
    story.judged(3)

    # nobody can be told: the page waits, through a kill at the moment when the webhook may have seen it
    world.suffer()
    story.judged(3, **FAULTY)
    world.refuses()
    world.hook.change(SWALLOWING)
    world.hook.wait_for(lambda hook: bool(hook.taken))
    daemon.kill()
    world.suffer()
    daemon = system.start()
    world.refuses()
    eventually(lambda: all(waiting(system).values()), LONG_S)
    assert [bool(service.taken) for service in world.services] == [False, False, True]
    world.recover()
    alertmanager = world.peer.start()
    world.pagerduty.wait_for(lambda pagerduty: bool(pagerduty.taken))
    world.slack.wait_for(lambda slack: bool(slack.taken))
    eventually(lambda: not any(waiting(system).values()), LONG_S)
    eventually(lambda: alertmanager.notifications() == 2, LONG_S)
    before = paged(world, receiver)

    # a kill while it fires is no second page, and an Alertmanager that has forgotten it is told again
    world.peer.stop()
    daemon.kill()
    system.start()
    story.judged(3, **FAULTY)
    alertmanager = world.peer.start()
    eventually(alertmanager.alerts, LONG_S)
    assert paged(world, receiver) == before

    # the end waits as the page did
    world.suffer()
    story.judged(4)
    world.refuses()
    world.recover()
    world.pagerduty.wait_for(lambda pagerduty: pagerduty.taken[-1]["event_action"] == "resolve")
    world.slack.wait_for(lambda slack: len(slack.taken) > 1)
    world.hook.wait_for(lambda hook: hook.taken[-1]["alerts"][-1]["status"] == "resolved")
    receiver.wait_for(lambda _: all(told(receiver, name)[-1]["status"] == "resolved" for name in SERVICES), LONG_S)
    story.judged(3)
    assert paged(world, receiver) == before, "nothing has paged again"
    assert_everybody_heard_of_both_once(world, receiver)
    assert len({alert["fingerprint"] for alert in delivered(world.hook)}) == 8


def waiting(system: System) -> dict[str, int]:
    """Return how many notifications wait for each sink."""
    return {dict(labels)["sink"]: int(n) for labels, n in system.metrics("driftline_outbox_size").items()}


def paged(world: World, receiver: Receiver) -> list[int]:
    """Return how many pages each of those who page has made."""
    return [
        len({event["dedup_key"] for event in world.pagerduty.taken}),
        sum("resolved" not in message["text"] for message in world.slack.taken),
        sum(alert["status"] == "firing" for alert in delivered(world.hook)),
        *(pages(told(receiver, name)) for name in SERVICES),
    ]


def pages(notes: list[dict[str, Any]]) -> int:
    """Return how many notifications of one service told it of something new.

    One that comes when Alertmanager has taken in a part of the ends says what still fires, which is no page.
    """
    n, known = 0, set[str]()
    for note in notes:
        firing = {alert["fingerprint"] for alert in note["alerts"] if alert["status"] == "firing"}
        n += not firing <= known
        known = firing
    return n


def delivered(hook: Service) -> list[dict[str, Any]]:
    """Return the transitions that the webhook was told, each once however often it came."""
    return list({alert["delivery_id"]: alert for body in hook.taken for alert in body["alerts"]}.values())


def assert_everybody_heard_of_both_once(world: World, receiver: Receiver) -> None:
    """One page and one end, of the same thing.

    PagerDuty may be told more of an incident that is open, which pages nobody; a program is told of every alert.
    """
    events = [(event["event_action"], event["dedup_key"]) for event in world.pagerduty.taken]
    (key,) = {key for _, key in events}
    assert [event for event, _ in groupby(events)] == [("trigger", key), ("resolve", key)]
    texts = [message["text"] for message in world.slack.taken]
    assert [("[critical]" in text, "[resolved]" in text) for text in texts] == [(True, False), (False, True)]
    stories: dict[str, list[str]] = {}
    for alert in delivered(world.hook):
        stories.setdefault(alert["fingerprint"], []).append(alert["status"])
    assert set(map(tuple, stories.values())) == {("firing", "resolved")}
    for name in SERVICES:
        heard = groupby(note["status"] for note in told(receiver, name))
        assert [status for status, _ in heard] == ["firing", "resolved"]
