"""The response cache over a plain store: what is looked up, kept, shared and refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

import llmopt.serving.cache
from llmopt.errors import InputError, PricingError, UsageError
from llmopt.serving.cache import Answer, CacheRequest, Found, Refused, Reply, ResponseCache, replayed, request_key
from tests.serving.cache.plain_store import PlainStore
from tests.serving.virtual import run

NOW_S = 1_000_000.0
BODY = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "Where is Ulm?"}]}
SAMPLED = {**BODY, "temperature": 1}


def chat(text: str | None = "In Germany.", finish: str = "stop") -> dict[str, Any]:
    """A whole answer of a chat model."""
    message = {"role": "assistant", "content": text}
    return {
        "object": "chat.completion",
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


class Model:
    """Counts how often it is asked; its answers tell which they are."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.calls = 0
        self._reply = reply

    def __call__(self) -> Any:
        self.calls += 1
        return self._reply or chat(f"answer {self.calls}")

    async def soon(self) -> Any:
        return self()

    async def slowly(self) -> Any:
        await asyncio.sleep(1)
        return self()


Ask = Callable[[Any, Model], Answer]


def made(store: PlainStore | None = None, **options: Any) -> tuple[ResponseCache, Clock]:
    clock = Clock()
    options = {"ttl": 100, "chance": lambda: 0.5, **options}
    return ResponseCache(store if store is not None else PlainStore(), clock=clock, **options), clock


def asker(cache: ResponseCache, *, asynchronous: bool, real: bool = False) -> Ask:
    """Both ways to ask, as one function; in a real event loop, or in one whose clock jumps."""
    if not asynchronous:
        return lambda request, model: cache.get_or_call(request, model)
    if real:
        return lambda request, model: asyncio.run(_awaited(cache.aget_or_call(request, model.soon)))
    return lambda request, model: run(_awaited(cache.aget_or_call(request, model.slowly)))


async def _awaited(answer: Awaitable[Answer]) -> Answer:
    return await answer


def text(answer: Answer | None) -> str | None:
    return None if answer is None else json.loads(answer.body)["choices"][0]["message"]["content"]


both = pytest.mark.parametrize("asynchronous", [False, True])


@both
def test_what_was_asked_before_is_not_asked_again(asynchronous: bool) -> None:
    cache, clock = made()
    ask, model = asker(cache, asynchronous=asynchronous), Model()
    first = ask(BODY, model)
    clock.now_s += 30
    second = ask({**BODY, "temperature": 0.0, "metadata": {"run": 7}}, model)
    assert (text(first), first.found, first.age_s) == ("answer 1", Found.MISS, 0)
    assert (text(second), second.found, second.age_s) == ("answer 1", Found.HIT, 30)
    assert first.key == second.key == request_key(BODY, endpoint="/v1/chat/completions", upstream="", tenant="")
    assert model.calls == 1
    counts = cache.counts()
    assert (counts.misses, counts.hits, counts.stored, counts.bypassed) == (1, 1, 1, 0)


def test_get_and_set_both_ways() -> None:
    cache, _ = made()
    assert cache.get(BODY) is None
    assert cache.set(BODY, chat("set")) is None
    assert text(cache.get(BODY)) == "set"
    assert run(cache.aset(BODY, chat("aset"))) is None
    assert text(run(cache.aget(BODY))) == "aset"
    assert (cache.counts().misses, cache.counts().hits, cache.counts().stored) == (1, 2, 2)
    cache.set(BODY, chat("paid"), usd=Decimal("0.00000012"))
    paid = cache.get(BODY)
    assert paid is not None
    assert paid.usd == "0.00000012"


@both
def test_an_answer_expires_a_little_sooner_than_the_ttl(asynchronous: bool) -> None:
    cache, clock = made(ttl=timedelta(seconds=100), jitter=0.2)  # chance 0.5: 90 s
    ask, model = asker(cache, asynchronous=asynchronous), Model()
    ask(BODY, model)
    clock.now_s += 89.9
    assert ask(BODY, model).found is Found.HIT
    clock.now_s += 0.1
    assert ask(BODY, model).found is Found.MISS
    assert model.calls == 2


