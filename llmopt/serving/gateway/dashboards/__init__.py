"""Files for Prometheus and Grafana that know a gateway's metrics: rules, alerts, a dashboard."""
