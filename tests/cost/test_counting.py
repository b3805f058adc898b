"""Counts from text: what they hold, and how their interval gets into dollars, with the arithmetic spelled out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import llmopt
from llmopt.core.counted import Counted
from llmopt.core.ledger import Entry, Key
from llmopt.core.rate import Band, Price, Rates
from llmopt.core.usage import Usage
from llmopt.cost.counting import counted
from llmopt.cost.interval import Amount, amount
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read import Reading
from llmopt.cost.remarks import remarks
from llmopt.cost.settle import Settlement
from llmopt.cost.spec.row import Outcome, Row
from tests.cost.reading import usd
from tests.cost.texts import ANSWERED, ASK, ASKED, BOTH, by_words

RATES = Rates(input_uncached=Decimal(3), output_text=Decimal(15))
PRICE = Price("acme/m@undated", "acme", "m", "default", None, RATES)
GUESS = Counted(
    requests=1,
    estimated_requests=1,
    input_tokens=1000,
    input_low_tokens=800,
    input_high_tokens=1300,
    output_tokens=200,
    output_low_tokens=150,
    output_high_tokens=260,
    estimated_tokens=1200,
)


def text(**more: str | None) -> Row:
    return Row("openai-chat", Outcome.NO_USAGE, **({"model": "gpt-4o"} | more))  # type: ignore[arg-type]  # a shorthand


def test_an_exact_count_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    row = counted(text(prompt=ASKED, response=ANSWERED))
    assert (row.usage, row.prompt, row.response) == (Usage(input_uncached=40, output_text=20), None, None)
    assert row.counted == Counted(1, 0, 0, 0, 40, 40, 40, 20, 20, 20, 60, 0, 0)


def test_what_no_text_shows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    row = counted(text(prompt=ASKED, response=ANSWERED, model="o3"))
    assert row.counted is not None
    assert row.counted.requests_with_uncounted == 1
    assert list(remarks({"o3": row.counted}))[-1] == (
        "of those, 1 request with parts that cannot be counted from text, such as hidden reasoning, audio or "
        "documents: a lower bound"
    )


def test_an_estimate_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    row = counted(text(response=ANSWERED, model="claude-sonnet-4-5"))
    assert row.usage == Usage(output_text=20)
    assert row.counted == Counted(1, 1, 1, 0, 0, 0, 0, 20, 16, 26, 0, 0, 20)


@pytest.mark.parametrize("model", ["text-embedding-3-small", "amazon.titan-embed-text-v2:0", "omni-moderation-latest"])
def test_a_model_that_writes_nothing_lacks_nothing(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    row = counted(text(prompt=ASKED, model=model))
    assert row.counted is not None
    assert (row.counted.requests_without_output, row.counted.input_tokens) == (0, 40)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("asked", "uncounted"),
    [
        ({"input": "hello there"}, 0),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]}]}, 1),
    ],
    ids=["text", "sound"],
)
def test_a_vector_is_nothing_to_count(asked: dict[str, object], uncounted: int, tmp_path: Path) -> None:
    vector = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]}
    used = {"id": "c2", "object": "chat.completion", "model": "gpt-4o"} | {
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    }
    log = tmp_path / "log.jsonl"
    pair = {"request": {"model": "text-embedding-3-small"} | asked, "response": vector}
    log.write_text("\n".join(map(json.dumps, [used, pair])))
    total = llmopt.price_logs([log]).total
    assert (total.requests, total.output_tokens) == (2, 1)
    assert (total.counted.requests_without_output, total.counted.requests_with_uncounted) == (0, uncounted)


def test_a_text_of_no_tokens_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    assert counted(text(prompt="nothing", response="either")) == text()
    half = counted(text(prompt="nothing", response=ANSWERED)).counted
    assert half is not None
    assert (half.requests_without_input, half.requests_without_output) == (1, 0)


def test_an_entry_of_billed_and_counted_requests() -> None:
    """Of 5,000 input and 900 output tokens, 1,000 and 200 were estimated: 800 to 1,300, and 150 to 260."""
    entry = Entry(4, 4, Usage(input_uncached=5000, output_text=900), counted=GUESS)
    assert amount(entry, PRICE, 0) == Amount(
        cost_usd=Decimal("0.0285"),  # 5,000 x 3 + 900 x 15 = 15,000 + 13,500 millionths
        low_usd=Decimal("0.02715"),  # 4,800 x 3 + 850 x 15 = 14,400 + 12,750
        high_usd=Decimal("0.0303"),  # 5,300 x 3 + 960 x 15 = 15,900 + 14,400
        counted_usd=Decimal("0.006"),  # 1,000 x 3 + 200 x 15 = 3,000 + 3,000
    )


def test_a_billed_entry_has_no_interval() -> None:
    entry = Entry(1, 1, Usage(input_uncached=5000))
    assert amount(entry, PRICE, 0) == Amount(Decimal("0.015"), Decimal("0.015"), Decimal("0.015"), Decimal(0))


def test_both_ends_are_priced_in_the_band_of_the_count() -> None:
    """The count lies under the threshold and its upper end above it: all three are at the lower rates."""
    dear = Band(1100, "cliff", Rates(input_uncached=Decimal(6), output_text=Decimal(30)))
    price = Price("acme/m@undated", "acme", "m", "default", None, RATES, (dear,))
    entry = Entry(1, 1, Usage(input_uncached=1000, output_text=200), counted=GUESS)
    found = amount(entry, price, 0)
    assert (found.cost_usd, found.low_usd, found.high_usd) == (
        usd((1000, "3"), (200, "15")),
        usd((800, "3"), (150, "15")),
        usd((1300, "3"), (260, "15")),
    )


def test_a_fee_a_request_is_in_the_part_that_was_counted() -> None:
    price = Price("acme/m@undated", "acme", "m", "default", None, RATES, usd_per_request=Decimal("0.01"))
    found = amount(Entry(4, 4, Usage(input_uncached=5000, output_text=900), counted=GUESS), price, 0)
    assert (found.cost_usd, found.counted_usd) == (Decimal("0.0685"), Decimal("0.016"))


def test_groups_and_total_carry_the_interval() -> None:
    reading = Reading()
    key = Key("anthropic-messages", int(Outcome.OK), "claude-sonnet-4-5", epoch=datetime(2026, 3, 2, tzinfo=UTC).date())
    reading.ledger.add(key, Entry(1, 1, Usage(input_uncached=1000, output_text=200), counted=GUESS))
    reading.ledger.add(Key(key.format, 0, "gpt-4o", epoch=key.epoch), Entry(1, 1, Usage(input_uncached=1200)))
    report = Settlement(reading, PriceTable.load(), (), ("model",)).report(None)
    claude, openai = report.groups
    assert (claude.totals.cost_usd, claude.totals.cost_low_usd, claude.totals.cost_high_usd) == (
        Decimal("0.006"),
        Decimal("0.00465"),  # 800 x 3 + 150 x 15
        Decimal("0.0078"),  # 1,300 x 3 + 260 x 15
    )
    assert openai.totals.cost_usd == openai.totals.cost_low_usd == openai.totals.cost_high_usd == Decimal("0.003")
    total = report.total
    assert (total.cost_low_usd, total.cost_usd, total.cost_high_usd) == (
        Decimal("0.00765"),
        Decimal("0.009"),
        Decimal("0.0108"),
    )
    assert (total.counted_usd, report.estimated_share) == (Decimal("0.006"), Decimal("0.666667"))
    assert (total.estimated_input_tokens, total.estimated_output_tokens, total.counted) == (1000, 200, GUESS)


@pytest.mark.usefixtures("reader")
def test_a_log_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claude Sonnet 4.5 at $3 and $15: 40 tokens in (32 to 52), 20 out (16 to 26)."""
    by_words(monkeypatch)
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(BOTH["anthropic-messages"]))
    total = llmopt.price_logs([log]).total
    assert (total.cost_usd, total.cost_low_usd, total.cost_high_usd) == (
        Decimal("0.00042"),  # 40 x 3 + 20 x 15 = 120 + 300 millionths
        Decimal("0.000336"),  # 32 x 3 + 16 x 15 = 96 + 240
        Decimal("0.000546"),  # 52 x 3 + 26 x 15 = 156 + 390
    )


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_a_table_without_counts(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    by_words(monkeypatch)
    log = tmp_path / f"log.{suffix}"
    rows = [
        ("gpt-4o", ASKED, ANSWERED, 1200, 80),
        ("gpt-4o", ASKED, ANSWERED, None, None),
        ("gpt-4o", None, None, 1, 1),
    ]
    columns = "model VARCHAR, prompt VARCHAR, completion VARCHAR, input_tokens INT, output_tokens INT"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE log ({columns})")
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY log TO '{log}'")
        connection.execute("UPDATE log SET input_tokens = NULL, output_tokens = NULL")
        connection.execute(f"COPY log TO '{tmp_path / f'bare.{suffix}'}'")
    report = llmopt.price_logs([log])
    assert (report.formats, report.rejected) == ({"generic": 2, "response-only": 1}, ())
    assert (report.total.input_tokens, report.total.output_tokens) == (1241, 101)
    bare = llmopt.price_logs([tmp_path / f"bare.{suffix}"])
    assert (bare.total.counted.requests, bare.total.input_tokens, bare.total.output_tokens) == (2, 80, 40)
    assert [entry.count for entry in bare.rejected] == [1], "a row of nothing but a model"


@pytest.mark.usefixtures("reader")
def test_columns_of_texts_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    log = tmp_path / "log.jsonl"
    rows = [
        {"llm": "gpt-4o", "q": ASKED, "a": ANSWERED},
        {"llm": "gpt-4o", "q": ASKED, "a": ANSWERED, "in": 7, "out": 3},
    ]
    log.write_text("\n".join(map(json.dumps, rows)))
    mapping = {"llm": "model", "q": "prompt", "a": "response", "in": "input_tokens", "out": "output_tokens"}
    report = llmopt.price_logs([log], mapping=mapping)
    assert (report.priced, report.total.input_tokens, report.total.output_tokens) == (2, 47, 23)


def test_what_is_said_of_counts() -> None:
    exact = Counted(requests=2, requests_without_output=2, input_tokens=1500, exact_tokens=1500)
    assert list(remarks({})) == list(remarks({"gpt-4o": Counted()})) == []
    assert list(remarks({"gpt-4o": exact})) == [
        "2 requests without usage, counted from the text: 2 exactly (gpt-4o); 1,500 input and 0 output tokens",
        "of those, 2 requests without an answer in the log: only the other side is in the cost, a lower bound",
    ]
    assert list(remarks({"claude-haiku-4-5": GUESS})) == [
        "1 request without usage, counted from the text: 1 estimated (claude-haiku-4-5); "
        "1,000 input and 200 output tokens"
    ]
    many = {f"gpt-{number}": exact for number in range(4)} | {"b": GUESS, "a": GUESS}
    assert "8 exactly (4 models), 2 estimated (a, b);" in next(remarks(many))


def test_texts_that_wait_for_their_usage_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit they are counted at once; the report is the same."""
    by_words(monkeypatch)
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps(BOTH["langfuse"] | {"id": str(number % 3)}) for number in range(6)))
    report = llmopt.price_logs([log])
    monkeypatch.setattr("llmopt.cost.rejects.MOST_HELD", 0)
    assert llmopt.price_logs([log]) == report
    assert (report.priced, report.duplicates, report.total.input_tokens) == (3, 3, 120)


def test_a_prompt_with_tools_is_given_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"model": "gpt-4o", "messages": ASK[:0], "tools": [{"name": ASKED}], "system": "x"}))
    assert llmopt.price_logs([log]).total.input_tokens == 40
