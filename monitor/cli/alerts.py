"""`driftline alerts`: what fires, what may come, and what is held."""

from __future__ import annotations

from monitor.cli.output import Output, OutputFormat
from monitor.cli.silence import DaemonConfig, DaemonUrl


def alerts(config: DaemonConfig = None, url: DaemonUrl = None, output: Output = OutputFormat.TEXT) -> None:
    """Show what fires, is pending or held now; asks the daemon, or where none answers the store that -c names."""
    from monitor.cli.alert_states import run_alerts

    run_alerts(config, url, output)
