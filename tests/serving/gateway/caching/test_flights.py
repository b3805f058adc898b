"""Single flight: one call for all who ask the same at once, live, in every form, and without harm by one to another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.caching.cache_step import CacheStep
from llmopt.serving.gateway.call import Source
from llmopt.serving.gateway.errors import GatewayError, UpstreamError
from tests.serving.gateway.caching.parts import (
    BODY,
    DONE,
    JSON,
    PATIENCE_S,
    Origin,
    answer,
    call_of,
    chunk,
    stage,
    text_of,
    until,
)

STREAM = {**BODY, "stream": True}
WITH_USAGE = {**STREAM, "stream_options": {"include_usage": True}}
PARTS = (chunk("h"), chunk("i", "stop"), DONE)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def asking(step: CacheStep, origin: Origin, body: dict[str, Any] = STREAM, **more: Any) -> asyncio.Task[Source]:
    return asyncio.create_task(step.answer(call_of(body, **more), origin))


async def turns() -> None:
    """Let everyone go as far as they get."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_500_at_once_are_one_call() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        bodies = [BODY, STREAM, WITH_USAGE]
        calls = [call_of(bodies[number % 3]) for number in range(500)]
        tasks = [asyncio.create_task(step.answer(call, origin)) for call in calls]
        await turns()
        origin.gate.set()
        texts = await asyncio.gather(*[text_of(source) for source in await asyncio.gather(*tasks)])
        assert len(origin.calls) == 1
        assert set(texts[::3]) == {answer()}
        assert all(text.endswith(DONE) for text in texts[1::3])
        assert [call.metered.cache for call in calls] == ["miss", *["shared"] * 499]
        assert all(call.metered.saved_usd == {"cache": Decimal("0.25")} for call in calls[1:])
        assert calls[0].metered.cost_usd == Decimal("0.25")
        assert all(call.metered.cost_usd == 0 for call in calls[1:])
        assert (b"x-llmopt-route", b"cheap") in calls[7].told
        assert step.in_flight == 0

    run(main())


def test_tenants_never_share() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        tasks = [asking(step, origin, BODY, tenant=f"tenant-{number % 7}") for number in range(70)]
        await turns()
        origin.gate.set()
        await asyncio.gather(*tasks)
        assert len(origin.calls) == 7

    run(main())


def test_stream_is_live_for_everyone_also_for_who_comes_late() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        first = (await asking(step, origin)).pieces()
        origin.lives[0].send(PARTS[0])
        assert await anext(first) == PARTS[0]
        call = call_of(STREAM)
        second = (await step.answer(call, origin)).pieces()
        assert await anext(second) == PARTS[0]
        origin.lives[0].send(*PARTS[1:], None)
        for reader in (first, second):
            assert b"".join([piece async for piece in reader]) == b"".join(PARTS[1:])
        assert len(origin.calls) == 1
        assert call.metered.saved_usd == {"cache": Decimal("0.25")}
        assert (await step.answer(call_of(), origin)).body is not None

    run(main())


@pytest.mark.parametrize("other", [BODY, WITH_USAGE], ids=["whole", "usage"])
def test_other_form_waits_for_the_end_and_is_made_from_the_whole(other: dict[str, Any]) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        first = await asking(step, origin)
        second = asking(step, origin, other)
        await turns()
        assert not second.done()
        origin.lives[0].send(*PARTS, None)
        assert await text_of(first) == b"".join(PARTS)
        got = await text_of(await second)
        whole = got if other is BODY else reply_of(got).body
        assert json.loads(whole)["choices"][0]["message"]["content"] == "hi"
        assert len(origin.calls) == 1

    run(main())


def test_call_goes_on_when_its_first_client_leaves() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        first, second = await asking(step, origin), await asking(step, origin)
        origin.lives[0].send(PARTS[0])
        pieces = first.pieces()
        assert await anext(pieces) == PARTS[0]
        first.close()
        first.close()
        origin.lives[0].send(*PARTS[1:], None)
        assert await text_of(second) == b"".join(PARTS)
        assert not origin.cancelled
        await pieces.aclose()  # type: ignore[attr-defined]

    run(main())


