"""One batcher under test, run as a process of its own: by this project's Python or by that of a peer's venv.

    python batching_driver.py CONTENDER speed CALLERS REQUESTS
    python batching_driver.py CONTENDER failures

Prints one line of JSON. Only the standard library and the contender are imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

Predict = Callable[[list], list]
Ask = Callable[[object], Awaitable]
Close = Callable[[], Awaitable]
PATIENCE_S = 2.0
"""A caller without an answer after this time hangs."""


async def llmopt(predict: Predict, **options: object) -> tuple[Ask, Close]:
    """Make an AdaptiveBatcher."""
    from llmopt.serving.batching import AdaptiveBatcher

    batcher = AdaptiveBatcher(predict, **options)
    await batcher.start()
    return batcher.predict, batcher.close


async def thread(predict: Predict) -> tuple[Ask, Close]:
    """Make an AdaptiveBatcher that never runs predict on the loop."""
    return await llmopt(predict, inline_below_s=0)


async def roomy(predict: Predict) -> tuple[Ask, Close]:
    """Make an AdaptiveBatcher with room for 5,000."""
    return await llmopt(predict, max_queue=5000)


class Polling:
    """The batcher of the tutorial that this project began with, told again from a description of it.

    Each request that finds no batch at work starts a task, which looks at the list every millisecond until enough wait
    or the time is up, runs the model on the event loop, and hands out the answers as far as they go.
    """

    def __init__(self, predict: Predict, least: int = 1) -> None:
        self.predict, self.least = predict, least
        self.queue: list = []
        self.tasks: set = set()
        self.running = False

    async def ask(self, request: object) -> object:
        """Queue a request, start a task unless a batch runs, wait for the answer."""
        future = asyncio.get_running_loop().create_future()
        self.queue.append((request, future, time.time()))
        if not self.running:
            self.start()
        return await future

    def start(self) -> None:
        """Start the task of a batch."""
        task = asyncio.create_task(self.work())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def work(self) -> None:
        """Run a batch; an error leaves `running` as it is."""
        if self.running or not self.queue:
            return
        self.running = True
        began = time.time()
        while len(self.queue) < self.least and time.time() - began < 0.05:
            await asyncio.sleep(0.001)
        batch, self.queue = self.queue[:32], self.queue[32:]
        answers = await self.model([request for request, _, _ in batch])
        for (_, future, _), answer in zip(batch, answers, strict=False):
            future.set_result(answer)
        self.running = False
        if self.queue:
            self.start()

    async def model(self, requests: list) -> list:
        """Run the model, on the loop."""
        return self.predict(requests)


async def tutorial(predict: Predict, least: int = 1) -> tuple[Ask, None]:
    """Make the tutorial's batcher with its defaults."""
    return Polling(predict, least).ask, None


async def tutorial_min_4(predict: Predict) -> tuple[Ask, None]:
    """Make the tutorial's batcher as it recommends it: four requests at least."""
    return await tutorial(predict, 4)


async def cork(predict: Predict) -> tuple[Ask, Close]:
    """Make BentoML's dispatcher. Its limit on latency is set so that nothing is refused."""
    from bentoml._internal.marshal.dispatcher import CorkDispatcher

    async def batch(requests: list) -> list:
        return predict(list(requests))

    dispatcher = CorkDispatcher(60_000, 32, fallback=lambda: None, get_batch_size=lambda _: 1)
    ask = dispatcher(batch)

    async def close() -> None:
        dispatcher.shutdown()

    return ask, close


async def ray(predict: Predict) -> tuple[Ask, None]:
    """Make Ray Serve's queue, without waiting for a batch to fill; the check of a replica's settings is left out."""
    from ray.serve import batching

    queue = batching._BatchQueue  # noqa: SLF001 - there is no public way without a cluster
    queue._warn_if_max_batch_size_exceeds_max_ongoing_requests = lambda _: None  # noqa: SLF001

    @batching.batch(max_batch_size=32, batch_wait_timeout_s=0.0)
    async def batch(requests: list) -> list:
        return predict(requests)

    return batch, None


