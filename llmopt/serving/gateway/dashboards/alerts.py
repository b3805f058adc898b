"""Alerts: what somebody should look at, and what to do about it.

Their thresholds are first guesses, to be changed in the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.serving.gateway.dashboards.rules import risen, summed
from llmopt.serving.gateway.metrics import families as names


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert."""

    name: str
    expr: str
    wait: str
    """How long it must hold, such as `10m`; empty: not at all."""
    severity: str
    """`critical`: somebody should look now; `warning`: on the next working day."""
    summary: str
    """One line, with the values of the moment."""
    todo: str
    """What to do about it."""


ALERTS: tuple[Alert, ...] = (
    Alert(
        "LlmoptGatewayGone",
        f"count by (job) (max_over_time({names.STARTED}[1h])) unless count by (job) ({names.STARTED})",
        "2m",
        "critical",
        "No gateway of the job {{ $labels.job }} can be scraped any more.",
        "See whether its process runs, and what it said last.",
    ),
    Alert(
        "LlmoptBudgetSpent",
        "llmopt_budget_spent_usd >= llmopt_budget_usd",
        "",
        "critical",
        "{{ $labels.tenant }} has spent its cap of this {{ $labels.period }}: its requests are refused.",
        "Raise the cap in the gateway's configuration, or wait: caps begin anew at midnight UTC.",
    ),
    Alert(
        "LlmoptBudgetNearlySpent",
        "llmopt_budget_spent_usd >= 0.8 * llmopt_budget_usd and llmopt_budget_spent_usd < llmopt_budget_usd",
        "",
        "warning",
        "{{ $labels.tenant }} has spent more than 80 % of its cap of this {{ $labels.period }}.",
        "Ask whoever owns the key whether that is meant.",
    ),
    Alert(
        "LlmoptSpendSurge",
        "llmopt:spend_usd:1h > 1\n"
        "and llmopt:spend_usd:1h > 3 * 3600 * llmopt:spend_usd:1d / llmopt:watched_seconds:1d\n"
        "and llmopt:watched_seconds:1d > 6 * 3600",
        "10m",
        "warning",
        'The last hour cost {{ $value | printf "%.2f" }} USD, more than three times the mean hour of the last day.',
        "llmopt:model_spend_usd:1h says which model it is, the request log says who asked.",
    ),
    Alert(
        "LlmoptErrors",
        "llmopt:error_ratio:5m > 0.05",
        "5m",
        "critical",
        "{{ $value | humanizePercentage }} of the requests end in a server error.",
        f"{names.ERRORS} says how they fail, and at which upstream.",
    ),
    Alert(
        "LlmoptSlow",
        "llmopt:latency_seconds:p95_5m > 30",
        "10m",
        "warning",
        "One request in twenty takes longer than {{ $value | humanizeDuration }}.",
        "llmopt:model_latency_seconds:p95_5m says which model it is.",
    ),
    Alert(
        "LlmoptCacheHitsFell",
        "llmopt:cache_hit_ratio:1h < 0.5 * llmopt:cache_hit_ratio:1h offset 1d\n"
        "and sum by (job) (llmopt:cache_requests:1h) > 100",
        "30m",
        "warning",
        "The hit rate fell to {{ $value | humanizePercentage }}, less than half of a day ago.",
        "See whether a prompt now holds something that is new each time, such as a date or an id.",
    ),
    Alert(
        "LlmoptUnpriced",
        summed(risen(names.UNPRICED, "1h"), "job, model") + " > 0",
        "",
        "warning",
        "{{ $value }} calls of {{ $labels.model }} within an hour are missing in the spending: no price, or no usage.",
        "Add a price file (llmopt prices check), or have streams asked for their usage.",
    ),
    Alert(
        "LlmoptLogLinesLost",
        f"increase({names.LOG_LOST}[10m]) > 0",
        "",
        "warning",
        "{{ $labels.instance }} could not write {{ $value | humanize }} lines of the request log.",
        "See whether its disk is full, or too slow.",
    ),
    Alert(
        "LlmoptStoreErrors",
        f"increase({names.STORE_ERRORS}[10m]) > 0",
        "10m",
        "warning",
        "The {{ $labels.store }} store of {{ $labels.instance }} fails; requests go on without it.",
        "See whether Redis can be reached, or the disk of the file is full.",
    ),
    Alert(
        "LlmoptSeriesRefused",
        f"{names.REFUSED_SERIES} > 0",
        "",
        "warning",
        "Metrics of {{ $labels.instance }} are not whole: there are too many series.",
        "Name fewer models in metric-models, then start the gateway anew.",
    ),
)
