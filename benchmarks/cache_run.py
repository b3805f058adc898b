"""What the cache benchmark measures of llmopt: each store alone, the whole cache, flights, many at once, hit rates."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, perf_counter_ns
from typing import Any

from benchmarks.cache_load import Figures, bodies, keys, loaded
from llmopt.serving.cache import CacheRequest, MemoryStore, ResponseCache, SqliteStore, request_key
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.store import Store

NOW_S, EXPIRES_S = 1_000.0, 90_000.0


def store_figures(store: Store, count: int, size: int, seed: int) -> Figures:
    """Run the load on a store: what `get` returns is the whole answer, checked and ready."""

    def put(key: str, body: bytes) -> None:
        store.set(key, Entry(body, "acme", "gpt-4o-mini", NOW_S, EXPIRES_S, "0.0004"))

    def get(key: str) -> Entry | None:
        return store.get(key, NOW_S)

    try:
        return loaded(keys(count), bodies(count, size), put, get, store.flush, seed)
    finally:
        store.close()


def raw_redis(url: str, count: int, size: int, seed: int) -> Figures:
    """Run the load on redis-py alone."""
    import redis

    client = redis.Redis.from_url(url)
    client.flushall()
    try:
        return loaded(
            keys(count),
            bodies(count, size),
            lambda key, body: client.set(key, body, px=86_400_000),
            client.get,
            lambda: None,
            seed,
        )
    finally:
        client.flushall()
        client.close()


def asked(number: int, size: int) -> dict[str, Any]:
    """Return a request of about a size."""
    words = Random(number).choices(("please", "compare", "these", "two", "texts", "and", "say", "why"), k=size // 5)
    messages = [
        {"role": "system", "content": "You answer briefly."},
        {"role": "user", "content": f"{number} {' '.join(words)}"[: size - 200]},
    ]
    return {"model": "gpt-4o-mini", "temperature": 0, "messages": messages, "max_tokens": 200, "user": "u1"}


def whole(store: Store, count: int, size: int) -> Figures:
    """Return microseconds of a key, and of a hit from the decoded request to the answer, key included."""
    requests = [asked(number, size) for number in range(count)]
    answers = bodies(count, size)
    key_us = median(_timed(lambda each: request_key(each, tenant="acme"), requests)) / 1e3
    with ResponseCache(store) as cache:
        for request, answer in zip(requests, answers, strict=True):
            cache.set(CacheRequest.of(request, tenant="acme"), answer)
        store.flush()
        times = _timed(lambda each: cache.get(CacheRequest.of(each, tenant="acme")), requests)
        hits = cache.counts().hits
    return {"key_us": key_us, "hit_us": median(times) / 1e3, "hits": hits, "asked": count}


def flights(store: Store, callers: int) -> Figures:
    """Return how often a model is called for identical concurrent requests, in an event loop and in threads."""
    body = asked(0, 2_000)
    answer = bodies(1, 2_000)[0]
    calls = {"loop": 0, "threads": 0}

    async def in_loop() -> float:
        async def call() -> bytes:
            calls["loop"] += 1
            await asyncio.sleep(0.05)
            return answer

        request = CacheRequest.of(body, tenant="loop")
        began = perf_counter()
        await asyncio.gather(*(cache.aget_or_call(request, call) for _ in range(callers)))
        return perf_counter() - began

    def call() -> bytes:
        calls["threads"] += 1
        threading.Event().wait(0.05)
        return answer

    cache = ResponseCache(store)
    loop_s = asyncio.run(in_loop())
    request = CacheRequest.of(body, tenant="threads")
    threads = [threading.Thread(target=cache.get_or_call, args=(request, call)) for _ in range(callers)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {"callers": callers, "calls": calls, "loop_s": loop_s, "threads_s": perf_counter() - began}
    cache.close()
    return found


def at_once(url: str, callers: int, rounds: int) -> Figures:
    """Return misses and errors of many concurrent reads of a server, in an event loop."""
    from llmopt.serving.cache import RedisStore

    async def run() -> Figures:
        store = RedisStore(url)
        await store.aset("a", Entry(b"x" * 2_000, "acme", "m", NOW_S, NOW_S + 86_400))
        began, missed = perf_counter(), 0
        for _ in range(rounds):
            missed += sum(
                one is None for one in await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(callers)))
            )
        per_s = callers * rounds / (perf_counter() - began)
        errors = store.stats(NOW_S).errors
        await store.aclose()
        return {"callers": callers, "reads_per_s": per_s, "missed": missed, "errors": errors}

    return asyncio.run(run())


def processes(path: Path, workers: int, count: int, size: int) -> Figures:
    """Return reads a second of several processes on one file, while another one writes to it."""
    store = SqliteStore(path)
    store_names, values = keys(count), bodies(count, size)
    for name, body in zip(store_names, values, strict=True):
        store.set(name, Entry(body, "acme", "m", NOW_S, EXPIRES_S))
    store.flush()
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        jobs = [pool.apply_async(_read, (path, count, seed)) for seed in range(workers)]
        written = 0
        while not all(job.ready() for job in jobs):
            store.set(f"more {written}", Entry(values[written % count], "acme", "m", NOW_S, EXPIRES_S))
            written += 1
            threading.Event().wait(0.001)
        found = [job.get() for job in jobs]
    store.close()
    return {
        "workers": workers,
        "reads_per_s": sum(rate for rate, _ in found),
        "missed": sum(missed for _, missed in found),
        "written_meanwhile": written,
    }


def hit_rates(folder: Path, requests: int, distinct: int, share: float) -> Figures:
    """Return hit rates on requests of a Zipf law, of stores that hold a share of all answers: exact LRU and SQLite."""
    weights = list(accumulate(1 / (rank + 1) ** 0.9 for rank in range(distinct)))
    order = Random(1).choices(range(distinct), cum_weights=weights, k=requests)
    bound = int(distinct * share) * 1_000
    stores = {"lru": MemoryStore(bound), "sqlite": SqliteStore(folder / "zipf.db", max_bytes=bound)}
    found: Figures = {"requests": requests, "distinct": distinct, "share_held": share}
    for name, store in stores.items():
        hits = kept = 0
        for number in order:
            if store.get(f"{number}", NOW_S) is None:
                store.set(f"{number}", Entry(b"x" * 1_000, "acme", "m", NOW_S, EXPIRES_S))
                kept += 1
                if kept % 8 == 0:  # a model takes its time: what waits to be written must not add to the room
                    store.flush()
            else:
                hits += 1
        found[name] = hits / requests
        store.close()
    return found


def _read(path: Path, count: int, seed: int) -> tuple[float, int]:
    store = SqliteStore(path)
    names = keys(count)
    Random(seed).shuffle(names)
    began = perf_counter()
    missed = sum(store.get(name, NOW_S) is None for _ in range(3) for name in names)
    per_s = 3 * count / (perf_counter() - began)
    store.close()
    return per_s, missed


def _timed(work: Callable[[Any], object], over: list[dict[str, Any]]) -> list[int]:
    """Return nanoseconds of each, of the second of two passes."""
    times: list[int] = []
    for _ in range(2):
        times = []
        for each in over:
            began = perf_counter_ns()
            work(each)
            times.append(perf_counter_ns() - began)
    return times