@both
def test_an_empty_answer_is_an_answer(asynchronous: bool) -> None:
    cache, _ = made()
    model = Model(Reply(json.dumps(chat("")).encode()))
    ask = asker(cache, asynchronous=asynchronous)
    ask(BODY, model)
    assert ask(BODY, model).found is Found.HIT
    assert text(cache.get(BODY)) == ""


@both
def test_a_request_that_samples_is_passed_on_each_time(asynchronous: bool) -> None:
    store = PlainStore()
    cache, _ = made(store)
    ask, model = asker(cache, asynchronous=asynchronous), Model()
    answers = [ask(SAMPLED, model) for _ in range(3)]
    assert [text(answer) for answer in answers] == ["answer 1", "answer 2", "answer 3"]
    assert {answer.found for answer in answers} == {Found.BYPASS}
    assert (cache.get(SAMPLED), run(cache.aget(SAMPLED))) == (None, None)
    assert (store.reads, store.entries) == (0, {})
    assert cache.set(SAMPLED, chat()) is Refused.SAMPLED
    assert cache.counts().refused == {"sampled": 1}


def test_requests_that_sample_are_not_shared() -> None:
    cache, _ = made()
    model = Model()

    async def main() -> list[Answer]:
        return await asyncio.gather(*(cache.aget_or_call(SAMPLED, model.slowly) for _ in range(20)))

    assert {answer.found for answer in run(main())} == {Found.BYPASS}
    assert model.calls == 20


@both
@pytest.mark.parametrize("way", ["cache", "request"])
def test_who_opts_in_gets_a_sampled_answer_again(asynchronous: bool, way: str) -> None:
    cache, _ = made(cache_sampled=way == "cache")
    request = CacheRequest.of(SAMPLED, opt_in=way == "request")
    ask, model = asker(cache, asynchronous=asynchronous), Model()
    assert [ask(request, model).found for _ in range(2)] == [Found.MISS, Found.HIT]


def test_500_at_once_reach_the_model_once_whoever_is_cancelled() -> None:
    cache, _ = made()
    model = Model()

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(cache.aget_or_call(BODY, model.slowly)) for _ in range(500)]
        await asyncio.sleep(0.5)
        assert cache.in_flight == 1
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert {(text(answer), answer.found) for answer in others} == {("answer 1", Found.SHARED)}
    assert (model.calls, cache.in_flight) == (1, 0)
    assert text(cache.get(BODY)) == "answer 1"  # kept, though the one who began is gone
    assert cache.counts().shared == 499


def test_who_looked_before_an_answer_came_and_asks_after_it_does_not_ask_the_model() -> None:
    class Slow(PlainStore):
        async def aget(self, key: str, now_s: float) -> Any:
            found = self.get(key, now_s)
            await asyncio.sleep(2 if self.reads > 1 else 0)
            return found

    cache, _ = made(Slow())
    model = Model()

    async def main() -> list[Answer]:
        return await asyncio.gather(*(cache.aget_or_call(BODY, model.slowly) for _ in range(3)))

    answers = run(main())
    assert model.calls == 1
    assert [answer.found for answer in answers] == [Found.MISS, Found.HIT, Found.HIT]


@both
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b'{"error":{"message":"overloaded"}}', 503), "status"),
        (replace(Reply(json.dumps(chat("cut", "length")).encode())), "cut"),
        (Reply(json.dumps(chat()).encode(), complete=False), "incomplete"),
        (Reply(json.dumps(chat()).encode(), cache_control="no-store"), "no-store"),
        (Reply(json.dumps(chat()).encode(), cache_control="max-age=0"), "expired"),
    ],
)
def test_what_is_not_whole_is_handed_on_and_not_kept(asynchronous: bool, reply: Reply, reason: str) -> None:
    store = PlainStore()
    cache, _ = made(store)
    ask, model = asker(cache, asynchronous=asynchronous), Model(reply)
    answers = [ask(BODY, model) for _ in range(2)]
    assert [(answer.status, answer.body, answer.found) for answer in answers] == [
        (reply.status, reply.body, Found.MISS)
    ] * 2
    assert (model.calls, store.entries, cache.counts().refused) == (2, {}, {reason: 2})


