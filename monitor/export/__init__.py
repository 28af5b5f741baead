"""The snapshot as Prometheus metrics: declared in one list, collected and rendered off the data thread."""
