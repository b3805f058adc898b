"""The names of a gateway's settings: which there are, and where else one of them may be written."""

from __future__ import annotations

TABLES = {
    "cache": ("store", "ttl", "max_size", "sampled"),
    "caps": ("usd_per_day", "usd_per_month", "total_usd_per_day", "total_usd_per_month", "store"),
    "times": ("answer", "idle", "connect", "body", "drain"),
    "retries": ("most", "first_wait", "longest_wait"),
    "limits": ("body", "bodies", "requests", "head"),
}
"""Tables in `[gateway]`, and their keys."""

KEY = ("sha256", "tenant", "usd_per_day", "usd_per_month")
"""Of a table `[gateway.keys.NAME]`."""

UPSTREAM = ("url", "name", "api_key_env", "models", "anthropic")
"""Of a table `[[gateway.upstream]]`."""

ALIASES = {
    "cache": "cache.store",
    "cache_ttl": "cache.ttl",
    "timeout": "times.answer",
    "drain": "times.drain",
    "usd_per_day": "caps.usd_per_day",
    "usd_per_month": "caps.usd_per_month",
}
"""Flags whose place in a file is a table -> the dotted name there."""

PLAIN = (
    "upstream",
    "api_key_env",
    "host",
    "port",
    "workers",
    "policy",
    "route_models",
    "compress",
    "log",
    "log_bodies",
    "tutorial_metrics",
    "metric_models",
    "ask_usage",
    "prices",
    "key_headers",
    "keys",
)
"""Keys of `[gateway]` itself."""

OF_THE_COMMAND = ("quiet", "verbose", "format")
"""Settings of the command, which say nothing of the gateway."""

TOP = tuple(dict.fromkeys((*PLAIN, *ALIASES, *TABLES)))
"""All that `[gateway]` may hold of a gateway."""

ABOVE = (
    "host",
    "port",
    "upstream",
    "policy",
    "log",
    "prices",
    "timeout",
    "drain",
    *OF_THE_COMMAND,
)
"""Keys that may stand above all tables of a settings file, where they hold for every command that has such a flag."""
