"""Open-loop load on a model in this process, through the batcher that would serve it.

Each request is sent when it is due, whether or not the ones before it are answered, and its latency counts from then:
a batcher that falls behind cannot hold back the requests that would show it, and a late sender hides nothing
(coordinated omission: Tene, How NOT to Measure Latency, 2013).

Timers of an event loop on epoll are late by up to a millisecond, since it waits in whole ones; one on select waits in
microseconds and needs no thread that spins.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from llmopt.bench.simulate import Overhead
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.stats import median
from llmopt.core.target import Predictor
from llmopt.serving.batching.batcher import AdaptiveBatcher
from llmopt.serving.batching.hooks import BatchDone, Reason
from llmopt.serving.batching.settings import BatchSettings

_LEAD_S = 0.02
"""From the start of the batcher until the first request is due."""
_TRIALS = 40
_TRIAL_S = 0.002
_LAST_S = 1.0
"""How long to wait for word of the last batch; requests that were dropped are never in one."""


def run_load(predictor: Predictor, plan: LoadPlan) -> LoadRun:
    """Serve a plan with an `AdaptiveBatcher` and return what came of it.

    May be called where an event loop runs (a notebook); it blocks until all is done.
    """
    return _outside(_Load(predictor, plan))


def overhead() -> Overhead:
    """Measure what serving takes besides the model, with one that sleeps; takes about a fifth of a second.

    Requests are sent one by one, each when the last is answered, so that a stall of the machine delays only one.
    """
    inside: list[float] = []

    def predict(items: list[Any]) -> list[Any]:
        start = time.perf_counter()
        time.sleep(_TRIAL_S)
        inside.append(time.perf_counter() - start)
        return items

    plan = LoadPlan((0.0,) * _TRIALS, (1,) * _TRIALS, BatchSettings(1))
    run = _outside(_Load(Predictor(predict, lambda length: length, lambda _: 1), plan, one_by_one=True))
    services = [service_s for _, _, service_s in run.batches]
    batch_s = median([whole - own for whole, own in zip(services, inside, strict=True)])
    request_s = median([whole - service for whole, service in zip(run.latencies_s, services, strict=True)])
    return Overhead(max(0.0, batch_s), max(0.0, request_s))


def _outside(load: _Load) -> LoadRun:
    """Run a load in an event loop of its own, in another thread where one runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(load)
    with ThreadPoolExecutor(1, thread_name_prefix="llmopt-load") as worker:
        return worker.submit(_run, load).result()


def _run(load: _Load) -> LoadRun:
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        return runner.run(load.run())


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class _Load:
    """One run of a plan; told of the batches by the batcher."""

    def __init__(self, predictor: Predictor, plan: LoadPlan, *, one_by_one: bool = False) -> None:
        self._predictor, self._plan, self._one_by_one = predictor, plan, one_by_one
        self._items = [predictor.item(length) for length in plan.lengths]
        self._latencies: list[float | None] = [None] * len(self._items)
        self._batches: list[tuple[int, int, float]] = []
        self._noted = 0
        self._told = asyncio.Event()
        if not self._items:
            self._told.set()
        self._late_s = 0.0
        self._last = 0.0

    def batch_done(self, batch: BatchDone) -> None:
        """Take note of a batch."""
        self._batches.append((batch.size, batch.padded_tokens, batch.service_s))
        self._noted += batch.size
        if self._noted >= len(self._items):
            self._told.set()

    def dropped(self, reason: Reason) -> None:
        """Say nothing: the request's own error counts it."""

    async def run(self) -> LoadRun:
        """Send all requests and wait for the answers."""
        plan, predictor = self._plan, self._predictor
        batcher: AdaptiveBatcher[Any, Any] = AdaptiveBatcher.of(
            predictor.predict, plan.settings, max_queue=len(self._items) + 1, length=predictor.length, hooks=self
        )
        async with batcher:
            loop = asyncio.get_running_loop()
            first = loop.time() + _LEAD_S
            await self._send(batcher, loop, first - (plan.arrivals_s[0] if plan.arrivals_s else 0.0))
            # The batcher tells of a batch after its answers.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _LAST_S)
        answered = tuple(latency for latency in self._latencies if latency is not None)
        return LoadRun(
            latencies_s=answered,
            failed=len(self._items) - len(answered),
            elapsed_s=self._last - first if answered else 0.0,
            batches=tuple(self._batches),
            late_s=self._late_s,
        )

    async def _send(self, batcher: AdaptiveBatcher[Any, Any], loop: asyncio.AbstractEventLoop, start: float) -> None:
        """Send each request when it is due, or `_TRIAL_S` after the last answer, and wait for all answers."""
        tasks = []
        for place, arrival_s in enumerate(self._plan.arrivals_s):
            due = loop.time() + _TRIAL_S if self._one_by_one else start + arrival_s
            if loop.time() < due:
                await _until(loop, due)
            self._late_s = max(self._late_s, loop.time() - due)
            tasks.append(loop.create_task(self._ask(batcher, place, due)))
            if self._one_by_one:
                await tasks[-1]
        await asyncio.gather(*tasks)

    async def _ask(self, batcher: AdaptiveBatcher[Any, Any], place: int, due: float) -> None:
        try:
            await batcher.predict(self._items[place])
        except Exception:  # noqa: BLE001 - whatever a model raises is a failed request, which is counted
            return
        self._last = asyncio.get_running_loop().time()
        self._latencies[place] = self._last - due


async def _until(loop: asyncio.AbstractEventLoop, due: float) -> None:
    """Wait until an instant of the loop's clock."""
    woken: asyncio.Future[None] = loop.create_future()
    loop.call_at(due, woken.set_result, None)
    await woken
