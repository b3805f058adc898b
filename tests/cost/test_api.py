"""`price_logs`: every option does what its documentation says, whichever reader the log goes to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.result import CostReport
from llmopt.errors import InputError, SpecError, UsageError
from tests.conftest import ROOT
from tests.cost.logs import ONE, Json, chat, line, lines, written
from tests.cost.reading import usd

READERS = pytest.mark.usefixtures("reader")
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""When `chat(0)` was; `chat(n)` is n seconds later."""


def log(folder: Path, *records: Json, name: str = "log.jsonl") -> Path:
    return written(folder / name, *(json.dumps(record).encode() + b"\n" for record in records))


def row(stamp: object = "2026-03-02T08:00:00Z", model: str = "gpt-4o", **more: Json) -> Json:
    return {"timestamp": stamp, "model": model, "input_tokens": 1200, "output_tokens": 80} | more


def keys(report: CostReport, group: str) -> list[str | None]:
    return sorted((found.key[group] for found in report.groups), key=str)


@READERS
def test_a_period_holds_its_first_instant_and_not_its_last(tmp_path: Path) -> None:
    path = log(tmp_path, *(chat(number) for number in range(10)), row(stamp=None))
    report = llmopt.price_logs([path], since=START + timedelta(seconds=3), until=START + timedelta(seconds=7))
    assert (report.priced, report.read, report.skipped) == (4, 4, 7)
    assert report.period.start == START + timedelta(seconds=3)
    assert report.period.end == START + timedelta(seconds=6)


@READERS
@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=5, minutes=30))])
def test_a_period_without_a_zone_is_utc(zone: timezone | None, tmp_path: Path) -> None:
    path = log(tmp_path, *(chat(number) for number in range(10)))
    since = START + timedelta(seconds=5)
    since = since.replace(tzinfo=None) if zone is None else since.astimezone(zone)
    assert llmopt.price_logs([path], since=since).priced == 5


@READERS
def test_free_and_repeated_records_outside_the_period_are_skipped(tmp_path: Path) -> None:
    path = log(tmp_path, chat(1), chat(1), {"error": {"type": "x"}, "model": "gpt-4o", "ts": 1_772_438_401}, chat(9))
    report = llmopt.price_logs([path], since=START + timedelta(seconds=5))
    assert (report.read, report.priced, report.free, report.duplicates) == (1, 1, 0, 0)


@READERS
def test_a_period_without_records_is_no_error(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1))], until=datetime(2020, 1, 1))  # noqa: DTZ001
    assert (report.read, report.skipped, report.groups) == (0, 1, ())


@READERS
def test_as_of_dates_records_without_a_time(tmp_path: Path) -> None:
    path = log(tmp_path, row(stamp=None), row())
    early = llmopt.price_logs([path], as_of=datetime(2024, 6, 1, tzinfo=UTC))
    assert early.total.cost_usd == ONE + usd((1200, "5"), (80, "15"))
    assert early.warnings == ()
    newest = llmopt.price_logs([path])
    assert newest.total.cost_usd == 2 * ONE
    assert newest.warnings == ("1 record without a readable timestamp, priced at the newest prices (set --as-of DATE)",)


@READERS
def test_a_price_that_changes_between_two_records(tmp_path: Path) -> None:
    path = log(tmp_path, row("2025-06-09T23:59:59.999999Z", "o3"), row("2025-06-10T00:00:00Z", "o3"))
    report = llmopt.price_logs([path], by=["day"])
    assert {group.key["day"]: group.totals.cost_usd for group in report.groups} == {
        "2025-06-09": usd((1200, "10"), (80, "40")),
        "2025-06-10": usd((1200, "2"), (80, "8")),
    }
    assert [found.price_id for found in report.resolved] == ["openai/o3@2025-04-16", "openai/o3@2025-06-10"]


@READERS
def test_records_older_than_the_first_price_are_priced_with_a_warning(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, row("2022-05-01T00:00:00Z", "gpt-4"))])
    assert report.total.cost_usd == usd((1200, "30"), (80, "60"))
    assert "gpt-4" in report.warnings[0]
    assert report.warnings[0].endswith("(1 record)")


@READERS
def test_a_long_context_band_starts_above_its_threshold(tmp_path: Path) -> None:
    sizes = [199_999, 200_000, 200_001, 1_000_000]
    rows = [row(model="gemini-2.5-pro", input_tokens=size, request_id=f"r{size}") for size in sizes]
    report = llmopt.price_logs([log(tmp_path, *rows)])
    below = usd((199_999 + 200_000, "1.25"), (160, "10"))
    assert report.total.cost_usd == below + usd((200_001 + 1_000_000, "2.5"), (160, "15"))
    assert [(found.band, found.requests) for found in report.resolved] == [
        ("", 2),
        ("> 200,000 input tokens (cliff)", 2),
    ]


