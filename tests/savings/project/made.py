"""Logs with known truth for the oracle: calls as plain values first, lines of a log second.

Everything that a projection may stumble over is in them: repeats, ties, latencies, tenants, calls without a time or a
price, answers that are cut off, long-context bands, prices that change, growing conversations, long shared prefixes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow

START = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
CHANGE = "2026-03-04"
"""Day on which prices change, in the midst of the logs."""
BUCKETS = (
    *("input_uncached", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h"),
    *("output_text", "output_reasoning"),
)
SYSTEMS = (
    "You answer for a shop. Be short.",
    "You are the assistant of a large book shop.   \n\n\n"
    + "Say what you know about orders, parcels and refunds.  " * 9,
    "Today is {day}. You are the assistant of a library. " + "Never promise a date. " * 20,
    "Rules:\n" + "\n".join(f"{number}. Keep rule {number} in mind, always." for number in range(1, 14)),
)
MODELS = (
    *("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5") * 3,
    *("gpt-4", "gpt-4", "acme-1", "acme-one", "nobody-9"),
)
MARK = "quickly"
"""A request that says so is routed to the cheap model."""


@dataclass(slots=True)
class Made:
    """One call."""

    at_us: int | None
    took_us: int
    """0: not logged."""
    body: dict[str, Any]
    provider: str
    model: str
    """As answered and logged; `body` may name another spelling."""
    tier: str
    usage: dict[str, int]
    groups: dict[str, str]
    """`team`, and the column `tag`."""
    answer: str
    finish: str
    number: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What is drawn."""

    calls: int = 50
    distinct: int = 12
    days: float = 2.5
    models: tuple[str, ...] = MODELS
    teams: tuple[str, ...] = ("", "a", "a")
    untimed: float = 0.06
    one_hour: bool = True
    """Whether there are cache writes of one hour; tables have no column for them."""
    latency: bool = True


def provider_of(model: str) -> str:
    """Return who answers, as the formats log it."""
    return "anthropic" if model.startswith("claude") else "openai"


def made_log(seed: int, shape: Shape = Shape()) -> list[Made]:  # frozen
    """Return calls in the order of the log, which is not that of time."""
    rng = random.Random(seed)
    bodies = _bodies(rng, shape)
    calls = [_made(rng, shape, bodies[int(len(bodies) * rng.random() ** 2)], n) for n in range(shape.calls)]
    if rng.random() < 0.5:
        calls.sort(key=lambda call: call.at_us or 0)
    return calls


def _bodies(rng: random.Random, shape: Shape) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < shape.distinct:
        last = found[-1] if found else None
        found.append(_longer(rng, last) if last and rng.random() < 0.4 else _body(rng, shape))
    return found


def _body(rng: random.Random, shape: Shape) -> dict[str, Any]:
    model = rng.choice(shape.models)
    system = rng.choice(SYSTEMS).replace("{day}", str(rng.randint(1, 28))).strip()
    question = f"Where is parcel {rng.randint(1, 9)}?" + rng.choice(
        ["", f" Tell me {MARK}.", "  \n\n\n  Thanks!  " * 9]
    )
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}]}
    if model.startswith("claude"):
        body |= {"system": system, "max_tokens": 500}
    elif rng.random() < 0.8:
        body["messages"].insert(0, {"role": "system", "content": system})
    body |= rng.choice([{"temperature": 0}, {"temperature": 0}, {"temperature": 0.7}, {"seed": 4}, {}])
    if rng.random() < 0.15:
        body["tools"] = [{"type": rng.choice(["web_search", "function"]), "name": "look"}]
    return body