@both
def test_the_answer_says_how_long_it_may_be_kept(asynchronous: bool) -> None:
    cache, clock = made(jitter=0)
    ask = asker(cache, asynchronous=asynchronous)
    ask(BODY, Model(Reply(json.dumps(chat()).encode(), cache_control="max-age=10")))
    clock.now_s += 9
    assert cache.get(BODY) is not None
    clock.now_s += 1
    assert cache.get(BODY) is None


@both
def test_a_failing_call_is_not_kept_and_the_next_one_asks_anew(asynchronous: bool) -> None:
    cache, _ = made()
    ask = asker(cache, asynchronous=asynchronous)

    class Broken(Model):
        def __call__(self) -> Any:
            raise ConnectionError("no route")

    with pytest.raises(ConnectionError, match="no route"):
        ask(BODY, Broken())
    assert (text(ask(BODY, Model())), cache.counts().failed) == ("answer 1", 1)


@both
def test_cache_control_of_the_request(asynchronous: bool) -> None:
    store = PlainStore()
    cache, clock = made(store)
    ask, model = asker(cache, asynchronous=asynchronous), Model()

    def asking(control: str) -> tuple[str | None, Found]:
        answer = ask(CacheRequest.of(BODY, cache_control=control), model)
        return text(answer), answer.found

    assert asking("no-store") == ("answer 1", Found.BYPASS)
    assert (store.reads, store.entries) == (0, {})
    assert asking("") == ("answer 2", Found.MISS)
    clock.now_s += 20
    assert asking("max-age=30") == ("answer 2", Found.HIT)
    assert asking("only-if-cached") == ("answer 2", Found.HIT)
    assert asking("no-cache") == ("answer 3", Found.MISS)
    assert asking("") == ("answer 3", Found.HIT)
    clock.now_s += 20
    assert asking("max-age=10") == ("answer 4", Found.MISS)
    assert cache.get(CacheRequest.of(BODY, cache_control="no-cache")) is None


@both
@pytest.mark.parametrize("body", [BODY, SAMPLED])
def test_only_if_cached_never_asks_the_model(asynchronous: bool, body: dict[str, Any]) -> None:
    cache, _ = made()
    model = Model()
    answer = asker(cache, asynchronous=asynchronous)(CacheRequest.of(body, cache_control="only-if-cached"), model)
    assert (answer.status, model.calls) == (504, 0)
    assert json.loads(answer.body)["error"]["code"] == "only_if_cached"


@both
def test_nobody_gets_the_answer_of_another_tenant(asynchronous: bool) -> None:
    store = PlainStore()
    cache, _ = made(store)
    ask, model = asker(cache, asynchronous=asynchronous), Model()
    ours, theirs = (CacheRequest.of(BODY, tenant=tenant) for tenant in ("acme", "bolt"))
    assert [text(ask(request, model)) for request in (ours, theirs, ours, theirs)] == [
        "answer 1",
        "answer 2",
        "answer 1",
        "answer 2",
    ]
    store.entries[theirs.key] = store.entries[ours.key]  # a store that mixes them up
    assert cache.get(theirs) is None
    assert text(ask(theirs, model)) == "answer 3"


def test_tenants_do_not_share_a_call_either() -> None:
    cache, _ = made()
    model = Model()
    stolen = replace(CacheRequest.of(BODY, tenant="bolt"), key=CacheRequest.of(BODY, tenant="acme").key)

    async def main() -> list[Answer]:
        requests = [CacheRequest.of(BODY, tenant="acme"), CacheRequest.of(BODY, tenant="bolt"), stolen]
        return await asyncio.gather(*(cache.aget_or_call(request, model.slowly) for request in requests))

    assert {text(answer) for answer in run(main())} == {"answer 1", "answer 2", "answer 3"}