@READERS
def test_a_tier_that_is_none_is_rejected_with_its_place(tmp_path: Path) -> None:
    path = log(tmp_path, chat(1), chat(2, service_tier="gold"), chat(3), chat(4, service_tier="batch"))
    report = llmopt.price_logs([path], by=["tier"])
    assert (report.priced, [entry.first for entry in report.rejected]) == (3, [f"{path}:2"])
    assert "gold" in report.rejected[0].reason
    assert keys(report, "tier") == ["batch", "default"]
    assert report.total.cost_usd == 2 * ONE + ONE / 2


@READERS
def test_a_tier_without_a_price_is_priced_as_default_with_a_warning(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1), chat(2, model="gpt-4", service_tier="flex"))])
    assert report.total.cost_usd == ONE + usd((1200, "30"), (80, "60"))
    assert report.warnings == ("gpt-4: no flex price; priced as default (1 record)",)


@READERS
def test_an_unknown_model_is_unpriced_with_a_suggestion(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1, model="gtp-4o"), chat(2))])
    (entry,) = report.unpriced
    assert (entry.model, entry.requests, entry.suggestion) == ("gtp-4o", 1, "gpt-4o")
    assert (entry.input_tokens, entry.output_tokens, entry.reason) == (1200, 80, "unknown model")
    assert report.total.cost_usd == ONE


@READERS
@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("hour", ["2024-12-29T23:00Z", "2024-12-30T00:00Z", "2026-01-01T12:00Z"]),
        ("day", ["2024-12-29", "2024-12-30", "2026-01-01"]),
        ("week", ["2024-W52", "2025-W01", "2026-W01"]),
        ("month", ["2024-12", "2026-01"]),
    ],
)
def test_groups_by_time(group: str, values: Sequence[str], tmp_path: Path) -> None:
    stamps = ["2024-12-29T23:59:59Z", "2024-12-30T00:00:00Z", "2026-01-01T13:30:00+01:00"]
    report = llmopt.price_logs([log(tmp_path, *map(row, stamps))], by=[group])
    assert keys(report, group) == values


@READERS
def test_groups_by_file(tmp_path: Path) -> None:
    one, two = log(tmp_path, chat(1), name="one.jsonl"), log(tmp_path, chat(2), chat(3), name="two.jsonl")
    report = llmopt.price_logs([one, two], by=["file", "format"])
    assert [(group.key, group.totals.requests) for group in report.groups] == [
        ({"file": str(two), "format": "openai-chat"}, 2),
        ({"file": str(one), "format": "openai-chat"}, 1),
    ]


@READERS
@pytest.mark.parametrize(("dedupe", "priced", "duplicates"), [("auto", 2, 1), ("all", 2, 1), ("none", 3, 0)])
def test_repeats(dedupe: str, priced: int, duplicates: int, tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1), chat(2), chat(1))], dedupe=dedupe)
    assert (report.priced, report.duplicates) == (priced, duplicates)


@READERS
def test_the_same_id_with_other_counts_is_no_repeat(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, chat(1), chat(1, completion_tokens=81))], dedupe="all")
    assert (report.priced, report.duplicates) == (2, 0)


