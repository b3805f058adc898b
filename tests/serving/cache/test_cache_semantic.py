"""How the cache uses its semantic mode: after an exact miss, before the model; `semantic` itself has its own tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from llmopt.serving.cache import Answer, CacheRequest, Found, Reply, ResponseCache
from llmopt.serving.cache.semantic.semantic import Semantic
from tests.serving.cache.plain_store import PlainStore
from tests.serving.cache.test_cache import Ask, Clock, Model, asker, chat, text

both = pytest.mark.parametrize("asynchronous", [False, True])


class Near:
    """Takes all questions of a tenant for the same one."""

    def __init__(self, *, shadow: bool = False) -> None:
        self.shadow = shadow
        self.known: dict[str, str] = {}
        self.agreed: list[bool] = []
        self.forgotten: list[str] = []

    def find(self, request: CacheRequest) -> str | None:
        return self.known.get(request.tenant)

    def learn(self, request: CacheRequest) -> None:
        self.known[request.tenant] = request.key

    def forget(self, key: str) -> None:
        self.forgotten.append(key)

    def compared(self, request: CacheRequest, stored: bytes, own: bytes) -> None:
        self.agreed.append(stored == own)


def asking(question: str, **options: Any) -> CacheRequest:
    messages = [{"role": "user", "content": question}]
    return CacheRequest.of({"model": "m", "temperature": 0, "messages": messages}, **options)


def made(near: Near, *, asynchronous: bool) -> tuple[ResponseCache, PlainStore, Clock, Ask]:
    store, clock = PlainStore(), Clock()
    cache = ResponseCache(store, ttl=100, jitter=0, semantic=cast(Semantic, near), clock=clock)
    # A virtual clock cannot wait for threads, in which texts are compared.
    return cache, store, clock, asker(cache, asynchronous=asynchronous, real=True)


@both
def test_a_question_that_says_the_same_gets_the_answer(asynchronous: bool) -> None:
    near, model = Near(), Model()
    cache, _, clock, ask = made(near, asynchronous=asynchronous)
    assert ask(asking("Where is Ulm?"), model).found is Found.MISS
    clock.now_s += 30
    answer = ask(asking("Where's Ulm?"), model)
    assert (text(answer), answer.found, answer.age_s, answer.status) == ("answer 1", Found.SEMANTIC, 30, 200)
    assert answer.key == asking("Where's Ulm?").key
    assert cache.get(asking("Where's Ulm?")) is None, "only a call looks for what is near"
    assert (model.calls, cache.counts().semantic) == (1, 1)
    assert near.known == {"": asking("Where is Ulm?").key}, "what was served is not learnt"


@both
def test_what_is_near_must_still_be_there_and_good(asynchronous: bool) -> None:
    near, model = Near(), Model()
    _, store, clock, ask = made(near, asynchronous=asynchronous)
    ask(asking("a"), model)
    clock.now_s += 50
    assert ask(asking("b", cache_control="max-age=49"), model).found is Found.MISS
    assert ask(asking("c", cache_control="no-cache"), model).found is Found.MISS
    assert ask(asking("d", cache_control="only-if-cached"), model).found is Found.SEMANTIC
    gone = near.known[""]
    store.entries.clear()
    assert ask(asking("e"), model).found is Found.MISS
    assert near.forgotten == [gone]


@both
def test_a_hit_in_a_store_that_was_there_before_is_learnt(asynchronous: bool) -> None:
    near, model = Near(), Model()
    _, _, _, ask = made(near, asynchronous=asynchronous)
    ask(asking("a"), model)
    near.known.clear()  # a new process, with an index of its own
    assert ask(asking("a"), model).found is Found.HIT
    assert ask(asking("b"), model).found is Found.SEMANTIC
    assert model.calls == 1


def test_who_wants_a_newer_answer_does_not_share_an_old_one() -> None:
    class Slow(PlainStore):
        async def aget(self, key: str, now_s: float) -> Any:
            if key in self.entries:
                await together.wait()
            return self.get(key, now_s)

    near, model, store, clock, together = Near(), Model(), Slow(), Clock(), asyncio.Event()
    cache = ResponseCache(store, ttl=100, semantic=cast(Semantic, near), clock=clock)
    cache.get_or_call(asking("a"), model)
    clock.now_s += 50

    async def main() -> list[Found]:
        requests = [asking("b"), asking("b", cache_control="max-age=10"), asking("b", cache_control="max-age=60")]
        tasks = [asyncio.create_task(cache.aget_or_call(request, model.soon)) for request in requests]
        for _ in range(10):
            await asyncio.sleep(0)
        assert cache.in_flight == 1
        together.set()
        return [(await task).found for task in tasks]

    found = asyncio.run(main())
    assert found[:2] == [Found.SEMANTIC, Found.MISS]
    assert model.calls == 2


@both
def test_an_answer_of_another_tenant_is_never_near(asynchronous: bool) -> None:
    near, model = Near(), Model()
    _, _, _, ask = made(near, asynchronous=asynchronous)
    ask(asking("a", tenant="acme"), model)
    near.known["bolt"] = near.known["acme"]  # an index that mixes them up
    assert ask(asking("b", tenant="bolt"), model).found is Found.MISS
    assert model.calls == 2


@both
def test_shadow_mode_serves_nothing_and_compares(asynchronous: bool) -> None:
    near, model = Near(shadow=True), Model()
    _, _, _, ask = made(near, asynchronous=asynchronous)
    assert [ask(asking(question), model).found for question in "abc"] == [Found.MISS] * 3
    assert ask(asking("a"), model).found is Found.HIT
    assert near.agreed == [False, False]


@both
def test_what_is_not_whole_is_compared_with_nothing(asynchronous: bool) -> None:
    near = Near(shadow=True)
    _, _, _, ask = made(near, asynchronous=asynchronous)
    ask(asking("a"), Model())
    ask(asking("b"), Model(Reply(b"{}", 500)))
    assert near.agreed == []


@both
def test_what_is_set_is_learnt_and_what_is_refused_is_not(asynchronous: bool) -> None:
    near, model = Near(), Model()
    cache, _, _, ask = made(near, asynchronous=asynchronous)
    assert cache.set(asking("a"), chat("cut", "length")) is not None
    assert near.known == {}
    cache.set(asking("a"), chat("set"))
    assert text(ask(asking("b"), model)) == "set"
    assert json.loads(ask(asking("b"), model).body) == chat("set")


@both
def test_near_is_looked_up_alone(asynchronous: bool) -> None:
    def near(cache: ResponseCache, request: CacheRequest) -> Answer | None:
        return asyncio.run(cache.anear(request)) if asynchronous else cache.near(request)

    heard = Near()
    cache, *_ = made(heard, asynchronous=asynchronous)
    assert near(cache, asking("Where's Ulm?")) is None
    cache.set(asking("Where is Ulm?"), chat("here"))
    answer = near(cache, asking("Where's Ulm?"))
    assert answer is not None
    assert (text(answer), answer.found) == ("here", Found.SEMANTIC)
    assert near(cache, asking("Where's Ulm?", cache_control="no-cache")) is None
    assert near(cache, asking("Where's Ulm?", cache_control="no-store")) is None
    assert not cache.takes(asking("Where's Ulm?", cache_control="no-store"))
    assert cache.takes(asking("Where's Ulm?", cache_control="no-cache"))
    heard.shadow = True
    assert near(cache, asking("Where's Ulm?")) is None
    assert near(ResponseCache(PlainStore()), asking("Where's Ulm?")) is None
