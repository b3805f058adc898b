"""The cache beside a dictionary with the rules written out: mixed traffic of tenants, headers, failures and purges."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llmopt.serving.cache import Answer, CacheRequest, Found, MemoryStore, Reply, ResponseCache

TTL_S, JITTER = 100.0, 0.25
CONTROLS = (
    "",
    "",
    "",
    "no-store",
    "no-cache",
    "max-age=0",
    "max-age=30",
    "min-fresh=40",
    "only-if-cached",
    "no-store, only-if-cached",
)
KEPT = "stop"
REPLIES = (
    KEPT,
    KEPT,
    KEPT,
    "length",
    "content_filter",
    "503",
    "no-store",
    "private",
    "max-age=20",
    "cut",
    "not json",
    "raises",
)


@dataclass(frozen=True)
class Known:
    """What the dictionary holds for a request."""

    body: bytes
    stored_at_s: float
    expires_at_s: float


@dataclass(frozen=True)
class Request:
    """A request, as the dictionary tells them apart."""

    tenant: str
    model: str
    temperature: float | None
    question: str

    def of(self, control: str) -> CacheRequest:
        body: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": self.question}]}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        return CacheRequest.of(body, tenant=self.tenant, cache_control=control)


REQUESTS = st.builds(
    Request,
    tenant=st.sampled_from(["acme", "bolt"]),
    model=st.sampled_from(["m", "m", "n"]),
    temperature=st.sampled_from([0, 0, 0.0, 0.0, 1, None]),
    question=st.just("Where is Ulm?"),
)


class Beside(RuleBasedStateMachine):
    """Does everything with both, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s, self.chance, self.asked, self.said = 1_000_000.0, 0.0, 0, b""
        self.cache = ResponseCache(
            MemoryStore(), ttl=TTL_S, jitter=JITTER, clock=lambda: self.now_s, chance=lambda: self.chance
        )
        self.known: dict[Request, Known] = {}
        self.found = dict.fromkeys(Found, 0)

    @rule(
        request=REQUESTS,
        control=st.sampled_from(CONTROLS),
        reply=st.sampled_from(REPLIES),
        awaits=st.booleans(),
        later_s=st.sampled_from([0.0, 0.0, 1.0, 20.0, 31.0, 60.0, 88.0]),
        chance=st.sampled_from([0.0, 0.5, 0.999]),
    )
    def asks(self, request: Request, control: str, reply: str, awaits: bool, later_s: float, chance: float) -> None:
        self.now_s += later_s
        self.chance = chance
        before, usable = self.asked, self._usable(request, control)
        ends = self._ends(request, control, reply, awaits=awaits)
        if usable is not None:
            assert ends == Answer(usable.body, Found.HIT, 200, self.now_s - usable.stored_at_s, request.of("").key)
        elif "only-if-cached" in control:
            assert ends is not None
            assert ends.status == 504
        elif reply == "raises":
            assert ends is None
        else:
            assert ends is not None
            assert (ends.body, ends.found) == (
                self.said,
                Found.MISS if self._cached(request, control) else Found.BYPASS,
            )
            self._learn(request, control, reply)
        assert self.asked - before == int(usable is None and "only-if-cached" not in control)
        if ends is not None:
            self.found[ends.found] += 1

    @rule(request=REQUESTS, control=st.sampled_from(CONTROLS), awaits=st.booleans())
    def gets(self, request: Request, control: str, awaits: bool) -> None:
        asked = request.of(control)
        answer = asyncio.run(self.cache.aget(asked)) if awaits else self.cache.get(asked)
        usable = self._usable(request, control)
        assert (None if answer is None else answer.body) == (None if usable is None else usable.body)
        kind = Found.HIT if usable else Found.MISS if self._cached(request, control) else Found.BYPASS
        self.found[kind] += 1

    @rule(request=REQUESTS, control=st.sampled_from(CONTROLS), reply=st.sampled_from(REPLIES[:-1]))
    def sets(self, request: Request, control: str, reply: str) -> None:
        self.asked += 1  # so that no two answers are the same
        refused = self.cache.set(request.of(control), self._reply(reply))
        kept = self._cached(request, control) and reply in (KEPT, "max-age=20")
        assert (refused is None) == kept
        self._learn(request, control, reply)

    @rule(tenant=st.sampled_from([None, "acme"]), model=st.sampled_from(["m", "n"]))
    def purges(self, tenant: str | None, model: str | None) -> None:
        self.cache.purge(tenant=tenant, model=model)
        for request in list(self.known):
            if tenant in (None, request.tenant) and model in (None, request.model):
                del self.known[request]

    @invariant()
    def counts_agree(self) -> None:
        counts = self.cache.counts()
        assert (counts.hits, counts.misses, counts.bypassed) == tuple(
            self.found[each] for each in (Found.HIT, Found.MISS, Found.BYPASS)
        )
        assert (counts.shared, counts.errors, self.cache.in_flight) == (0, 0, 0)

    def _cached(self, request: Request, control: str) -> bool:
        return request.temperature == 0 and "no-store" not in control

    def _usable(self, request: Request, control: str) -> Known | None:
        known = self.known.get(replace(request, temperature=0))
        if known is None or control in ("no-cache", "max-age=0") or not self._cached(request, control):
            return None
        old = control == "max-age=30" and self.now_s - known.stored_at_s > 30
        left_s = known.expires_at_s - self.now_s
        return None if old or left_s <= 0 or (control == "min-fresh=40" and left_s < 40) else known

    def _learn(self, request: Request, control: str, reply: str) -> None:
        if not self._cached(request, control) or reply not in (KEPT, "max-age=20"):
            return
        for_s = min(TTL_S * (1 - JITTER * self.chance), 20.0 if reply == "max-age=20" else TTL_S)
        self.known[replace(request, temperature=0)] = Known(self.said, self.now_s, self.now_s + for_s)

    def _reply(self, kind: str) -> Reply:
        finish = kind if kind in ("length", "content_filter") else "stop"
        message = {"role": "assistant", "content": "" if self.asked % 2 else f"answer {self.asked}"}
        choice = {"index": 0, "finish_reason": finish, "message": message}
        body = json.dumps({"id": str(self.asked), "choices": [choice]}).encode()
        self.said = body[:-1] if kind == "not json" else body
        control = kind if kind in ("no-store", "private", "max-age=20") else ""
        return Reply(self.said, 503 if kind == "503" else 200, control, complete=kind != "cut")

    def _ends(self, request: Request, control: str, kind: str, *, awaits: bool) -> Answer | None:
        def call() -> Reply:
            self.asked += 1
            if kind == "raises":
                raise ConnectionError
            return self._reply(kind)

        async def acall() -> Reply:
            return call()

        asked = request.of(control)
        try:
            if awaits:
                return asyncio.run(self.cache.aget_or_call(asked, acall))
            return self.cache.get_or_call(asked, call)
        except ConnectionError:
            return None


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
