"""Texts are counted by the model behind a deployment, and by the copy of a record that has the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt.cost.api import price_logs
from llmopt.tokens.api import count_tokens

PROMPT, ANSWER = "hello there", "fine, thank you"


def log(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_deployment_is_counted_by_its_model(tmp_path: Path) -> None:
    record = {"timestamp": "2026-03-23T08:00:00Z", "model": "Our-GPT-4", "prompt": PROMPT, "response": ANSWER}
    report = price_logs([log(tmp_path, record)], deployments={"our-gpt-4": "gpt-4o"})
    total = report.total
    assert total.input_tokens == count_tokens(PROMPT, model="gpt-4o").tokens
    assert total.output_tokens == count_tokens(ANSWER, model="gpt-4o").tokens
    assert total.counted.estimated_requests == 0


@pytest.mark.parametrize("first", [0, 1])
def test_the_copy_with_the_text_is_kept(tmp_path: Path, first: int) -> None:
    bare = {"id": "o1", "type": "GENERATION", "startTime": "2026-03-23T08:00:00Z", "model": "gpt-4o", "endTime": None}
    full = bare | {"endTime": "2026-03-23T08:00:01Z", "input": PROMPT, "output": ANSWER}
    records = [bare | {"endTime": "2026-03-23T08:00:01Z"}, full]
    report = price_logs([log(tmp_path, records[first], records[1 - first])])
    assert (report.priced, report.duplicates) == (1, 1)
    assert report.total.output_tokens == count_tokens(ANSWER, model="gpt-4o").tokens
