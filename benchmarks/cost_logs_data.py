"""Logs of known cost for the benchmarks: OpenAI chat completions, and Claude Code transcripts.

The same seed and sizes give the same bytes. While a log is written, its tokens are added up in plain integers by model,
tier and day; the cost is then one exact product a rate, at llmopt's prices of that day. Nothing is read back, and
no code of llmopt's engine or ledger takes part.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.result import Totals

BUCKETS = (
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "input_cache_write_1h",
    "output_text",
    "output_reasoning",
)
"""Order of the token counts in a tally."""
MILLION = Decimal(1_000_000)

CHAT_MODELS = {"gpt-4o-2024-08-06": False, "gpt-4o-mini": False, "gpt-4.1": False, "o3": True, "o4-mini": True}
"""Model -> whether it reasons."""
CHAT_START, CHAT_SPAN_S = datetime(2025, 5, 1, tzinfo=UTC), 240 * 86_400
"""Eight months, with the price cut of o3 on 10 June 2025 inside."""
CHAT_LONGEST_INPUT = 5_000
FLEX_SHARE = 0.05
CHAT_LINE = (
    '{"id":"chatcmpl-%024x","object":"chat.completion","created":%d,"model":"%s","choices":[{"index":0,"message":'
    '{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,'
    '"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d},"completion_tokens_details":'
    '{"reasoning_tokens":%d}},"service_tier":"%s","user":"u%d"}\n'
)

CLAUDE_MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-1-20250805", "claude-haiku-4-5-20251001")
CLAUDE_START, CLAUDE_SPAN = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=90)
CLAUDE_LONGEST_INPUT = 120_000
"""Below every long-context threshold, where peers do not agree on the rule."""
PROJECTS = 5
CLAUDE_HEAD = (
    '{"parentUuid":"%032x","isSidechain":false,"userType":"external","cwd":"/home/u/project-%d","sessionId":"%s",'
    '"version":"2.0.1","gitBranch":"main",'
)
CLAUDE_USER = '"type":"user","message":{"role":"user","content":%s},"uuid":"%032x","timestamp":"%s"}\n'
CLAUDE_ASSISTANT = (
    '"message":{"id":"msg_%024x","type":"message","role":"assistant","model":"%s","content":[{"type":"text","text":%s}],'
    '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":%d,"cache_creation_input_tokens":%d,'
    '"cache_read_input_tokens":%d,"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d},'
    '"output_tokens":%d,"service_tier":"standard"}},"requestId":"req_%024x","type":"assistant","uuid":"%032x",'
    '"timestamp":"%s"}\n'
)
TEXT = 'the cost of a call is what "it" read and wrote; naïve sums count cached tokens twice,\nor not at all 価格'


@dataclass(frozen=True, slots=True)
class Truth:
    """What a reader of the log has to find."""

    lines: int
    records: int
    """Lines that report usage."""
    duplicates: int
    """Records that repeat a response."""
    total: Totals


@dataclass(slots=True)
class Tally:
    """Tokens by what decides their price."""

    longest_input: int
    """No request reads more tokens than this."""
    requests: int = 0
    tokens: dict[tuple[str, str, date], list[int]] = field(default_factory=dict)
    """(model, tier, UTC day) -> one sum a bucket."""

    def add(self, model: str, tier: str, day: date, counts: tuple[int, ...]) -> None:
        """Count one request."""
        self.requests += 1
        sums = self.tokens.setdefault((model, tier, day), [0] * len(BUCKETS))
        for place, count in enumerate(counts):
            sums[place] += count

    def total(self, table: PriceTable) -> Totals:
        """Return all tokens and their exact cost.

        Raises:
            ValueError: the price table is not sure of a price, so that no exact cost can be expected.
        """
        cost = sum((self._cost(table, *key, sums) for key, sums in self.tokens.items()), Decimal(0))
        uncached, read, written_5m, written_1h, text, reasoning = map(sum, zip(*self.tokens.values(), strict=True))
        return Totals(
            requests=self.requests,
            input_tokens=uncached + read + written_5m + written_1h,
            input_uncached_tokens=uncached,
            cache_read_tokens=read,
            cache_write_tokens=written_5m + written_1h,
            output_tokens=text + reasoning,
            reasoning_tokens=reasoning,
            cost_usd=cost,
            cost_low_usd=cost,
            cost_high_usd=cost,
        )

    def _cost(self, table: PriceTable, model: str, tier: str, day: date, sums: list[int]) -> Decimal:
        resolved = table.resolve(model)
        choice = table.price_at(resolved, tier, datetime.combine(day, time(12), UTC)) if resolved else None
        if choice is None or choice.price is None or choice.warnings:
            raise ValueError(f"{model} on {day}: {choice.warnings if choice else 'unknown'}")
        if any(band.above_input_tokens < self.longest_input for band in choice.price.bands):
            raise ValueError(f"{model} on {day}: a long-context price lies below {self.longest_input} tokens")
        cost = Decimal(0)
        for bucket, tokens in zip(BUCKETS, sums, strict=True):
            rate = choice.price.rates.usd_per_mtok(bucket)
            if rate is None:
                raise ValueError(f"{model} on {day}: no rate for {bucket}")
            cost += rate * tokens / MILLION
        return cost


def write_chat_log(path: Path, rows: int, table: PriceTable, seed: int = 1) -> Truth:
    """Write `rows` chat completions of about 640 bytes each to `path`; return what they hold."""
    rng = random.Random(seed)
    texts, models = _texts(rng, 140, 275), tuple(CHAT_MODELS)
    start_s, pick = int(CHAT_START.timestamp()), rng.random
    tally = Tally(CHAT_LONGEST_INPUT)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number in range(rows):
            after_s = CHAT_SPAN_S * number // rows
            model = models[int(pick() * len(models))]
            tier = "flex" if model == "o3" and pick() < FLEX_SHARE else "default"
            read = 50 + int(pick() * (CHAT_LONGEST_INPUT - 50))
            cached = int(pick() * read) // 128 * 128
            wrote = 1 + int(pick() * 900)
            reasoning = int(pick() * wrote) if CHAT_MODELS[model] else 0
            text = texts[int(pick() * len(texts))]
            usage = (read, wrote, read + wrote, cached, reasoning)
            file.write(
                CHAT_LINE % (rng.getrandbits(96), start_s + after_s, model, text, *usage, tier, int(pick() * 100))
            )
            day = (CHAT_START + timedelta(seconds=after_s)).date()
            tally.add(model, tier, day, (read - cached, cached, 0, 0, wrote - reasoning, reasoning))
    return Truth(rows, rows, 0, tally.total(table))


def write_transcripts(home: Path, responses: int, sessions: int, table: PriceTable, seed: int = 2) -> Truth:
    """Write Claude Code transcripts below `home`/.claude/projects; return what they hold.

    Each response follows a user's turn and is logged one to three times, with more output tokens each time. Lines are
    compact JSON as Claude Code writes it: ccusage reads nothing from the same records with spaces in them.
    """
    rng = random.Random(seed)
    tally = Tally(CLAUDE_LONGEST_INPUT)
    prompts, answers = _texts(rng, 400, 1_900), _texts(rng, 150, 820)
    records = 0
    for number in range(sessions):
        name = f"{rng.getrandbits(32):08x}-0000-4000-8000-{number:012x}"
        project = number % PROJECTS
        folder = home / ".claude" / "projects" / f"-home-u-project-{project}"
        folder.mkdir(parents=True, exist_ok=True)
        count = responses * (number + 1) // sessions - responses * number // sessions
        start = CLAUDE_START + CLAUDE_SPAN * number / sessions
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for turn in range(count):
                at = start + timedelta(seconds=15 * turn, milliseconds=rng.randrange(1000))
                head = CLAUDE_HEAD % (rng.getrandbits(128), project, name)
                file.write(head + CLAUDE_USER % (rng.choice(prompts), rng.getrandbits(128), _stamp(at)))
                records += _respond(file, rng, head, answers, at + timedelta(seconds=2), tally)
    return Truth(records + responses, records, records - responses, tally.total(table))


def _respond(file: TextIO, rng: random.Random, head: str, answers: list[str], at: datetime, tally: Tally) -> int:
    """Write one response as it streams; return the number of lines."""
    message, request, model = rng.getrandbits(96), rng.getrandbits(96), rng.choice(CLAUDE_MODELS)
    uncached, read = rng.randint(1, 2_000), rng.randint(0, 100_000)
    written_5m, written_1h = rng.randint(0, 9_000), rng.choice((0, 0, rng.randint(0, 5_000)))
    wrote, times = rng.randint(10, 2_000), rng.randint(1, 3)
    usage = (uncached, written_5m + written_1h, read, written_5m, written_1h)
    for part in range(1, times + 1):
        stamp = _stamp(at + timedelta(milliseconds=700 * part))
        line = (
            message,
            model,
            rng.choice(answers),
            *usage,
            wrote * part // times,
            request,
            rng.getrandbits(128),
            stamp,
        )
        file.write(head + CLAUDE_ASSISTANT % line)
    tally.add(model, "default", at.date(), (uncached, read, written_5m, written_1h, wrote, 0))
    return times


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _texts(rng: random.Random, shortest: int, longest: int, count: int = 499) -> list[str]:
    """Return JSON strings of `shortest` to `longest` characters, with quotes, line breaks and letters beyond ASCII."""
    vocabulary = TEXT.split(" ")

    def words() -> Iterator[str]:
        left = rng.randint(shortest, longest)
        while left > 0:
            word = rng.choice(vocabulary)
            left -= len(word) + 1
            yield word

    return [json.dumps(" ".join(words()), ensure_ascii=False) for _ in range(count)]
