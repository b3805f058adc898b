"""128 clients who do everything at once: nobody gets an error, and nothing is left of it afterwards."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings
from llmopt.serving.gateway.values import Metered
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import PATIENCE_S, gateway, until

CLIENTS, REQUESTS = 128, 6
QUESTIONS = 40
PATHS = ("/v1/chat/completions", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/files")
MODELS = ("gpt-4o-mini", "mock-gap_s-0.001", "mock-piece_bytes-7", "mock-tool_calls-2", "mock-fail_first-1")
"""All of them answer well in the end."""


async def _one(session: aiohttp.ClientSession, root: str, random: Random) -> str:
    """Ask once, and return what became of it."""
    path, model, streamed = random.choice(PATHS), random.choice(MODELS), random.random() < 0.5
    content = f"question {random.randrange(QUESTIONS)}"
    body: dict[str, Any] = {
        "model": model,
        "temperature": random.choice((0, 0, 0, 1)),
        "stream": streamed,
        "input": content,
    }
    body["messages"] = [{"role": "user", "content": content}]
    key = {"authorization": f"Bearer key-{random.randrange(3)}"}
    async with session.post(f"{root}{path}", json=body, headers=key) as answer:
        if random.random() < 0.1:
            answer.close()
            return "left"
        said = await answer.read()
        if answer.content_type == "text/event-stream":
            whole = b'"error":{' not in said.replace(b" ", b"") and any(
                end in said for end in (b"[DONE]", b"_stop", b".completed")
            )
        else:
            whole = not json.loads(said).get("error")
        return "whole" if answer.status == 200 and whole else f"{answer.status} {said[-300:]!r}"


async def _client(session: aiohttp.ClientSession, root: str, random: Random) -> Counter[str]:
    return Counter([await _one(session, root, random) for _ in range(REQUESTS)])


async def _crowd(root: str, seed: int) -> Counter[str]:
    connector, patience = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=4 * PATIENCE_S)
    async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:
        clients = [_client(session, root, Random(seed + number)) for number in range(CLIENTS)]
        return sum(await asyncio.gather(*clients), Counter())


def _open_files(mock: MockUpstream) -> int:
    """Count the files of this process, less the two ends of each connection that is kept to the upstream."""
    return len(list(Path("/dev/fd").iterdir())) - 2 * mock.stats.connected


def test_nothing_is_left_of_a_crowd() -> None:
    noted: list[Metered] = []
    loops: set[asyncio.AbstractEventLoop] = set()

    def note(metered: Metered) -> None:
        noted.append(metered)
        loops.add(asyncio.get_running_loop())

    with MockUpstream(keeps=0) as mock, gateway(GatewayConfig((UpstreamSettings(mock.url),))) as running:
        running.app.observe(note)
        first = 0
        for seed in (0, CLIENTS):
            noted.clear()
            found = asyncio.run(_crowd(running.root, seed))
            assert set(found) <= {"whole", "left"}, found
            until(lambda: len(noted) == CLIENTS * REQUESTS)
            until(lambda: mock.stats.open == 0 and running.app.intake.requests == 0)
            assert running.app.intake.bodies_bytes == 0
            assert {metered.status for metered in noted} <= {200, 499}
            (loop,) = loops
            until(lambda: len(asyncio.all_tasks(loop)) < CLIENTS // 8)  # noqa: B023 - called at once
            if not first:
                first = _open_files(mock)
        # A connection that a client dropped takes the server a moment to close.
        until(lambda: _open_files(mock) <= first + CLIENTS // 8)