def _longer(rng: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """Go on with a conversation."""
    more = [
        {"role": "assistant", "content": f"It is on its way to city number {rng.randint(1, 5)}. " * rng.randint(1, 4)},
        {"role": "user", "content": f"And parcel {rng.randint(10, 14)}?" + rng.choice(["", f" {MARK}"])},
    ]
    return {**body, "messages": [*body["messages"], *more]}


def _respelled(rng: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """Return the same question in other words of JSON: another order, 0.0 for 0, fields that change no answer."""
    names = list(body)
    rng.shuffle(names)
    spelled = {name: body[name] for name in names}
    if "temperature" in body:
        spelled["temperature"] = float(body["temperature"])
    return spelled | rng.choice([{}, {"stream": True}, {"metadata": {"trace": rng.randrange(9)}}])


def _made(rng: random.Random, shape: Shape, body: dict[str, Any], number: int) -> Made:
    model = body["model"]
    span_us = int(shape.days * 86_400e6)
    at_us = int(START.timestamp() * 1e6) + rng.choice(
        [rng.randrange(span_us), rng.randrange(8) * span_us // 8, *[rng.randrange(9) * 10_000_000] * 3]
    )
    groups = {"team": rng.choice(shape.teams), "tag": rng.choice(["", "", "offline", "live"])}
    if rng.random() < 0.3:
        body = _respelled(rng, body)
    if rng.random() < 0.2:
        *before, last = body["messages"]
        body = {**body, "messages": [*before, {**last, "content": f"{last['content']} (case {number})"}]}
    return Made(
        at_us=None if rng.random() < shape.untimed else at_us,
        took_us=rng.choice([0, 0, 250_000, 10_000_000, 20_000_001]) if shape.latency else 0,
        body=body,
        provider=provider_of(model),
        model=model,
        tier=rng.choice(["default"] * 6 + ["batch", "flex"]) if not model.startswith("claude") else "default",
        usage=_usage(rng, shape, model),
        groups={name: value for name, value in groups.items() if value},
        answer=rng.choice(["Tomorrow.", "It is in the post — wait “a bit”."]) * rng.choice([1, 9]),
        finish=rng.choice(["stop"] * 7 + ["length"]),
        number=number,
    )


def _usage(rng: random.Random, shape: Shape, model: str) -> dict[str, int]:
    total = rng.choice([40, 700, 1030, 1160, 1500, 2600, 5000, 9000]) + rng.randrange(200)
    usage = dict.fromkeys(BUCKETS, 0)
    if rng.random() < 0.3:
        usage["input_cache_read"] = rng.randrange(total)
    if model.startswith("claude") and rng.random() < 0.4:
        usage["input_cache_write_5m"] = rng.randrange(total - usage["input_cache_read"])
        if shape.one_hour:
            usage["input_cache_write_1h"] = rng.randrange(total - sum(usage.values()))
    usage["input_uncached"] = total - sum(usage.values())
    usage["output_text"] = rng.randint(1, 900)
    if not model.startswith("claude") and rng.random() < 0.3:
        usage["output_reasoning"] = rng.randint(1, 500)
    return usage


def stamp(at_us: int) -> str:
    """Spell an instant as ISO 8601, to the microsecond."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pair(call: Made) -> dict[str, Any]:
    """Return the line of a call with request and response."""
    line: dict[str, Any] = {**call.groups, "request": call.body, "response": response(call)}
    if call.at_us is not None:
        line["timestamp"] = stamp(call.at_us)
    if call.took_us:
        line["latency_s"] = call.took_us / 1e6
    return line


def response(call: Made) -> dict[str, Any]:
    """Return what the provider answered."""
    return _message(call) if call.provider == "anthropic" else _completion(call)


def _completion(call: Made) -> dict[str, Any]:
    usage = call.usage
    read, written = usage["input_cache_read"], usage["input_cache_write_5m"]
    found: dict[str, Any] = {
        "id": f"chatcmpl-{call.number}",
        "object": "chat.completion",
        "model": call.model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": call.answer}, "finish_reason": call.finish}
        ],
        "usage": {
            "prompt_tokens": usage["input_uncached"] + read + written,
            "completion_tokens": usage["output_text"] + usage["output_reasoning"],
            "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
            "completion_tokens_details": {"reasoning_tokens": usage["output_reasoning"]},
        },
        "service_tier": call.tier,
    }
    if call.at_us is not None:
        found["created"] = call.at_us // 1_000_000
    return found


def _message(call: Made) -> dict[str, Any]:
    usage = call.usage
    five, hour = usage["input_cache_write_5m"], usage["input_cache_write_1h"]
    return {
        "id": f"msg_{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [{"type": "text", "text": call.answer}],
        "stop_reason": "end_turn" if call.finish == "stop" else "max_tokens",
        "usage": {
            "input_tokens": usage["input_uncached"],
            "cache_creation_input_tokens": five + hour,
            "cache_read_input_tokens": usage["input_cache_read"],
            "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
            "output_tokens": usage["output_text"],
        },
    }


def flat(call: Made, *, hashed: bool = False) -> dict[str, Any]:
    """Return the row of a call in a table: texts beside token counts, or a hash instead of the text."""
    usage = call.usage
    row: dict[str, Any] = {
        "request_id": f"r{call.number}",
        "timestamp": stamp(call.at_us) if call.at_us is not None else None,
        "provider": call.provider,
        "model": call.model,
        "tier": call.tier,
        "input_tokens": sum(usage[name] for name in BUCKETS if name.startswith("input")),
        "cached_tokens": usage["input_cache_read"],
        "cache_write_tokens": usage["input_cache_write_5m"],
        "output_tokens": usage["output_text"] + usage["output_reasoning"],
        "reasoning_tokens": usage["output_reasoning"],
        "latency_s": call.took_us / 1e6 if call.took_us else None,
        "team": call.groups.get("team"),
        "tag": call.groups.get("tag"),
    }
    if hashed:
        return {**row, "prompt_hash": prompt_hash(call)}
    row |= {name: call.body.get(name) for name in ("messages", "system", "tools", "temperature", "seed", "max_tokens")}
    return {**row, "response": call.answer, "finish_reason": call.finish}


def prompt_hash(call: Made) -> str:
    """Return what a logger that keeps no texts writes instead."""
    return hashlib.sha256(json.dumps(call.body["messages"]).encode()).hexdigest()


def answer_bytes(call: Made, form: str) -> int:
    """Return the size of an answer in a cache: its JSON; text, or tokens at 4 bytes, in an envelope of 400 bytes.

    Args:
        call: whose.
        form: `pair`, `flat` or `hashed`.
    """
    if form == "hashed":
        return 400 + 4 * (call.usage["output_text"] + call.usage["output_reasoning"])
    if form == "flat":
        return 400 + len(call.answer.encode())
    return len(json.dumps(response(call), ensure_ascii=False, separators=(",", ":")).encode())


def write_lines(path: Path, lines: list[dict[str, Any]]) -> Path:
    """Write JSON lines without what is not there."""
    kept = ({name: value for name, value in line.items() if value is not None} for line in lines)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), encoding="utf-8")
    return path


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as CSV, or as Parquet of texts and numbers; objects as JSON."""
    flattened = [
        {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(flattened[0]))
            writer.writeheader()
            writer.writerows(flattened)
        return path
    with duckdb.connect() as connection:
        connection.register("rows", pyarrow.Table.from_pylist(flattened))
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    return path
