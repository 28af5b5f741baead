"""Pictures of the dashboards from the answers of a real Prometheus, drawn with what Grafana publishes of itself."""