CONTENDERS = {make.__name__: make for make in (llmopt, thread, roomy, tutorial, tutorial_min_4, cork, ray)}


async def speed(make: Callable, callers: int, requests: int) -> dict:
    """Return the requests per second of so many callers that each ask again once they have an answer."""
    ask, close = await make(lambda given: given)
    if callers == 1 and make is tutorial_min_4:
        requests = min(requests, 40)  # 50 ms each

    async def caller(count: int) -> None:
        for i in range(count):
            await ask(i)

    async def run(count: int) -> float:
        began = time.perf_counter()
        await asyncio.gather(*[caller(count) for _ in range(callers)])
        return callers * count / (time.perf_counter() - began)

    each = max(1, requests // callers)
    await run(max(each // 4, min(each, 100)))
    found = {"requests_per_s": await run(each)}
    if close:
        await close()
    return found


async def outcomes(ask: Ask, requests: list, cancelled: int | None = None) -> dict:
    """Ask all at once and count what came; the one `cancelled` leaves after a moment."""
    tasks = [asyncio.ensure_future(ask(request)) for request in requests]
    if cancelled is not None:
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        tasks[cancelled].cancel()
    done, hung = await asyncio.wait(tasks, timeout=PATIENCE_S)
    left = [task for i, task in enumerate(tasks) if i != cancelled]
    got = [task.exception() or task.result() for task in left if task in done and not task.cancelled()]
    failed = [type(one).__name__ for one in got if isinstance(one, BaseException)]
    failed += ["CancelledError" for task in left if task.cancelled()]
    found = {"answered": len(left) - len(failed) - len(hung.intersection(left)), "failed": len(failed)}
    found |= {"hung": len(hung.intersection(left)), "errors": sorted(set(failed))}
    right = {task for task, request in zip(tasks, requests, strict=True) if task in done and not task.cancelled()}
    pairs = [(task, request) for task, request in zip(tasks, requests, strict=True) if task in right]
    found["wrong"] = sum(not task.exception() and task.result() != request for task, request in pairs)
    for task in hung:
        task.cancel()
    return found


async def failures(make: Callable) -> dict:
    """Return what came of each row of the failure matrix."""
    broken: dict = {"how": None}

    def predict(requests: list) -> list:
        how = broken["how"]
        if how == "raises" or (how == "poison" and 13 in requests):
            raise ValueError(how)
        if how == "slow":
            time.sleep(0.03)
        return requests[:-1] if how == "short" else requests

    found = {}
    for row, how, count in (("raises", "raises", 8), ("poison", "poison", 32), ("short", "short", 8)):
        ask, _ = await make(predict)
        await asyncio.wait_for(ask(0), PATIENCE_S)
        broken["how"] = how
        found[row] = await outcomes(ask, list(range(count)))
        broken["how"] = None
        found[row]["then"] = (await outcomes(ask, [1]))["answered"]
    ask, _ = await make(predict)
    broken["how"] = "slow"
    found["cancelled"] = await outcomes(ask, list(range(8)), cancelled=3)
    broken["how"] = None
    ask, _ = await make(predict)
    found["queued"] = await outcomes(ask, list(range(5000)))
    found["shutdown"] = await shutdown(make, predict, broken)
    return found


async def shutdown(make: Callable, predict: Predict, broken: dict) -> dict | None:
    """Return what came of work that was queued when the batcher was closed; None where it cannot be closed."""
    ask, close = await make(predict)
    if close is None:
        return None
    broken["how"] = "slow"
    waiting = asyncio.ensure_future(outcomes(ask, list(range(64))))
    await asyncio.sleep(0.005)
    await close()
    return await waiting


def main() -> None:
    """Run what the arguments say."""
    make, what = CONTENDERS[sys.argv[1]], sys.argv[2]
    work = speed(make, int(sys.argv[3]), int(sys.argv[4])) if what == "speed" else failures(make)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *_: None)
    print(json.dumps(loop.run_until_complete(work)), flush=True)
    os._exit(0)  # a peer may have left threads and tasks


if __name__ == "__main__":
    main()
