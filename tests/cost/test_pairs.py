"""What several records tell of one request counts once: answers with and without usage, requests beside answers."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmopt
from llmopt.cost.result import CostReport
from tests.cost.conftest import Force, examples
from tests.cost.texts import ANSWERED, ANSWERS, ASK, ASKED, by_words, chat, gemini, message, response

Json = Any
COUNTS = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
OTHER = chat(id="c2", usage=COUNTS)
"""A record that is of another request, so that there is usage to add up."""


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)


def priced(folder: Path, *files: list[Json], **options: Any) -> CostReport:
    """Price files of a folder, and check that no record is lost."""
    folder.mkdir(exist_ok=True)
    for number, lines in enumerate(files):
        (folder / f"{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = llmopt.price_logs([folder], **options)
    unpriced = sum(entry.requests for entry in report.unpriced)
    rejected = sum(entry.count for entry in report.rejected)
    assert report.read == report.priced + report.free + unpriced + report.duplicates + rejected
    assert not [text for text in report.warnings if "a bug" in text]
    return report


def figures(report: CostReport) -> tuple[int, int, int, int, int]:
    total = report.total
    return report.priced, report.free, report.duplicates, total.input_tokens, total.output_tokens


def asked(name: str = "x1", **more: Json) -> Json:
    """A line of a batch's input file."""
    body = {"model": "gpt-4o", "messages": ASK} | more
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def told(name: str = "x1", **more: Json) -> Json:
    """A line of a batch's output file."""
    body = chat(id=f"c-{name}", model="gpt-4o-2024-08-06") | more
    return {"id": f"b-{name}", "custom_id": name, "response": {"status_code": 200, "body": body}}


ANTHROPIC = {"input_tokens": 100, "output_tokens": 10}
GEMINI = {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}
COPIES: dict[str, tuple[Json, Json]] = {
    "openai-chat": (chat(), chat(usage=COUNTS)),
    "openai-chat in a wrapper": ({"request": {"messages": ASK}, "response": chat()}, chat(usage=COUNTS)),
    "openai-responses": (response(), response(usage=ANTHROPIC | {"total_tokens": 110})),
    "anthropic-messages": (message(), message(usage=ANTHROPIC)),
    "gemini": (gemini(), gemini(usageMetadata=GEMINI)),
    "vllm": (ANSWERS["vllm"], ANSWERS["vllm"] | {"usage": COUNTS}),
    "xai": (ANSWERS["xai"], ANSWERS["xai"] | {"usage": COUNTS}),
    "openai-batch": (told(), told(usage=COUNTS)),
    "cut off": (chat(choices=[{"message": {"content": ANSWERED}, "finish_reason": None}]), chat(usage=COUNTS)),
}
"""Format -> a response without and with its usage."""


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", COPIES)
def test_a_response_logged_without_and_with_usage_counts_once(name: str, tmp_path: Path) -> None:
    text, used = COPIES[name]
    for number, files in enumerate([([text, used],), ([used, text],), ([text], [used]), ([used], [text, text])]):
        report = priced(tmp_path / str(number), *files)
        assert figures(report) == (1, 0, sum(map(len, files)) - 1, 100, 10)
        assert report.total.counted_usd == 0


@pytest.mark.usefixtures("reader")
def test_other_responses_and_no_comparison_at_all(tmp_path: Path) -> None:
    assert figures(priced(tmp_path, [chat(), chat(id="c3"), OTHER, chat()])) == (3, 0, 1, 100, 50)
    assert figures(priced(tmp_path, [chat(), chat(usage=COUNTS)], dedupe="none")) == (2, 0, 0, 100, 30)
    assert figures(priced(tmp_path, [chat(), chat(usage=COUNTS)], dedupe="all")) == (1, 0, 1, 100, 10)


@pytest.mark.usefixtures("reader")
def test_usage_outside_of_the_period_takes_no_place(tmp_path: Path) -> None:
    late = chat(created=1_774_252_800 + 86_400 * 9, usage=COUNTS)
    report = priced(tmp_path, [chat(), late, OTHER], until=datetime(2026, 3, 30, tzinfo=UTC))
    assert figures(report) == (2, 0, 0, 100, 30)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("order", [1, -1])
def test_input_and_output_of_a_batch_are_one_request(order: int, tmp_path: Path) -> None:
    files = [asked(), asked("x2"), asked("x2")], [told(usage=COUNTS), told("x3", usage=COUNTS)]
    report = priced(tmp_path, *files[::order])
    # x1 by its usage, x2 by its prompt alone, x3 by its usage.
    assert figures(report) == (3, 0, 2, 240, 20)
    assert (report.total.counted.requests, report.total.counted.requests_without_output) == (1, 1)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("order", [1, -1])
