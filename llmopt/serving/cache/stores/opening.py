"""A store by name, as users write it on the command line and in settings."""

from __future__ import annotations

import re

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.stores.memory import MEMORY_BYTES, MemoryStore
from llmopt.serving.cache.stores.store import Store

SERVERS = ("redis", "rediss", "unix")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def open_store(where: str, *, max_bytes: int | None = None, create: bool = True) -> Store:
    """Open a store.

    Args:
        where: `memory:`, `redis://`, `rediss://`, `unix://`, or the path of an SQLite file.
        max_bytes: bound of the answers; None: the store's own. A server has its own bound.
        create: False: it has to be there and to be a cache; a damaged file is left as it is.

    Raises:
        UsageError: not a store, or a bound that makes no sense.
        InputError: with `create=False`, there is none, or it is damaged.
        ConfigError: it cannot be opened or written.
        MissingExtraError: the package for Redis is not installed.
    """
    if where in ("memory:", "memory", ":memory:"):
        return MemoryStore(MEMORY_BYTES if max_bytes is None else max_bytes)
    scheme = _SCHEME.match(where)
    if scheme is None:
        from llmopt.serving.cache.stores.sqlite import SQLITE_BYTES, SqliteStore  # with its library, as below

        return SqliteStore(where, max_bytes=SQLITE_BYTES if max_bytes is None else max_bytes, create=create)
    if scheme[1].lower() not in SERVERS:
        raise UsageError(f"{scheme[1]}: is no kind of store", "name a file, memory:, redis://, rediss:// or unix://")
    return _server(where, max_bytes, create)


def _server(url: str, max_bytes: int | None, create: bool) -> Store:
    if max_bytes is not None:
        raise UsageError("a Redis server has a bound of its own", "set maxmemory and maxmemory-policy there")
    from llmopt.serving.cache.stores.redis import RedisStore  # its library is loaded for those who use it only

    store = RedisStore(url)
    wrong = "" if create else store.ping()
    if wrong:
        store.close()
        raise InputError(f"the store does not answer: {wrong}", "see whether the server runs and the URL is right")
    return store
