"""Wrapped clients of openai: cached, metered, and otherwise as before."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, OpenAI, RateLimitError
from pydantic import BaseModel

from llmopt.serving.gateway.values import Metered
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.wrapping.wrap import wrap
from tests.serving.wrapping.clients import ASKED, KEPT, KEY, MODEL, Wrapped, text_of

COST = Decimal("0.000009")
"""Of 20 input and 10 output tokens of gpt-4o-mini, at 0.15 and 0.60 dollars a million."""


def ask(client: OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": MODEL, "messages": ASKED, "temperature": 0, **more})


def raw(client: OpenAI, **more: Any) -> Any:
    asked = {"model": MODEL, "messages": ASKED, "temperature": 0, **more}
    return client.chat.completions.with_raw_response.create(**asked)


def test_the_second_answer_comes_from_the_cache(world: Wrapped) -> None:
    with world.openai(cache=True) as client:
        first, second = raw(client), raw(client)
    assert first.parse() == second.parse()
    assert world.calls == 1
    assert [each.headers["x-llmopt-cache"] for each in (first, second)] == ["miss", "hit"]
    assert [each.headers["x-llmopt-cost-usd"] for each in (first, second)] == ["0.000009", "0"]
    assert second.headers["x-llmopt-saved-usd"] == "0.000009"
    assert second.headers["age"] == "0"
    assert "age" not in first.headers
    assert [(each.cache, each.cost_usd) for each in world.noted] == [("miss", COST), ("hit", Decimal(0))]
    assert world.last.saved_usd == {"cache": COST}
    assert second.elapsed.total_seconds() >= 0


def test_stream_and_whole_share_an_answer(world: Wrapped) -> None:
    with world.openai(cache=True) as client:
        streamed = text_of(ask(client, stream=True))
        whole = ask(client)
        again = text_of(ask(client, stream=True))
        told = [chunk.usage for chunk in ask(client, stream=True, stream_options={"include_usage": True})]
    assert streamed == again == whole.choices[0].message.content == "Hello from the mock upstream"
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, told[-1] and told[-1].completion_tokens) == (20, 10)
    assert world.calls == 1
    assert [each.cache for each in world.noted] == ["miss", "hit", "hit", "hit"]


def test_the_callers_stream_has_no_usage_that_nobody_asked_for(world: Wrapped) -> None:
    with world.plain() as plain, world.openai() as client:
        as_before = [chunk.model_dump() for chunk in ask(plain, stream=True)]
        now = [chunk.model_dump() for chunk in ask(client, stream=True)]
    for chunk in (*as_before, *now):
        chunk.pop("id")
        chunk.pop("created")
    assert now == as_before
    assert world.last.usage_from == "billed"
    assert world.last.cost_usd == COST
    assert b"include_usage" in world.mock.requests[-1].body


def test_usage_that_is_not_asked_for_is_counted(world: Wrapped) -> None:
    with world.openai(ask_usage=False) as client:
        text_of(ask(client, stream=True))
    assert b"include_usage" not in world.mock.requests[-1].body
    assert world.last.usage_from == "estimated"
    assert world.last.usage is not None
    assert world.last.usage.output_tokens > 0


def test_the_server_gets_the_very_bytes_of_the_sdk(world: Wrapped) -> None:
    with world.plain() as plain, world.openai(cache=True, ask_usage=False) as client:
        for each in (plain, client):
            ask(each, extra_headers={"x-own": "1", "idempotency-key": "1"}, extra_body={"unknown": [1.50, "é"]})
    as_before, now = world.mock.requests
    assert now.body == as_before.body
    assert now.headers == as_before.headers
    assert now.path == as_before.path


def test_headers_for_llmopt_go_no_further(world: Wrapped) -> None:
    with world.openai(tags={"team": "care", "stage": "test"}) as client:
        ask(client, extra_headers={"x-llmopt-tags": "team=search", "x-llmopt-cache": "off"})
    assert not [name for name, _ in world.mock.requests[-1].headers if name.startswith(b"x-llmopt-")]
    assert world.last.tags == {"team": "search", "stage": "test"}


def test_the_original_stays_as_it_was(world: Wrapped) -> None:
    with world.plain(retries=7) as plain:
        client = world.openai(cache=True)
        copy = plain.with_options(timeout=1)
        ask(copy)
        ask(plain)
        assert world.calls == 2
        assert world.noted == []
        del client
        ask(plain)
    assert world.calls == 3


def test_a_copy_of_a_wrapped_client_is_wrapped(world: Wrapped) -> None:
    with world.openai(cache=True, retries=3) as client:
        copy = client.with_options(max_retries=0)
        ask(client)
        ask(copy)
        assert type(client) is type(copy) is OpenAI
        assert client.max_retries == 3
    assert world.calls == 1


def test_to_close_one_is_to_close_both(world: Wrapped) -> None:
    plain = world.plain()
    client = world.openai(cache=True)
    assert not client.is_closed()
    client.close()
    assert client.is_closed()
    with pytest.raises((RuntimeError, APIConnectionError)):
        ask(client)
    plain.close()


def test_sampled_requests_are_asked_anew_unless_the_caller_wants_otherwise(world: Wrapped) -> None:
    with world.openai(cache=True) as client:
        for headers in ({}, {}, KEPT, KEPT, {**KEPT, "cache-control": "no-store"}):
            ask(client, temperature=1, extra_headers=headers)
        ask(client, extra_headers={"x-llmopt-cache": "off"})
    assert [each.cache for each in world.noted] == ["bypass", "bypass", "miss", "hit", "bypass", "bypass"]


def test_tenants_share_nothing(world: Wrapped) -> None:
    from llmopt.serving.cache.cache import ResponseCache
    from llmopt.serving.cache.stores.memory import MemoryStore

    cache = ResponseCache(MemoryStore())
    for key, tenant in ((KEY, None), ("another", None), (KEY, "care"), ("another", "care"), (KEY, None)):
        with world.openai(key, cache=cache, tenant=tenant) as client:
            ask(client)
    assert [each.cache for each in world.noted] == ["miss", "miss", "miss", "hit", "hit"]
    assert KEY not in repr(world.noted)
    assert len({each.tenant for each in world.noted}) == 3


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"extra_body": {"guided_json": {}}}, id="unknown field"),
        pytest.param({"extra_headers": {"openai-organization": "x"}}, id="organization"),
        pytest.param({"extra_query": {"v": "2"}}, id="query"),
        pytest.param({"extra_headers": {"x-own": "2"}}, id="header named as deciding"),
        pytest.param({"seed": 1}, id="seed"),
    ],
)
def test_what_decides_about_the_answer_is_part_of_the_key(world: Wrapped, more: dict[str, Any]) -> None:
    with world.openai(cache=True, key_headers=["X-Own"]) as client:
        ask(client)
        ask(client, **more)
        ask(client, **more)
        ask(client)
    assert [each.cache for each in world.noted] == ["miss", "miss", "hit", "hit"]


def test_only_if_cached_asks_nobody(world: Wrapped) -> None:
    from openai import InternalServerError

    with world.openai(cache=True, retries=5) as client:
        with pytest.raises(InternalServerError, match="only-if-cached") as caught:
            ask(client, extra_headers={"cache-control": "only-if-cached"})
        with pytest.raises(InternalServerError, match="only-if-cached"):
            ask(client, temperature=1, extra_headers={"cache-control": "only-if-cached"})
        ask(client)
        assert ask(client, extra_headers={"cache-control": "only-if-cached"}).choices
    assert caught.value.status_code == 504
    assert world.calls == 1


def test_the_sdk_tries_again_and_each_attempt_is_noted(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(fail_first=2, status=429, retry_after="0.01")
    with world.openai(cache=True, retries=3) as client:
        answer = raw(client)
        assert answer.retries_taken == 2
        assert ask(client).choices
    assert [(each.status, each.error) for each in world.noted] == [
        (429, "overloaded"),
        (429, "overloaded"),
        (200, ""),
        (200, ""),
    ]
    assert world.calls == 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_errors_are_the_sdks_own_and_are_not_kept(world: Wrapped, stream: bool) -> None:
    world.mock.behaviour = Behaviour(status=429, retry_after="7")
    with world.openai(cache=True) as client:
        for _ in range(2):
            with pytest.raises(RateLimitError) as caught:
                ask(client, stream=stream)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.body
    assert world.calls == 2
    assert {each.cost_usd for each in world.noted} == {Decimal(0)}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_timeouts_are_the_sdks_own(world: Wrapped, stream: bool) -> None:
    world.mock.behaviour = Behaviour(hang="head")
    with world.openai(cache=True, timeout_s=0.05) as client, pytest.raises(APITimeoutError):
        ask(client, stream=stream)
    assert (world.last.status, world.last.error, world.last.cost_usd) == (504, "timeout", None)


def test_nobody_waits_by_the_timeout_of_another(world: Wrapped) -> None:
    def failing() -> None:
        with pytest.raises(APIConnectionError):
            ask(client)

    world.mock.behaviour = Behaviour(hang="head")
    with world.openai(cache=True, timeout_s=60.0) as client:
        first = threading.Thread(target=failing)
        first.start()
        assert world.mock.wait_for(lambda stats: stats.open == 1)
        with pytest.raises(APITimeoutError):
            ask(client.with_options(timeout=0.5))
        world.mock.cut()
        first.join(30)
    assert world.calls == 2


def test_a_server_that_is_not_there(world: Wrapped) -> None:
    world.mock.stop()
    with world.openai(cache=True) as client, pytest.raises(APIConnectionError):
        ask(client)
    assert (world.last.status, world.last.error) == (502, "connection")


def test_a_stream_that_breaks_is_not_kept(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(die_after=3)
    with world.openai(cache=True) as client:
        with pytest.raises(APIConnectionError):
            text_of(ask(client, stream=True))
        assert (world.last.status, world.last.error, world.last.usage_from) == (200, "connection", "estimated")
        world.mock.behaviour = Behaviour()
        assert text_of(ask(client, stream=True)) == "Hello from the mock upstream"
    assert [each.cache for each in world.noted] == ["miss", "miss"]


def test_a_stream_that_is_left_is_noted_and_not_kept(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(chunks=50, gap_s=0.1)
    with world.openai(cache=True) as client:
        with ask(client, stream=True) as stream:
            next(iter(stream))
        assert (world.last.status, world.last.error) == (499, "aborted")
        assert world.last.cost_usd is not None
        assert world.last.cost_usd > 0
        assert world.mock.wait_for(lambda stats: stats.cancelled == 1)
        world.mock.behaviour = Behaviour()
        ask(client)
    assert world.last.cache == "miss"


def test_threads_that_ask_the_same_are_answered_by_one_call(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(latency_s=0.2)
    texts: list[str] = []
    with world.openai(cache=True) as client:
        threads = [threading.Thread(target=lambda: texts.append(raw(client).text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(texts) == 8
    assert len(set(texts)) == 1
    assert world.calls == 1
    assert sum(each.cost_usd or 0 for each in world.noted) == COST
    assert sum(each.cache == "miss" for each in world.noted) == 1


def test_models_of_pydantic_are_read_from_the_cache_too(world: Wrapped) -> None:
    class Capital(BaseModel):
        city: str

    world.mock.behaviour = Behaviour(text='{"city":"Paris"}')
    with world.openai(cache=True) as client:
        answers = [
            client.chat.completions.parse(model=MODEL, messages=ASKED, temperature=0, response_format=Capital)
            for _ in range(2)
        ]
    assert [each.choices[0].message.parsed for each in answers] == [Capital(city="Paris")] * 2
    assert world.calls == 1


def test_tool_calls_are_replayed(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(tool_calls=2)
    tools: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]

    def calls_in(client: OpenAI) -> list[Any]:
        with client.chat.completions.stream(model=MODEL, messages=ASKED, temperature=0, tools=tools) as stream:
            return [
                each.function.arguments for each in stream.get_final_completion().choices[0].message.tool_calls or ()
            ]

    with world.openai(cache=True) as client:
        first, second = calls_in(client), calls_in(client)
    assert first == second
    assert len(first) == 2
    assert [each.cache for each in world.noted] == ["miss", "hit"]


def test_other_apis_of_openai(world: Wrapped) -> None:
    with world.openai(cache=True) as client:
        for _ in range(2):
            assert client.embeddings.create(model="text-embedding-3-small", input="hi").data[0].embedding
            assert client.responses.create(model=MODEL, input="hi", temperature=0).output_text
            with client.responses.stream(model=MODEL, input="hi", temperature=0) as stream:
                assert stream.get_final_response().output_text
            assert client.completions.create(model=MODEL, prompt="hi", temperature=0).choices
            assert list(client.models.list())
    assert [each.cache for each in world.noted] == ["miss", "miss", "hit", "miss", "hit", "hit", "hit", "hit"]
    assert {each.api.value for each in world.noted} == {"embeddings", "responses", "text_completion"}


def test_an_answer_that_is_streamed_raw(world: Wrapped) -> None:
    with world.openai(cache=True) as client:
        for _ in range(2):
            asked: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
            with client.chat.completions.with_streaming_response.create(**asked) as response:
                assert b"mock upstream" in b"".join(response.iter_bytes())
    assert [each.cache for each in world.noted] == ["miss", "hit"]


async def _many(world: Wrapped) -> None:
    async with world.async_openai(cache=True) as client:
        asked: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
        answers = await asyncio.gather(*(client.chat.completions.create(**asked) for _ in range(50)))
        assert len({each.to_json() for each in answers}) == 1
        stream: Any = await client.chat.completions.create(**asked, stream=True)
        assert (
            "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            == answers[0].choices[0].message.content
        )


async def _private() -> list[Metered]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"cache-control": "private"}, json={"choices": []})

    noted: list[Metered] = []
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with wrap(AsyncOpenAI(api_key="k", http_client=http), cache=True, log=noted.append) as client:
        asked: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
        await asyncio.gather(*(client.chat.completions.create(**asked) for _ in range(3)))
    return noted


def test_what_is_meant_for_one_caller_is_not_shared() -> None:
    assert [each.cache for each in asyncio.run(_private())] == ["miss"] * 3


def test_tasks_that_ask_the_same_are_answered_by_one_call(world: Wrapped) -> None:
    asyncio.run(_many(world))
    assert world.calls == 1
    assert sum(each.cost_usd or 0 for each in world.noted) == COST


async def _streams(world: Wrapped) -> None:
    async with world.async_openai(cache=True) as client:
        asked: Any = {"model": MODEL, "messages": ASKED, "temperature": 0, "stream": True}
        for _ in range(2):
            stream = await client.chat.completions.create(**asked)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]).startswith("Hello")


def test_a_stream_in_an_event_loop_is_noted_as_it_was(world: Wrapped) -> None:
    asyncio.run(_streams(world))
    assert [(each.cache, each.status, each.error) for each in world.noted] == [("miss", 200, ""), ("hit", 200, "")]
    assert [each.cost_usd for each in world.noted] == [COST, Decimal(0)]
    assert world.mock.stats.cancelled == 0


async def _left(world: Wrapped) -> None:
    async with world.async_openai(cache=True) as client:
        asked: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
        tasks = [asyncio.create_task(client.chat.completions.create(**asked)) for _ in range(2)]
        assert await world.mock.until(lambda stats: stats.open == 1)
        tasks[0].cancel()
        world.mock.behaviour = Behaviour()
        answer = await tasks[1]
        assert answer.choices
        lonely = asyncio.create_task(client.chat.completions.create(**asked, extra_body={"x": 1}))
        world.mock.behaviour = Behaviour(hang="head")
        assert await world.mock.until(lambda stats: stats.open == 1 or stats.calls == 2)
        lonely.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lonely
        assert await world.mock.until(lambda stats: stats.cancelled == 1)


def test_a_call_goes_on_for_others_when_the_one_who_began_it_leaves(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(latency_s=0.3)
    asyncio.run(_left(world))
    assert world.calls == 2
    assert [(each.status, each.cache, each.error) for each in world.noted] == [
        (200, "miss", ""),
        (200, "shared", ""),
        (499, "miss", "aborted"),
    ]
    assert sum(each.cost_usd or 0 for each in world.noted) == COST


def test_what_is_passed_on_is_noted_where_it_was_billed(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(echo="body")
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    answer = {"object": "chat.completion", "model": MODEL, "choices": [], "usage": usage}
    with world.openai() as client:
        client.post("/rewrite", body=answer, cast_to=object)
        client.post("/anything", body={"prompt": "hi"}, cast_to=object)
        client.get("/models", cast_to=object)
    assert [(each.api.value, each.path) for each in world.noted] == [("other", "/v1/rewrite")]
    assert world.last.usage is not None
    assert (world.last.usage.input_tokens, world.last.usage.output_tokens) == (7, 9)
    assert world.last.cost_usd == Decimal("0.00000645")
    assert world.last.tenant.startswith("t_")
