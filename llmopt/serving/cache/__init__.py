"""Response cache: a model is asked once for what it has answered before.

The names below load their modules on first use: the values cost nothing, and no store's library is needed before it is
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt.serving.cache.cache import ResponseCache
    from llmopt.serving.cache.counts import CacheCounts
    from llmopt.serving.cache.entry import Answer, Entry, Found, Reply
    from llmopt.serving.cache.key import request_key
    from llmopt.serving.cache.refused import Refused
    from llmopt.serving.cache.request import CacheRequest
    from llmopt.serving.cache.semantic.semantic import Semantic
    from llmopt.serving.cache.stores.memory import MemoryStore
    from llmopt.serving.cache.stores.opening import open_store
    from llmopt.serving.cache.stores.redis import RedisStore
    from llmopt.serving.cache.stores.sqlite import SqliteStore
    from llmopt.serving.cache.stores.store import Store, StoreStats, TenantStats
    from llmopt.serving.cache.streams import collected, replayed, reply_of

__all__ = [
    "Answer",
    "CacheCounts",
    "CacheRequest",
    "Entry",
    "Found",
    "MemoryStore",
    "RedisStore",
    "Refused",
    "Reply",
    "ResponseCache",
    "Semantic",
    "SqliteStore",
    "Store",
    "StoreStats",
    "TenantStats",
    "collected",
    "open_store",
    "replayed",
    "reply_of",
    "request_key",
]

_HERE = "llmopt.serving.cache"
_HOMES = {
    "Answer": f"{_HERE}.entry",
    "CacheCounts": f"{_HERE}.counts",
    "CacheRequest": f"{_HERE}.request",
    "Entry": f"{_HERE}.entry",
    "Found": f"{_HERE}.entry",
    "MemoryStore": f"{_HERE}.stores.memory",
    "RedisStore": f"{_HERE}.stores.redis",
    "Refused": f"{_HERE}.refused",
    "Reply": f"{_HERE}.entry",
    "ResponseCache": f"{_HERE}.cache",
    "Semantic": f"{_HERE}.semantic.semantic",
    "SqliteStore": f"{_HERE}.stores.sqlite",
    "Store": f"{_HERE}.stores.store",
    "StoreStats": f"{_HERE}.stores.store",
    "TenantStats": f"{_HERE}.stores.store",
    "collected": f"{_HERE}.streams",
    "open_store": f"{_HERE}.stores.opening",
    "replayed": f"{_HERE}.streams",
    "reply_of": f"{_HERE}.streams",
    "request_key": f"{_HERE}.key",
}
"""Exported name -> the module that holds it."""


def __getattr__(name: str) -> object:
    """Load an exported name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
