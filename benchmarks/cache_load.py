"""The load that every store of the cache benchmark gets; standard library only, so that peers' venvs can run it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter_ns
from typing import Any

Figures = dict[str, Any]


def bodies(count: int, size: int) -> list[bytes]:
    """Return answers of about a size, none like another."""
    found = []
    for number in range(count):
        words = Random(number).choices(("the", "answer", "depends", "on", "what", "was", "asked", "\u00fcber"), k=size)
        text = " ".join(words)[: max(0, size - 200)]
        answer = {
            "id": f"chatcmpl-{number:024}",
            "object": "chat.completion",
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        }
        found.append(json.dumps(answer).encode())
    return found


def keys(count: int) -> list[str]:
    """Return keys as `request_key` makes them."""
    return [f"{Random(-1 - number).getrandbits(256):064x}" for number in range(count)]


def loaded(
    names: Sequence[str],
    values: Sequence[bytes],
    put: Callable[[str, bytes], object],
    get: Callable[[str], object],
    flush: Callable[[], object],
    seed: int,
) -> Figures:
    """Fill a store, then read everything in a random order twice and a missing key as often; microseconds."""
    began = perf_counter_ns()
    for name, value in zip(names, values, strict=True):
        put(name, value)
    flush()
    filled_s = (perf_counter_ns() - began) / 1e9
    order = list(names)
    Random(seed).shuffle(order)
    hits = misses = 0
    times: list[int] = []
    for _ in range(2):
        times = []
        for name in order:
            began = perf_counter_ns()
            found = get(name)
            times.append(perf_counter_ns() - began)
            hits += found is not None
    wrong = 0 if hits == 2 * len(order) else 2 * len(order) - hits
    began = perf_counter_ns()
    for name in order:
        misses += get(name[::-1]) is None
    miss_us = (perf_counter_ns() - began) / 1e3 / len(order)
    times.sort()
    return {
        "hit_us": times[len(times) // 2] / 1e3,
        "hit_p99_us": times[int(len(times) * 0.99)] / 1e3,
        "miss_us": miss_us,
        "kept_per_s": len(names) / filled_s,
        "lost": wrong,
        "ghosts": len(order) - misses,
    }
