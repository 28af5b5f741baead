"""The HTTP side of a monitor: metrics, probes, JSON API and the console, all read from the last snapshot."""