def test_what_a_call_cost_is_kept_with_the_answer() -> None:
    store = PlainStore()

    def price(request: CacheRequest, reply: Reply) -> Decimal | None:
        if request.tenant == "nobody":
            raise PricingError("no price")
        return Decimal("1E-5")

    cache, _ = made(store, price=price)
    for tenant in ("acme", "nobody"):
        cache.get_or_call(CacheRequest.of(BODY, tenant=tenant), chat)
    cache.set(CacheRequest.of(BODY, tenant="said"), chat(), usd=Decimal("0.25"))
    assert {entry.tenant: entry.usd for entry in store.entries.values()} == {
        "acme": "0.00001",
        "nobody": "",
        "said": "0.25",
    }
    assert {entry.model for entry in store.entries.values()} == {"gpt-4o"}


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_counts_on_though_a_thread_was_counting() -> None:
    cache, _ = made()
    cache.set(BODY, chat())
    counting: Any = cache._tally
    with counting._lock:
        child = os.fork()
        if not child:
            os._exit(7 if cache.get(BODY) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_purge_and_close_reach_the_store() -> None:
    store = PlainStore()
    with made(store)[0] as cache:
        for tenant in ("acme", "bolt"):
            cache.set(CacheRequest.of(BODY, tenant=tenant), chat())
        assert cache.purge(tenant="acme") == 1
        assert cache.purge(model="gpt-4o") == 1
    assert store.closed == 1

    async def main() -> None:
        async with made(store)[0]:
            pass

    run(main())
    assert store.closed == 2


def test_the_package_gives_its_names_and_no_others() -> None:
    assert {name for name in dir(llmopt.serving.cache) if not name.startswith("_")} >= set(llmopt.serving.cache.__all__)
    for name in llmopt.serving.cache.__all__:
        assert getattr(llmopt.serving.cache, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        assert llmopt.serving.cache.nothing


@pytest.mark.parametrize("options", [{"ttl": 0}, {"ttl": float("nan")}, {"ttl": timedelta(-1)}, {"jitter": 1.0}])
def test_settings_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        made(**options)


def test_an_answer_of_the_openai_client_is_kept_as_it_is() -> None:
    completion = ChatCompletion.model_validate({"id": "x", "created": 7, **chat("from a client")})
    cache, _ = made()
    assert cache.get_or_call(BODY, lambda: completion).found is Found.MISS
    answer = cache.get_or_call(BODY, lambda: completion)
    assert answer.found is Found.HIT
    assert ChatCompletion.model_validate_json(answer.body) == completion


@both
@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_as_it_came_is_kept_as_the_whole_answer(asynchronous: bool, whole: bool) -> None:
    frames = replayed(json.dumps({"id": "x", "created": 7, **chat("in parts")}).encode())
    assert frames is not None
    raw = b"".join(frames if whole else frames[:-2])

    class Streaming(Model):
        def __call__(self) -> Any:
            self.calls += 1
            return raw

    cache, _ = made()
    ask, model = asker(cache, asynchronous=asynchronous), Streaming()
    answers = [ask({**BODY, "stream": asked}, model) for asked in (True, False)]
    if whole:
        assert [text(answer) for answer in answers] == ["in parts"] * 2
        assert (answers[1].found, model.calls) == (Found.HIT, 1)
    else:
        assert [answer.body for answer in answers] == [raw] * 2
        assert (model.calls, cache.counts().refused) == (2, {"incomplete": 2})


def test_requests_and_answers_that_make_no_sense() -> None:
    cache, _ = made()
    with pytest.raises(InputError):
        cache.get(b"[1, 2]")
    with pytest.raises(UsageError, match="cannot be a int"):
        cache.get_or_call(BODY, lambda: 1)  # type: ignore[arg-type, return-value]
    with pytest.raises(UsageError, match="no JSON"):
        cache.get_or_call(BODY, lambda: {"choices": object()})
    with pytest.raises(UsageError, match="async"):
        cache.get_or_call(BODY, Model().slowly)  # type: ignore[arg-type]
    assert cache.in_flight == 0
    assert cache.get_or_call(BODY, lambda: json.dumps(chat())).found is Found.MISS
    assert cache.get_or_call(json.dumps(BODY), lambda: b"").found is Found.HIT
