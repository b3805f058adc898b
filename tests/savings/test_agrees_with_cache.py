"""The simulation against the cache itself: the same calls, put to a real `ResponseCache` with the clock of the log."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from llmopt.cost.calls import Call, read_calls
from llmopt.savings.caching import simulate
from llmopt.serving.cache import CacheRequest, MemoryStore, Reply, ResponseCache
from llmopt.serving.cache.entry import Found
from tests.conftest import ROOT

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


def asked(call: Call) -> CacheRequest:
    assert call.request is not None
    return CacheRequest.of(call.request, upstream=call.provider or "", tenant=call.groups["team"] or "")


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample log as if every answer had been there at once."""
    records = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    path = tmp_path_factory.mktemp("log") / "support.jsonl"
    for record in records:
        del record["latency_s"]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.mark.parametrize("ttl_s", [60.0, HOUR, 24 * HOUR, 168 * HOUR])
@pytest.mark.parametrize("size_bytes", [10_000_000, 8_000, 2_000])
def test_it_hits_what_the_cache_hits(at_once: Path, ttl_s: float, size_bytes: int) -> None:
    counts = found_by_cache(at_once, ttl_s, size_bytes)
    simulated = simulate(at_once, ttls_s=(ttl_s,), sizes_bytes=(size_bytes,))
    assert simulated.settings[0].hits == counts[Found.HIT]
    assert simulated.simulated == counts[Found.HIT] + counts[Found.MISS]
    assert simulated.requests - simulated.simulated == counts[Found.BYPASS]
