"""Spending in a Redis or Valkey server, shared by many machines.

A batch is added by a script, so that it is added as a whole and once: a client that got no answer sends it again.
Sums go as text, as a number of Lua is exact up to 2^53 only. One server holds up to 2^63 - 1 of a sum, 9.2 million USD.

A server that has forgotten a sum begins it anew with what the first who comes was told last, and marks it. Whoever does
not know the mark yet was told its sum before that; what it was told above the beginning was spent, and is added.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from llmopt.errors import UsageError
from llmopt.serving.cache.stores.patience import Patience
from llmopt.serving.cache.stores.redis_links import FAILURES, Address
from llmopt.serving.gateway.spend.shared import StoreGoneError, Wish

TIMEOUT_S = 1.0
_KEPT_S = 40 * 86_400
"""Sums, after they were added to last: longer than a month."""
_BATCH_KEPT_S = 3_600
"""Names of batches that were added; nobody sends one again that long after."""
_SCRIPT = """
local new = ARGV[1] == '' or redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[2])
local told = {}
for i = 1, (#KEYS - 1) / 2 do
  local key, begin = KEYS[2 * i], KEYS[2 * i + 1]
  local add, floor, known = ARGV[3 * i + 2], ARGV[3 * i + 3], ARGV[3 * i + 4]
  local sum, mark, base = redis.call('GET', key), '', '0'
  local begun = redis.call('GET', begin)
  if begun then mark, base = string.match(begun, '^(%x*) (%d*)$') end
  if not sum and floor ~= '0' then
    mark = ARGV[4]
    redis.call('SET', key, floor, 'EX', ARGV[3])
    redis.call('SET', begin, mark .. ' ' .. floor, 'EX', ARGV[3])
  elseif sum and mark ~= known and tonumber(floor) > tonumber(base) then
    redis.call('INCRBY', key, string.format('%.0f', tonumber(floor) - tonumber(base)))
    redis.call('SET', begin, mark .. ' ' .. floor, 'EX', ARGV[3])
  elseif sum and tonumber(sum) < tonumber(floor) then
    redis.call('SET', key, floor, 'EX', ARGV[3])
  end
  if new and add ~= '0' then
    redis.call('INCRBY', key, add)
    redis.call('EXPIRE', key, ARGV[3])
  end
  told[#told + 1] = redis.call('GET', key) or '0'
  told[#told + 1] = mark
end
return told
"""


class RedisSpend:
    """Keeps sums in a server (extra `redis`).

    Args:
        url: `redis://`, `rediss://` or `unix://`, as redis-py reads it.
        prefix: of every key, in braces, so that a cluster keeps them together.

    Raises:
        UsageError: the URL is none of these.
    """

    def __init__(self, url: str, *, prefix: str = "{llmopt:spend}:") -> None:
        self.where = _shown(url)
        """The URL, without what is secret in it."""
        self._prefix = prefix
        self._address = Address(url, TIMEOUT_S, 1)
        try:
            self._address.client().close()
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self.where} is no address of a Redis server", str(error)) from None
        self._client = self._address.loop_client()
        self._marks: dict[str, str] = {}
        """Of sums that were begun anew; none is forgotten, as what is above the beginning would be added again."""

    async def exchange(self, batch: str, wishes: Mapping[str, Wish]) -> dict[str, int]:
        """Add to sums and return what they are.

        Args:
            batch: a name for it.
            wishes: by the name of the sum.

        Raises:
            StoreGoneError: the server does not answer, or refuses.
        """
        adds = any(wish.add for wish in wishes.values())
        keys = [f"{self._prefix}batch:{batch}"]
        arguments: list[str | int] = [batch if adds else "", _BATCH_KEPT_S, _KEPT_S, secrets.token_hex(8)]
        for name, wish in wishes.items():
            keys += [f"{self._prefix}{name}", f"{self._prefix}begin:{name}"]
            arguments += [wish.add, wish.floor, self._marks.get(name, "")]
        try:
            async with Patience(TIMEOUT_S):
                told = await self._client.eval(_SCRIPT, len(keys), *keys, *arguments)
        except FAILURES as error:
            await self._drop()
            raise StoreGoneError(str(error) or "it does not answer in time") from error
        self._marks.update((name, _text(mark)) for name, mark in zip(wishes, told[1::2], strict=True) if mark)
        return {name: int(amount) for name, amount in zip(wishes, told[::2], strict=True)}

    async def close(self) -> None:
        """Close the connection."""
        await self._drop()

    async def _drop(self) -> None:
        """Close the connection: what it still holds belongs to a question that nobody waits for."""
        try:
            await self._client.connection_pool.disconnect()
        except FAILURES:
            return


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError("the address of the Redis server is no URL", "redis://HOST:PORT/0, or unix:///PATH") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise UsageError(
            f"{parts.scheme or 'no'}:// is no Redis server", "redis://HOST:PORT/0, rediss://... or unix:///PATH"
        )
    return f"{parts.scheme}://{parts.hostname or ''}{port}{'' if '@' in parts.path else parts.path}"