def test_call_ends_at_once_when_the_last_client_leaves() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        sources = [await asking(step, origin) for _ in range(3)]
        for source in sources:
            assert not origin.lives[0].closed
            source.close()
        assert origin.lives[0].closed
        assert step.in_flight == 0
        again = asking(step, origin)
        await again
        assert len(origin.calls) == 2
        (await again).close()
        await turns()

    run(main())


def test_waiting_for_the_head_may_end_without_harm_to_others() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        first, second, third = (asking(step, origin, BODY) for _ in range(3))
        await turns()
        first.cancel()
        second.cancel()
        await turns()
        assert not origin.cancelled
        third.cancel()
        await until(lambda: origin.cancelled == 1)
        assert step.in_flight == 0
        with pytest.raises(asyncio.CancelledError):
            await third

    run(main())


def test_who_comes_when_the_last_has_left_calls_anew() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        first = asking(step, origin, BODY)
        await turns()
        first.cancel()
        await asyncio.sleep(0)
        second = asking(step, origin, BODY)
        await turns()
        origin.gate.set()
        assert await text_of(await second) == answer()
        assert len(origin.calls) == 2

    run(main())


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_error_status_goes_to_everyone_as_it_is_and_is_not_kept(body: dict[str, Any]) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, status=429)
        origin.gate.clear()
        tasks = [asking(step, origin, each) for each in (body, BODY, STREAM)]
        await turns()
        origin.gate.set()
        for source in await asyncio.gather(*tasks):
            assert (source.status, await text_of(source)) == (429, answer())
        assert len(origin.calls) == 1
        await asking(step, origin, BODY)
        assert len(origin.calls) == 2

    run(main())


def test_failure_is_told_to_everyone_each_an_error_of_its_own() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, error=GatewayError(502, "upstream_unreachable", "gone"))
        origin.gate.clear()
        calls = [call_of() for _ in range(3)]
        tasks = [asyncio.create_task(step.answer(call, origin)) for call in calls]
        await turns()
        origin.gate.set()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [(each.status, each.code) for each in errors if isinstance(each, GatewayError)] == [
            (502, "upstream_unreachable")
        ] * 3
        assert len({id(each) for each in errors}) == 3
        assert len(origin.calls) == 1
        assert step.in_flight == 0

    run(main())


def test_error_that_nobody_expects_is_raised_for_everyone() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, error=ZeroDivisionError("a mistake"))
        errors = await asyncio.gather(*[asking(step, origin, BODY) for _ in range(3)], return_exceptions=True)
        assert [type(each) for each in errors] == [ZeroDivisionError] * 3

    run(main())


def test_deadline_is_everyones_own() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        first = asking(step, origin, BODY)
        await turns()
        call = call_of(BODY, within_s=0.0)
        with pytest.raises(GatewayError) as told:
            await step.answer(call, origin)
        assert told.value.status == 504
        assert call.metered.error == "timeout"
        origin.gate.set()
        assert (await first).body == answer()

    run(main())


def test_deadline_of_the_first_is_not_that_of_the_others() -> None:
    async def main() -> None:
        step = stage()
        hasty = Origin(step, error=GatewayError(504, "upstream_timeout", "late"))
        patient = Origin(step)
        hasty.gate.clear()
        first = asking(step, hasty, BODY, within_s=PATIENCE_S / 2)
        await turns()
        others = [asking(step, patient, BODY) for _ in range(3)]
        await turns()
        hasty.gate.set()
        with pytest.raises(GatewayError):
            await first
        assert [source.body for source in await asyncio.gather(*others)] == [answer()] * 3
        assert len(patient.calls) == 1

    run(main())


