"""A response keeps the time of its earliest record, also where that one has neither usage nor text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt.cost import read
from llmopt.cost.api import price_logs


@pytest.mark.parametrize("small_bytes", [0, 10_000_000])
@pytest.mark.parametrize("texts", [{}, {"input": "hello there", "output": "fine"}])
def test_the_day_is_that_of_the_first_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int, texts: dict[str, str]
) -> None:
    real = read.Settings

    def settings(**given: object) -> read.Settings:
        return real(**given, small_bytes=small_bytes)  # type: ignore[arg-type]

    monkeypatch.setattr("llmopt.cost.prepared.Settings", settings)
    created = {"id": "o1", "type": "GENERATION", "startTime": "2026-03-23T20:03:00Z", "model": "gpt-4o"} | texts
    updated = {"id": "o1", "type": "GENERATION", "startTime": "2026-03-24T01:00:00Z", "model": "gpt-4o"}
    updated |= {"endTime": "2026-03-24T01:00:01Z", "usageDetails": {"input": 100, "output": 10, "total": 110}}  # type: ignore[dict-item]
    path = tmp_path / "log.jsonl"
    path.write_text(f"{json.dumps(created)}\n{json.dumps(updated)}\n")
    report = price_logs([path], by=["day"])
    assert [group.key["day"] for group in report.groups] == ["2026-03-23"]
    assert (report.priced, report.duplicates, report.total.input_tokens) == (1, 1, 100)
