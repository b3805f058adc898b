"""Made-up logs of many kinds, 5 to 20 % of whose lines warn or fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from llmopt.prompts.evaluation.words import NOUNS, SERVICES

Line = Callable[[Random, datetime, str], str]

_CALM = (
    "request completed status=200 duration={n}ms",
    "cache hit for key user:{m}",
    "GET /api/v1/{noun}s/{m} 200 in {n} ms",
    "connection from 10.0.{d}.{n} accepted",
    "processed {noun} {m} in {n} ms",
    "heartbeat ok",
    "queue depth is {n}",
    "worker {d} picked up job {hex}",
    "session {hex} refreshed",
)
_BAD = (
    ("WARN", "slow query: {n}{n} ms on table {noun}s"),
    ("WARN", "retry {d} of 5 for {noun} {m}, backing off {n}00 ms"),
    ("WARN", "pool is nearly exhausted: {n}/100 connections in use"),
    ("ERROR", "failed to load {noun} {m}: connection refused (10.0.{d}.{n}:5432)"),
    ("ERROR", "timeout after {n}000 ms waiting for lock on {noun} {m}"),
    ("ERROR", "upstream returned 503 for /api/v1/{noun}s/{m}"),
)
_TRACES = (
    'Traceback (most recent call last):\n  File "/srv/app/{service}.py", line {n}, in handle\n'
    "    return self.load({m})\nKeyError: '{noun}-{m}'",
    "java.lang.IllegalStateException: no {noun} {m}\n\tat com.acme.{service}.Store.load(Store.java:{n})\n"
    "\tat com.acme.{service}.Main.run(Main.java:{d})",
)


def log(random: Random, lines: int | None = None) -> str:
    """Return a log of one kind, 20 to 120 lines long unless told."""
    write = random.choice(WRITERS)
    calm = random.sample(_CALM, random.randint(1, 4))
    bad = random.uniform(0.05, 0.2)
    at = datetime(random.randint(2022, 2025), random.randint(1, 12), random.randint(1, 28), 9, 0, 0, tzinfo=UTC)
    found: list[str] = []
    for _ in range(lines or random.randint(20, 120)):
        at += timedelta(milliseconds=random.randint(0, 4_000))
        level, words = random.choice(_BAD) if random.random() < bad else (_calm_level(random), random.choice(calm))
        found.append(write(random, at, f"{level} {_filled(random, words)}"))
        if level == "ERROR" and write is not json_line and random.random() < 0.3:
            found.append(_filled(random, random.choice(_TRACES)))
    return "\n".join(found)


def _calm_level(random: Random) -> str:
    return "DEBUG" if random.random() < 0.2 else "INFO"


def _filled(random: Random, words: str) -> str:
    return words.format(
        n=random.randint(2, 99),
        m=random.randint(1_000, 99_999),
        d=random.randint(1, 9),
        hex=f"{random.getrandbits(32):08x}",
        noun=random.choice(NOUNS[:4]),
        service=random.choice(SERVICES[:4]),
    )


def plain_line(random: Random, at: datetime, words: str) -> str:
    """Write as most Python services do."""
    level, _, rest = words.partition(" ")
    return f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} {level:<5} [{random.choice(SERVICES[:3])}] {rest}"


def iso_line(random: Random, at: datetime, words: str) -> str:
    """Write as containers do."""
    level, _, rest = words.partition(" ")
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {level} {random.choice(SERVICES[:2])}: {rest}"


def bracket_line(random: Random, at: datetime, words: str) -> str:
    """Write as Java services do."""
    level, _, rest = words.partition(" ")
    return f"[{at:%Y-%m-%d %H:%M:%S}] [{level}] [thread-{random.randint(1, 4)}] {rest}"


def syslog_line(random: Random, at: datetime, words: str) -> str:
    """Write as syslog does."""
    return f"{at:%b %d %H:%M:%S} node-{random.randint(1, 3)} {random.choice(SERVICES[:3])}[{4211}]: {words}"


def key_value_line(random: Random, at: datetime, words: str) -> str:
    """Write as logfmt does."""
    level, _, rest = words.partition(" ")
    return f'ts={at:%Y-%m-%dT%H:%M:%SZ} level={level} svc={random.choice(SERVICES[:2])} msg="{rest}"'


def clock_line(_: Random, at: datetime, words: str) -> str:
    """Write the time of day alone, as build tools do."""
    return f"{at:%H:%M:%S} {words}"


def json_line(random: Random, at: datetime, words: str) -> str:
    """Write one JSON object a line."""
    level, _, rest = words.partition(" ")
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}Z"
    return json.dumps({"ts": stamp, "level": level, "service": random.choice(SERVICES[:2]), "message": rest})


WRITERS: tuple[Line, ...] = (
    plain_line,
    iso_line,
    bracket_line,
    syslog_line,
    key_value_line,
    clock_line,
    json_line,
)