@pytest.mark.parametrize("control", [b"private", b"no-store"])
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_private_answer_is_for_the_one_who_asked(body: dict[str, Any], control: bytes) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step, cache_control=control)
        origin.gate.clear()
        calls = [call_of(body) for _ in range(3)]
        tasks = [asyncio.create_task(step.answer(call, origin)) for call in calls]
        await turns()
        origin.gate.set()
        for source in await asyncio.gather(*tasks):
            source.close()
        assert len(origin.calls) == 3
        assert [call.metered.cache for call in calls] == ["miss"] * 3
        await turns()

    run(main())


def test_stream_that_broke_is_told_as_it_is_and_made_anew_for_another_form() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        first, second = await asking(step, origin), await asking(step, origin)
        whole = asking(step, origin, BODY)
        await turns()
        broke = b'data: {"error": {"message": "broke off"}}\n\n'
        origin.lives[0].send(PARTS[0], broke, None)
        assert [await text_of(each) for each in (first, second)] == [PARTS[0] + broke] * 2
        assert json.loads(await text_of(await whole))["choices"][0]["message"]["content"] == "hi"
        assert len(origin.calls) == 2

    run(main())


@pytest.mark.parametrize("events", [True, False], ids=["events", "json"])
def test_slow_reader_gets_an_error_and_the_others_everything(events: bool) -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        slow_call = call_of(STREAM)
        first, slow = await asking(step, origin), await step.answer(slow_call, origin)
        if not events:
            origin.lives[0].headers = JSON
        reading = asyncio.create_task(text_of(first))
        big = chunk("x" * 100_000)
        for _ in range(100):
            origin.lives[0].send(big)
            await asyncio.sleep(0)
        origin.lives[0].send(*PARTS[1:], None)
        assert len(await reading) > 10_000_000
        if events:
            told = (await text_of(slow)).split(b"\n\n")
            assert json.loads(told[-2].removeprefix(b"data: "))["error"]["code"] == "too_slow"
        else:
            with pytest.raises(UpstreamError, match="too slowly"):
                await text_of(slow)
        assert slow_call.metered.error == "too_slow"

    run(main())


def test_who_leaves_while_the_answer_is_being_kept_does_not_undo_it() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        first = await asking(step, origin)
        live, store_goes_on = origin.lives[0], asyncio.Event()
        kept = live.ended
        assert kept is not None

        async def keeping() -> None:
            origin.calls[0].answered = True
            await store_goes_on.wait()
            await kept()

        live.ended = keeping
        live.send(*PARTS, None)
        await turns()
        first.close()
        store_goes_on.set()
        await until(lambda: step.in_flight == 0)
        again = call_of(STREAM)
        assert (await text_of(await step.answer(again, origin))).endswith(DONE)
        assert again.metered.cache == "hit"

    run(main())


def test_look_that_is_under_way_when_an_answer_comes_in_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes its time may say that there is nothing after the answer has come and gone into it."""

    async def main() -> None:
        step = stage()
        origin = Origin(step)
        looked, go_on = asyncio.Event(), asyncio.Event()
        cache = step.cache
        aget = cache.aget

        async def slow(asked: Any) -> Any:
            found = await aget(asked)
            looked.set()
            await go_on.wait()
            return found

        monkeypatch.setattr(cache, "aget", slow)
        second = asking(step, origin, BODY)
        await looked.wait()
        monkeypatch.setattr(cache, "aget", aget)
        await (await asyncio.gather(asking(step, origin, BODY)))[0].pieces().aclose()  # type: ignore[attr-defined]
        go_on.set()
        assert (await second).body == answer()
        assert len(origin.calls) == 1

    run(main())


def test_end_of_the_stage_ends_its_calls() -> None:
    async def main() -> None:
        step = stage()
        origin = Origin(step)
        origin.gate.clear()
        tasks = [asking(step, origin, BODY) for _ in range(3)]
        await turns()
        await step.aclose()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [each.status for each in errors if isinstance(each, GatewayError)] == [503] * 3
        assert origin.cancelled == 1

    run(main())
