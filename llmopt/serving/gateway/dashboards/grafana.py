"""The dashboard for Grafana, as its JSON model; it reads the recording rules where there is one.

Source: https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from llmopt.serving.gateway.metrics import families as names

DASHBOARD_FILE = "llmopt-gateway.json"
_JOB = 'job=~"$job"'
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str = ""
    """With labels as `{{model}}`."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel."""

    title: str
    help: str
    unit: str
    """As Grafana calls it: `currencyUSD`, `percentunit`, `s`, `reqps`, `short`."""
    queries: tuple[Query, ...]
    kind: Literal["stat", "timeseries", "bargauge"] = "timeseries"
    width: int = 8
    """Columns, of 24."""
    height: int = 8


def _recorded(rule: str, legend: str = "", matchers: str = "") -> Query:
    return Query(f"{rule}{{{_JOB}{matchers}}}", legend)


def _rate(metric: str, by: str) -> Query:
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Query(f"sum by ({by}) (rate({metric}{{{_JOB}}}[$__rate_interval]))", legend)


def _stat(title: str, help: str, unit: str, expr: str) -> Panel:
    return Panel(title, help, unit, (Query(expr),), "stat", width=4, height=4)


PANELS: tuple[Panel, ...] = (
    _stat("Spent in the last hour", "Hourly spend.", "currencyUSD", f"sum(llmopt:spend_usd:1h{{{_JOB}}})"),
    _stat(
        "Projected month",
        "What 30 days cost at the pace of the last day, or of the part of it that is known.",
        "currencyUSD",
        f"sum(llmopt:spend_usd:projected_month{{{_JOB}}})",
    ),
    _stat(
        "Saved in the last hour",
        "By cache, routing and compression, less what they cost where they went wrong.",
        "currencyUSD",
        f"sum(llmopt:saved_usd:1h{{{_JOB}}})",
    ),
    _stat(
        "Hit rate, last hour",
        "Of the requests that the cache may answer.",
        "percentunit",
        f'sum(llmopt:cache_requests:1h{{{_JOB}, result=~"hit|semantic|shared"}})'
        f' / sum(llmopt:cache_requests:1h{{{_JOB}, result=~"hit|semantic|shared|miss"}})',
    ),
    _stat(
        "95 % answered within",
        "Of the last five minutes, from the cache or not.",
        "s",
        f"histogram_quantile(0.95, sum by (le) (llmopt:duration_seconds_bucket:5m{{{_JOB}}}))",
    ),
    _stat(
        "Server errors",
        "Share of the requests of the last five minutes.",
        "percentunit",
        f'(sum(llmopt:requests:5m{{{_JOB}, status=~"5.."}}) or vector(0)) / sum(llmopt:requests:5m{{{_JOB}}})',
    ),
    Panel(
        "Hourly spend by model",
        "What calls cost within an hour, at each moment.",
        "currencyUSD",
        (Query(f"sum by (model) (llmopt:model_spend_usd:1h{{{_JOB}}})", "{{model}}"),),
    ),
    Panel(
        "Saved within an hour",
        "By what; below zero: it cost more than it saved.",
        "currencyUSD",
        (Query(f"sum by (by) (llmopt:saved_usd:1h{{{_JOB}}})", "{{by}}"),),
    ),
    Panel(
        "Caps",
        "Share of each cap that is spent; empty without caps.",
        "percentunit",
        (Query(f"llmopt_budget_spent_usd{{{_JOB}}} / llmopt_budget_usd{{{_JOB}}}", "{{tenant}} {{period}}"),),
        "bargauge",
    ),
    Panel(
        "Latency",
        "Answered requests, from the cache or not.",
        "s",
        tuple(_recorded(f"llmopt:latency_seconds:p{each}_5m", f"{each} %") for each in (50, 95, 99)),
    ),
    Panel(
        "Latency by model, 95 %",
        "Without what came from the cache.",
        "s",
        (_recorded("llmopt:model_latency_seconds:p95_5m", "{{gen_ai_request_model}}"),),
    ),
    Panel(
        "Streams begin, 95 %",
        "From the request to the first byte of the answer, without what came from the cache.",
        "s",
        (_recorded("llmopt:first_chunk_seconds:p95_5m", "95 %"),),
    ),
    Panel(
        "Cache",
        "Requests within five minutes, by where their answers came from.",
        "short",
        (_recorded("llmopt:cache_requests:5m", "{{result}}"),),
    ),
    Panel("Tokens", "Tokens a second, by kind.", "short", (_rate(names.TOKENS, "gen_ai_token_type, kind"),)),
    Panel("Routes", "Requests a second, by the route of the policy.", "reqps", (_rate(names.ROUTE, "route"),)),
    Panel(
        "Requests", "Requests a second, by status; 499: the client left.", "reqps", (_rate(names.REQUESTS, "status"),)
    ),
    Panel("Errors", "Failed requests a second, by how.", "reqps", (_rate(names.ERRORS, "error, upstream"),)),
    Panel(
        "Retries and requests under way",
        "Further attempts a second, and requests being answered.",
        "short",
        (
            Query(f"sum by (upstream) (rate({names.RETRIES}{{{_JOB}}}[$__rate_interval]))", "retries {{upstream}}"),
            Query(f"sum({names.IN_FLIGHT}{{{_JOB}}})", "under way"),
        ),
    ),
)


def dashboard_text() -> str:
    """Return the dashboard as JSON, to be imported or provisioned."""
    model: Json = {
        "title": "llmopt gateway",
        "uid": "llmopt-gateway",
        "description": "Spending, savings, latency and errors. It needs the rules of `llmopt dashboard prometheus`.",
        "tags": ["llmopt", "llm"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "panels": _placed(),
    }
    return json.dumps(model, indent=2) + "\n"


def _variables() -> list[Json]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {
            "name": "job",
            "label": "Job",
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": "label_values(llmopt_build_info, job)", "refId": "job"},
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _placed() -> list[Json]:
    """Return the panels from left to right, row by row."""
    placed: list[Json] = []
    x = y = 0
    for number, panel in enumerate(PANELS, 1):
        placed.append(_panel(panel, number, x, y))
        x += panel.width
        if x >= _COLUMNS:
            x, y = 0, y + panel.height
    return placed


def _panel(panel: Panel, number: int, x: int, y: int) -> Json:
    defaults: Json = {"unit": panel.unit}
    if panel.kind == "timeseries":
        defaults["custom"] = {"fillOpacity": 10, "showPoints": "never"}
    if panel.kind == "bargauge":
        defaults |= {"min": 0, "max": 1}
    made: Json = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
            }
            for place, query in enumerate(panel.queries)
        ],
    }
    if panel.kind != "timeseries":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return made
