"""The clients of OpenAI and Anthropic, as their users use them, against a gateway with everything on."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import anthropic
import openai
import pytest

from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, UpstreamSettings, VirtualKey
from llmopt.serving.gateway.values import Caps, Metered
from llmopt.serving.mock_upstream.server import MockUpstream
from llmopt.serving.routing.policy import DEFAULT_POLICY
from tests.serving.gateway.running import Running, gateway
from tests.serving.gateway.wire import CHAT, ask

KEYS = {"care": "sk-care-000", "shop": "sk-shop-000", "poor": "sk-poor-000"}
NOTED: list[Metered] = []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway") / "requests.jsonl"


@pytest.fixture(scope="module")
def full(mock: MockUpstream, log: Path) -> Iterator[Running]:
    """A gateway with keys, caps, cache, routing, compression and log."""
    dear = Caps(usd_per_day=Decimal(1000), usd_per_month=Decimal(10_000))
    poor = Caps(usd_per_day=Decimal("0.000001"))
    keys = tuple(
        VirtualKey(name, sha256(key.encode()).hexdigest(), name, poor if name == "poor" else dear)
        for name, key in KEYS.items()
    )
    config = GatewayConfig(
        (UpstreamSettings(mock.url),),
        keys=keys,
        cache=CacheSettings(),
        policy=DEFAULT_POLICY,
        route_models=("auto",),
        compress="lossless",
        log=log,
    )
    with gateway(config) as running:
        running.app.observe(NOTED.append)
        yield running


def sync(running: Running, key: str = "care") -> openai.OpenAI:
    return openai.OpenAI(base_url=running.url, api_key=KEYS[key], max_retries=0)


def claude(running: Running, key: str = "care") -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=running.root, api_key=KEYS[key], max_retries=0)


def test_chat_whole_and_streamed_share_an_entry(full: Running, mock: MockUpstream) -> None:
    with sync(full) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "share"}],
            temperature=0,
        )
        assert raw.headers["x-llmopt-cache"] == "miss"
        assert Decimal(raw.headers["x-llmopt-cost-usd"]) > 0
        calls = mock.stats.calls
        text = raw.parse().choices[0].message.content
        chunks = list(
            client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "user", "content": "share"}],
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
        assert chunks[-1].usage == raw.parse().usage
        again = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "share"}],
            temperature=0,
        )
    assert mock.stats.calls == calls
    assert again.headers["x-llmopt-cache"] == "hit"
    assert again.headers["x-llmopt-cost-usd"] == "0"
    assert again.headers["x-llmopt-saved-usd"] == raw.headers["x-llmopt-cost-usd"]
    assert "age" in again.headers


def test_another_tenant_never_gets_the_answer(full: Running, mock: MockUpstream) -> None:
    for key in ("care", "shop"):
        with sync(full, key) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "tenants"}], temperature=0
            )
        assert raw.headers["x-llmopt-cache"] == "miss"


def test_a_model_is_chosen_by_the_policy(full: Running, mock: MockUpstream) -> None:
    with sync(full) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": "Translate good morning to French."}]
        )
    assert json.loads(mock.requests[-1].body)["model"] == "gpt-4o-mini"
    assert raw.headers["x-llmopt-route"].startswith("cheap;")


def test_messages_whole_and_streamed(full: Running) -> None:
    with claude(full) as client:
        whole = client.messages.create(
            model="claude-opus-4-6", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        )
        with client.messages.stream(
            model="claude-opus-4-6", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            final = stream.get_final_message()
    assert final.content[0].model_dump()["text"] == whole.content[0].model_dump()["text"]
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_everything_else_a_client_calls(full: Running) -> None:
    with sync(full) as client:
        assert client.embeddings.create(model="text-embedding-3-small", input="x").data[0].embedding
        assert client.responses.create(model="gpt-4o-mini", input="x").output_text
        events = list(client.responses.create(model="gpt-4o-mini", input="x", stream=True))
        assert events[-1].type == "response.completed"
        assert client.completions.create(model="gpt-3.5-turbo-instruct", prompt="x").choices[0].text
        assert client.models.list().data
        parts = list(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="x", stream=True))
        assert all(part.usage is None for part in parts)


def test_many_at_once_are_asked_once(full: Running, mock: MockUpstream) -> None:
    async def all_at_once() -> list[str]:
        async with openai.AsyncOpenAI(base_url=full.url, api_key=KEYS["care"], max_retries=0) as client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.with_raw_response.create(
                        model="gpt-4o-mini",
                        messages=[{"role": "user", "content": "at once"}],
                        temperature=0,
                        extra_headers={"x-mock-latency_s": "0.3"},
                    )
                    for _ in range(40)
                )
            )
            return [answer.headers["x-llmopt-cache"] for answer in answers]

    calls = mock.stats.calls
    found = asyncio.run(all_at_once())
    assert mock.stats.calls == calls + 1
    assert sorted(set(found)) in (["miss", "shared"], ["hit", "miss", "shared"])
    assert found.count("miss") == 1


def test_a_wrong_key_is_401_for_both_clients(full: Running) -> None:
    with openai.OpenAI(base_url=full.url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as openais:
            client.models.list()
        assert openais.value.code == "invalid_api_key"
    with anthropic.Anthropic(base_url=full.root, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as anthropics:
            client.messages.create(model="claude-opus-4-6", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
        assert "sk-wrong" not in str(anthropics.value)


def test_who_has_spent_all_is_429(full: Running) -> None:
    with sync(full, "poor") as client:
        with pytest.raises(openai.RateLimitError) as refused:
            _asked_thrice(client)
        assert refused.value.code == "budget_exceeded"
        assert refused.value.response.headers["x-should-retry"] == "false"
        assert int(refused.value.response.headers["retry-after"]) > 0


def _asked_thrice(client: openai.OpenAI) -> None:
    for number in range(3):
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": f"{number}"}], max_tokens=1
        )


def test_an_upstream_that_dies_midway_is_an_error_for_both_clients(full: Running) -> None:
    with sync(full) as client:
        stream = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "die"}],
            stream=True,
            temperature=0,
            extra_headers={"x-mock-die_after": "3"},
        )
        with pytest.raises(openai.APIError):
            list(stream)
    with claude(full) as other, pytest.raises(anthropic.APIStatusError):
        list(
            other.messages.create(
                model="claude-opus-4-6",
                max_tokens=50,
                messages=[{"role": "user", "content": "die"}],
                stream=True,
                extra_headers={"x-mock-die_after": "3"},
            )
        )


def test_each_call_is_noted_once(full: Running) -> None:
    NOTED.clear()
    key = {"authorization": f"Bearer {KEYS['care']}"}
    paths = ("/v1/chat/completions", "/v1/messages", "/v1/other")
    answers = [ask(full.root, path, {**CHAT, "max_tokens": 9}, headers=key) for path in paths]
    answers += [ask(full.root, body=b"{"), ask(full.root, "/v1/models", method="GET")]
    assert [metered.status for metered in NOTED] == [200, 200, 200, 401, 401]
    assert [answer.header("x-llmopt-request-id") for answer in answers] == [metered.request_id for metered in NOTED]
    assert len({metered.request_id for metered in NOTED}) == 5


def test_headers_log_and_metrics_add_up_to_the_same(full: Running, log: Path) -> None:
    NOTED.clear()
    before = _spent(full)
    key = {"authorization": f"Bearer {KEYS['shop']}"}
    bodies = [{**CHAT, "user": "a", "temperature": number % 2, "n": number // 4} for number in range(8)]
    answers = [ask(full.root, body=body, headers=key) for body in bodies]
    told = sum(Decimal(answer.header("x-llmopt-cost-usd") or "nan") for answer in answers)
    assert told > 0
    assert sum(metered.cost_usd or Decimal(0) for metered in NOTED) == told
    assert Decimal(repr(_spent(full) - before)).quantize(Decimal("1e-12")) == told
    ids = {metered.request_id for metered in NOTED}
    full.end()
    lines = [json.loads(line, parse_float=Decimal) for line in log.read_text().splitlines()]
    logged = [line for line in lines if line["request_id"] in ids]
    assert len(logged) == len(bodies)
    assert sum(Decimal(line["cost_usd"]) for line in logged) == told


def test_no_key_is_in_the_log_or_in_what_is_noted(full: Running, log: Path) -> None:
    text = log.read_text() + repr(NOTED)
    assert len(text) > 1000
    assert not any(key in text for key in (*KEYS.values(), "sk-wrong"))


def _spent(running: Running) -> float:
    with urllib.request.urlopen(f"{running.root}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("llmopt_cost_usd_total{"))


def test_bodies_are_in_the_log_where_they_are_wanted(mock: MockUpstream, tmp_path: Path) -> None:
    log = tmp_path / "bodies.jsonl"
    config = GatewayConfig((UpstreamSettings(mock.url),), cache=CacheSettings(), log=log, log_bodies=True)
    asked = {**CHAT, "temperature": 0, "seed": 77}
    with gateway(config) as running:
        whole = ask(running.root, body={**asked, "stream": True})
        hit = ask(running.root, body=asked)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert hit.header("x-llmopt-cache") == "hit"
    assert whole.body.endswith(b"data: [DONE]\n\n")
    assert [line["request"] for line in lines] == [{**asked, "stream": True}, asked]
    assert [line["response"] for line in lines] == [hit.json, hit.json]
