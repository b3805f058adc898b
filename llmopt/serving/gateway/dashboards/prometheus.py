"""The files for Prometheus, as text: rules with alerts, and a whole configuration that scrapes one gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator

from llmopt.serving.gateway.dashboards.alerts import ALERTS, Alert
from llmopt.serving.gateway.dashboards.rules import Rule, rules

RULES_FILE = "llmopt-rules.yml"
CONFIG_FILE = "llmopt-prometheus.yml"
_CONFIG = f"""\
# A whole configuration: prometheus --config.file={CONFIG_FILE}
# In a configuration of your own: add the rule file, and the gateway as a target.
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files:
  - {RULES_FILE}
scrape_configs:
  - job_name: llmopt
    static_configs:
      - targets: [%s]
"""


def rules_text() -> str:
    """Return recording rules and alerts, in the format of a rule file of Prometheus."""
    lines = ["# Rules for the metrics of `llmopt gateway`; check them with: promtool check rules", "groups:"]
    lines += ["  - name: llmopt", "    rules:"]
    for rule in rules():
        lines += _rule(rule)
    lines += ["  - name: llmopt-alerts", "    rules:"]
    for alert in ALERTS:
        lines += _alert(alert)
    return "\n".join(lines) + "\n"


def config_text(target: str) -> str:
    """Return a configuration that scrapes one gateway.

    Args:
        target: host and port.
    """
    return _CONFIG % json.dumps(target)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"      # {rule.help}"
    yield f"      - record: {rule.record}"
    yield from _expr(rule.expr)


def _alert(alert: Alert) -> Iterator[str]:
    yield f"      - alert: {alert.name}"
    yield from _expr(alert.expr)
    if alert.wait:
        yield f"        for: {alert.wait}"
    yield "        labels:"
    yield f"          severity: {alert.severity}"
    yield "        annotations:"
    yield f"          summary: {json.dumps(alert.summary)}"
    yield f"          description: {json.dumps(alert.todo)}"


def _expr(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    for line in expr.splitlines():
        yield f"          {line}"
