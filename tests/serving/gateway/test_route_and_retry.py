"""Routing, compression, retries and fallbacks through a whole gateway, with OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from openai import OpenAI

from llmopt.serving.gateway.config.settings import GatewayConfig, Retries, Times, UpstreamSettings
from llmopt.serving.gateway.upstreams.plugged import function_upstream
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import gateway
from tests.serving.gateway.wire import CHAT, Wire, request

LOOSE = 'Look at this:\n\n\n\n{\n    "name":   "Ada",\n    "year":   1815\n}\n\n\n\nWhat   is it about?   '
QUICK = Retries(first_wait_s=0.001)


@pytest.fixture
def mock() -> Iterator[MockUpstream]:
    with MockUpstream() as found:
        yield found


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(
        'default = "cheap"\n[routes]\ncheap = "mock-small"\nstrong = "mock-big"\n'
        '[fallback.chains]\ncheap = ["strong"]\nstrong = ["cheap"]\n'
        '[[rule]]\nname = "tagged"\ntags = ["tier=gold"]\nroute = "strong"\n'
    )
    return path


def client(url: str) -> OpenAI:
    """Return a client to be closed: the garbage collector may find its sockets before it finds the client."""
    return OpenAI(base_url=url, api_key="sk-secret", max_retries=0, timeout=60)


def ask(url: str, text: str = "hi", **headers: str) -> httpx2.Response:
    """Return the raw answer to a question."""
    with client(url) as asking:
        found = asking.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": text}], extra_headers=headers
        )
    assert found.parse().choices[0].message.content
    return found.http_response


def config(mock: MockUpstream, **more: object) -> GatewayConfig:
    return GatewayConfig((UpstreamSettings(mock.url),), cache=None, retries=QUICK, **more)  # type: ignore[arg-type]


def models_of(mock: MockUpstream) -> list[str]:
    return [json.loads(seen.body)["model"] for seen in mock.requests]


def test_the_route_is_told_and_asked(mock: MockUpstream, policy: Path) -> None:
    with gateway(config(mock, policy=policy)) as running:
        cheap = ask(running.url)
        strong = ask(running.url, **{"x-llmopt-tags": "tier=gold"})
    assert cheap.headers["x-llmopt-route"].startswith('cheap;model="mock-small";rule="default"')
    assert strong.headers["x-llmopt-route"].startswith('strong;model="mock-big";rule="tagged"')
    assert models_of(mock) == ["mock-small", "mock-big"]


def test_texts_arrive_compressed_and_the_prefix_stays(mock: MockUpstream, policy: Path) -> None:
    with gateway(config(mock, policy=policy, compress="safe")) as running:
        ask(running.url, LOOSE)
        ask(running.url, LOOSE)
    bodies = [seen.body for seen in mock.requests]
    assert bodies[0] == bodies[1]
    text = json.loads(bodies[0])["messages"][0]["content"]
    assert '{"name":"Ada","year":1815}' in text
    assert models_of(mock)[0] == "mock-small"


def test_an_overload_is_asked_again(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(fail_first=2)
    with gateway(config(mock)) as running:
        assert ask(running.url).status_code == 200
    assert mock.stats.calls == 3


def test_an_overload_that_stays_is_told_as_it_came(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(status=429, retry_after="3600")
    with gateway(config(mock)) as running, pytest.raises(openai.RateLimitError) as caught:
        ask(running.url)
    assert caught.value.response.headers["retry-after"] == "3600"
    assert "mock error 429" in caught.value.message
    assert mock.stats.calls == 1


def test_a_fallback_answers_for_a_server_that_is_down(mock: MockUpstream, policy: Path) -> None:
    with MockUpstream() as down:
        down.stop()
        upstreams = (
            UpstreamSettings(down.url, name="small", models=("mock-small",)),
            UpstreamSettings(mock.url, name="big"),
        )
        with gateway(GatewayConfig(upstreams, cache=None, retries=QUICK, policy=policy)) as running:
            assert ask(running.url).status_code == 200
    assert models_of(mock) == ["mock-big"]


def test_a_server_that_is_gone_and_comes_back(mock: MockUpstream) -> None:
    with gateway(config(mock)) as running:
        ask(running.url)
        mock.stop()
        with pytest.raises(openai.InternalServerError) as caught:
            ask(running.url)
        assert caught.value.status_code == 502
        assert "sk-secret" not in caught.value.message
        mock.start()
        ask(running.url)


def test_a_server_that_hangs_ends_in_a_504_within_the_deadline(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(hang="head")
    with (
        gateway(config(mock, times=Times(answer_s=2.0))) as running,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        ask(running.url)
    assert caught.value.status_code == 504
    assert mock.wait_for(lambda stats: stats.cancelled == 1)
    assert mock.stats.calls == 1


def test_a_client_may_want_less_time(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(hang="head")
    with gateway(config(mock)) as running, pytest.raises(openai.InternalServerError) as caught:
        ask(running.url, **{"x-llmopt-timeout-ms": "1000"})
    assert caught.value.status_code == 504


@pytest.mark.parametrize("hang", ["head", "body"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_client_that_leaves_frees_the_server(mock: MockUpstream, hang: str, streamed: bool) -> None:
    mock.behaviour = Behaviour(hang=hang)
    body = {**CHAT, "stream": streamed}
    with gateway(config(mock)) as running:
        with Wire(running.root) as wire:
            wire.send(request("/v1/chat/completions", body))
            assert mock.wait_for(lambda stats: stats.open == 1)
        assert mock.wait_for(lambda stats: stats.cancelled == 1)


def test_a_function_of_the_application_answers_beside_a_server(mock: MockUpstream) -> None:
    async def answer(body: object) -> str:
        return "from here"

    own = function_upstream(answer, models=("own-*",))
    with gateway(config(mock), upstreams=[own]) as running, client(running.url) as asking:
        found = asking.chat.completions.create(model="own-1", messages=[{"role": "user", "content": "x"}])
        streamed = asking.chat.completions.create(
            model="own-1", messages=[{"role": "user", "content": "x"}], stream=True
        )
        pieces = [chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices]
        ask(running.url)
    assert found.choices[0].message.content == "".join(pieces) == "from here"
    assert mock.stats.calls == 1
