"""Tables and JSON lines of no format in particular, and requests logged without usage."""

from __future__ import annotations

import pytest

from llmopt.cost.spec.row import Outcome
from tests.cost.reading import read, tokens
from tests.cost.records import Json

LINE = {"timestamp": "2026-03-02T08:00:00Z", "model": "gpt-4o", "input_tokens": 1200, "output_tokens": 300}


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        {"created_at": "2026-03-02", "model_name": "gpt-4o", "prompt_tokens": "1200", "completion_tokens": "300"},
        {"ts": 1772438405, "model": "gpt-4o", "tokens_in": 1200, "tokens_out": 300},
        {"time": 1772438405123, "model": "gpt-4o", "input": 1200, "output": 300},
        {"date": "2026-03-02 08:00:00", "model": "gpt-4o", "inputTokens": 1200, "outputTokens": 300},
        {"model": "gpt-4o", "Prompt Tokens": "1200", "Completion Tokens": "300"},
    ],
)
def test_usual_column_names(line: Json) -> None:
    row = read(line)
    assert (row.spec, row.model, row.outcome) == ("generic", "gpt-4o", Outcome.OK)
    assert tokens(row) == {"input_uncached": 1200, "output_text": 300}
    assert ("ts" in str(line) or "timestamp" in line or "created_at" in line) <= (row.timestamp is not None)


def test_input_and_output_that_are_texts_are_no_counts() -> None:
    row = read(LINE | {"input": "What is 17 x 3?", "output": "51"})
    assert tokens(row) == {"input_uncached": 1200, "output_text": 300}


def test_a_cached_column_needs_an_answer() -> None:
    line = LINE | {"cached_tokens": 1024}
    row = read(line)
    assert row.outcome is Outcome.BAD
    assert "--cached" in row.reason
    assert tokens(read(line, cached="included")) == {
        "input_uncached": 176,
        "input_cache_read": 1024,
        "output_text": 300,
    }
    assert tokens(read(line, cached="excluded")) == {
        "input_uncached": 1200,
        "input_cache_read": 1024,
        "output_text": 300,
    }


@pytest.mark.parametrize("empty", [None, 0, "0"])
def test_a_cached_column_without_a_value_needs_none(empty: Json) -> None:
    assert tokens(read(LINE | {"cached_tokens": empty})) == {"input_uncached": 1200, "output_text": 300}


@pytest.mark.parametrize("total", [1500, 2524])
def test_a_total_beside_excluded_tokens_may_leave_them_out(total: int) -> None:
    row = read(LINE | {"cached_tokens": 1024, "total_tokens": total}, cached="excluded")
    assert tokens(row) == {"input_uncached": 1200, "input_cache_read": 1024, "output_text": 300}


def test_more_cached_than_input_is_rejected_when_included() -> None:
    assert read(LINE | {"cached_tokens": 1300}, cached="included").outcome is Outcome.BAD


def test_reasoning_is_inside_unless_the_total_says_otherwise() -> None:
    inside = read(LINE | {"reasoning_tokens": 256, "total_tokens": 1500})
    assert tokens(inside) == {"input_uncached": 1200, "output_text": 44, "output_reasoning": 256}
    beside = read(LINE | {"reasoning_tokens": 256, "total_tokens": 1756})
    assert tokens(beside) == {"input_uncached": 1200, "output_text": 300, "output_reasoning": 256}


def test_failures_and_lines_without_counts() -> None:
    bare = {"timestamp": "2026-03-02T08:00:00Z", "model": "gpt-4o"}
    assert read(bare | {"status": "error"}).outcome is Outcome.FREE
    assert read(bare | {"status_code": 503}).outcome is Outcome.FREE
    assert read(bare | {"status": "success"}).outcome is Outcome.NO_USAGE


def test_half_a_usage_is_rejected() -> None:
    assert read({"model": "gpt-4o", "input_tokens": 12}).reason == "usage without a count for output_text"


def test_groups_money_and_tier() -> None:
    row = read(LINE | {"user_id": "ana", "use_case": "search", "app": "shop", "cost_usd": "0.0033", "tier": "batch"})
    assert (row.groups["user"], row.groups["feature"], row.groups["project"]) == ("ana", "search", "shop")
    assert (str(row.reported_usd), row.tier) == ("0.0033", "batch")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"model": "gpt-4o", "prompt": "Why?"}, "Why?"),
        ({"model": "gpt-4o", "input": "Why?"}, "Why?"),
        ({"model": "gpt-4o", "messages": [{"role": "user", "content": "Why?"}]}, '[{"role":"user","content":"Why?"}]'),
        ({"ts": "2026-03-02T08:00:00Z", "request": {"model": "gpt-4o", "prompt": "Why?"}}, "Why?"),
    ],
)
def test_a_request_without_usage_gives_its_text(line: Json, text: str) -> None:
    row = read(line)
    assert (row.spec, row.outcome, row.prompt) == ("request-only", Outcome.NO_USAGE, text)


def test_input_of_a_batch_is_of_the_batch_tier() -> None:
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Why?"}]}
    row = read({"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": body})
    assert (row.spec, row.tier, row.request_id) == ("request-only", "batch", "r1")


@pytest.mark.parametrize("error", ["", False, "false", None])
def test_an_error_column_that_says_no_is_no_failure(error: Json) -> None:
    bare = {"timestamp": "2026-03-02T08:00:00Z", "model": "gpt-4o", "error": error}
    assert read(bare).outcome is Outcome.NO_USAGE
    assert read(bare | {"error": "timeout"}).outcome is Outcome.FREE


def test_cached_tokens_in_a_usage_object_need_an_answer_too() -> None:
    usage = {"input_tokens": 1200, "output_tokens": 300, "cached_tokens": 1024}
    line = {"model": "some-model", "usage": usage}
    assert "--cached" in read(line).reason
    assert read(line, cached="included").usage.input_uncached == 176
