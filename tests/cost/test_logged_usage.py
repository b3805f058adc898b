"""Usage inside a logged answer, and answers that were cut off: what a gateway's record holds besides its own counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cost.test_texts import priced, sides
from tests.cost.texts import (
    ANSWERED,
    ASK,
    bedrock,
    by_words,
    chat,
    gemini,
    helicone,
    langfuse,
    message,
    payload,
    response,
    span,
    spend,
    traced,
    vercel,
)

Json = Any
USED: Json = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
OPEN: Json = [{"index": 0, "message": {"role": "assistant", "content": ANSWERED}, "finish_reason": None}]
CACHED: Json = {**USED, "prompt_tokens_details": {"cached_tokens": 40}}


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)


def invoked(**body: Json) -> Json:
    """An invocation of Bedrock with this answer and no counts of its own."""
    return bedrock(output={"outputBodyJson": body})


CONVERSE: Json = {
    "output": {"message": {"role": "assistant", "content": [{"text": ANSWERED}]}},
    "stopReason": "end_turn",
}
TAKEN: dict[str, tuple[Json, tuple[int, int, int]]] = {
    "litellm-payload": (payload(response=chat(usage=USED)), (100, 0, 10)),
    "litellm-payload cached": (payload(response=chat(usage=CACHED)), (60, 40, 10)),
    "bedrock converse": (
        invoked(**CONVERSE, usage={"inputTokens": 100, "outputTokens": 10, "cacheReadInputTokens": 40}),
        (100, 40, 10),
    ),
    "bedrock anthropic": (
        invoked(**message(usage={"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 40})),
        (100, 40, 10),
    ),
    "langfuse openai": (langfuse(usageDetails={"prompt_tokens": 100, "completion_tokens": 10}), (100, 0, 10)),
}
"""Name -> a record, and its uncached input, cached input and output as its answer tells them."""
ZEROS: Json = {"input": 0, "output": 0, "total": 0}
COUNTED: dict[str, Json] = {
    "langfuse zeros of the API": langfuse(
        usage={**ZEROS, "unit": "TOKENS"}, promptTokens=0, completionTokens=0, totalTokens=0
    ),
    "langfuse zeros": langfuse(usageDetails=ZEROS),
    "litellm-payload zeros": payload(response=chat(usage={"prompt_tokens": 0, "completion_tokens": 0})),
}
"""Name -> a record whose usage is all zeros, which is none."""
UNPRICED: dict[str, Json] = {
    "helicone usage": helicone(response_body=chat(usage=USED)),
    "helicone usage as text": helicone(response_body=json.dumps(chat(usage=USED))),
    "helicone anthropic usage": helicone(response_body=message(usage={"input_tokens": 9, "output_tokens": 3})),
    "helicone cut off": helicone(response_body=chat(choices=OPEN)),
    "helicone cut off as text": helicone(response_body=json.dumps(chat(choices=OPEN))),
    "litellm-payload cut off": payload(response=chat(choices=OPEN)),
    "litellm-payload other usage": payload(response=message(usage={"input_tokens": 9, "output_tokens": 3})),
    "litellm-spend usage": spend(response=json.dumps(chat(usage=USED))),
    "litellm-spend cut off": spend(response=json.dumps(chat(choices=OPEN))),
    "bedrock cut off": invoked(**message(stop_reason=None)),
    "bedrock converse cut off": invoked(output=CONVERSE["output"]),
    "bedrock other usage": invoked(**chat(usage=USED)),
    "langfuse total alone": langfuse(usageDetails={"total": 110}),
}
"""Name -> a record whose text must not be counted."""


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", TAKEN)
def test_usage_in_the_answer_is_the_record_s(name: str, tmp_path: Path) -> None:
    record, expected = TAKEN[name]
    report = priced(tmp_path / "log.jsonl", record)
    total = report.total
    assert report.formats == {name.split()[0]: 1}
    assert (total.input_uncached_tokens, total.cache_read_tokens, total.output_tokens) == expected
    assert report.total.counted.requests == 0


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", COUNTED)
def test_zeros_are_no_usage(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", COUNTED[name])
    assert (report.priced, report.formats, sides(report)) == (1, {name.split()[0]: 1}, (40, 20, 0, 0))


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", UNPRICED)
def test_text_beside_usage_or_cut_off_is_not_counted(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", UNPRICED[name])
    assert (report.priced, report.free, [entry.requests for entry in report.unpriced]) == (0, 0, [1])
    assert report.formats == {name.split()[0]: 1}


AS_TEXT: dict[str, tuple[Json, tuple[int, int, int]]] = {
    "openai": (chat(usage=CACHED), (60, 40, 10)),
    "anthropic": (
        message(usage={"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 40}),
        (100, 40, 10),
    ),
    "responses": (
        response(usage={"input_tokens": 100, "output_tokens": 10, "input_tokens_details": {"cached_tokens": 40}}),
        (60, 40, 10),
    ),
}
"""Name -> an answer, and its uncached input, cached input and output."""


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", AS_TEXT)
def test_usage_of_an_answer_that_was_logged_as_text(name: str, tmp_path: Path) -> None:
    body, expected = AS_TEXT[name]
    request = json.dumps({"model": body["model"], "messages": ASK})
    for model in ({"model": body["model"]}, {}):
        report = priced(tmp_path / "log.jsonl", {**model, "request": request, "response": json.dumps(body)})
        total = report.total
        assert report.formats == {"logged-text": 1}
        assert (total.input_uncached_tokens, total.cache_read_tokens, total.output_tokens) == expected
        assert total.counted.requests == 0


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "body", [chat(), message(), response(), chat(model="grok-4-0709")], ids=lambda body: body["id"]
)
def test_a_request_that_was_logged_as_text_is_counted(body: Json, tmp_path: Path) -> None:
    request = json.dumps({"model": body["model"], "messages": ASK})
    for answer in (body, json.dumps(body)):
        record = {"model": body["model"], "request": request, "response": answer}
        assert sides(priced(tmp_path / "log.jsonl", record)) == (40, 20, 0, 0)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "record",
    [
        {"model": "gpt-4o", "prompt": "one", "response": json.dumps(chat(choices=OPEN))},
        {"model": "gpt-4o", "prompt": "one", "response": json.dumps(message(stop_reason=None))},
        {"model": "gpt-4o", "prompt": "one", "response": json.dumps(response(status="in_progress"))},
        {"model": "gpt-4o", "prompt": "one", "response": json.dumps(gemini(usageMetadata={"totalTokenCount": 9}))},
        {"model": "gpt-4o", "prompt": "one", "response": "five", "usage": {"total_tokens": 9}},
    ],
    ids=["open", "no reason", "in progress", "other usage", "usage that cannot be read"],
)
def test_logged_text_with_usage_of_its_own_or_no_end_stays_unpriced(record: Json, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", record)
    assert (report.priced, [entry.requests for entry in report.unpriced]) == (0, [1])


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "asked",
    [
        {"system_prompt": "one two", "prompt": "three four"},
        {"instructions": "one two", "question": "three four"},
        {"history": [{"role": "user", "content": "one two three"}], "prompt": "four"},
        {"history": json.dumps([{"role": "user", "content": "one two three"}]), "prompt": "four"},
        {"history": "one two three", "prompt": "four"},
        {"chat_history": [], "system_prompt": "one two three", "question": "four"},
    ],
    ids=["system_prompt", "instructions", "history", "history as text", "transcript", "empty history"],
)
def test_all_parts_of_a_prompt_are_counted(asked: Json, tmp_path: Path) -> None:
    record = {"model": "gpt-4o", "response": ANSWERED} | asked
    assert sides(priced(tmp_path / "log.jsonl", record)) == (40, 20, 0, 0)
    if "question" not in asked:
        assert sides(priced(tmp_path / "log.jsonl", {"model": "gpt-4o"} | asked)) == (40, 0, 0, 1)


@pytest.mark.usefixtures("reader")
def test_the_system_prompt_and_the_tools_of_a_span_are_counted(tmp_path: Path) -> None:
    told = {
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "one"}]}]),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "two three"}]),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "four"}]),
    }
    assert sides(priced(tmp_path / "log.jsonl", traced(span(more=told)))) == (40, 20, 0, 0)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "more",
    [{"usage": {"promptTokens": 100, "completionTokens": 10, "totalTokens": 110}}, {"steps": [{"text": "one"}, {}]}],
    ids=["version 4", "several steps"],
)
def test_what_a_result_does_not_tell_whole_is_not_counted(more: Json, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", vercel(**more))
    assert (report.priced, [entry.requests for entry in report.unpriced]) == (0, [1])


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"input": "one", "output": "42"}, (10, 0, 0, 1)),
        ({"input": "12", "output": "five"}, (0, 10, 1, 0)),
        ({"input": "one two", "output": 42}, (20, 0, 0, 1)),
    ],
)
def test_a_number_beside_a_text_is_text(record: Json, expected: tuple[int, int, int, int], tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", {"model": "gpt-4o"} | record)
    assert report.formats == {"response-only": 1}
    assert sides(report)[:2] == expected[:2]


@pytest.mark.usefixtures("reader")
def test_batches_of_anthropic_s_are_requests(tmp_path: Path) -> None:
    params = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": ASK}
    one, other = ({"custom_id": name, "params": params} for name in ("x1", "x2"))
    for lines in ([one, other], [{"requests": [one, other]}]):
        report = priced(tmp_path / "log.jsonl", *lines)
        assert (report.priced, report.formats, sides(report)) == (2, {"request-only": 2}, (80, 0, 0, 2))
        assert {entry.tier for entry in report.resolved} == {"batch"}
