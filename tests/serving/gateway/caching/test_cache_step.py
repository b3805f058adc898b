"""The cache stage: hits in either form, what passes it by, and what is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.caching.cache_step import CacheStep
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.values import Api, Headers
from tests.serving.gateway.caching.parts import BODY, DONE, Origin, answer, call_of, chunk, stage, text_of

STREAM = {**BODY, "stream": True}
OFF: Headers = ((b"x-llmopt-cache", b"off"),)
ON: Headers = ((b"x-llmopt-cache", b"on"),)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def control(value: bytes) -> Headers:
    return ((b"cache-control", value),)


async def asked(step: CacheStep, origin: Origin, call: Call) -> bytes:
    """Ask, and let a stream that begins say `hi` and end."""
    source = await step.answer(call, origin)
    if source.body is None:
        origin.lives[-1].send(chunk("h"), chunk("i", "stop"), DONE, None)
    return await text_of(source)


def test_whole_answer_is_stored_and_found_again() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        assert await asked(step, origin, call_of()) == answer()
        call = call_of()
        source = await step.answer(call, origin)
        assert source.body == answer()
        assert source.status == 200
        assert dict(source.headers) == {b"content-type": b"application/json"}
        assert call.metered.cache == "hit"
        assert call.metered.cost_usd == 0
        assert call.metered.saved_usd == {"cache": Decimal("0.25")}
        assert call.metered.age_s is not None
        assert dict(call.told)[b"age"] == b"0"
        assert len(origin.calls) == 1

    run(main())


@pytest.mark.parametrize("first", ["whole", "stream"])
def test_stream_and_whole_answer_share_an_entry(first: str) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        bodies = [BODY, {**STREAM, "stream_options": {"include_usage": True}}]
        for body in bodies if first == "whole" else bodies[::-1]:
            await asked(step, origin, call_of(body))
        assert len(origin.calls) == 1
        whole = await step.answer(call_of(), origin)
        assert json.loads(await text_of(whole))["choices"][0]["message"]["content"] == "hi"
        stream = await text_of(await step.answer(call_of(STREAM), origin))
        assert stream.endswith(DONE)
        assert json.loads(reply_of(stream).body)["choices"][0]["message"]["content"] == "hi"

    run(main())


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({**BODY, "temperature": 1}, ()),
        (BODY, OFF),
        (BODY, control(b"no-store")),
        ({**BODY, "temperature": 1}, (*ON, *OFF)),
    ],
    ids=["sampled", "off", "no-store", "both"],
)
def test_what_passes_the_cache_by_is_asked_anew(body: dict[str, Any], headers: Headers) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        for _ in range(2):
            call = call_of(body, headers=headers)
            assert await asked(step, origin, call) == answer()
            assert call.metered.cache == "bypass"
            assert call.metered.prompt_hash
            assert not step.wants(call)
        assert len(origin.calls) == 2

    run(main())


def test_sampled_request_is_kept_for_who_wishes_it() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        for _ in range(2):
            await asked(step, origin, call_of({**BODY, "temperature": 1}, headers=ON))
        assert len(origin.calls) == 1
        everyone = stage(sampled=True)
        for _ in range(2):
            await asked(everyone, Origin(everyone), call_of({**BODY, "temperature": 1}))
        assert (await everyone.answer(call_of({**BODY, "temperature": 1}), origin)).body == answer()
        assert len(origin.calls) == 1

    run(main())


def test_no_cache_asks_anew_and_keeps_the_new_answer() -> None:
    async def main() -> None:
        step = stage()
        await asked(step, Origin(step), call_of())
        newer = Origin(step, text="new")
        assert await asked(step, newer, call_of(headers=control(b"no-cache"))) == answer("new")
        assert await asked(step, newer, call_of(headers=control(b"max-age=60"))) == answer("new")
        assert len(newer.calls) == 1
        assert await asked(step, newer, call_of(headers=control(b"max-age=0"))) == answer("new")
        assert len(newer.calls) == 2

    run(main())


@pytest.mark.parametrize(
    "headers",
    [control(b"only-if-cached"), control(b"only-if-cached, no-cache"), (*control(b"only-if-cached"), *OFF)],
    ids=["missing", "no-cache", "off"],
)
def test_only_if_cached_never_asks(headers: Headers) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        with pytest.raises(GatewayError) as told:
            await step.answer(call_of(headers=headers), origin)
        assert told.value.status == 504
        assert not origin.calls
        await asked(step, origin, call_of())
        assert (await step.answer(call_of(headers=control(b"only-if-cached")), origin)).body == answer()

    run(main())


@pytest.mark.parametrize(
    ("cache_control", "body", "kept"),
    [
        (b"no-cache", STREAM, True),
        (b"no-cache, no-transform", STREAM, True),
        (b"no-store", STREAM, False),
        (b"private, no-cache", STREAM, False),
        (b"no-cache", BODY, False),
        (b"", BODY, True),
    ],
    ids=["stream", "transform", "no-store", "private", "whole", "plain"],
)
def test_answers_say_whether_they_may_be_kept(cache_control: bytes, body: dict[str, Any], kept: bool) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, cache_control=cache_control)
        for _ in range(2):
            await asked(step, origin, call_of(body))
        assert len(origin.calls) == (1 if kept else 2)

    run(main())


def test_error_is_not_kept() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, status=429)
        for _ in range(2):
            source = await step.answer(call_of(), origin)
            assert source.status == 429
        assert len(origin.calls) == 2

    run(main())


def test_answer_of_a_fallback_and_one_too_large_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        step = stage()
        call = call_of()
        await step.answer(call, Origin(step, cache_control=b"no-store"))
        call.route, call.metered.route = "strong", "cheap"
        await step.keep(call, body=answer())
        call.route = "cheap"
        monkeypatch.setattr("llmopt.serving.gateway.caching.cache_step.LARGEST_BYTES", 10)
        await step.keep(call, body=answer())
        monkeypatch.undo()
        origin = Origin(step)
        await asked(step, origin, call_of())
        assert len(origin.calls) == 1
        await step.keep(call, body=answer("kept"))
        assert (await step.answer(call_of(), origin)).body == answer("kept")

    run(main())


def test_stored_answer_without_the_form_is_a_miss() -> None:
    async def main() -> None:
        step = stage()
        call = call_of()
        await asked(step, Origin(step), call)
        sound = json.loads(answer())
        sound["choices"][0]["message"]["audio"] = {"data": "AAAA"}
        await step.keep(call, body=json.dumps(sound).encode())
        origin = Origin(step)
        call = call_of(STREAM)
        await asked(step, origin, call)
        assert len(origin.calls) == 1
        assert call.metered.cache == "miss"

    run(main())


def test_body_that_no_key_can_be_made_of_is_a_client_error() -> None:
    async def main() -> None:
        deep: Any = "x"
        for _ in range(200_000):
            deep = [deep]
        call = call_of()
        call.body = {**BODY, "deep": deep}
        step = stage()
        with pytest.raises(GatewayError) as told:
            await step.answer(call, Origin(step))
        assert told.value.status == 400
        while isinstance(deep, list):  # one by one, since to let go of all at once is too deep for the interpreter
            deep = deep.pop()

    run(main())


def test_embeddings_are_whole_whatever_they_say_of_streams() -> None:
    async def main() -> None:
        step = stage()
        body = {"model": "e", "input": "x", "stream": True}
        call = call_of(body, path="/v1/embeddings", api=Api.EMBEDDINGS)
        origin = Origin(step)
        source = await step.answer(call, origin)
        origin.lives[-1].send(chunk("hi", "stop"), DONE, None)
        await text_of(source)
        again = call_of(body, path="/v1/embeddings", api=Api.EMBEDDINGS)
        found = await step.answer(again, origin)
        assert dict(found.headers)[b"content-type"] == b"application/json"

    run(main())


@pytest.mark.parametrize("stream", [1, "true", [], 0], ids=repr)
def test_what_is_no_yes_or_no_is_the_upstreams_to_understand(stream: object) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        await asked(step, origin, call_of())
        call = call_of({**BODY, "stream": stream})
        await asked(step, origin, call)
        assert call.metered.cache == "bypass"
        assert len(origin.calls) == 2

    run(main())


def test_closed_stage_finds_nothing_and_begins_nothing() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        await asked(step, origin, call_of())
        await step.aclose()
        with pytest.raises(GatewayError) as told:
            await step.answer(call_of(), origin)
        assert told.value.status == 503
        assert len(origin.calls) == 1
        assert step.store_errors == 0

    run(main())
