"""Groups by time, for single records: the Python twins of `llmopt.cost.totals.TIME_GROUPS`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from llmopt.cost.spec.load import GROUP_FIELDS

BY_TIME: dict[str, Callable[[datetime], str]] = {
    "day": lambda stamp: stamp.date().isoformat(),
    "hour": lambda stamp: f"{stamp.date().isoformat()}T{stamp.hour:02}:00Z",
    "week": lambda stamp: "{:04}-W{:02}".format(*stamp.isocalendar()[:2]),
    "month": lambda stamp: stamp.date().isoformat()[:7],
}
"""Group -> how it names an instant (UTC; weeks are those of ISO 8601)."""
FROM_PRICE = ("model", "provider", "tier", "format")
"""Groups that need no column of their own: they are in every ledger key."""
ALL = ("model", "day", "provider", "tier", *GROUP_FIELDS, "file", "hour", "week", "month", "format")
"""Every group that `--by` takes."""
