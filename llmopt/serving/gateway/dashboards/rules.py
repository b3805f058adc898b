"""Recording rules: what was spent, what a month will cost, how slow the slowest are, how often the cache knows.

`rate` and `increase` of Prometheus see a series only from its second sample on, and stretch what they saw to the whole
window. So the first call of a model is never in them, and a sum of dollars is off by some per cent
(https://prometheus.io/docs/prometheus/latest/querying/functions/#increase). `risen` is exact where it can be.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.serving.gateway.metrics import families as names

MONTH_S = 30 * 86_400
"""Seconds that a projected month has."""
_SECONDS = {"5m": 300, "1h": 3600, "1d": 86_400}


@dataclass(frozen=True, slots=True)
class Rule:
    """One recording rule."""

    record: str
    expr: str
    help: str
    """One line: what it tells."""


def risen(metric: str, window: str, matchers: str = "") -> str:
    """Return an expression for how much each series of a count has risen within a window.

    Where no process started anew: the difference, if the series was there at both ends; all of it, if its first call
    fell into the window; else what it rose since it was first seen. After a new start: `increase`.

    Args:
        metric: a counter, or the buckets of a histogram.
        window: `5m`, `1h` or `1d`.
        matchers: of labels, such as `error_type=""`.
    """
    series = f"{metric}{{{matchers}}}" if matchers else metric
    steady = f"and resets({series}[{window}]) == 0"
    return (
        f"{series} - {series} offset {window} >= 0\n  {steady}\n"
        f"or {series} unless {series} offset {window}\n"
        f"  and on (job, instance) llmopt:counted_whole:{window}\n  {steady}\n"
        f"or {series} - min_over_time({series}[{window}])\n  {steady}\n"
        f"or increase({series}[{window}])"
    )


def summed(expr: str, by: str) -> str:
    """Return the sum of an expression by some labels."""
    inner = expr.replace("\n", "\n  ")
    return f"sum by ({by}) (\n  {inner}\n)"


def rules() -> tuple[Rule, ...]:
    """Return all recording rules, to be worked out one after the other: a rule uses those before it."""
    return (
        *(_whole(window) for window in _SECONDS),
        *_dollars(),
        *_latency(),
        *_cache("5m"),
        *_cache("1h"),
        *_errors(),
    )


def _whole(window: str) -> Rule:
    started = names.STARTED
    return Rule(
        f"llmopt:counted_whole:{window}",
        f"{started} offset {window} or {started} > time() - {_SECONDS[window]}",
        f"Gateways whose new series began with nothing within {window}: watched before, or started since.",
    )


def _dollars() -> tuple[Rule, ...]:
    age = (
        f"time() - min by (job) (\n"
        f"  min_over_time({names.STARTED}[1d]) > time() - 86400\n"
        f"  or min_over_time(timestamp({names.STARTED})[1d:5m])\n"
        f")"
    )
    return (
        Rule(
            "llmopt:model_spend_usd:1h",
            summed(risen(names.COST, "1h"), "job, model, provider"),
            "Hourly spend: what calls cost within an hour, by model.",
        ),
        Rule("llmopt:spend_usd:1h", "sum by (job) (llmopt:model_spend_usd:1h)", "Hourly spend."),
        Rule("llmopt:spend_usd:1d", summed(risen(names.COST, "1d"), "job"), "What calls cost within a day."),
        Rule("llmopt:watched_seconds:1d", f"clamp({age}, 60, 86400)", "How much of the last day is known."),
        Rule(
            "llmopt:spend_usd:projected_month",
            f"llmopt:spend_usd:1d / llmopt:watched_seconds:1d * {MONTH_S}",
            "What 30 days cost at the pace of the last one, or of the part of it that is known.",
        ),
        Rule(
            "llmopt:saved_usd:1h",
            summed(risen(names.SAVED, "1h"), "job, by") + " - " + summed(risen(names.EXTRA, "1h"), "job, by"),
            "What cache, routing and compression saved within an hour, less where routing went to a dearer model.",
        ),
    )


def _latency() -> tuple[Rule, ...]:
    answered = 'error_type=""'
    by = "job, le, gen_ai_request_model, llmopt_source"
    duration, first = "llmopt:duration_seconds_bucket:5m", "llmopt:first_chunk_seconds_bucket:5m"
    return (
        Rule(
            duration,
            summed(risen(f"{names.DURATION}_bucket", "5m", answered), by),
            "Answered requests within five minutes, by how long they took.",
        ),
        *(
            Rule(
                f"llmopt:latency_seconds:p{per_cent}_5m",
                f"histogram_quantile(0.{per_cent}, sum by (job, le) ({duration}))",
                f"{per_cent} % of the requests that were answered took no longer, those from the cache included.",
            )
            for per_cent in (50, 95, 99)
        ),
        Rule(
            "llmopt:model_latency_seconds:p95_5m",
            f"histogram_quantile(0.95, sum by (job, le, gen_ai_request_model) (\n"
            f'  {duration}{{llmopt_source="model"}}\n))',
            "The same for each model, without what came from the cache.",
        ),
        Rule(
            first,
            summed(
                risen(f"{names.FIRST_CHUNK}_bucket", "5m", 'llmopt_source="model"'), "job, le, gen_ai_request_model"
            ),
            "Streams of models within five minutes, by when they began.",
        ),
        Rule(
            "llmopt:first_chunk_seconds:p95_5m",
            f"histogram_quantile(0.95, sum by (job, le) ({first}))",
            "95 % of the streams of models began no later.",
        ),
    )


def _cache(window: str) -> tuple[Rule, ...]:
    results = f"llmopt:cache_requests:{window}"
    return (
        Rule(results, summed(risen(names.CACHE, window), "job, result"), "Requests, by where their answers came from."),
        Rule(
            f"llmopt:cache_hit_ratio:{window}",
            f'sum by (job) ({results}{{result=~"hit|semantic|shared"}})\n'
            f'/ sum by (job) ({results}{{result=~"hit|semantic|shared|miss"}})',
            f"Hit rate within {window}, of the requests that the cache may answer; what bypasses it is not counted.",
        ),
    )


def _errors() -> tuple[Rule, ...]:
    return (
        Rule(
            "llmopt:requests:5m",
            summed(risen(names.REQUESTS, "5m"), "job, status"),
            "Requests within five minutes, by status.",
        ),
        Rule(
            "llmopt:error_ratio:5m",
            '(sum by (job) (llmopt:requests:5m{status=~"5.."}) or 0 * sum by (job) (llmopt:requests:5m))\n'
            "/ sum by (job) (llmopt:requests:5m)",
            "Share of requests that ended in a server error.",
        ),
    )