def test_two_texts_are_one_request(order: int, tmp_path: Path) -> None:
    files = [asked()], [told(), told("x3", usage=COUNTS)]
    report = priced(tmp_path, *files[::order])
    assert figures(report) == (2, 0, 1, 140, 30)
    counted = report.total.counted
    assert (counted.requests, counted.requests_without_input, counted.requests_without_output) == (1, 0, 0)
    assert not any("lower bound" in text for text in report.warnings)


@pytest.mark.usefixtures("reader")
def test_texts_in_one_file_with_others(tmp_path: Path) -> None:
    assert figures(priced(tmp_path, [told("x3", usage=COUNTS), asked(), told()])) == (2, 0, 1, 140, 30)


@pytest.mark.usefixtures("reader")
def test_a_request_of_a_batch_that_failed_is_free(tmp_path: Path) -> None:
    failed = {"id": "b1", "custom_id": "x1", "response": None, "error": {"code": "batch_expired"}}
    assert figures(priced(tmp_path, [asked()], [failed, told("x3", usage=COUNTS)])) == (1, 1, 1, 100, 10)


@pytest.mark.usefixtures("reader")
def test_each_answer_is_to_one_request(tmp_path: Path) -> None:
    """Names come again in the next batch, whose output may not be there yet."""
    files = [asked()], [told(usage=COUNTS)], [asked(messages=[{"role": "user", "content": "one"}])]
    report = priced(tmp_path, *files)
    assert figures(report) == (2, 0, 1, 110, 10)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1"])
def test_a_request_and_a_response_of_one_id(model: str, tmp_path: Path) -> None:
    """The id of a line may be any number: of another model, it is another request."""
    line = {"id": "c1", "model": model, "messages": ASK}
    expected = (1, 0, 1, 100, 10) if model == "gpt-4o" else (2, 0, 0, 140, 10)
    assert figures(priced(tmp_path, [line], [chat(usage=COUNTS)])) == expected


@pytest.mark.usefixtures("reader")
def test_an_answer_with_its_prompt_needs_no_other(tmp_path: Path) -> None:
    both = {"custom_id": "x1", "model": "gpt-4o", "prompt": ASKED, "response": ANSWERED}
    report = priced(tmp_path, [asked()], [both], [OTHER])
    assert figures(report) == (2, 0, 1, 140, 30)


@pytest.mark.usefixtures("reader")
def test_the_results_of_anthropic_name_their_requests_too(tmp_path: Path) -> None:
    line = asked(model="claude-sonnet-4-5")
    result = {"custom_id": "x1", "result": {"type": "succeeded", "message": message(usage=ANTHROPIC)}}
    assert figures(priced(tmp_path, [line], [result])) == (1, 0, 1, 100, 10)


POOL: list[Json] = [
    asked(),
    asked(model="gpt-4.1"),
    asked("x2"),
    told(),
    told(usage=COUNTS),
    told("x2", id="c1"),
    told("x2", error={"message": "no"}),
    chat(),
    chat(usage=COUNTS),
    chat(usage=COUNTS, model="gpt-4.1"),
    chat(id=None, usage=COUNTS),
    {"custom_id": "x1", "response": chat(usage=COUNTS)},
    {"id": "c1", "model": "gpt-4o", "messages": ASK},
    {"id": "c1", "model": "gpt-4o", "prompt": ASKED, "response": ANSWERED},
    {"id": "c1", "model": "gpt-4o", "response": ANSWERED},
    {"custom_id": 7, "model": "gpt-4o", "prompt": "one"},
    {"custom_id": 7, "response": {"status_code": 200, "body": chat(usage=COUNTS)}},
    {"id": "c1", "model": "gpt-4o", "input_tokens": 9, "output_tokens": 4},
]


@given(st.lists(st.lists(st.sampled_from(POOL), min_size=2, max_size=6), min_size=2, max_size=4))
@settings(max_examples=examples(12, 100), derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_readers_pair_alike(tmp_path: Path, force: Force, files: list[list[Json]]) -> None:
    found = []
    for reader in ("python", "duckdb"):
        force(reader)
        found.append(dataclasses.asdict(priced(tmp_path, *([OTHER, *lines] for lines in files), [])))
    assert found[0] == found[1]
