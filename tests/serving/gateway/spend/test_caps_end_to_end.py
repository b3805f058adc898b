"""Spend caps through a whole gateway: what headers, log and store say is one sum, and many at once do not overshoot."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings, VirtualKey
from llmopt.serving.gateway.spend.opening import open_totals
from llmopt.serving.gateway.values import Caps
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import gateway

KEY = "llmopt-of-acme"
USAGE = Behaviour(chunks=2, input_tokens=1000, output_tokens=1000)
COST = Decimal("0.00075")
"""Of such a call of gpt-4o-mini: 1,000 tokens at $0.15 a million, and 1,000 at $0.60."""


def config(mock: MockUpstream, tmp_path: Path, caps: Caps) -> GatewayConfig:
    key = VirtualKey("acme-1", hashlib.sha256(KEY.encode()).hexdigest(), "acme", caps)
    return GatewayConfig(
        (UpstreamSettings(mock.url, api_key_env="MOCK_KEY"),),
        keys=(key, replace(key, name="acme-2", sha256=hashlib.sha256(b"second").hexdigest())),
        spend_store=str(tmp_path / "spend.db"),
        log=tmp_path / "calls.jsonl",
    )


def asked(number: int, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "max_tokens": 1000, "messages": [{"role": "user", "content": str(number)}], **more}


@pytest.fixture(autouse=True)
def upstream_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_KEY", "sk-of-the-upstream")


def test_a_cap_holds_over_keys_kinds_of_calls_and_restarts(tmp_path: Path) -> None:
    with MockUpstream(USAGE) as mock:
        settings = config(mock, tmp_path, Caps(usd_per_day=4 * COST))
        with gateway(settings) as one:
            client = openai.OpenAI(base_url=one.url, api_key=KEY, max_retries=0)
            told = client.chat.completions.with_raw_response.create(**asked(1))
            assert Decimal(told.headers["x-llmopt-cost-usd"]) == COST
            hit = client.chat.completions.with_raw_response.create(**asked(2, temperature=0))
            again = client.chat.completions.with_raw_response.create(**asked(2, temperature=0))
            assert (hit.headers["x-llmopt-cache"], again.headers["x-llmopt-cache"]) == ("miss", "hit")
            assert Decimal(again.headers["x-llmopt-cost-usd"]) == 0
            assert len(list(client.chat.completions.create(**asked(3, stream=True)))) == 4
            client.close()
        with gateway(settings) as two:  # the file knows what was spent
            client = openai.OpenAI(base_url=two.url, api_key="second", max_retries=0)
            client.chat.completions.create(**asked(4))
            with pytest.raises(openai.RateLimitError) as refused:
                client.chat.completions.create(**asked(5))
            client.close()
        assert refused.value.code == "budget_exceeded"
        assert "tenant acme: spent 0.003 USD of 0.003 USD" in str(refused.value)
        assert 0 < int(refused.value.response.headers["retry-after"]) <= 86_400
        assert refused.value.response.headers["x-should-retry"] == "false"
        assert mock.stats.calls == 4
        assert {seen.header("authorization") for seen in mock.requests} == {"Bearer sk-of-the-upstream"}
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    assert sum(Decimal(str(line["cost_usd"])) for line in lines) == 4 * COST
    assert KEY not in (tmp_path / "calls.jsonl").read_text()


def test_many_at_once_pass_a_cap_by_one_call_at_most(tmp_path: Path) -> None:
    async def run(url: str, mock: MockUpstream) -> list[int]:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:

            async def ask(number: int) -> int:
                try:
                    await client.chat.completions.create(**asked(number))
                except openai.APIStatusError as error:
                    return error.status_code
                return 200

            return await asyncio.gather(*(ask(number) for number in range(40)))

    with MockUpstream(replace(USAGE, latency_s=0.2)) as mock:
        settings = config(mock, tmp_path, Caps(usd_per_month=5 * COST))
        with gateway(settings) as running:
            statuses = asyncio.run(run(running.url, mock))
        assert set(statuses) == {200, 402}
        assert statuses.count(200) == mock.stats.calls <= 9  # an estimate counts the prompt as shorter than it is

    async def spent() -> int | None:
        totals = open_totals(str(tmp_path / "spend.db"))
        names = [name for name in _names(tmp_path / "spend.db") if "tenant:acme" in name and name.startswith("month")]
        await totals.ask(names)
        found = totals.last(names[0])
        await totals.close()
        return found

    assert asyncio.run(spent()) == statuses.count(200) * int(COST * 10**12)


def _names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM spending")]
