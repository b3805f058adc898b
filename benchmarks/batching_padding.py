"""Padding on mixed lengths: batches of the oldest 32 against a token budget, in tokens and in a model's seconds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from llmopt.serving.batching.forming import chosen
from llmopt.serving.batching.settings import BatchSettings

FIFO = BatchSettings(32)
BUDGETS = (512, 1024, 2048, 4096)


def lengths(kind: str, count: int, seed: int, most: int) -> list[int]:
    """Return seeded lengths of requests, in tokens."""
    draw = random.Random(f"{seed} {kind}")
    makers: dict[str, Callable[[], float]] = {
        "log-normal": lambda: draw.lognormvariate(3.6, 0.9),
        "log-normal, wide": lambda: draw.lognormvariate(3.6, 1.2),
        "uniform": lambda: draw.randint(1, most),
        "two lengths": lambda: draw.randint(8, 24) if draw.random() < 0.8 else draw.randint(most // 2, most),
    }
    return [min(most, max(1, round(makers[kind]()))) for _ in range(count)]


KINDS = ("log-normal", "log-normal, wide", "uniform", "two lengths")


def batches(given: list[int], settings: BatchSettings, callers: int) -> list[list[int]]:
    """Return the batches that so many callers get, who each ask again once they have an answer."""
    queue, rest, made = given[:callers], given[callers:], []
    while queue:
        taken = chosen(queue, settings)
        made.append([queue[i] for i in taken])
        gone = set(taken)
        queue = [length for i, length in enumerate(queue) if i not in gone] + rest[: len(taken)]
        del rest[: len(taken)]
    return made


def padding(made: list[list[int]]) -> float:
    """Return padded tokens per useful token."""
    return sum(len(batch) * max(batch) for batch in made) / sum(map(sum, made))


def table(count: int, seed: int, most: int, callers: int) -> dict[str, dict[str, float]]:
    """Return the padding of each kind of traffic, by the oldest 32 and by each budget."""
    found = {}
    for kind in KINDS:
        given = lengths(kind, count, seed, most)
        row = {"fifo": padding(batches(given, FIFO, callers))}
        row |= {str(budget): padding(batches(given, BatchSettings(32, 0.0, budget), callers)) for budget in BUDGETS}
        found[kind] = row
    return found


def forming_us(seed: int, most: int) -> float:
    """Return the median microseconds that a decision over a full window takes, on the slowest kind of traffic."""
    settings, worst = BatchSettings(32, 0.0, 1024), 0.0
    for kind in KINDS:
        given = lengths(kind, 128 * 40, seed, most)
        times = []
        for start in range(0, len(given), 128):
            began = time.perf_counter()
            chosen(given[start : start + 128], settings)
            times.append((time.perf_counter() - began) * 1e6)
        worst = max(worst, median(times))
    return worst


def on_model(folder: Path, count: int, seed: int, callers: int, rounds: int) -> dict[str, object]:
    """Return the seconds that a checkpoint takes for the same requests either way, in turn, and the ratio."""
    from llmopt.models.checkpoint import open_model

    model = open_model(folder, device="cpu")
    most = min(model.facts.max_tokens or 256, 256)
    made = lengths("log-normal", count, seed, most)
    ways = {"fifo": batches(made, FIFO, callers), "budget": batches(made, BatchSettings(32, 0.0, 1024), callers)}
    item, predict = model.predictor.item, model.predictor.predict
    work = {way: [[item(length) for length in batch] for batch in found] for way, found in ways.items()}
    raw: dict[str, list[float]] = {way: [] for way in ways}
    for one in work.values():
        predict(one[0])
    for _ in range(rounds):
        for way, found in work.items():
            began = time.perf_counter()
            for batch in found:
                predict(batch)
            raw[way].append(time.perf_counter() - began)
    gains = [fifo / budget for fifo, budget in zip(raw["fifo"], raw["budget"], strict=True)]
    padded = {way: padding(found) for way, found in ways.items()}
    return {"requests": count, "most_tokens": most, "raw_s": raw, "padding": padded, "gain": median(gains)}
