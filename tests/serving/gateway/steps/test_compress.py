"""Compression on the way: what gets shorter, what stays, and that no request fails for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.prompts.api import compress
from llmopt.prompts.texts import compressed_texts
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.steps import compress as module
from llmopt.serving.gateway.steps.compress import CompressStep
from llmopt.serving.gateway.values import Api
from llmopt.tokens.api import count_tokens
from tests.serving.gateway.upstreams.asked import call_of

LOOSE = 'Look at this:\n\n\n\n{\n    "name":   "Ada",\n    "year":   1815\n}\n\n\n\nWhat   is it about?   '
TIGHT = compress(LOOSE, level="safe").text


def body_of(*texts: Any, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text} for text in texts], **more}


def compressed(*calls: Call, level: str = "safe", patience_s: float = 60.0) -> list[dict[str, Any]]:
    async def main() -> None:
        step = CompressStep(level, patience_s=patience_s)
        for call in calls:
            await step.apply(call)
        await step.close()

    asyncio.run(main())
    return [sent(call) for call in calls]


def sent(call: Call) -> dict[str, Any]:
    assert call.outgoing is not None
    assert isinstance(call.outgoing.body, bytes)
    found = json.loads(call.outgoing.body)
    assert isinstance(found, dict)
    return found


def test_texts_get_shorter_and_nothing_else_changes() -> None:
    more = {"temperature": 0.10, "seed": 2**70, "stop": ["  \n\n\n  " * 9], "tools": [{"description": LOOSE}]}
    call = call_of(body_of(LOOSE, **more))
    assert compressed(call) == [body_of(TIGHT, **more)]
    exact = count_tokens(LOOSE).tokens - count_tokens(TIGHT).tokens
    assert call.metered.compressed_tokens == pytest.approx(exact, abs=4)
    assert json.loads(call.incoming.body) == body_of(LOOSE, **more)


def test_the_model_of_a_route_stays() -> None:
    call = call_of(body_of(LOOSE))
    assert call.outgoing is not None
    call.body = {**call.body, "model": "another"}  # what the client asked; the request that goes out was routed
    assert compressed(call) == [body_of(TIGHT)]


def test_a_conversation_keeps_its_beginning() -> None:
    first, second = call_of(body_of(LOOSE)), call_of(body_of(LOOSE, "And   this?\n\n\n\n\n" + LOOSE))
    one, two = compressed(first, second)
    assert two["messages"][0] == one["messages"][0]
    assert two["messages"][1]["content"] != second.body["messages"][1]["content"]


def test_another_step_makes_the_same_of_a_text() -> None:
    assert compressed(call_of(body_of(LOOSE))) == compressed(call_of(body_of(LOOSE)))


def test_what_is_marked_as_cached_stays_and_all_before_it() -> None:
    marked = [{"type": "text", "text": LOOSE, "cache_control": {"type": "ephemeral"}}]
    body = body_of(LOOSE, marked, LOOSE, system=LOOSE, max_tokens=9)
    assert compressed(call_of(body, api=Api.MESSAGES)) == [body_of(LOOSE, marked, TIGHT, system=LOOSE, max_tokens=9)]


def test_answers_of_the_model_are_not_reworded() -> None:
    wordy = "It is important to note that, in order to help you, please be so kind as to read this."
    turns = [{"role": role, "content": wordy} for role in ("assistant", "user")]
    found = compressed(call_of({"model": "m", "messages": turns}), level="aggressive")
    assert found[0]["messages"][0] == turns[0]
    assert len(found[0]["messages"][1]["content"]) < len(wordy)


@pytest.mark.parametrize("api", [Api.EMBEDDINGS, Api.OTHER])
def test_an_embedding_is_of_the_text_as_it_is(api: Api) -> None:
    assert compressed(call_of({"model": "m", "input": LOOSE}, api=api)) == [{"model": "m", "input": LOOSE}]


def test_long_texts_are_compressed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = _watched(monkeypatch)
    long = "\n\n\n\n".join(f"{number}. {LOOSE}" for number in range(40))
    found = compressed(call_of(body_of(LOOSE)), call_of(body_of(long)))
    assert len(found[1]["messages"][0]["content"]) < len(long)
    assert [thread is threading.main_thread() for thread in threads] == [True, True, False]


def test_what_takes_too_long_is_sent_as_it_is_and_so_again(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    long = LOOSE * 30
    _slowed(
        monkeypatch, lambda: release.wait(30) if threading.current_thread() is not threading.main_thread() else None
    )
    step = CompressStep("safe", patience_s=0.01)
    calls = [call_of(body_of(long)), call_of(body_of(long))]

    async def main() -> None:
        await step.apply(calls[0])
        release.set()
        await step.close()
        await step.apply(calls[1])

    asyncio.run(main())
    assert [sent(call) for call in calls] == [body_of(long), body_of(long)]
    assert calls[0].metered.compressed_tokens == 0


def test_no_more_wait_for_the_thread_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 0)
    assert compressed(call_of(body_of(LOOSE * 30))) == [body_of(LOOSE * 30)]


def test_too_much_text_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CHARS", 100)
    assert compressed(call_of(body_of(LOOSE * 3))) == [body_of(LOOSE * 3)]


@pytest.mark.parametrize("error", [RecursionError(), ValueError(), KeyError("x"), UsageError("x")], ids=repr)
def test_a_fault_sends_the_request_as_it_is(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> None:
        raise error

    step = CompressStep("safe")
    _slowed(monkeypatch, fail)
    call = call_of(body_of(LOOSE))
    asyncio.run(step.apply(call))
    assert sent(call) == body_of(LOOSE)


@pytest.mark.parametrize(
    "raw",
    [b'{"model":"m","n":1e999,"messages":[{"role":"user","content":%s}]}', b'{"messages":%s}'],
    ids=["a number beyond floats", "another shape"],
)
def test_a_body_that_cannot_be_written_again_stays(raw: bytes) -> None:
    call = call_of(body_of(LOOSE))
    assert call.outgoing is not None
    body = raw % json.dumps(LOOSE).encode()
    call.outgoing = type(call.outgoing)("POST", "/", (), body, "m", streamed=False)
    asyncio.run(CompressStep("safe").apply(call))
    assert call.outgoing.body == body


def test_a_body_that_is_nested_too_deep_goes_on_as_it_is() -> None:
    call, nested = call_of(body_of(LOOSE)), [LOOSE]
    for _ in range(5000):
        nested = [nested]  # type: ignore[list-item]
    call.body = {**call.body, "input": nested}
    before = call.outgoing
    asyncio.run(CompressStep("safe").apply(call))
    assert call.outgoing is before


def test_half_of_a_surrogate_pair_goes_through() -> None:
    assert compressed(call_of(body_of(LOOSE, "\ud800 x"))) == [body_of(TIGHT, "\ud800 x")]


def test_without_an_event_loop() -> None:
    call = call_of(body_of(LOOSE * 40))
    CompressStep("safe").apply_here(call)
    assert len(sent(call)["messages"][0]["content"]) < len(LOOSE * 40)


def test_no_such_level() -> None:
    with pytest.raises(UsageError, match="no level 'much'"):
        CompressStep("much")


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    threads: list[threading.Thread] = []
    _slowed(monkeypatch, lambda: threads.append(threading.current_thread()))
    return threads


def _slowed(monkeypatch: pytest.MonkeyPatch, first: Callable[[], object]) -> None:
    """Have something done before each text is compressed."""

    def slow(parts: Sequence[Any], options: Any) -> list[Any]:
        first()
        return compressed_texts(parts, options)

    monkeypatch.setattr("llmopt.serving.gateway.steps.compress.compressed_texts", slow)
