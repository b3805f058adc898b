"""The store of spending by name, as users write it in settings."""

from __future__ import annotations

import re
from pathlib import Path

from llmopt.errors import UsageError
from llmopt.serving.gateway.spend.shared import SharedTotals
from llmopt.serving.gateway.spend.totals import MemoryTotals, Totals

_SERVERS = ("redis", "rediss", "unix")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def open_totals(where: str) -> Totals:
    """Open a store of spending.

    Args:
        where: `memory`, `redis://`, `rediss://`, `unix://`, or the path of an SQLite file.

    Raises:
        UsageError: no store.
        ConfigError: the file cannot be used.
        MissingExtraError: the package for Redis is not installed.
    """
    if where in ("memory:", "memory", ":memory:"):
        return MemoryTotals()
    scheme = _SCHEME.match(where)
    if scheme is None:
        from llmopt.serving.gateway.spend.sqlite_spend import SqliteSpend

        return SharedTotals(SqliteSpend(Path(where)))
    if scheme[1].lower() not in _SERVERS:
        raise UsageError(f"{scheme[1]}: is no kind of store", "name a file, memory, redis://, rediss:// or unix://")
    from llmopt.serving.gateway.spend.redis_spend import RedisSpend  # its library is loaded for those who use it only

    return SharedTotals(RedisSpend(where))
