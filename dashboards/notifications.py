"""The part of the daemon's dashboard about notifications: what waits, what was sent, what is held, and why."""

from __future__ import annotations

from dashboards.frame import Section
from dashboards.panels import TROUBLE, graph, timeline
from dashboards.queries import INSTANCE, over_time


def notifications() -> Section:
    """Return the panels of notifications."""
    waiting = graph(
        "Notifications that wait",
        "What the outbox has for each sink and is not held. It is part of the checkpoint: nothing in it is lost.",
        "short",
        over_time(f"max by (sink) (driftline_outbox_size{{{INSTANCE}}})", "{{sink}}"),
    ).min(0)
    sent = graph(
        "Notifications",
        "Attempts in the step of the graph, by sink and outcome.",
        "short",
        over_time(
            f"sum by (sink, outcome) (increase(driftline_notifications_total{{{INSTANCE}}}[$__rate_interval]))",
            "{{sink}} {{outcome}}",
        ),
    ).min(0)
    down = timeline(
        "Sinks that count as down",
        "Whether a sink has failed so often that it is left alone for a while.",
        TROUBLE,
        over_time(f"max by (sink) (driftline_sink_open{{{INSTANCE}}})", "{{sink}}"),
    )
    opened = graph(
        "Incidents that sinks have open",
        "What the receivers hold to be going on, by sink; all incidents of a storm are one.",
        "short",
        over_time(f"max by (sink) (driftline_incidents_open{{{INSTANCE}}})", "{{sink}}"),
    ).min(0)
    storms = graph(
        "Storms",
        "Times at which more incidents began than are told one by one, in the step of the graph, by sink.",
        "short",
        over_time(
            f"sum by (sink) (increase(driftline_notification_storms_total{{{INSTANCE}}}[$__rate_interval]))", "{{sink}}"
        ),
    ).min(0)
    held = graph(
        "Held notifications",
        "New notifications that wait because of a silence, a maintenance window, a worse alert, or a sink's `after`.",
        "short",
        over_time(f"max by (sink, reason) (driftline_notifications_held{{{INSTANCE}}})", "{{sink}} {{reason}}"),
    ).min(0)
    silences = graph(
        "Silences",
        "Silences by state; those that expired are counted for five days.",
        "short",
        over_time(f"max by (state) (driftline_silences{{{INSTANCE}}})", "{{state}}"),
    ).min(0)
    return "Notifications", [(7, [waiting, sent, down]), (7, [opened, storms, held, silences])]
