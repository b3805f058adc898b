"""Lines of the request log: one JSON object each, whatever names and bodies hold, and read as they were meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmopt
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.calls import read_calls
from llmopt.serving.gateway.log_line import line_of
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.values import Api, Metered
from tests.serving.gateway.metering.answers import chat, packed
from tests.serving.gateway.metering.calls import AT_S, TABLE, USED, call

METER = Meter(Pricer(TABLE, {"groq": "groq", "azure": "azure", "aws": "aws"}))


def fields(metered: Metered) -> dict[str, Any]:
    """Return a line, decoded."""
    line = line_of(metered)
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def test_a_line_says_what_is_known() -> None:
    metered = call(usage=USED, usage_from="billed", tenant="shop", tags={"team": "care"}, latency_s=1.23456789)
    METER.note(metered)
    assert fields(metered) == {
        "schema": "llmopt.gateway/1",
        "timestamp": "2026-08-01T00:00:00.500000+00:00",
        "request_id": "r-1",
        "api": "chat",
        "method": "POST",
        "tenant": "shop",
        "tags": {"team": "care"},
        "asked_model": "gpt-4o",
        "sent_model": "gpt-4o",
        "model": "gpt-4o",
        "provider": "openai",
        "tier": "default",
        "upstream": "default",
        "status": 200,
        "streamed": False,
        "cache": "miss",
        "usage": {"input_uncached": 1000, "input_cache_read": 2000, "output_text": 100, "total": 3100},
        "usage_from": "billed",
        "cost_usd": "0.006",
        "latency_s": 1.234568,
        "attempts": 1,
        "request_bytes": 0,
        "response_bytes": 0,
    }


def test_what_is_not_known_is_left_out_and_not_zero() -> None:
    metered = call(error="timeout", status=504)
    METER.note(metered)
    assert not {"usage", "cost_usd", "saved_usd", "ttft_s", "age_s"} & set(fields(metered))
    nothing = call(usage=Usage(), usage_from="billed")
    METER.note(nothing)
    assert (fields(nothing)["usage"], fields(nothing)["cost_usd"]) == ({"total": 0}, "0")


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        (b'{"a":\r\n 1,\n"b": "x\\ny"}', {"a": 1, "b": "x\ny"}),
        (b"no JSON\n", "no JSON\n"),
        (b"[1]", "[1]"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"a": "\\ud83d"}', '{"a": "\\ud83d"}'),
        (b'{"a": 1e400}', '{"a": 1e400}'),
        (b'{"a": 1}{"b": 2}', '{"a": 1}{"b": 2}'),
    ],
    ids=["lines", "text", "list", "bytes", "half a pair", "too large", "two"],
)
def test_bodies_stand_on_the_line(body: bytes, logged: object) -> None:
    line = fields(call(request=body, response=b"{}"))
    assert line["request"] == logged
    assert line["response"] == {}


@given(st.text(), st.text(), st.binary(max_size=50))
def test_whatever_names_hold_it_is_one_line_of_json(model: str, tag: str, body: bytes) -> None:
    line = fields(call(answered_model=model, tags={tag: tag}, error=tag, request=body))
    assert line["model"] == (model or "gpt-4o")
    assert line["tags"] == {tag: tag}


def test_a_line_is_not_as_long_as_a_caller_likes() -> None:
    long = "x" * 900_000
    assert len(line_of(call(asked_model=long, model=long, answered_model=long, path=f"/{long}"))) < 5_000


ODD = ("m\ud83d", b'{"a": "\\ud83d"}', b'{"a": 1E400}', b"[" * 5000, b'{"a": NaN}', b"\xef\xbb\xbf{}")


@pytest.mark.parametrize("odd", ODD, ids=["name", "half a pair", "too large", "deep", "not a number", "mark"])
def test_no_line_is_unreadable_for_the_bill(tmp_path: Path, odd: str | bytes) -> None:
    more = {"asked_model": odd, "tags": {"team": odd}} if isinstance(odd, str) else {"request": odd, "response": odd}
    metered = call(usage=USED, usage_from="billed", **more)
    METER.note(metered)
    log = tmp_path / "log.jsonl"
    log.write_bytes(line_of(metered))
    report = llmopt.price_logs(log)
    assert not report.rejected
    assert report.total.cost_usd == metered.cost_usd == Decimal("0.006")


MODELS = st.sampled_from(
    [
        *("gpt-4o", "gpt-4o-mini-2024-07-18", "claude-sonnet-4-5", "gemini-2.5-pro", "o3", "gpt-5", "no-such-model"),
        *("grok-4", "deepseek-chat", "llama-3.3-70b-versatile", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ]
)
UPSTREAMS = st.sampled_from(["default", "groq", "azure", "aws"])
USAGES = st.lists(st.one_of(st.just(0), st.integers(0, 400_000)), min_size=len(BUCKETS), max_size=len(BUCKETS))


@st.composite
def calls(draw: st.DrawFn) -> Metered:
    """Calls of all kinds, priced."""
    model, kind = draw(MODELS), draw(st.integers(0, 9))
    changes: dict[str, Any] = {"began_s": AT_S - draw(st.integers(0, 50_000_000)), "request_id": str(draw(st.uuids()))}
    changes |= {"asked_model": model, "model": draw(MODELS), "answered_model": draw(st.one_of(st.just(""), MODELS))}
    changes |= {"upstream": draw(UPSTREAMS), "tier": draw(st.sampled_from(["default", "batch", "priority"]))}
    if kind < 6:
        changes |= {"usage": Usage(*draw(USAGES)), "usage_from": "billed"}
    elif kind == 6:
        changes |= {"cache": "hit", "attempts": 0}
    elif kind == 7:
        changes |= {"status": 503, "error": "overloaded"}
    elif kind == 8:
        changes |= {"status": 504, "error": "timeout"}
    else:
        changes |= {"api": Api.OTHER, "method": "GET", "asked_model": "", "model": "", "answered_model": ""}
    metered = call(**changes)
    METER.note(metered)
    return metered


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(calls(), min_size=1, max_size=25, unique_by=lambda each: each.request_id))
def test_the_bill_of_a_log_is_the_sum_of_its_calls(tmp_path: Path, made: list[Metered]) -> None:
    if all(each.api is Api.OTHER for each in made):
        made.append(call(usage=USED))
        METER.note(made[-1])
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(line_of, made)))
    report = llmopt.price_logs(log, dedupe="none")
    costs = [each.cost_usd for each in made if each.usage is not None and each.cost_usd is not None]
    assert report.total.cost_usd == sum(costs, Decimal(0))
    assert report.priced == len(costs)
    assert report.free == sum(each.usage is None and each.cost_usd == 0 and each.api is Api.CHAT for each in made)
    assert report.skipped == sum(each.api is Api.OTHER for each in made)
    assert sum(entry.requests for entry in report.unpriced) == sum(each.cost_usd is None for each in made)
    assert not report.rejected
    assert set(report.formats) <= {"llmopt-gateway"}


def test_calls_are_read_with_what_was_asked_and_answered(tmp_path: Path) -> None:
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}
    usage = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}
    answer = packed(chat("gpt-4o-2024-08-06", usage=usage))
    metered = call(request=packed(asked), response=answer, latency_s=0.75, tags={"feature": "search"}, key="web")
    METER.answered(metered, answer, request=asked)
    METER.note(metered)
    log = tmp_path / "log.jsonl"
    log.write_bytes(line_of(metered))
    (found,) = read_calls(log, lambda found: found).taken
    assert (found.request, found.whole) == (asked, True)
    assert found.response is not None
    assert json.loads(found.response)["id"] == "c-1"
    assert found.usage == Usage(input_uncached=8, output_text=2)
    assert (found.latency_s, found.cost_usd) == (0.75, metered.cost_usd)
    assert found.at == datetime.fromtimestamp(AT_S, UTC)
    assert (found.groups["feature"], found.groups["project"]) == ("search", "web")