def test_one_repeat_in_a_log_that_duckdb_reads(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", *lines(2500), line(1234))
    assert path.stat().st_size > 512 * 1024
    assert llmopt.price_logs([path]).duplicates == 1
    assert llmopt.price_logs([path], dedupe="none").priced == 2501


@pytest.mark.parametrize("limits", [{"jobs": 1}, {"jobs": 2, "memory_bytes": 64 * 2**20}, {"memory_bytes": 2**30}])
def test_threads_and_memory_change_nothing(limits: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", *lines(3000))
    assert llmopt.price_logs([path], **limits).total.cost_usd == 3000 * ONE


@READERS
def test_cached_tokens_need_an_answer(tmp_path: Path) -> None:
    path = log(tmp_path, row(), row(cached_tokens=200))
    asked = llmopt.price_logs([path])
    assert (asked.priced, [entry.first for entry in asked.rejected]) == (1, [f"{path}:2"])
    assert "--cached" in asked.rejected[0].reason
    inside = llmopt.price_logs([path], cached="included")
    assert inside.total.cost_usd == ONE + usd((1000, "2.5"), (200, "1.25"), (80, "10"))
    beside = llmopt.price_logs([path], cached="excluded")
    assert beside.total.cost_usd == 2 * ONE + usd((200, "1.25"))


@READERS
def test_a_mapping_names_columns(tmp_path: Path) -> None:
    path = log(tmp_path, {"llm": "gpt-4o", "in": 1200, "out": 80, "who": {"team": "search"}})
    names = {"llm": "model", "in": "input_uncached", "out": "output_text", "who.team": "team"}
    report = llmopt.price_logs([path], mapping=names, by=["team"])
    assert (report.total.cost_usd, keys(report, "team")) == (ONE, ["search"])


@READERS
def test_deployments_name_models(tmp_path: Path) -> None:
    path = log(tmp_path, chat(1, model="prod-blue"))
    assert llmopt.price_logs([path]).unpriced[0].model == "prod-blue"
    report = llmopt.price_logs([path], deployments={"prod-blue": "gpt-4o"})
    assert report.total.cost_usd == ONE
    assert [(found.model, found.rule) for found in report.resolved] == [("prod-blue", "deployment")]


@READERS
def test_own_prices_win(tmp_path: Path) -> None:
    rows = [{"from": "2026-01-01", "usd_per_mtok": {"input_uncached": "1", "output_text": "2"}}]
    head = {"schema": 1, "provider": "openai", "checked": "2026-01-01", "sources": ["https://example.com"]}
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**head, "models": {"gpt-4o": {"rows": rows}}}))
    report = llmopt.price_logs([log(tmp_path, chat(1))], prices=[own])
    assert report.total.cost_usd == usd((1200, "1"), (80, "2"))
    assert report.prices.sha256 != llmopt.price_logs([tmp_path / "log.jsonl"]).prices.sha256


@READERS
def test_the_format_spec_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "format-specs.md").read_text(encoding="utf-8")
    spec = tmp_path / "acme.toml"
    spec.write_text(page.split("```toml\n")[1].split("```")[0])
    record = {"acme_version": 3, "id": "r1", "ts": 1_772_438_400, "model": "gpt-4o", "user": "ana"}
    counts = {"prompt_tokens": 1200, "cached": 200, "completion_tokens": 80, "total_tokens": 1280}
    path = log(tmp_path, record | counts, {**record, **counts, "total_tokens": 9})
    report = llmopt.price_logs([path], format_specs=[spec], by=["user", "format"])
    assert report.groups[0].key == {"user": "ana", "format": "acme"}
    assert report.total.cost_usd == usd((1000, "2.5"), (200, "1.25"), (80, "10"))
    assert [entry.first for entry in report.rejected] == [f"{path}:2"]
    with pytest.raises(SpecError):
        llmopt.price_logs([path], format_specs=[path])


@READERS
def test_a_named_format_reads_nothing_else(tmp_path: Path) -> None:
    path = log(tmp_path, chat(1), row())
    report = llmopt.price_logs([path], input_format="openai-chat")
    assert (report.formats, [entry.first for entry in report.rejected]) == ({"openai-chat": 1}, [f"{path}:2"])


@READERS
def test_failed_requests_are_free_and_cut_off_ones_unpriced(tmp_path: Path) -> None:
    failed = {"ts": 1, "model": "gpt-4o", "status": "error"}
    cut = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "He"}, "finish_reason": None}]}
    report = llmopt.price_logs([log(tmp_path, chat(1), failed, chat(2, usage=None, **cut))])
    assert (report.priced, report.free) == (1, 1)
    assert [(entry.reason, entry.requests) for entry in report.unpriced] == [("no usage in the record", 1)]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"by": ["colour"]}, "'colour'"), ({"input_format": "x"}, "'x'"), ({"mapping": {"a": "b"}}, "'b'")],
)
def test_what_does_not_exist_is_said(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told):
        llmopt.price_logs([log(tmp_path, chat(1))], **options)


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        llmopt.price_logs([tmp_path / "none.jsonl"])


@READERS
def test_the_month_is_scaled_from_the_period(tmp_path: Path) -> None:
    hours = [row(f"2026-03-0{day}T00:00:00Z", request_id=f"r{day}") for day in (1, 2, 4)]
    report = llmopt.price_logs([log(tmp_path, *hours)])
    assert report.monthly_usd == 3 * ONE * 10
    assert llmopt.price_logs([log(tmp_path, hours[0])]).monthly_usd is None


@READERS
def test_what_the_log_says_it_cost(tmp_path: Path) -> None:
    report = llmopt.price_logs([log(tmp_path, row(cost="0.004"), row(cost=0.0031), row())])
    assert report.total.reported_usd == Decimal("0.0071")
