"""Wrapped clients of several processes or machines share a real Valkey server, which may die."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.serving.cache.valkey import Valkey
from tests.serving.wrapping.clients import ASKED, MODEL, Wrapped

ASK: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}


async def _ask(world: Wrapped, url: str) -> None:
    async with world.async_openai(cache=url) as client:
        for stream in (False, True):
            answer: Any = await client.chat.completions.create(**ASK, stream=stream)
            if stream:
                assert len([chunk async for chunk in answer]) == 3


def test_clients_share_a_server_and_live_on_without_it(world: Wrapped, tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey:
        with world.openai(cache=valkey.url) as client:
            client.chat.completions.create(**ASK)
        asyncio.run(_ask(world, valkey.url))
        assert [each.cache for each in world.noted] == ["miss", "hit", "hit"]
        assert world.last.saved_usd["cache"] == world.noted[0].cost_usd
        with world.openai(cache=valkey.url) as client:
            client.chat.completions.create(**ASK)
            valkey.kill()
            for _ in range(3):
                assert client.chat.completions.create(**ASK).choices
    assert [each.cache for each in world.noted[3:]] == ["hit", "miss", "miss", "miss"]
