"""Logs for `benchmarks/project.py`: a million requests of two weeks, with hashes or with texts; seeded.

Requests repeat as they do in practice: a few questions often, most of them once. Several models, teams, tags and
latencies; prompts with a shared head, conversations that grow, and questions of their own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

START, SPAN_MS = datetime(2026, 3, 2, tzinfo=UTC), 14 * 86_400_000
MODELS = ("gpt-4o", "gpt-4o", "gpt-4o-mini", "gpt-4", "claude-sonnet-4-5")
TEAMS = ("care", "shop", "search", "press", "data")
TAGS = ("live", "live", "live", "offline")
DISTINCT = 0.3
"""Distinct questions a request."""
WORDS = (
    "the order has been on its way since Monday and nobody at the counter can say where it is now because the label "
    "was printed twice so please look into the store check invoice number and tell me what to do about the refund"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One request; what it asks follows from `question`."""

    at_ms: int
    """Since `START`."""
    question: int
    model: str
    team: str
    tag: str
    read: int
    wrote: int
    took_ms: int


def rows(count: int, seed: int = 1) -> Iterator[Row]:
    """Yield requests in the order of time."""
    rng = random.Random(seed)
    pick, pool = rng.random, max(1, int(count * DISTINCT * 1.25))
    for number in range(count):
        draw = pick()
        # Half of them ask one of the thousandth part that everybody asks.
        question = int(pool * 0.001 * draw * 2) if draw < 0.5 else int(pool * pick())
        yield Row(
            SPAN_MS * number // count,
            question,
            MODELS[question % len(MODELS)],
            TEAMS[int(pick() * len(TEAMS))],
            TAGS[question % 7 % len(TAGS)],
            1_500 + question % 6_000,
            20 + int(pick() * 400),
            200 + int(pick() * 4_000),
        )


def stamp(at_ms: int) -> str:
    """Spell a time of the log as ISO 8601."""
    at = START + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def write_hashed(path: Path, count: int, seed: int = 1, *, unique: bool = False) -> None:
    """Write requests with the hash of the prompt instead of its text, about 230 bytes each.

    Args:
        path: of the file.
        count: requests.
        seed: for what is drawn.
        unique: no question comes twice.
    """
    line = (
        '{"timestamp":"%s","model":"%s","input_tokens":%d,"output_tokens":%d,"prompt_hash":"%s","team":"%s",'
        '"tag":"%s","latency_s":%.3f}\n'
    )
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(rows(count, seed)):
            hashed = prompt_hash(number if unique else row.question)
            counts = (row.read, row.wrote, hashed, row.team, row.tag, row.took_ms / 1000)
            file.write(line % (stamp(row.at_ms), row.model, *counts))


def prompt_hash(question: int) -> str:
    """Return what a logger that keeps no texts writes instead of a question."""
    return blake2b(question.to_bytes(8), digest_size=32).hexdigest()


def write_parquet(path: Path, lines: Path) -> None:
    """Write JSON lines as Parquet."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_json('{lines}')) TO '{path}' (FORMAT parquet)")


def write_texts(path: Path, count: int, seed: int = 1) -> None:
    """Write request and response of each call, prompts of 500 bytes to 2 KB."""
    known: dict[int, str] = {}
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(rows(count, seed)):
            asked = known.get(row.question)
            if asked is None:
                asked = known[row.question] = json.dumps(_asked(row))
            file.write(_line(number, row, asked))


def _asked(row: Row) -> dict[str, object]:
    """Return the body of a request: a system prompt that many share, and a question or a growing conversation."""
    rng = random.Random(row.question)
    head = " ".join(random.Random(row.question % 40).choices(WORDS.split(" "), k=rng.randint(60, 200)))
    turns = [{"role": "user", "content": _text(rng)}]
    if row.question % 5 == 0:
        turns += [{"role": "assistant", "content": _text(rng)}, {"role": "user", "content": _text(rng)}]
    body: dict[str, object] = {"model": row.model, "temperature": 0}
    if row.model.startswith("claude"):
        return {**body, "max_tokens": 500, "system": head, "messages": turns}
    return {**body, "messages": [{"role": "system", "content": head}, *turns]}


def _text(rng: random.Random) -> str:
    words = " ".join(rng.choices(WORDS.split(" "), k=rng.randint(15, 90)))
    return f"Order {rng.randrange(10**6)}:\n\n\n{words}   \n{words if rng.random() < 0.2 else ''}"


def _line(number: int, row: Row, asked: str) -> str:
    beside = {"timestamp": stamp(row.at_ms), "team": row.team, "tag": row.tag, "latency_s": row.took_ms / 1000}
    answer = _message(number, row) if row.model.startswith("claude") else _completion(number, row)
    return f'{json.dumps(beside)[:-1]}, "request": {asked}, "response": {json.dumps(answer)}}}\n'


def _completion(number: int, row: Row) -> dict[str, object]:
    message = {"role": "assistant", "content": "It is on its way."}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(START.timestamp()) + row.at_ms // 1000,
        "model": row.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": row.read, "completion_tokens": row.wrote, "total_tokens": row.read + row.wrote},
    }


def _message(number: int, row: Row) -> dict[str, object]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": row.model,
        "content": [{"type": "text", "text": "It is on its way."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": row.read, "output_tokens": row.wrote},
    }
