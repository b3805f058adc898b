"""Groups by time, for single records: the Python twins of `llmopt.cost.query.TIME_GROUPS`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from llmopt.cost.spec.load import GROUP_FIELDS

BY_TIME: dict[str, Callable[[datetime], str]] = {
    "day": lambda stamp: f"{stamp:%Y-%m-%d}",
    "hour": lambda stamp: f"{stamp:%Y-%m-%dT%H:00Z}",
    "week": lambda stamp: f"{stamp:%G-W%V}",
    "month": lambda stamp: f"{stamp:%Y-%m}",
}
"""Group -> how it names an instant (UTC; weeks are those of ISO 8601)."""
FROM_PRICE = ("model", "provider", "tier", "format")
"""Groups that need no column of their own: they are in every ledger key."""
ALL = ("model", "day", "provider", "tier", *GROUP_FIELDS, "file", "hour", "week", "month", "format")
"""Every group that `--by` takes."""
