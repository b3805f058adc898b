"""The dearest single request is found exactly, in its own band, tier and epoch, whichever reader the log goes to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import llmopt
from tests.cost.logs import ONE, Json, chat, written
from tests.cost.reading import SAMPLES, usd

pytestmark = pytest.mark.usefixtures("reader")


def log(folder: Path, *records: Json) -> Path:
    return written(folder / "log.jsonl", *(json.dumps(record).encode() + b"\n" for record in records))


def test_it_is_not_looked_for_unless_asked(tmp_path: Path) -> None:
    assert llmopt.price_logs([log(tmp_path, chat(1))]).dearest_request_usd is None


def test_the_dearest_of_several(tmp_path: Path) -> None:
    records = [chat(1), chat(2, model="gpt-4"), chat(3, model="gpt-4o-mini", prompt_tokens=100_000), chat(4, model="x")]
    report = llmopt.price_logs([log(tmp_path, *records)], dearest=True)
    assert report.dearest_request_usd == usd((1200, "30"), (80, "60"))


def test_a_long_prompt_costs_what_its_band_says(tmp_path: Path) -> None:
    sizes = {1: 200_000, 2: 200_001}
    records = [chat(number, model="gemini-2.5-pro", prompt_tokens=size) for number, size in sizes.items()]
    report = llmopt.price_logs([log(tmp_path, *records)], dearest=True)
    assert report.dearest_request_usd == usd((200_001, "2.5"), (80, "15"))


def test_a_batch_costs_half(tmp_path: Path) -> None:
    records = [chat(1), chat(2, service_tier="batch", prompt_tokens=2000)]
    report = llmopt.price_logs([log(tmp_path, *records)], dearest=True)
    assert report.dearest_request_usd == ONE


def test_cached_tokens_cost_less(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1200, "completion_tokens": 80, "prompt_tokens_details": {"cached_tokens": 1000}}
    report = llmopt.price_logs([log(tmp_path, chat(1, usage=usage))], dearest=True)
    assert report.dearest_request_usd == usd((200, "2.5"), (1000, "1.25"), (80, "10"))


def test_a_sum_of_many_requests_is_no_single_request(tmp_path: Path) -> None:
    report = llmopt.price_logs([SAMPLES / "openai-usage.json"], dearest=True)
    assert report.priced
    assert report.dearest_request_usd is None


def test_nothing_priced_nothing_dear(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1, model="x"), chat(2, model=None))], dearest=True)
    assert (report.priced, report.dearest_request_usd) == (0, None)


def test_in_what_is_grouped_and_repeated(tmp_path: Path) -> None:
    records = [chat(number, user=f"u{number}", prompt_tokens=100 * number) for number in range(1, 30)]
    report = llmopt.price_logs([log(tmp_path, *records, records[-1])], by=["user", "hour"], dearest=True)
    assert report.dearest_request_usd == usd((2900, "2.5"), (80, "10"))
    assert report.duplicates == 1
