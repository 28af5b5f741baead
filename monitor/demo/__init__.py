"""The demo: embedded broker, producer and daemon in one process, with a story that explains itself."""

from __future__ import annotations

INTRODUCTION = """\
Driftline demo. A shop sends 1,000 payments a second to a Kafka topic, on a
broker inside this process. Driftline reads the topic, computes statistics of
every field in windows of 2 s, compares them with a baseline of good days, and
fires an alert where they have drifted. It starts in a few seconds.
"""
"""What a person who has read nothing needs to know; here, so that it can be said before anything is loaded."""
