"""A log that is read in parts gives the report of the whole log, to the last digit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.groups import ALL
from llmopt.cost.partial import cut_of
from llmopt.cost.result import CostReport
from llmopt.cost.spec.load import load_specs
from tests.cost.conftest import Force
from tests.cost.logs import line, written
from tests.cost.parts import price_in_parts
from tests.cost.reading import SAMPLES

MIXED = [SAMPLES / name for name in ("claude-code", "openai-chat.jsonl", "langfuse.jsonl", "otel-genai")]
NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)


def every(count: int) -> Any:
    """Cut after so many lines."""
    return lambda lines: range(0, lines, count)


def at(share: float) -> Any:
    """Cut once, after a share of the lines."""
    return lambda lines: [int(lines * share)]


def agree(force: Force, paths: Sequence[Path], cut: Any, **options: Any) -> CostReport:
    force("duckdb")
    whole = llmopt.price_logs([str(path) for path in paths], **options)
    parts = price_in_parts(paths, cut, **options)
    assert _comparable(parts) == _comparable(whole)
    return whole


def _comparable(report: CostReport) -> dict[str, Any]:
    """A whole log's rejects are met in the order of reading, so which place is the first may differ."""
    told = dataclasses.asdict(report)
    told["rejected"] = sorted((entry["reason"], entry["count"]) for entry in told["rejected"])
    return told


@pytest.mark.untraced
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_all_samples(share: float, force: Force) -> None:
    agree(force, [SAMPLES], at(share), by=ALL, dearest=True)


@pytest.mark.parametrize(
    "options",
    [
        {"dedupe": "none"},
        {"dedupe": "all"},
        {"since": NOON},
        {"since": NOON, "until": datetime(2026, 3, 19, tzinfo=UTC), "dedupe": "all"},
    ],
    ids=lambda options: "+".join(options),
)
def test_options(options: dict[str, Any], force: Force) -> None:
    agree(force, [*MIXED], at(0.5), by=("model", "day"), **options)


def test_request_ids_that_repeat_in_other_parts_are_found(tmp_path: Path, force: Force) -> None:
    twice = [line(number % 30) for number in range(60)]
    report = agree(force, [written(tmp_path / "a.jsonl", *twice)], every(23))
    assert (report.priced, report.duplicates) == (30, 30)


def test_the_best_copy_of_a_response_may_be_in_any_part(tmp_path: Path, force: Force) -> None:
    """Claude Code writes a response once a content block; the last one has all of the output tokens."""
    sample = max((SAMPLES / "claude-code").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    lines = [json.loads(text) for text in sample.read_text().splitlines()]
    answers = [record for record in lines if record.get("type") == "assistant"]
    copies = []
    for step, record in enumerate(answers[:6] * 4):
        usage = record["message"]["usage"] | {"output_tokens": 10 * (step + 1)}
        copies.append(record | {"message": record["message"] | {"usage": usage}})
    report = agree(
        force, [written(tmp_path / "a.jsonl", *(json.dumps(copy).encode() + b"\n" for copy in copies))], every(6)
    )
    assert report.duplicates > 10


def test_a_part_with_a_bad_line_names_the_line_of_the_file(tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", line(1), line(2), b"{\n", line(3), line(4, prompt_tokens=-5), line(5))
    parts = price_in_parts([log], every(4))
    assert [(entry.first, entry.count) for entry in parts.rejected] == [(f"{log}:3", 1), (f"{log}:5", 1)]


def test_an_unknown_tier_is_rejected_in_its_part(tmp_path: Path, force: Force) -> None:
    good = [line(number, service_tier="default") for number in range(4)]
    report = agree(force, [written(tmp_path / "a.jsonl", *good, line(9, service_tier="golden"))], every(2))
    assert sum(entry.count for entry in report.rejected) == 1


def test_requests_find_their_answers_in_other_parts(tmp_path: Path, force: Force) -> None:
    """The input of a batch in one file, its output in another."""
    requests, answers = [], []
    for number in range(6):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"What is {number}?"}]}
        requests.append({"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body})
        response = {"status_code": 200, "request_id": f"q{number}", "body": json.loads(line(number))}
        answers.append({"id": f"b{number}", "custom_id": f"r{number}", "response": response, "error": None})
    texts = [b"".join(json.dumps(record).encode() + b"\n" for record in records) for records in (requests, answers)]
    paths = [written(tmp_path / f"{name}.jsonl", text) for name, text in zip("ab", texts, strict=True)]
    report = agree(force, paths, every(2))
    assert report.priced == 6
    assert report.total.counted.requests == 0


def test_how_logs_may_be_cut() -> None:
    cuts = {spec.name: cut_of([spec]) for spec in load_specs()}
    assert cuts["openai-chat"] == cuts["claude-code"] == "lines"
    assert cuts["codex"] == "file"
    assert cuts["otel-genai"] == "together"
