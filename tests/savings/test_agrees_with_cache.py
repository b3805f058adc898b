"""The simulation against the cache itself: the same calls, put to a real `ResponseCache` with the clock of the log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from random import Random

import pytest

from llmopt.cost.calls import Call, read_calls
from llmopt.savings.caching import simulate
from llmopt.serving.cache import CacheRequest, MemoryStore, Reply, ResponseCache
from llmopt.serving.cache.entry import Found
from tests.conftest import ROOT
from tests.savings.logs import asked as body
from tests.savings.logs import record, written

SAMPLE = ROOT / "samples" / "caching" / "support.jsonl"
HOUR = 3600.0


def found_by_cache(path: Path, ttl_s: float, size_bytes: int) -> Counter[Found]:
    """Ask a real cache what the log asked, when it asked it."""
    now = 0.0
    counts: Counter[Found] = Counter()
    with ResponseCache(MemoryStore(size_bytes), ttl=ttl_s, jitter=0.0, clock=lambda: now) as cache:
        for call in read_calls(path, lambda call: call).taken:
            assert call.at is not None
            now = call.at.timestamp()
            answer = partial(Reply, (call.response or "").encode())
            counts[cache.get_or_call(asked(call), answer).found] += 1
    return counts


async def found_as_time_goes_by(path: Path, ttl_s: float) -> Counter[Found]:
    """Ask a real cache what the log asked, when it asked it; answers come when they came, also to those who wait."""
    now, waiting = 0.0, list[tuple[float, int, Call | asyncio.Event]]()
    for number, call in enumerate(read_calls(path, lambda call: call).taken):
        assert call.at is not None
        waiting.append((call.at.timestamp(), number, call))

    async def answered(call: Call) -> Reply:
        come = asyncio.Event()
        heappush(waiting, (round(now + (call.latency_s or 0), 6), -1 - next(numbers), come))
        await come.wait()
        return Reply((call.response or "").encode())

    numbers, tasks = iter(range(len(waiting))), []
    async with ResponseCache(MemoryStore(), ttl=ttl_s, jitter=0.0, clock=lambda: now) as cache:
        while waiting:
            now, _, what = heappop(waiting)
            if isinstance(what, Call):
                tasks.append(asyncio.create_task(cache.aget_or_call(asked(what), partial(answered, what))))
            else:
                what.set()
            for _ in range(20):  # until nobody can go on
                await asyncio.sleep(0)
        return Counter([answer.found for answer in await asyncio.gather(*tasks)])


def asked(call: Call) -> CacheRequest:
    assert call.request is not None
    return CacheRequest.of(call.request, upstream=call.provider or "", tenant=call.groups["team"] or "")


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample log as if every answer had been there at once."""
    records = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    path = tmp_path_factory.mktemp("log") / "support.jsonl"
    for each in records:
        del each["latency_s"]
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


@pytest.mark.parametrize("ttl_s", [60.0, HOUR, 24 * HOUR, 168 * HOUR])
@pytest.mark.parametrize("size_bytes", [10_000_000, 8_000, 2_000])
def test_it_hits_what_the_cache_hits(at_once: Path, ttl_s: float, size_bytes: int) -> None:
    counts = found_by_cache(at_once, ttl_s, size_bytes)
    simulated = simulate(at_once, ttls_s=(ttl_s,), sizes_bytes=(size_bytes,))
    assert simulated.settings[0].hits == counts[Found.HIT]
    assert simulated.simulated == counts[Found.HIT] + counts[Found.MISS]
    assert simulated.requests - simulated.simulated == counts[Found.BYPASS]


@pytest.mark.parametrize("ttl_s", [20.0, HOUR, 24 * HOUR])
def test_it_shares_what_the_cache_shares(tmp_path: Path, ttl_s: float) -> None:
    random = Random(7)
    records = [
        record(
            number + random.random() * 5,
            body(random.choice("abc")),
            latency_s=random.choice([0.25, 2, 9]),
            finish=random.choice(["stop", "stop", "length"]),
        )
        for number in range(80)
    ]
    for path in (SAMPLE, written(tmp_path, *records)):
        counts = asyncio.run(found_as_time_goes_by(path, ttl_s))
        setting = simulate(path, ttls_s=(ttl_s,)).settings[0]
        assert (setting.hits, setting.shared) == (counts[Found.HIT], counts[Found.SHARED])
        assert setting.shared
